// Uses the pages of the course as a reader does: search, keys, predictions, recall, hints, what is kept.
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {join} from "node:path";

const questions = readFileSync(new URL("questions.txt", import.meta.url), "utf8").split("\n")
    .filter((line) => line.trim() && !line.startsWith("#")).map((line) => line.split(" → ").map((part) => part.trim()));

// ---- the header ----

async function header({page, open}) {
  await open("index.html");
  const root = (name) => page.evaluate((n) => document.documentElement.dataset[n], name);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = [await root("theme"), await ground()];
  await page.locator("#theme").click();
  assert.notEqual(await root("theme"), before[0]);
  assert.notEqual(await ground(), before[1]);
  for (const size of ["2", "3", "4"]) {
    await page.locator("#text-size").click();
    assert.equal(await root("size"), size);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert(wide <= 0, "the page is wider than the window in the largest size of text");
  await page.reload();
  assert.deepEqual([await root("theme"), await root("size")], [before[0] === "dark" ? "light" : "dark", "4"], "both are kept");
  await page.locator("#text-size").click();
  assert.equal(await root("size"), "1", "after the fourth size comes the first");
  return 6;
}

// ---- search ----

// The page must be among the first five that are found.
async function search({page, open}) {
  await open("index.html");
  for (const [query, wanted] of questions) {
    await page.keyboard.press("Escape");
    await page.locator("body").press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "search", "/ goes to the search field");
    await page.locator("#search").fill(query);
    await page.waitForFunction((text) => document.getElementById("found").dataset.for === text, query);
    const hrefs = await page.locator("#found a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    const places = hrefs.slice(0, 5).map((href) => href.replace(/#.*/, ""));
    assert(places.includes(wanted), `search for "${query}" finds ${hrefs.slice(0, 5).join(", ")}, not ${wanted}`);
    assert((await page.locator("#found a").first().textContent()).length > 10, "what is found has a title and a piece of text");
  }

  // Arrows choose, Escape closes, Enter opens.
  const chosen = () => page.locator("#found [aria-selected=true]").getAttribute("id");
  assert.equal(await chosen(), "found-0");
  await page.locator("#search").press("ArrowDown");
  assert.equal(await chosen(), "found-1");
  await page.locator("#search").press("ArrowUp");
  const target = await page.locator("#found-0").getAttribute("href");
  await page.locator("#search").press("Enter");
  await page.waitForURL((url) => url.href.endsWith(target));
  return questions.length + 3;
}

// ---- [ and ] ----

async function turning({page, open, pages}) {
  const chapters = pages.filter((name) => /^\d\.html$/.test(name));
  await open(chapters[0]);
  const at = () => new URL(page.url()).pathname.split("/").at(-1);
  await page.keyboard.press("]");
  await page.waitForURL((url) => url.pathname.endsWith(chapters[1]));
  await page.keyboard.press("[");
  await page.waitForURL((url) => url.pathname.endsWith(chapters[0]));
  await page.locator("#search").fill("[");
  assert.equal(at(), chapters[0], "in the search field [ is a letter");
  return 3;
}

// ---- predictions ----

async function predictions({page, open, withPart, noViolation}) {
  let done = 0;
  for (const name of withPart('class="predict"')) {
    await open(name);
    const sections = page.locator("section.predict");
    for (let i = 0; i < await sections.count(); ++i) {
      const section = sections.nth(i), answer = section.locator("details.answer"), verdict = section.locator(".verdict");
      const key = await section.getAttribute("data-predict");
      assert.equal(await answer.getAttribute("open"), null, `${key}: the answer is hidden at first`);
      const radios = section.locator("input[type=radio]");
      if (await radios.count()) {
        // Arrow keys alone decide nothing; Enter does.
        await radios.first().focus();
        await page.keyboard.press("ArrowDown");
        assert.equal(await answer.getAttribute("open"), null, `${key}: an arrow key moves, and shows no answer`);
        await page.keyboard.press("Enter");
        assert.notEqual(await answer.getAttribute("open"), null, `${key}: Enter shows the answer`);
        await section.locator("label").first().click();
        assert.equal(await section.locator("label.right").count(), 1, `${key}: one choice is the right one`);
      } else {
        await section.locator("input[type=number]").fill("0.5");
        await section.locator("button").click();
      }
      assert.match(await verdict.textContent(), /^You guessed /, key);
      assert.notEqual(await answer.getAttribute("open"), null, key);
      ++done;
    }
    await noViolation(page, `${name} with answers`);
    await page.reload();
    assert.match(await sections.first().locator(".verdict").textContent(), /^You guessed /, "a guess is kept");
    await page.evaluate(() => localStorage.clear());
    await page.reload();
    await sections.first().locator("summary").first().click();
    assert.notEqual(await sections.first().locator("details.answer").getAttribute("open"), null, "an answer opens without a guess");
    done += 2;
  }
  return done;
}

// ---- recall: what was not known comes again with the next chapter ----

async function recall({page, open, withPart}) {
  let done = 0;
  for (const name of withPart('class="recall"')) {
    await open(name);
    const card = page.locator("section.recall:not(.again) details[data-recall]").first();
    if (!await card.count()) continue;
    const key = await card.getAttribute("data-recall");
    await card.locator("summary").click();
    await card.locator("button", {hasText: "Not yet"}).click();
    assert.equal(await card.locator("button", {hasText: "Not yet"}).getAttribute("aria-pressed"), "true");
    await page.reload();
    assert.equal(await card.locator("button[data-value='not yet']").getAttribute("aria-pressed"), "true", "it is kept");
    const next = withPart(`data-recall="${key}"`).find((other) => other !== name);
    if (next) {
      await open(next);
      assert(await page.locator(`.again [data-recall="${key}"]`).isVisible(), "a forgotten question returns");
      await page.locator(`.again [data-recall="${key}"] summary`).click();
      await page.locator(`.again [data-recall="${key}"] button`, {hasText: "I knew it"}).click();
      await page.reload();
      assert(!await page.locator(`.again [data-recall="${key}"]`).isVisible(), "a known question stays away");
    }
    done += 3;
  }
  return done;
}

// ---- exercises: hints one at a time, a status ----

async function exercises({page, open, pages}) {
  if (!pages.includes("exercises.html")) return 0;
  await open("exercises.html");
  const sections = page.locator("section.exercise");
  let done = 0;
  for (let i = 0; i < await sections.count(); ++i) {
    const hints = sections.nth(i).locator("details.hint");
    for (let k = 0; k < await hints.count(); ++k) {
      await hints.nth(k).waitFor();  // the next hint is offered
      if (k + 1 < await hints.count()) assert(!await hints.nth(k + 1).isVisible(), "the hint after it is not");
      await hints.nth(k).locator("summary").click();
      ++done;
    }
  }
  if (!await sections.count()) return 0;
  await sections.first().locator("select").selectOption("done");
  await page.reload();
  assert.equal(await sections.first().locator("select").inputValue(), "done", "the status is kept");
  return done + 1;
}

// ---- what is kept: lines that were met, where the reader stopped, and how it is forgotten ----

async function kept({page, open, pages}) {
  await open("src/autograd/backward.cpp.html");
  assert.match(await page.locator("p.ledger").first().textContent(), /^You have met [\d,]+ of [\d,]+ lines/);
  const line = page.locator("a.number").nth(3);
  await line.click();
  assert.match(page.url(), /#L\d+$/);
  assert.match(await page.locator(".said").textContent(), /The link to line \d+ is copied/);
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight / 2));
  await open("index.html");
  assert.match(await page.locator("p.stopped a").getAttribute("href"), /backward\.cpp\.html/);
  assert(pages.includes("colophon.html"), "there is a colophon");
  await open("colophon.html");
  await page.locator("#single-keys").uncheck();
  await page.keyboard.press("/");
  assert.notEqual(await page.evaluate(() => document.activeElement.id), "search", "the keys are off");
  await page.locator("#forget").click();
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("glassgrad."))), []);
  await open("index.html");
  assert(!await page.locator("p.stopped").isVisible());
  return 6;
}

