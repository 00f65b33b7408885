// Clicks through the report of a training.
import assert from "node:assert/strict";

export async function clickThrough(page, {noViolation, fits, touch}) {
  let done = 0;
  const data = await page.evaluate(() => JSON.parse(document.getElementById("data").text));
  const text = (selector) => page.locator(selector).first().textContent();
  const reads = (selector, pattern, what) => page.waitForFunction(
      ([s, p]) => new RegExp(p, "u").test(document.querySelector(s)?.textContent), [selector, pattern.source]).then(
      () => ++done, async () => assert.fail(`${what}: ${selector} says ${await page.locator(selector).allTextContents()}, not ${pattern}`));
  const tipSays = (pattern, what) => reads("#tip:not([hidden])", pattern, what);

  assert.equal(await text("#title"), data.title);
  assert.equal(await page.locator("#facts dd").count(), data.facts.length);

  // ---- the curves answer to a pointer and to keys ----
  const curves = await page.locator(".plot").count();
  if (data.history.train.step.length + data.history.valid.step.length === 0) assert.equal(curves, 0);
  for (let i = 0; i < curves; ++i) {
    const plot = page.locator(".plot").nth(i);
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    if (touch) await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2);
    else await plot.hover();
    await tipSays(/step [\d,]+/, "a curve that is pointed at");
    await plot.focus();
    await plot.press("End");
    const last = await plot.getAttribute("aria-valuetext");
    await plot.press("ArrowLeft");
    const several = await plot.getAttribute("aria-valuemin") !== await plot.getAttribute("aria-valuemax");
    assert.equal(await plot.getAttribute("aria-valuetext") !== last, several, "an arrow moves along a curve");
    await plot.press("Home");
    assert.equal(await plot.getAttribute("aria-valuenow"), await plot.getAttribute("aria-valuemin"));
    await plot.press("Escape");
    assert(await page.locator("#tip").isHidden());
    ++done;
  }
  const scale = page.locator(".chart .choice button", {hasText: "log"});
  if (await scale.count()) {
    const before = await page.locator(".plot .curve").first().getAttribute("d");
    for (const name of ["linear", "log", "linear"]) await page.locator(".chart .choice button", {hasText: name}).click();
    await scale.click();
    await scale.click();
    await page.locator(".chart .choice button", {hasText: "linear"}).click();
    await scale.click();
    assert.equal(await scale.getAttribute("aria-pressed"), "true");
    assert((await page.locator(".plot .curve").first().getAttribute("d")).length > 0 && before.length > 0);
    ++done;
  }
  if (curves > 0) {
    await page.locator("#numbers summary").click();
    assert(await page.locator("#numbers tbody tr").count() > 0);
    await fits(page, "with the table of the curves");
    await noViolation(page, "with the table of the curves");
    ++done;
  }
  assert(!/NaN|Infinity|undefined|null/.test(await page.locator("#charts").innerText()), "a curve shows what is no number");

  if (data.samples.length === 0) {
    assert(await page.locator("#workbench").isHidden());
    return done;
  }

  // ---- subwords are joined to words, and then shown apart ----
  const list = page.locator("#samples button");
  const withWords = data.samples.findIndex((s) => s.sourceWords && s.source.length > s.sourceWords.length);
  assert.equal(await page.locator("#units").isVisible(), data.samples.some((s) => s.sourceWords));
  if (withWords >= 0) {
    const s = data.samples[withWords];
    await list.nth(withWords).click();
    assert.deepEqual(await page.locator("#targets button").allTextContents(), s.targetWords.map(([text]) => text));
    assert.deepEqual(await page.locator("#sources button").allTextContents(), s.sourceWords.map(([text]) => text));
    // The weights of a row still sum to 1, but for what thousandths lose.
    const labels = await page.locator("#map td[data-row='0']").evaluateAll((cells) => cells.map((c) => c.getAttribute("aria-label")));
    const sum = labels.reduce((total, label) => total + Number(label.match(/: ([\d.]+) %$/)[1]), 0);
    assert(Math.abs(sum - 100) < 5, `the weights of a word sum to ${sum} %`);
    await noViolation(page, "subwords joined to words");
    await page.locator("#units button", {hasText: "Subwords"}).click();
    ++done;
  }

  // ---- every sentence can be chosen, and is shown as text ----
  assert.equal(await list.count(), data.samples.length);
  for (let i = 0; i < data.samples.length; ++i) {
    const s = data.samples[i];
    await list.nth(i).click();
    assert.equal(await list.nth(i).getAttribute("aria-pressed"), "true");
    const chips = await page.locator("#targets button").allTextContents();
    assert.deepEqual(chips, s.target.map((token) => token.trim() === "" ? "␣" : token), "a token is text");
    await fits(page, `sentence ${i + 1}`);
    assert(!/NaN|undefined|null/.test(await text("#readout")));
    ++done;
  }
  const longest = data.samples.reduce((best, s, i) => s.source.length > data.samples[best].source.length ? i : best, 0);
  await list.nth(longest).click();
  await noViolation(page, "the longest sentence", ["#map tbody"]);  // ten thousand cells take minutes

  const right = data.samples.filter((s) => s.right).length;
  const filter = page.locator("#filter button");
  if (right > 0 && right < data.samples.length) {
    await filter.nth(1).click();
    assert.equal(await list.count(), right);
    await filter.nth(2).click();
    assert.equal(await list.count(), data.samples.length - right);
    await filter.nth(0).click();
    ++done;
  }

  const chosen = data.samples.findIndex((s) => s.weights && s.target.length > 3 && s.source.length > 3);
  if (chosen < 0) return done;
  const s = data.samples[chosen], last = s.target.length;
  await list.nth(chosen).click();

  // ---- layers and heads: the cells show what the data says ----
  const heads = page.locator("#atlas button");
  for (let i = 0; i < await heads.count(); ++i) {
    const button = heads.nth(i);
    await button.click();
    const [layer, head] = [await button.getAttribute("data-layer"), await button.getAttribute("data-head")].map(Number);
    assert.equal(await text("#map-title"), `Layer ${layer + 1}, ${head < 0 ? "mean of heads" : `head ${head + 1}`}`);
    const weights = head < 0 ? s.weights[layer].map((h) => h[1][2]) : [s.weights[layer][head][1][2]];
    const mean = weights.includes(null) ? "no number" : `${(weights.reduce((a, b) => a + b) / weights.length / 10).toFixed(1)} %`;
    assert.equal(await page.locator("#map td[data-row='1'][data-column='2']").getAttribute("aria-label"),
                 `${s.target[1]} looked at ${s.source[2]}: ${mean}`);
    ++done;
  }

  // ---- a cell is pointed at, tapped, reached by keys ----
  const cell = (row, column) => page.locator(`#map td[data-row='${row}'][data-column='${column}']`);
  if (touch) await cell(1, 2).tap();
  else await cell(1, 2).hover();
  await tipSays(/%|no number/, "a cell that is pointed at");
  await reads("#readout", /of the attention lay on|no number/, "a cell that is pointed at");
  await cell(0, 0).click();
  for (const [key, row, column] of [["ArrowRight", 0, 1], ["ArrowDown", 1, 1], ["End", 1, s.source.length - 1], ["Home", 1, 0],
                                    ["PageDown", last - 1, 0], ["ArrowDown", last - 1, 0], ["PageUp", 0, 0], ["ArrowLeft", 0, 0]]) {
    await page.keyboard.press(key);
    const at = await page.evaluate(() => [document.activeElement.dataset.row, document.activeElement.dataset.column].map(Number));
    assert.deepEqual(at, [row, column], `${key} in the map`);
    ++done;
  }
  assert.equal(await page.locator("#map td[tabindex='0']").count(), 1, "Tab reaches one cell of the map");

  // ---- a token of either side is chosen ----
  await page.locator("#targets button").nth(1).click();
  await reads("#readout", /While it wrote/, "a token of the translation");
  assert.equal(await page.locator("#map tr.now").count(), 1);
  assert(await page.locator("#threads path").count() > 0, "threads are drawn");
  await page.locator("#sources button").nth(1).click();
  await reads("#readout", /was looked at most by/, "a token of the source");

  // ---- the player ----
  const unwritten = () => page.locator("#targets .unwritten").count();
  await page.locator("#back").click();
  assert.equal(await unwritten(), 1);
  await page.locator("#on").click();
  assert.equal(await unwritten(), 0);
  const position = page.locator("#position");
  await position.focus();
  await position.press("Home");
  assert.equal(await unwritten(), last);
  await reads("#readout", /Nothing is written yet/, "nothing written");
  await noViolation(page, "nothing written");
  await position.press("ArrowRight");
  await position.press("ArrowRight");
  assert.equal(await unwritten(), last - 2);
  await reads("#count", new RegExp(`^2 of ${last}$`), "the count");

  await position.press("Home");
  await page.locator("#play").click();
  await reads("#play", /Pause/, "while it plays");
  await page.waitForFunction((n) => document.querySelectorAll("#targets .unwritten").length < n, last);
  assert.equal(await page.locator("#map tr.now").count(), 1, "the row of the token lights up");
  await page.locator("#play").click();
  await reads("#play", /Play/, "after Pause");
  const paused = await unwritten();
  await page.waitForTimeout(900);
  assert.equal(await unwritten(), paused, "Pause holds it");
  await page.locator("#play").press("Enter");
  await page.waitForFunction(() => document.querySelectorAll("#targets .unwritten").length === 0, null, {timeout: 180000});
  await reads("#play", /Play/, "at the end");
  return done;
}
