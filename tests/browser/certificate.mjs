// Clicks through the page with float's true digits.
import assert from "node:assert/strict";

export async function clickThrough(page, {noViolation, fits, touch}) {
  let done = 0;
  const data = await page.evaluate(() => JSON.parse(document.getElementById("data").text));
  const text = async (selector) => (await page.locator(selector).first().textContent()).trim();
  const press = (locator) => (touch ? locator.tap() : locator.click());
  const whole = (count) => count.toLocaleString("en");
  const noNonsense = async (when) =>
    assert(!/NaN|undefined|null|Infinity/.test(await page.locator("main").innerText()), `${when}: the page shows what is no number`);

  // ---- each state shows what the data says ----
  assert.equal(await page.locator("#states button").count(), data.states.length);
  for (const [i, state] of data.states.entries()) {
    const when = state.label;
    if (data.states.length > 1) await press(page.locator(`#states [data-value="${i}"]`));
    assert.equal(await text("#verdict"), state.verdict, when);
    assert.equal(await page.locator("#verdict.fault").count(), state.enclosed ? 0 : 1, when);
    assert((await text("#facts dd")).includes(whole(state.all.entries)), when);

    // A row for each parameter, and a row for each entry that both ways enclosed.
    assert.deepEqual(await page.locator("#parameters tbody th").evaluateAll((all) => all.map((th) => th.textContent.split(" ")[0])), state.parameters.map((p) => p.name));
    assert.equal(await page.locator("#entries tbody tr").count(), state.entries.length, when);
    assert.equal(await page.locator("#entries .bad").count(), state.entries.filter((e) => e.disjoint).length, when);
    await fits(page, when);
    await noNonsense(when);
    await noViolation(page, when);
    done += 6;

    // The entry in the middle, and the worst.
    for (const key of ["middle", "worst"].filter((k) => state[k])) {
      await press(page.locator(`#examples [data-value="${key}"]`));
      assert.equal(await page.locator(`#examples [data-value="${key}"]`).getAttribute("aria-pressed"), "true");
      assert((await text("#example-name")).includes(state[key].name), `${when}, ${key}`);
      assert.match(await page.locator("#line svg").getAttribute("aria-label"), /^Float’s number .* and the enclosure /);
      await fits(page, `${when}, ${key}`);
      await noNonsense(`${when}, ${key}`);
      await noViolation(page, `${when}, ${key}`);
      ++done;
    }

    // The histograms: the tables below them count what the data counts.
    for (const size of ["own", "largest"]) {
      await press(page.locator(`#sizes [data-value="${size}"]`));
      const charts = ["#attention-chart", ...data.states.length > 1 ? ["#training-chart"] : []];
      const series = [[state.all.fused, state.all.plain], [data.states[0].all.fused, data.states.at(-1).all.fused]];
      for (const [k, chart] of charts.entries()) {
        await press(page.locator(`${chart} summary`));
        const cells = await page.locator(`${chart} tbody td`).allTextContents();
        const sum = (column) => cells.filter((_, j) => j % 2 === column).reduce((a, b) => a + Number(b.replaceAll(",", "")), 0);
        for (const column of [0, 1]) assert.equal(sum(column), series[k][column][size].count, `${when}, ${chart}, ${size}`);
        ++done;
      }
      await fits(page, `${when}, ${size}`);
      await noViolation(page, `${when}, ${size}`);
    }
    await press(page.locator('#sizes [data-value="own"]'));
  }
  return done;
}
