// What the live pieces share: elements, fields, numbers, tables of numbers, graphs, and steps.
// A piece asks the library and draws its answer; it computes nothing that the library could.
"use strict";

glass.parts = (() => {
// ---- elements ----

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== ""));
  return element;
}
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// ---- numbers and words ----

// Three significant digits, with a true minus sign. What is no number is a string already.
function three(value) {
  if (typeof value === "string") return value;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e6) return String(Number(value.toPrecision(3))).replace("-", "−");
  // −1.0e+9 becomes −10⁹, and 2.2e-11 becomes 2.2·10⁻¹¹.
  const [digits, exponent] = value.toExponential(1).split("e");
  const power = "10" + [...String(Number(exponent))].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
  return (digits.replace("-", "−").replace(".0", "") + "·" + power).replace(/^(−?)1·/, "$1");
}
const listed = (items) => (items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`);
const shapeText = (shape) => `[${shape.join(", ")}]`;

// ---- fields ----

// A field with its label; `id` is unique in the page.
let fields = 0;
function labelled(label, element) {
  element.id = `live-field-${++fields}`;
  return h("div", {class: "field"}, h("label", {for: element.id}, label), element);
}
function select(label, options, chosen, onchange) {
  const element = h("select", {onchange: () => onchange(element.value)},
    options.map(([value, text]) => h("option", {value, selected: value === chosen}, text)));
  return labelled(label, element);
}
// A slider over a list of numbers; the label shows the number.
function slider(name, values, chosen, onchange) {
  const element = h("input", {type: "range", min: 0, max: values.length - 1, step: 1, value: values.indexOf(chosen)});
  const shown = h("output", {}, three(chosen));
  const tell = () => {
    const value = values[Number(element.value)];
    shown.textContent = three(value);
    element.setAttribute("aria-valuetext", three(value));
    return value;
  };
  tell();
  element.addEventListener("input", () => onchange(tell()));
  const field = labelled([`${name} = `], element);
  field.firstChild.append(shown);
  return field;
}
function tick(label, checked, onchange) {
  const element = h("input", {type: "checkbox", checked, onchange: () => onchange(element.checked)});
  return h("label", {class: "tick"}, element, label);
}

// The first paragraph of a piece says each answer; it is read aloud.
function sentence(section) {
  const element = section.querySelector(".sentence") ?? section.insertBefore(h("p", {class: "sentence"}), section.firstChild);
  element.setAttribute("aria-live", "polite");
  return element;
}

// ---- tables of numbers ----

// Rows of numbers as a table. The ground of a cell shows its share of the largest number; the number
// says the sign. `blocked(i, j)` marks cells that a mask blocks.
function cells(rows, {caption, rowNames = [], columnNames = [], heat = true, blocked = () => false, note = ""}) {
  const sizes = rows.flat().filter((x) => typeof x === "number").map(Math.abs);
  const largest = Math.max(...sizes, 1e-30);
  const head = columnNames.length ? h("tr", {}, rowNames.length ? h("td", {}) : "", columnNames.map((name) => h("th", {scope: "col"}, name))) : "";
  const body = rows.map((row, i) => h("tr", {}, rowNames.length ? h("th", {scope: "row"}, rowNames[i]) : "",
    row.map((value, j) => {
      const share = heat && typeof value === "number" ? Math.round((50 * Math.abs(value)) / largest) : 0;
      return h("td", {class: blocked(i, j) ? "number blocked" : "number", style: `--share: ${share}%`}, three(value),
        blocked(i, j) ? h("span", {class: "unseen"}, " blocked") : "");
    })));
  const table = h("table", {class: "cells"}, h("caption", {}, caption, note ? h("span", {class: "shape"}, ` ${note}`) : ""),
    head ? h("thead", {}, head) : "", h("tbody", {}, body));
  // A table that is wider than its place scrolls, by keys too.
  requestAnimationFrame(() => table.scrollWidth > table.clientWidth && (table.tabIndex = 0));
  return table;
}
// The answer's {shape, values}: the last axis as columns, a vector as a row.
function tensor(x, options) {
  const columns = x.shape.at(-1) ?? 1, rows = [];
  for (let i = 0; i < x.values.length; i += columns) rows.push(x.values.slice(i, i + columns));
  return cells(rows, {note: shapeText(x.shape), ...options});
}

// ---- graphs ----

// nodes: {rank, place, parents}; arrows: {from, to, way}. `look(number)` gives the texts and the state of
// a node, `back(child, slot)` the text of a payment on its way back, or undefined. In a narrow section
// the ranks go down. `room` is the width that there is: ranks come nearer and the picture shrinks a
// little to fit; type stays above 11 px, so a graph of many ranks scrolls, and begins at the node `at`.
function graph({nodes, arrows}, {narrow, room, label, look, back, at, wide = 92}) {
  const high = 46, edge = 12, ranks = Math.max(1, ...nodes.map((node) => node.rank));
  const between = narrow ? 104 : Math.min(148, Math.max(wide + 34, (room - wide - 2 * edge) / ranks)), lane = narrow ? wide + 16 : 92;
  const centre = ([rank, place]) => narrow ? [edge + wide / 2 + place * lane, edge + 6 + high / 2 + rank * between]
                                           : [edge + wide / 2 + rank * between, edge + high / 2 + place * lane];
  const points = [...nodes.map((node) => [node.rank, node.place]), ...arrows.flatMap((arrow) => arrow.way)].map(centre);
  const width = Math.max(...points.map((p) => p[0])) + wide / 2 + edge, height = Math.max(...points.map((p) => p[1])) + high / 2 + edge + 18;
  const scale = Math.max(Math.min(1, room / width), 0.85);
  const picture = s("svg", {class: "graph", viewBox: `0 0 ${width} ${height}`, width: scale * width, height: scale * height, role: "img", "aria-label": label});

  // A smooth way through the ranks, from the edge of one node to the edge of the other.
  const path = (way, shift, reversed) => {
    const along = way.map(centre).map(([x, y]) => (narrow ? [x + shift, y] : [x, y + shift]));
    const axis = narrow ? 1 : 0, half = narrow ? high / 2 : wide / 2, tip = 7;
    along[0][axis] += half + (reversed ? tip : 0);
    along[along.length - 1][axis] -= half + (reversed ? 0 : tip);
    let d = `M${along[0]}`;
    for (let i = 1; i < along.length; ++i) {
      const [[x, y], [u, v]] = [along[i - 1], along[i]];
      d += narrow ? ` C${x},${(y + v) / 2} ${u},${(y + v) / 2} ${u},${v}` : ` C${(x + u) / 2},${y} ${(x + u) / 2},${v} ${u},${v}`;
    }
    return [d, along];
  };
  const point = ([x, y], reversed, kind) => {  // a triangle, 7 px long
    const d = narrow ? (reversed ? `M${x},${y - 7} l-4.5,8 h9 Z` : `M${x},${y + 7} l-4.5,-8 h9 Z`)
                     : (reversed ? `M${x - 7},${y} l8,-4.5 v9 Z` : `M${x + 7},${y} l-8,-4.5 v9 Z`);
    return s("path", {class: `tip ${kind}`, d});
  };

  const labels = [];
  for (const arrow of arrows) {
    const slots = nodes[arrow.to - 1].parents.flatMap((parent, slot) => (parent === arrow.from ? [slot] : []));
    slots.forEach((slot, k) => {
      const shift = (k - (slots.length - 1) / 2) * (narrow ? 34 : 26), paid = back(arrow.to, slot);
      const [forward, ends] = path(arrow.way, shift - (paid === undefined ? 0 : 5), false);
      picture.append(s("path", {class: "forward", d: forward}), point(ends.at(-1), false, "forward"));
      if (paid === undefined) return;
      const [returning, way] = path(arrow.way, shift + 5, true);
      picture.append(s("path", {class: "back", d: returning}), point(way[0], true, "back"));
      const [a, b] = way.slice(-2);
      labels.push(s("text", {class: "payment", x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2 + 4}, paid));
    });
  }
  picture.append(...labels);
  nodes.forEach((node, i) => {
    const [x, y] = centre([node.rank, node.place]), {name, detail, below = "", state = ""} = look(i + 1);
    picture.append(s("g", {class: `node ${state}`},
      s("rect", {x: x - wide / 2, y: y - high / 2, width: wide, height: high, rx: node.parents.length ? 6 : high / 2}),
      s("text", {class: "name", x, y: y - 4}, name), s("text", {class: "detail", x, y: y + 14}, detail),
      below ? s("text", {class: "below", x, y: y + high / 2 + 15}, below) : ""));
  });
  const box = h("div", {class: "picture", tabindex: 0, role: "group", "aria-label": label}, picture);
  const seen = nodes[at - 1];
  if (seen) requestAnimationFrame(() => (box.scrollLeft = scale * centre([seen.rank, seen.place])[0] - box.clientWidth / 2));
  return box;
}

// ---- steps ----

// Buttons and a slider that go from step to step; `go(position)` draws.
function steps(go) {
  let position = 0, count = 0;
  const range = h("input", {type: "range", min: 0, value: 0, oninput: () => move(Number(range.value))});
  const back = h("button", {type: "button", onclick: () => move(position - 1)}, "Back");
  const next = h("button", {type: "button", class: "main", onclick: () => move(position + 1)}, "Step");
  const place = h("span", {class: "place"});
  const show = () => {
    range.max = count;
    range.value = position;
    back.disabled = position === 0;
    next.disabled = position === count;
    place.textContent = position === 0 ? `${count} steps` : `Step ${position} of ${count}`;
    range.setAttribute("aria-valuetext", place.textContent);
  };
  function move(to) {
    position = Math.min(Math.max(to, 0), count);
    show();
    go(position);
  }
  const element = h("div", {class: "steps"}, back, next, labelled("Step of the sweep", range), place);
  return {element, begin: (steps) => ((count = steps), move(0)), keep: (steps) => ((count = steps), move(position))};
}

// Draws again when the width changes. Gives the room for a picture, and whether it is narrow.
function watch(section, draw) {
  const measure = () => {
    const style = getComputedStyle(section);
    return section.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  };
  let room = measure();
  new ResizeObserver(() => {
    if (room === measure()) return;
    room = measure();
    draw();
  }).observe(section);
  return () => ({room, narrow: room < 520});
}

// Only the newest question counts: an answer that comes late is dropped.
function newest() {
  let last = 0;
  return async (question, use, fail) => {
    const mine = ++last;
    try {
      const answer = await question;
      if (mine === last) use(answer);
    } catch (error) {
      if (mine === last) fail(error);
    }
  };
}

return {h, s, three, listed, shapeText, labelled, select, slider, tick, sentence, cells, tensor, graph, steps, watch, newest};
})();
