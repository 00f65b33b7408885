// Opens every page of the course from file:// in headless Chromium: node docs/site/browser/run.mjs BUILD/site [PART]
// (PART: only pages whose name contains it; "clicks": none, only what clicks.mjs does)
//
// Each page is loaded in three widths. It may have no error in the console, no request but for files of the
// site, nothing wider than the window, and no character that the site's fonts lack. axe looks at every page
// in one theme, and at one page of each kind in the other; there the Tab key also has to reach every control
// and show where it is. Then clicks.mjs uses the pages as a reader does. Two pages are open at a time.
//
// It uses the Chromium, playwright-core and axe-core of tests/browser (npm ci there).
import assert from "node:assert/strict";
import {existsSync, readdirSync, readFileSync} from "node:fs";
import {join, resolve} from "node:path";
import {pathToFileURL} from "node:url";
import {fits, launch, noViolation, tabThrough, watch} from "../../../tests/browser/chrome.mjs";
import {clicks} from "./clicks.mjs";
import {coverage} from "./glyphs.mjs";

const folder = resolve(process.argv[2] ?? "build/site");
const base = pathToFileURL(folder).href + "/";
const pages = readdirSync(folder, {recursive: true}).map(String).filter((name) => name.endsWith(".html"))
    .sort();
assert(pages.length > 0, `no page in ${folder}`);
const kindOf = (name) => /data-kind="(\w+)"/.exec(readFileSync(join(folder, name), "utf8"))?.[1] ?? "none";
const firstOfKind = new Map(pages.map((name) => [kindOf(name), name]).reverse());

// ---- characters that no font of the site has ----

const sheets = ["fonts", "katex"].map((name) => join(folder, "assets", `${name}.css`)).filter(existsSync);
const families = coverage(sheets.map((sheet) => readFileSync(sheet, "utf8")).join("\n"));

// All characters of a page's text, by the list of families that may draw them. Chinese, which is marked as
// such, is left to the system's fonts.
const textByFonts = () => {
  const found = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (parent.closest("script, style, .katex-mathml, title, desc, [lang|=zh]") || !node.data.trim()) continue;
    const fonts = getComputedStyle(parent).fontFamily;
    found[fonts] = [...new Set((found[fonts] ?? "") + node.data)].join("");
  }
  return found;
};

async function noMissingGlyph(page) {
  for (const [fonts, text] of Object.entries(await page.evaluate(textByFonts))) {
    const names = fonts.split(",").map((name) => name.trim().replace(/^["']|["']$/g, "").toLowerCase());
    const have = names.map((name) => families.get(name)).filter(Boolean);
    const missing = [...text].filter((c) => !/[\s\p{Cf}\p{Cc}\u{fe00}-\u{fe0f}]/u.test(c) && !have.some((set) => set.has(c.codePointAt(0))));
    assert.equal(missing.join(" "), "", `the fonts ${names.slice(0, 3).join(", ")} … lack these characters`);
  }
}

// ---- targets for a finger ----

const smallTargets = () => [...document.querySelectorAll("button, select, .choices label, header.top a, summary")].map((node) => {
  const box = node.getBoundingClientRect();
  return box.width > 0 && (box.height < 43.5 || box.width < 43.5) ? `${node.outerHTML.slice(0, 80)}: ${box.width} × ${box.height}` : "";
}).filter(Boolean);

// ---- one page ----

const chrome = await launch();
const accessible = (page, when) => noViolation(page, when, [], {preload: false});

// A window of one width, which opens one page after the other.
async function newWindow(width) {
  const touch = width < 500;
  const context = await chrome.newContext({viewport: {width, height: 900}, hasTouch: touch, isMobile: touch});
  const page = await context.newPage();
  page.setDefaultTimeout(30000);  // slow on a busy machine
  return {width, page, bad: watch(page, (url) => url.startsWith(base))};
}

async function inWindow({width, page, bad}, name, dark, look) {
  const told = `${name}, ${width} pixels, ${dark ? "dark" : "light"}`;
  try {
    await page.emulateMedia({colorScheme: dark ? "dark" : "light", reducedMotion: dark ? "reduce" : "no-preference"});
    await page.goto(base + name);
    await page.evaluate(() => document.fonts.ready);
    await fits(page, "opened");
    await look?.(page);
    assert.deepEqual(bad, []);
  } catch (error) {
    const picture = join(folder, `failed-${name.replace(/\W+/g, "-")}-${width}.png`);
    await page.screenshot({path: picture}).catch(() => {});
    problems.push(`${told}: ${error.message}\n${bad.join("\n")}\n  seen: ${picture}`);
  }
  bad.length = 0;
}

async function check([large, middle, small], name, number) {
  const first = firstOfKind.get(kindOf(name)) === name, dark = number % 2 === 1;
  await inWindow(large, name, dark, async (page) => {
    await noMissingGlyph(page);
    await accessible(page, "axe");
    if (first) await tabThrough(page);
  });
  await inWindow(middle, name, !dark, first ? (page) => accessible(page, "axe") : null);
  await inWindow(small, name, dark, async (page) => {
    assert.deepEqual((await page.evaluate(smallTargets)).slice(0, 5), [], "targets smaller than 44 pixels");
  });
}

// ---- all pages, two at a time ----

const began = Date.now();
const problems = [];
const part = process.argv[3];
const rest = pages.filter((name) => name.includes(part ?? "")).map((name, number) => [name, number]);
const worker = async () => {
  const windows = await Promise.all([1440, 768, 320].map(newWindow));
  for (let next = rest.shift(); next; next = rest.shift()) await check(windows, ...next);
  for (const {page} of windows) await page.context().close();
};
await Promise.all([worker(), worker()]);
const loaded = ((Date.now() - began) / 1000).toFixed(0);
let done = 0;
if (!part || part === "clicks") {
  const result = await clicks(chrome, {base, folder, pages, noViolation: accessible, watch});
  problems.push(...result.problems);
  done = result.done;
}
await chrome.close();
for (const problem of problems) console.log(`  FAILED ${problem}`);
console.log(problems.length ? `${problems.length} problems in ${pages.length} pages` :
    `${pages.length} pages in three widths, ${done} things clicked and found: no error, no request, no violation (${loaded} s, and ${((Date.now() - began) / 1000 - loaded).toFixed(0)} s)`);
process.exit(problems.length ? 1 : 0);
