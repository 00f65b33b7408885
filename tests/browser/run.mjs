// Opens every page of a folder from file:// in headless Chromium, in the size of a phone and of a
// desktop, light and dark. No page may have an error or a warning in the console, a request, a dialog,
// a page wider than the window, a violation that axe finds, or a keyboard focus that is not visible.
//
//   node run.mjs FOLDER [PART]     every page whose name contains PART
//
// If tests/browser has a script with the page's name (report.html: report.mjs), or with the first part
// of the name (report-empty.html: report.mjs), the script also clicks through the page.
import assert from "node:assert/strict";
import {existsSync, readdirSync, readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {delimiter, join, resolve} from "node:path";
import {pathToFileURL} from "node:url";
import {chromium} from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

function browser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = process.env.PATH.split(delimiter);
  const places = ["chromium", "chromium-browser", "google-chrome"].flatMap((name) => folders.map((f) => join(f, name)));
  const found = [...places, "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"].find(existsSync);
  assert(found, "no chromium, chromium-browser or google-chrome; CHROMIUM may name another");
  return found;
}

async function noViolation(page, when, without = []) {
  if (!await page.evaluate(() => "axe" in window)) await page.evaluate(axe);
  // Wait for transitions of colours to end: half-way, the contrast is wrong. Endless animations are not
  // waited for.
  await page.evaluate(() => Promise.allSettled(
      document.getAnimations().filter((a) => a.effect.getTiming().iterations !== Infinity).map((a) => a.finished)));
  const {violations} = await page.evaluate((exclude) => axe.run({exclude}), without);
  const told = violations.map((v) => `${v.id}: ${v.help}\n` + v.nodes.slice(0, 3).map((n) => `    ${n.html}\n    ${n.failureSummary}\n`).join(""));
  assert.equal(told.length, 0, `${when}: axe finds\n${told.join("")}`);
}

async function fits(page, when) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert(content <= window, `${when}: the page is ${content} pixels wide, the window ${window}`);
}

// The Tab key reaches every control, and the focus is visible.
async function tabThrough(page) {
  let last = "", stops = 0;
  for (; stops < 400; ++stops) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const node = document.activeElement;
      if (node === document.body) return null;
      const style = getComputedStyle(node);
      return {what: node.outerHTML.slice(0, 120), outline: `${style.outlineStyle} ${style.outlineWidth}`};
    });
    if (!at) break;
    assert(!/^none|\b0px$/.test(at.outline), `the focus is not seen on ${at.what}`);
    last = at.what;
  }
  assert(stops > 0 && stops < 400, `Tab makes ${stops} stops, the last at ${last}`);
  return stops;
}

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

const chrome = await chromium.launch({
  executablePath: browser(),
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
});
let failed = 0;
for (const name of pages) {
  const script = [name, name.replace(/-.*/, ".html")].map((n) => new URL(n.replace(/html$/, "mjs"), import.meta.url)).find(existsSync);
  const clicks = script ? await import(script) : {};
  for (const [width, height] of [[1400, 900], [390, 844]]) {
    for (const dark of [false, true]) {
      const context = await chrome.newContext({
        viewport: {width, height}, colorScheme: dark ? "dark" : "light", hasTouch: width < 500, isMobile: width < 500,
        reducedMotion: dark ? "reduce" : "no-preference"
      });
      const page = await context.newPage();
      page.setDefaultTimeout(60000);  // slow on a busy machine
      const address = pathToFileURL(join(folder, name)).href;
      const bad = [];
      page.on("console", (message) => ["error", "warning"].includes(message.type()) && bad.push(`console: ${message.text()}`));
      page.on("pageerror", (error) => bad.push(`error: ${error.stack ?? error.message}`));
      page.on("dialog", (dialog) => { bad.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
      page.on("popup", () => bad.push("a window opened"));
      page.on("request", (request) => {
        if (request.url() !== address && !request.url().startsWith("data:")) bad.push(`request: ${request.url()}`);
      });
      const told = `${name}, ${width} pixels, ${dark ? "dark" : "light"}`;
      try {
        await page.goto(address);
        const stops = await common(page, dark);
        const steps = clicks.clickThrough ? await clicks.clickThrough(page, {noViolation, fits, touch: width < 500}) : 0;
        await fits(page, "in the end");
        await noViolation(page, "in the end");
        assert.deepEqual(bad, []);
        console.log(`  ${told}: ${stops} stops of Tab, ${steps} things clicked and checked`);
      } catch (error) {
        ++failed;
        const picture = join(folder, `failed-${name}-${width}-${dark ? "dark" : "light"}.png`);
        await page.screenshot({path: picture, fullPage: true}).catch(() => {});
        console.log(`  ${told}: FAILED\n${error.stack}\n${bad.join("\n")}\n  seen: ${picture}`);
      }
      await context.close();
    }
  }
}
await chrome.close();
console.log(failed ? `${failed} runs failed` : `${pages.length} pages: no error, no request, no violation`);
process.exit(failed ? 1 : 0);