// ---- a browser that keeps nothing, and paper ----

async function withoutStorage({page, open, withPart}) {
  await page.addInitScript(() => Object.defineProperty(window, "localStorage", {get() { throw new DOMException("denied", "SecurityError"); }}));
  const name = withPart('class="predict"')[0] ?? "index.html";
  await open(name);
  await page.locator("#theme").click();
  await page.locator("#text-size").click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.size), "2");
  if (await page.locator(".predict label").count()) await page.locator(".predict label").first().click();
  await open("colophon.html");
  await page.locator("#forget").click();
  return 3;
}

async function paper({page, open, withPart}) {
  const name = withPart('class="predict"')[0];
  if (!name) return 0;
  await open(name);
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({media: "print"});
  assert.equal(await page.locator(".print-answers .answered").count(), await page.locator("section.predict").count(), "all answers are on the last page");
  assert(await page.locator(".print-answers .answered").first().isVisible());
  assert(!await page.locator("header.top").isVisible());
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.equal(await page.locator(".print-answers").count(), 0);
  return 3;
}

// Each part in a browser of its own, two at a time.
export async function clicks(chrome, {base, folder, pages, noViolation, watch}) {
  const withPart = (text) => pages.filter((name) => /^\d\.html$/.test(name) && readFileSync(join(folder, name), "utf8").includes(text));
  const parts = [header, search, turning, predictions, recall, exercises, kept, withoutStorage, paper];
  const problems = [];
  let done = 0;
  const worker = async () => {
    for (let part = parts.shift(); part; part = parts.shift()) {
      const context = await chrome.newContext({viewport: {width: 1280, height: 900}, colorScheme: "light"});
      await context.grantPermissions(["clipboard-read", "clipboard-write"]).catch(() => {});
      const page = await context.newPage();
      page.setDefaultTimeout(30000);
      const bad = watch(page, (url) => url.startsWith(base));
      try {
        done += await part({page, open: (name) => page.goto(base + name), pages, withPart, noViolation});
        assert.deepEqual(bad, []);
      } catch (error) {
        problems.push(`${part.name}: ${error.stack}\n${bad.join("\n")}`);
      }
      await context.close();
    }
  };
  await Promise.all([worker(), worker()]);
  return {problems, done};
}
