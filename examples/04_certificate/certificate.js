// Draws the certificate: one state of the model at a time, and the states against each other.

const data = JSON.parse(document.getElementById("data").text);
const $ = (id) => document.getElementById(id);
const chosen = {state: data.states.length - 1, example: "middle", size: "own"};
const state = () => data.states[chosen.state];

// ---- elements ----

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== ""));
  return element;
}
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// ---- numbers ----

const many = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const whole = (count) => count.toLocaleString("en");
const minus = (text) => text.replaceAll("-", "−");

// A power of ten is written 10^−3 in texts; rich() shows it as a superscript.
function rich(text) {
  return text.split(/(\^−?\d+)/).map((part) => (part.startsWith("^") ? h("sup", {}, part.slice(1)) : part));
}

// 3·10^−22: a bound needs one digit.
function size(x) {
  if (x === null) return "unknown";
  if (x === 0) return "0";
  const [digits, power] = x.toExponential(0).split("e");
  return minus(`${digits}·10^${Number(power)}`);
}

// 1.2345e-03 as 1.2345·10^−3.
function scientific(text) {
  const [digits, power] = text.split("e");
  return minus(digits + (power && Number(power) ? `·10^${Number(power)}` : ""));
}
const precise = (x) => (x === null ? "no number" : scientific(x.toExponential(9)));
const digits = (x) => (x === null ? "–" : x <= -20 ? "none" : minus(x.toFixed(1)));
const some = (d, what) => (d.count ? digits(d[what]) : "–");

// ---- choices ----

function choice(id, options, key) {
  $(id).hidden = options.length < 2;
  $(id).replaceChildren(...options.map(([value, text]) =>
    h("button", {type: "button", "data-value": value, "aria-pressed": String(chosen[key] === value),
      onclick: () => { chosen[key] = value; draw(); $(id).querySelector(`[data-value="${value}"]`).focus(); }}, text)));
}

// ---- the head ----

function facts() {
  const {all, directions} = state();
  const list = [
    ["entries of the gradient", whole(all.entries)],
    ["enclosed", whole(all.entries - all.unbounded)],
    ["widest enclosure, relative", size(all.widest)],
    ["correct digits of float, median", some(all.fused.own, "median")],
    ["correct digits of float, worst", some(all.fused.own, "worst")],
    ["directions checked", whole(directions.done.length)]
  ];
  $("facts").replaceChildren(...list.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, rich(value)))));
}

// ---- the worked entry ----

// The distance between a float and the next larger one.
function spacing(x) {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, Math.abs(x));
  const here = bits.getFloat32(0);
  bits.setInt32(0, bits.getInt32(0) + 1);
  return bits.getFloat32(0) - here;
}

// Float's number and its neighbours on a line, and the enclosure through a magnifying glass.
function numberLine(example) {
  const wide = $("line").clientWidth > 560, width = wide ? 900 : 400, left = 20, right = width - 20;
  const truth = (example.enclosure.below + example.enclosure.above) / 2, step = spacing(example.number);
  const error = Math.abs(example.number - truth), reach = Math.max(2.6 * step, 1.7 * error);
  const x = (value) => (left + right) / 2 + ((value - (truth + example.number) / 2) / reach) * (right - left) / 2;
  const parts = [s("line", {class: "axis", x1: left, x2: right, y1: 70, y2: 70})];

  // Every float in sight, if they can be told apart.
  const around = Math.floor(reach / step);
  if (around < 20) {
    for (let k = -2 * around; k <= 2 * around; ++k) {
      const at = x(example.number + k * step);
      if (at >= left && at <= right) parts.push(s("line", {class: "tick", x1: at, x2: at, y1: 64, y2: 76}));
    }
  }

  // The error, the truth, and float's number; the labels lie on different sides of the line.
  const [a, b] = [x(truth), x(example.number)];
  const anchor = (at) => (at < width * 0.3 ? "start" : at > width * 0.7 ? "end" : "middle");
  parts.push(
    s("line", {class: "error", x1: a, x2: b, y1: 70, y2: 70}),
    s("line", {class: "truth", x1: a, x2: a, y1: 58, y2: 82}),
    s("circle", {class: "float", cx: b, cy: 70, r: 7}),
    s("text", {class: "float-label", x: b, y: 46, "text-anchor": anchor(b)}, "float’s number"),
    s("text", {class: "truth-label", x: a, y: 104, "text-anchor": anchor(a)}, "the enclosure"));

  // The enclosure, enlarged until it can be seen.
  const [from, to] = [width * 0.3, width * 0.7];
  const larger = example.enclosure.width > 0 ? (0.4 * width) / ((example.enclosure.width / reach) * (right - left) / 2) : 0;
  parts.push(
    s("path", {class: "lens", d: `M${a} 112L${to} 150H${from}Z`}),
    s("rect", {class: "band", x: from, width: to - from, y: 150, height: 16, rx: 3}),
    s("line", {class: "end", x1: from, x2: from, y1: 144, y2: 172}),
    s("line", {class: "end", x1: to, x2: to, y1: 144, y2: 172}),
    s("text", {x: width / 2, y: 194, "text-anchor": "middle"},
      larger > 1 ? raised(`the same, ${size(larger)} times larger: the truth is in here`) : "the truth is in here"));
  return s("svg", {viewBox: `0 0 ${width} 202`, role: "img",
    "aria-label": `Float’s number ${precise(example.number)} and the enclosure ${example.truth}`}, parts);
}

