// The live piece "scalar graph": sliders for the inputs of a formula, its graph with values, and the
// sweep, step by step, with each payment and the gradient that every node has gathered so far.
"use strict";

glass.live("scalar-graph", {mount(section, ask, first) {
  const {h, three, listed, select, slider, sentence, cells, graph, steps, watch, newest} = glass.parts;
  const said = sentence(section), told = h("p", {class: "told", "aria-live": "polite"});
  const sliders = h("div", {class: "fields"}), drawing = h("div", {}), queue = h("p", {class: "queue"}), table = h("div", {class: "tables"});
  const pieceOf = (id) => first.controls.find((control) => control.formula === id);
  let formula = first.request.formula, at = [...first.request.at], shape = null, answer = null, position = 0;

  const transport = steps((to) => ((position = to), draw()));
  const space = watch(section, () => draw());
  const latest = newest();
  const fail = (error) => (said.textContent = error.message);

  // ---- what is known at this position ----

  const name = (number) => shape.nodes[number - 1].name;
  const done = () => answer.steps.slice(0, position);
  const gathered = (number) => done().flatMap((step) => step.payments).filter((payment) => payment.to === number).at(-1)?.sum
    ?? (position > 0 && number === shape.nodes.length ? 1 : undefined);
  const back = (child, slot) => {
    const payment = done().find((step) => step.node === child)?.payments.find((other) => other.slot === slot);
    return payment && three(payment.pays);
  };
  const look = (number) => {
    const now = position > 0 && answer.steps[position - 1].node === number;
    const over = done().some((step) => step.node === number);
    const sum = gathered(number), node = shape.nodes[number - 1];
    return {name: node.name, detail: three(answer.values[number - 1]), below: sum === undefined ? "" : `slope ${three(sum)}`,
      state: now ? "now" : over ? "over" : sum !== undefined && node.parents.length ? "waits" : ""};
  };

  // ---- the step in words ----

  function story() {
    const result = shape.asks;
    if (position === 0) return `The values are computed. The sweep begins at ${result}: its slope along itself is 1.`;
    const step = answer.steps[position - 1], node = name(step.node);
    const pays = listed(step.payments.map((payment) => `${three(payment.pays)} to ${name(payment.to)}`));
    const sums = step.payments.filter((payment) => payment.sum !== payment.pays && !shape.nodes[payment.to - 1].parents.length)
      .map((payment) => `${name(payment.to)} now has ${three(payment.sum)}`);
    const why = step.waiting.length ? `It is newer than ${listed(step.waiting.map(name))}, which ${step.waiting.length > 1 ? "wait" : "waits"}. ` : "";
    return `${node} has its turn with a slope of ${three(step.g)}. ${why}It pays ${pays}.${sums.length ? ` The payments add up: ${listed([...new Set(sums)])}.` : ""}`;
  }
  const waits = () => {
    const ahead = answer.steps[position];
    if (!ahead) return "Nothing waits any more. The inputs have their slopes.";
    return `Waiting, newest first: ${[ahead.node, ...ahead.waiting].map((number) => `#${number} ${name(number)}`).join(", ")}.`;
  };

  function draw() {
    if (!shape || !answer) return;
    told.textContent = story();
    queue.textContent = waits();
    drawing.replaceChildren(graph(shape, {...space(), look, back, at: (answer.steps[position - 1] ?? answer.steps[0]).node, label: `The graph of ${pieceOf(formula).text}, its values and slopes`}));
    const inputs = pieceOf(formula).inputs, last = position === answer.steps.length;
    const rows = inputs.map((input, i) => [answer.values[i], last ? gathered(i + 1) : "not yet", answer.tried[i]]);
    table.replaceChildren(cells(rows, {caption: `Slopes of ${shape.asks}`, rowNames: inputs.map((input) => input.name),
      columnNames: ["value", "by the sweep", "by trying"], heat: false}));
  }

  // ---- questions ----

  function askNumbers(begin) {
    const asked = formula;
    latest(Promise.all([ask("scalar-graph", {formula: asked}), ask("scalar-graph", {formula: asked, at})]), ([structure, numbers]) => {
      if (numbers.error || structure.error) return (said.textContent = (numbers.error ? numbers : structure).sentence);
      shape = structure;
      answer = numbers;
      said.textContent = numbers.sentence;
      begin ? transport.begin(numbers.steps.length) : transport.keep(numbers.steps.length);
    }, fail);
  }
  function choose(id) {
    formula = id;
    at = pieceOf(id).inputs.map((input) => input.first);
    sliders.replaceChildren(...pieceOf(id).inputs.map((input, i) =>
      slider(input.name, input.values, at[i], (value) => ((at[i] = value), askNumbers(false)))));
    askNumbers(true);
  }

  section.append(h("div", {class: "fields"}, select("Formula", first.controls.map((control) => [control.formula, control.text]), formula, choose)),
    sliders, drawing, transport.element, told, queue, table);
  choose(formula);
}});
