// Opens every page of a folder from file:// in headless Chromium, in the size of a phone and of a
// desktop, light and dark. No page may have an error or a warning in the console, a request, a dialog,
// a page wider than the window, a violation that axe finds, or a keyboard focus that is not visible.
//
//   node run.mjs FOLDER [PART]     every page whose name contains PART
//
// If tests/browser has a script with the page's name (report.html: report.mjs), or with the first part
// of the name (report-empty.html: report.mjs), the script also clicks through the page.
import assert from "node:assert/strict";
import {existsSync, readdirSync} from "node:fs";
import {join, resolve} from "node:path";
import {pathToFileURL} from "node:url";
import {fits, launch, noViolation, tabThrough, watch} from "./chrome.mjs";

async function common(page, dark) {
  const theme = () => page.evaluate(() => [document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor]);
  const [name, ground] = await theme();
  assert.equal(name, dark ? "dark" : "light", "a page takes the system's colours");
  await fits(page, "opened");
  await noViolation(page, "opened");
  const stops = await tabThrough(page);

  const toggle = page.locator("#theme");
  await toggle.click();
  const [other, otherGround] = await theme();
  assert.notEqual(other, name);
  assert.notEqual(otherGround, ground);
  assert.equal(await toggle.getAttribute("aria-pressed"), String(other === "dark"));
  await noViolation(page, "in the other colours");
  await page.reload();
  assert.equal((await theme())[0], other, "the choice of colours is remembered");
  await toggle.press("Enter");
  assert.equal((await theme())[0], name);
  return stops;
}

const folder = resolve(process.argv[2] ?? ".");
const pages = readdirSync(folder).filter((name) => name.endsWith(".html") && name.includes(process.argv[3] ?? "")).sort();
assert(pages.length > 0, `no page in ${folder}`);

// Every page in each size and colour. Two are open at a time: a page mostly waits.
const runs = pages.flatMap((name) => [[1400, 900], [390, 844]].flatMap((size) => [false, true].map((dark) => ({name, size, dark}))));
const chrome = await launch();
let failed = 0;
async function work() {
  while (runs.length) {
    const run = runs.shift();
    console.log(await open(run));
  }
}

// Opens a page, applies the common rules and the page's own clicks, and says how it went.
async function open({name, size: [width, height], dark}) {
  const script = [name, name.replace(/-.*/, ".html")].map((n) => new URL(n.replace(/html$/, "mjs"), import.meta.url)).find(existsSync);
  const clicks = script ? await import(script) : {};
  const context = await chrome.newContext({
    viewport: {width, height}, colorScheme: dark ? "dark" : "light", hasTouch: width < 500, isMobile: width < 500,
    reducedMotion: dark ? "reduce" : "no-preference"
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60000);  // slow on a busy machine
  const address = pathToFileURL(join(folder, name)).href;
  const bad = watch(page, (url) => url === address);
  const told = `  ${name}, ${width} pixels, ${dark ? "dark" : "light"}`;
  try {
    await page.goto(address);
    const stops = await common(page, dark);
    const steps = clicks.clickThrough ? await clicks.clickThrough(page, {noViolation, fits, touch: width < 500}) : 0;
    await fits(page, "in the end");
    await noViolation(page, "in the end");
    assert.deepEqual(bad, []);
    return `${told}: ${stops} stops of Tab, ${steps} things clicked and checked`;
  } catch (error) {
    ++failed;
    const picture = join(folder, `failed-${name}-${width}-${dark ? "dark" : "light"}.png`);
    await page.screenshot({path: picture, fullPage: true}).catch(() => {});
    return `${told}: FAILED\n${error.stack}\n${bad.join("\n")}\n  seen: ${picture}`;
  } finally {
    await context.close();
  }
}

await Promise.all([work(), work()]);
await chrome.close();
console.log(failed ? `${failed} runs failed` : `${pages.length} pages: no error, no request, no violation`);
process.exit(failed ? 1 : 0);