// rich(), for a text of SVG.
function raised(text) {
  let after = false;
  return text.split(/(\^−?\d+)/).map((part) => {
    const up = part.startsWith("^"), moved = up ? "-5" : after ? "5" : undefined;
    after = up;
    return s("tspan", {dy: moved, class: up ? "power" : undefined}, up ? part.slice(1) : part);
  });
}

// The digits of float that agree with the truth stand out.
function marked(example) {
  if (example.number === null) return ["no number"];
  const text = example.number.toExponential(9), truth = example.truth;
  const power = (of) => Number(of.split("e")[1] ?? 0);
  let same = 0;
  if (power(text) === power(truth))
    while (text[same] === truth[same] && text[same] !== "e") ++same;
  return [h("span", {class: "right"}, minus(text.slice(0, same))), ...rich(scientific(text.slice(same)))];
}

function drawExample() {
  const examples = [["middle", "A typical entry"], ["worst", "The worst entry"]].filter(([key]) => state()[key]);
  if (!examples.length) return void ($("line").closest("section").hidden = true);
  if (!state()[chosen.example]) chosen.example = examples[0][0];
  choice("examples", examples, "example");
  const e = state()[chosen.example], between = Math.abs(e.number - (e.enclosure.below + e.enclosure.above) / 2);
  const floats = Math.floor(between / spacing(e.number));
  $("example-name").replaceChildren("Entry ", whole(e.entry), " of the gradient of ", h("code", {}, e.name), ", ", state().label, ":");
  $("line").replaceChildren(numberLine(e));
  const list = [["the truth begins with", scientific(e.truth)], ["the enclosure is", `${size(e.enclosure.width)} wide`],
    ["float says", marked(e)], ["correct digits", `at least ${digits(e.digits)}`]];
  $("example-numbers").replaceChildren(...list.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "string" ? rich(value) : value)]));
  $("example-note").textContent = floats < 1
    ? "Short strokes are all the floats there are. Float’s number is next to the truth: no float is much better."
    : `Float rounds after each operation, and the errors add up: ${many(floats, "float")} lie${floats === 1 ? "s" : ""} between its number and the truth.`;
}

// ---- histograms ----

const edge = (bin) => (bin - 1) / 2;
const binName = (bin, last) => (bin === 0 ? "none" : bin === last ? "9 or more" : `${edge(bin)} to ${edge(bin + 1)}`);

