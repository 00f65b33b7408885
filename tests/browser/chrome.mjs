// What every test of a page in headless Chromium needs: the browser, what it may not say, and the rules
// that hold for all pages. Used by run.mjs beside it, and by the course's docs/site/browser/run.mjs.
import assert from "node:assert/strict";
import {existsSync, readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {delimiter, join} from "node:path";
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

export function launch() {
  return chromium.launch({
    executablePath: browser(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync"]
  });
}

// Notes what no page may do: an error or a warning in the console, a dialog, a window, a request for an
// address that `allowed` does not allow.
export function watch(page, allowed) {
  const bad = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && bad.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => bad.push(`error: ${error.stack ?? error.message}`));
  page.on("dialog", (dialog) => { bad.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("popup", () => bad.push("a window opened"));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith("data:") && !allowed(url)) bad.push(`request: ${url}`);
  });
  return bad;
}

// `options` are those of axe.run. Its preload fetches style sheets, which a page's policy may forbid.
export async function noViolation(page, when, without = [], options = {}) {
  if (!await page.evaluate(() => "axe" in window)) await page.evaluate(axe);
  // Wait for transitions of colours to end: half-way, the contrast is wrong. Endless animations are not
  // waited for.
  await page.evaluate(() => Promise.allSettled(
      document.getAnimations().filter((a) => a.effect.getTiming().iterations !== Infinity).map((a) => a.finished)));
  const {violations} = await page.evaluate(([exclude, more]) => axe.run({exclude}, more), [without, options]);
  const told = violations.map((v) => `${v.id}: ${v.help}\n` + v.nodes.slice(0, 3).map((n) => `    ${n.html}\n    ${n.failureSummary}\n`).join(""));
  assert.equal(told.length, 0, `${when}: axe finds\n${told.join("")}`);
}

export async function fits(page, when) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert(content <= window, `${when}: the page is ${content} pixels wide, the window ${window}`);
}

// The Tab key reaches every control, and the focus is visible.
export async function tabThrough(page, most = 400) {
  let last = "", stops = 0;
  for (; stops < most; ++stops) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const node = document.activeElement;
      if (node === document.body) return null;
      // A control may show the focus on its label, or on a part of itself that covers more.
      const shown = [getComputedStyle(node), getComputedStyle(node, "::after"), ...node.labels?.length ? [getComputedStyle(node.labels[0])] : []];
      const outline = shown.map((style) => `${style.outlineStyle} ${style.outlineWidth}`);
      return {what: node.outerHTML.slice(0, 120), outline: outline.find((o) => !/^none|\b0px$/.test(o)) ?? outline[0]};
    });
    if (!at) break;
    assert(!/^none|\b0px$/.test(at.outline), `the focus is not seen on ${at.what}`);
    last = at.what;
  }
  assert(stops > 0 && stops < most, `Tab makes ${stops} stops, the last at ${last}`);
  return stops;
}
