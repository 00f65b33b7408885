// The live piece "attention": two queries and three keys in the plane, a mask, and what the queries see.
// The library answers for each query; what keys and values get is the sum over both, as in a sweep.
"use strict";

glass.live("attention", {mount(section, ask, first) {
  const {h, s, three, select, tick, sentence, cells, newest} = glass.parts;
  const {queries: places, keys: keyPlaces, values, cotangent, heads: headCounts} = first.controls;
  const said = sentence(section), planes = h("div", {class: "pair"}), forward = h("div", {class: "tables"}), backward = h("div", {class: "tables"});
  const written = h("div", {class: "tables"}), verdict = h("p", {class: "told"});
  const state = {queries: [[2, 0], [-2, 2]], keys: first.request.keys, allowed: [[1, 1, 1], [1, 1, 1]], scale: true, heads: 1, convention: 0};
  const latest = newest(), ways = newest();
  const queryNames = ["query 1", "query 2"], keyNames = ["key 1", "key 2", "key 3"], axes = ["x", "y"];
  let active = 0, answers = null;

  // ---- the plane of queries and keys, and the plane of values and contexts ----

  const size = 232, reach = 2.6, at = ([x, y]) => [size / 2 + (x / reach) * (size / 2), size / 2 - (y / reach) * (size / 2)];
  function arrow(vector, kind, label, gap = 0) {
    const [x, y] = at(vector), length = Math.hypot(...vector), middle = size / 2;
    if (length === 0) return [s("circle", {class: `tip ${kind}`, cx: x, cy: y, r: 4}), s("text", {class: kind, x: x + 9, y: y - 8 - gap}, label)];
    const [ux, uy] = [vector[0] / length, -vector[1] / length];
    const tip = `M${x},${y} L${x - 9 * ux - 4.5 * uy},${y - 9 * uy + 4.5 * ux} L${x - 9 * ux + 4.5 * uy},${y - 9 * uy - 4.5 * ux} Z`;
    return [s("path", {class: `vector ${kind}`, d: `M${middle},${middle} L${x - 7 * ux},${y - 7 * uy}`}), s("path", {class: `tip ${kind}`, d: tip}),
      s("text", {class: kind, x: x + (kind === "key" ? 4 : 13) * ux + (kind === "key" ? -14 * uy : 0), y: y + (kind === "key" ? 4 : 13) * uy + (kind === "key" ? 14 * ux : 0) + 5 + gap}, label)];
  }
  const frame = (label) => s("svg", {class: "plane", viewBox: `0 0 ${size} ${size}`, width: size, height: size, role: "img", "aria-label": label},
    s("path", {class: "axis", d: `M0,${size / 2} H${size} M${size / 2},0 V${size}`}));

  function drawQueries() {
    const keys = keyPlaces.find((each) => each.name === state.keys).places;
    const picture = frame(`Queries at ${state.queries.map((q) => `(${q})`).join(" and ")}, keys at ${keys.map((k) => `(${k})`).join(", ")}`);
    for (const place of places) {
      const [cx, cy] = at(place);
      picture.append(s("circle", {class: "place", cx, cy, r: 3}),
        s("circle", {class: "target", cx, cy, r: 20, onclick: () => ((state.queries[active] = place), fields(), question())}));
    }
    keys.forEach((key, j) => picture.append(...arrow(key, "key", `k${j + 1}`)));
    state.queries.forEach((query, i) => picture.append(...arrow(query, "query", `q${i + 1}`, same() && i ? 16 : 0)));
    return h("div", {class: "plane"}, picture, h("p", {}, "Queries and keys. A click on a point moves a query."));
  }
  const same = () => state.queries[0].join() === state.queries[1].join();

  function drawValues() {
    const contexts = answers.map((answer) => answer.context);
    const picture = frame(`Values at ${values.map((v) => `(${v})`).join(", ")}; contexts at ${contexts.map((c) => `(${c.map(three)})`).join(" and ")}`);
    picture.append(s("path", {class: "hull", d: `M${values.map(at).join(" L")} Z`}));
    values.forEach((value, j) => picture.append(s("circle", {class: "value", cx: at(value)[0], cy: at(value)[1], r: 4}),
      s("text", {class: "key", x: at(value)[0] + 12, y: at(value)[1] - 8}, `v${j + 1}`)));
    contexts.forEach((context, i) => {
      const [x, y] = at(context);
      picture.append(s("circle", {class: "context", cx: x, cy: y, r: 5}), s("text", {class: "query", x: x - 12, y: y + 18}, `c${i + 1}`));
    });
    return h("div", {class: "plane"}, picture, h("p", {}, "Values and contexts. A context is a mean of the values that its query sees."));
  }

  // ---- tables ----

  const rowNames = () => answers.flatMap((answer, i) => answer.weights.map((row, head) => queryNames[i] + (state.heads > 1 ? `, head ${head + 1}` : "")));
  const each = (key) => answers.flatMap((answer) => answer[key]);
  const blocked = (i, j) => state.allowed[Math.floor(i / state.heads)][j] === 0;
  const score = (key, caption, options = {}) => cells(each(key), {caption, rowNames: rowNames(), columnNames: keyNames, blocked, ...options});
  const sum = (key) => answers[0][key].map((row, j) => row.map((x, c) => x + answers[1][key][j][c]));

  function draw() {
    if (!answers) return;
    planes.replaceChildren(drawQueries(), drawValues());
    const root = state.scale ? (state.heads === 1 ? " / √2" : " / √1") : "";
    forward.replaceChildren(score("scores", `scores, q · k${root}`), score("weights", "weights: a row that sees a key sums to 1"),
      cells(answers.map((answer) => answer.context), {caption: "context, Σ weight × value", rowNames: queryNames, columnNames: axes}));
    backward.replaceChildren(cells(answers.map(() => cotangent), {caption: "gradient of the context: given", rowNames: queryNames, columnNames: axes}),
      score("dweights", "of the weights"), score("dscores", "of the scores: each row sums to 0"),
      cells(answers.map((answer) => answer.dquery), {caption: "of the queries", rowNames: queryNames, columnNames: axes}),
      cells(sum("dkeys"), {caption: "of the keys: from both queries", rowNames: keyNames, columnNames: axes}),
      cells(sum("dvalues"), {caption: "of the values: from both queries", rowNames: ["value 1", "value 2", "value 3"], columnNames: axes}));
  }

  function drawWritten(rows) {
    const names = rows[0].conventions.map((way) => way.name), way = rows.map((row) => row.conventions[state.convention]);
    written.replaceChildren(cells(way.map((row) => row.mask), {caption: `The mask as it is written: ${names[state.convention]}`, rowNames: queryNames, columnNames: keyNames, heat: false}));
    const blind = rows.find((row, i) => !state.allowed[i].includes(1));
    const weights = blind?.conventions[state.convention].weights[0];
    verdict.textContent = `${way[0].rule[0].toUpperCase()}${way[0].rule.slice(1)}.` + (blind ? ` A row that sees no key gets weights of ${three(weights)} if the softmax is computed literally; glassgrad converts the mask and gives 0.` : "");
  }

  // ---- questions and fields ----

  function question() {
    const {queries, keys, allowed, scale, heads} = state;
    latest(Promise.all(queries.map((query, i) => ask("attention", {query, keys, allowed: allowed[i], scale, heads}))), (both) => {
      answers = both;
      said.textContent = both.map((answer, i) => answer.sentence.replace("The query", `Query ${i + 1}`)).join(" ");
      draw();
    }, (error) => (said.textContent = error.message));
    ways(Promise.all(allowed.map((row) => ask("attention", {allowed: row}))), drawWritten, (error) => (verdict.textContent = error.message));
  }
  const set = (name) => (value) => ((state[name] = value), question());
  const controls = h("div", {class: "fields"}), mask = h("div", {});

  // The selects of the queries follow a click into the plane.
  function fields() {
    const text = (place) => `(${place.map(three).join(", ")})`;
    controls.replaceChildren(...queryNames.map((name, i) =>
      select(name, places.map((place) => [place.join(), text(place)]), state.queries[i].join(),
        (value) => ((state.queries[i] = value.split(",").map(Number)), question()))),
    select("a click moves", queryNames.map((name, i) => [String(i), name]), String(active), (i) => (active = Number(i))));
  }
  const maskTable = () => h("table", {class: "cells mask"}, h("caption", {}, "The mask: a tick lets the query see the key"),
    h("thead", {}, h("tr", {}, h("td", {}), keyNames.map((name) => h("th", {scope: "col"}, name)))),
    h("tbody", {}, queryNames.map((name, i) => h("tr", {}, h("th", {scope: "row"}, name), keyNames.map((key, j) => {
      const box = h("input", {type: "checkbox", checked: true, "aria-label": `${name} may see ${key}`,
        onchange: () => ((state.allowed[i] = state.allowed[i].with?.(j, Number(box.checked)) ?? state.allowed[i].map((old, c) => (c === j ? Number(box.checked) : old))), question())});
      return h("td", {}, h("label", {class: "tick"}, box));
    })))));

  ask("attention", {allowed: [1, 1, 1]}).then(({conventions}) => {
    section.append(planes, controls, h("div", {class: "fields"}, select("keys", keyPlaces.map(({name}) => [name, name]), state.keys, set("keys")),
      select("heads", headCounts.map((count) => [String(count), String(count)]), "1", (count) => set("heads")(Number(count))),
      tick("divide by √D", true, set("scale"))),
    h("div", {class: "pair"}, mask, h("div", {}, select("mask convention", conventions.map((way, i) => [String(i), way.name]), "0", (i) => set("convention")(Number(i))), written, verdict)),
    h("h3", {}, "Forward"), forward, h("h3", {}, "Gradients"), backward);
    mask.append(maskTable());
    fields();
    question();
  });
}});