// Two series of bars. A series: a name and its digits.
function histogram(title, series) {
  const width = $("attention-chart").clientWidth > 420 ? 560 : 340;
  const height = 250, left = 40, bottom = 212, top = 12, last = series[0][1].bins.length - 1;
  const share = ([, d], bin) => (d.count ? d.bins[bin] / d.count : 0);
  const most = Math.max(0.01, ...series.flatMap((one) => one[1].bins.map((_, bin) => share(one, bin))));
  const slot = (width - left - 8) / (last + 1);
  const y = (part) => bottom - (part / most) * (bottom - top);
  const parts = [];
  const mark = [0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005].find((m) => most / m >= 2) ?? most;
  for (let part = 0; part <= most; part += mark) {
    parts.push(s("line", {class: "grid", x1: left, x2: width - 4, y1: y(part), y2: y(part)}),
      s("text", {x: left - 6, y: y(part) + 4, "text-anchor": "end"}, `${Math.round(1000 * part) / 10} %`));
  }
  series.forEach((one, k) => {
    const group = s("g", {class: k ? "second" : "first"});
    for (let bin = 0; bin <= last; ++bin) {
      const part = share(one, bin);
      if (part > 0) group.append(s("rect", {x: left + slot * (bin + 0.08 + (k * 0.84) / series.length), width: (slot * 0.84) / series.length, y: y(part), height: Math.max(bottom - y(part), 0.7), rx: 1.5}));
    }
    const at = left + slot * (1 + 2 * Math.max(0, Math.min(9, one[1].median)));
    if (one[1].count) group.append(s("line", {class: "median", x1: at, x2: at, y1: top, y2: bottom}));
    parts.push(group);
  });
  for (let n = 0; n <= 9; ++n) parts.push(s("text", {x: left + slot * (1 + 2 * n), y: bottom + 18, "text-anchor": "middle"}, n));
  parts.push(s("text", {x: width - 4, y: bottom + 34, "text-anchor": "end"}, "correct digits"));

  // The picture, and the same numbers as a table.
  const told = series.map(([name, d]) => `${name}: median ${some(d, "median")}, worst ${some(d, "worst")}`);
  const rows = [...Array(last + 1).keys()].filter((bin) => series.some(([, d]) => d.bins[bin]));
  return [
    h("figcaption", {}, h("h3", {}, title), h("ul", {}, told.map((text, k) => h("li", {class: k ? "second" : "first"}, text)))),
    s("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}. ${told.join("; ")}`}, parts),
    h("details", {}, h("summary", {}, "The same as a table"),
      h("table", {}, h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "digits"), series.map(([name]) => h("th", {scope: "col"}, name)))),
        h("tbody", {}, rows.map((bin) => h("tr", {}, h("th", {scope: "row"}, binName(bin, last)), series.map(([, d]) => h("td", {}, whole(d.bins[bin]))))))))
  ];
}

function drawHistograms() {
  choice("sizes", [["own", "Relative to the entry"], ["largest", "Relative to the largest entry of its parameter"]], "size");
  const {all, label} = state(), which = chosen.size;
  $("attention-chart").replaceChildren(...histogram(`Fused and plain attention, ${label}`, [["fused", all.fused[which]], ["plain", all.plain[which]]]));
  $("training-chart").hidden = data.states.length < 2;
  $("training-chart").parentElement.classList.toggle("single", data.states.length < 2);
  if (data.states.length > 1) {
    const [first, second] = [data.states[0], data.states.at(-1)];
    $("training-chart").replaceChildren(...histogram("Before and after training, fused attention", [["before", first.all.fused[which]], ["after", second.all.fused[which]]]));
  }
  const text = [];
  if (all.zeros) text.push(`${many(all.zeros, "entry").replace("entrys", "entries")} ${all.zeros === 1 ? "is" : "are"} exactly 0: rows of tokens that do not occur in the batch, and units that a ReLU turned off.`);
  if (all.noSign) text.push(`${many(all.noSign, "entry").replace("entrys", "entries")} ${all.noSign === 1 ? "has" : "have"} no sign: the truth is 0, or so small that its enclosure, at most ${size(all.bound)}, holds 0. Float gives up to ${size(all.fused.stray)} there. The bias of the keys is such a parameter. It adds one number to all scores of a query, and a softmax does not change by that: the true gradient is 0, and what float computes is rounding.`);
  if (text.length) text.push("These entries are not in the histogram.");
  $("apart").replaceChildren(...rich(text.join(" ")));
}

