// Clicks through the page that steps through a sweep.
import assert from "node:assert/strict";

export async function clickThrough(page, {noViolation, fits, touch}) {
  let done = 0;
  const stories = await page.evaluate(() => JSON.parse(document.getElementById("data").text));
  const text = async (selector) => (await page.locator(selector).first().textContent()).trim();
  const at = async () => Number(await page.locator("#slider").inputValue());
  const press = (selector) => (touch ? page.locator(selector).tap() : page.locator(selector).click());
  const noNonsense = async (when) =>
    assert(!/NaN|undefined|null|Infinity/.test(await page.locator("main").innerText()), `${when}: the page shows what is no number`);

  for (const story of stories) {
    if (stories.length > 1) await press(`#stories [data-id="${story.id}"]`);
    assert.equal(await at(), 0, "a story begins at its beginning");
    const end = story.acts.length + 1;
    assert.equal(await page.locator(".node").count(), story.nodes.length);
    assert.equal(await page.locator(".node circle").count(), story.nodes.reduce((sum, node) => sum + node.uses, 0));

    // ---- each step shows what the data says ----
    for (let i = 1; i <= end; ++i) {
      const when = `${story.id}, step ${i}`;
      if (i % 2) await press("#forward");
      else await page.keyboard.press("ArrowRight");
      assert.equal(await at(), i, when);
      await fits(page, when);
      await noNonsense(when);
      ++done;
      if (i === end) break;
      const act = story.acts[i - 1], node = story.nodes[act.node - 1];
      assert.match(await text("#step-title"), new RegExp(`Step ${i} of ${end - 1}`));
      assert((await text("#step-title")).endsWith(node.code), when);
      assert.match(await page.locator(".node.now .birth").textContent(), new RegExp(`^#${act.node}$`));
      assert.deepEqual(await page.locator(".queue .mono").allTextContents(),
          [act.node, ...act.waiting].sort((a, b) => b - a).map((n) => `#${n}`), `${when}: who waits`);
      assert.equal(await page.locator(".flow").count(), act.gifts.length, `${when}: an arrow for each gradient given`);
      assert.equal(await page.locator(".gift").count(), node.parents.length, when);
      assert.equal(await page.locator(".node.freed").count(), i - 1, `${when}: those before are freed`);
      const result = page.locator("#telling .matrix.result").last();
      assert.equal(await result.locator(".cells i").count(), act.gifts.at(-1).gradient.values.length, when);
      if (i === 1 || act.waiting.length) await noViolation(page, when);
    }
    assert(await page.locator("#forward").isDisabled());
    for (const leaf of story.nodes.filter((n) => !n.isOp && n.wants))
      assert.match(await text("#leaves"), new RegExp(`∂${story.asks}/∂${leaf.name}`), "each leaf has its gradient");
    await noViolation(page, `${story.id}, the end`);

    // ---- and back: keys, slider, program ----
    await page.keyboard.press("ArrowLeft");
    assert.equal(await at(), end - 1);
    await page.keyboard.press("Home");
    assert.equal(await at(), 0);
    await page.keyboard.press("End");
    assert.equal(await at(), end);
    await press("#first");
    assert.equal(await at(), 0);
    await page.locator("#slider").fill("3");
    assert.match(await text("#step-title"), /Step 3/);
    await press("#back");
    assert.match(await text("#step-title"), /Step 2/);
    const lines = page.locator("#program button");
    for (const k of [0, (await lines.count()) - 1]) {
      await lines.nth(k).click();
      assert.equal(await lines.nth(k).getAttribute("aria-current"), "step", "a line of the program leads to its step");
    }
    if (!touch) {
      await page.locator(".node.goes").nth(1).click();
      assert.match(await text("#step-title"), /^Step/, "a node leads to its step");
    }
    done += 7;

    // ---- it plays, pauses, and starts again from the end ----
    await page.keyboard.press("End");
    await page.locator("h1").click();
    await page.keyboard.press("Space");
    assert.equal(await page.locator("#play").getAttribute("aria-label"), "Pause");
    assert.equal(await at(), 1, "from the end it starts again");
    await page.waitForFunction(() => Number(document.getElementById("slider").value) === 2);
    await page.keyboard.press("Space");
    assert.equal(await page.locator("#play").getAttribute("aria-label"), "Play");
    await press("#play");
    await press("#play");
    assert.equal(await at(), 3);
    await page.keyboard.press("Home");
    done += 3;
  }

  // ---- an address leads to a step ----
  const last = stories.at(-1);
  await page.goto(page.url().replace(/#.*/, "") + `#${last.id}/2`);
  await page.reload();
  assert.equal(await at(), 2);
  await page.keyboard.press("Home");
  return done + 1;
}