// ---- tables ----

// A name that may be broken after its dots and underscores.
const breakable = (name) => name.split(/(?<=[._])/).flatMap((part) => [part, h("wbr", {})]);

function spark(d) {
  const most = Math.max(1, ...d.bins);
  return s("svg", {viewBox: "0 0 100 22", "aria-hidden": "true"},
    d.bins.map((n, bin) => (n ? s("rect", {x: bin * 5, width: 4, y: 22 - Math.max(1.5, (22 * n) / most), height: Math.max(1.5, (22 * n) / most)}) : "")));
}

function drawParameters() {
  const pairs = [["fused", (p) => p.fused.own], ["of the largest", (p) => p.fused.largest], ["plain", (p) => p.plain.own]];
  const column = (name, rows = "2") => h("th", {scope: "col", rowspan: rows}, name);
  const head = h("thead", {},
    h("tr", {}, column("parameter"),
      pairs.map(([name]) => h("th", {scope: "colgroup", colspan: "2", class: "pair"}, name)),
      ["0 … 9 digits", "entries", "apart", "widest"].map((name) => column(name))),
    h("tr", {}, pairs.flatMap(() => [column("worst", "1"), column("median", "1")])));
  const rows = state().parameters.map((p) => h("tr", {},
    h("th", {scope: "row"}, breakable(p.name), " ", h("span", {}, p.shape)),
    pairs.flatMap(([, of]) => [h("td", {}, some(of(p), "worst")), h("td", {}, some(of(p), "median"))]),
    h("td", {}, spark(p.fused.own)), h("td", {}, whole(p.entries)), h("td", {}, whole(p.zeros + p.noSign)),
    h("td", {}, p.widest ? rich(size(p.widest)) : "–")));
  $("parameters").replaceChildren(h("table", {}, head, h("tbody", {}, rows)));
}

function drawChecks() {
  const {directions: d, entries} = state();
  const slack = (m) => (m.forward.width + m.sweep.width) / Math.max(Math.abs(m.forward.below), Math.abs(m.forward.above), 1e-300);
  const widest = Math.max(0, ...d.done.map(slack));
  const told = d.done.length === 0 ? "No direction was checked in this run."
    : `Along ${many(d.done.length, "random direction")}, ${d.disjoint ? `the enclosures are disjoint in ${d.disjoint}: refuted` : "the two enclosures meet in every one"}. A VJP that changes a slope by more than ${size(widest)} of it would be refuted.`;
  $("directions").replaceChildren(...rich(told));
  $("entries").hidden = entries.length === 0;
  const rows = entries.map((e) => h("tr", {}, h("th", {scope: "row"}, breakable(e.name), " ", h("span", {}, `entry ${whole(e.entry)}`)),
    h("td", {class: "text mono"}, rich(scientific(e.truth))), h("td", {class: "text mono"}, rich(precise(e.number))),
    h("td", {}, digits(e.digits)), h("td", {class: e.disjoint ? "bad" : "good"}, e.disjoint ? "disjoint" : "meet")));
  const heads = ["entry", "the truth, where the forward rules hold", "float", "digits", "both ways"];
  $("entries").replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, heads.map((name, i) => h("th", {scope: "col", class: i === 1 || i === 2 ? "text" : ""}, name)))), h("tbody", {}, rows)));
}

// ---- all of it ----

function draw() {
  choice("states", data.states.map((one, i) => [i, one.label]), "state");
  $("subject").textContent = `${data.model[0].toUpperCase()}${data.model.slice(1)}. ${data.batch}.\n${data.pairs}`;
  $("bounds").textContent = data.bits > 53 ? `The bounds have ${data.bits} bits, so that they stay close to each other through the whole model.` : "";
  $("verdict").textContent = state().verdict;
  $("verdict").classList.toggle("fault", !state().enclosed);
  facts();
  drawExample();
  drawHistograms();
  drawParameters();
  drawChecks();
}

draw();
let before = innerWidth;
addEventListener("resize", () => {
  if (before === innerWidth) return;  // a phone hides its bar of the address while one scrolls
  before = innerWidth;
  drawExample();
  drawHistograms();
});
