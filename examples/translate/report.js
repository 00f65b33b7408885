// Draws the page of a training from its data. Three parts: the facts, the curves, and the workbench
// of translations with their attention. All text is put in as text, never as markup.

const data = JSON.parse(document.getElementById("data").text);
const $ = (id) => document.getElementById(id);

// An element of HTML or SVG: attributes, then children (nodes, or text).
const svgNames = new Set(["svg", "path", "line", "text", "circle", "g"]);
function make(name, attributes = {}, ...children) {
  const node = svgNames.has(name) ? document.createElementNS("http://www.w3.org/2000/svg", name)
                                  : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function icon(...paths) {
  return make("svg", {viewBox: "0 0 24 24", "aria-hidden": "true"},
              ...paths.map(([d, kind]) => make("path", {d, class: kind})));
}

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const whole = (x) => x.toLocaleString("en");
const percent = (thousandths) => thousandths == null ? "no number" : `${(thousandths / 10).toFixed(1)} %`;
function short(x) {  // a number as the axis or a reader wants it: three or four digits
  if (x == null) return "no number";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size < 1e-4 || size >= 1e6) {
    const [digits, power] = x.toExponential(2).split("e");
    const signs = {"-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹"};
    return `${Number(digits)}·10${[...power.replace("+", "")].map((c) => signs[c]).join("")}`;
  }
  return String(Number(x.toPrecision(4)));
}

// ---- one tooltip for everything that is pointed at ----

const tip = $("tip");
let tipAnchor = null;  // says where the tip points to, also after scrolling: [x, y] in the window
function placeTip() {
  if (!tipAnchor) return;
  const [x, y] = tipAnchor(), box = tip.getBoundingClientRect();
  const left = clamp(x - box.width / 2, 8, document.documentElement.clientWidth - box.width - 8);
  const above = y - box.height - 12;
  tip.style.transform = `translate(${left}px, ${above > 60 ? above : y + 18}px)`;
}
function showTip(anchor, ...content) {
  tip.replaceChildren(...content);
  tip.hidden = false;
  tipAnchor = anchor;
  placeTip();
}
function hideTip() {
  tip.hidden = true;
  tipAnchor = null;
}
addEventListener("scroll", placeTip, {capture: true, passive: true});

// ---- the facts ----

$("title").textContent = data.title;
$("lead").textContent = data.lead;
$("lead").hidden = !data.lead;
for (const [name, value] of data.facts)
  $("facts").append(make("div", {}, make("dt", {}, name), make("dd", {}, value)));
// The facts in rows of about the same length.
$("facts").style.setProperty("--columns", Math.ceil(data.facts.length / Math.ceil(data.facts.length / 8)) || 1);
$("facts").hidden = data.facts.length === 0;

// ---- curves ----

// Round numbers that cut [low, high] into about `count` parts, each at least `least`.
function linearTicks(low, high, count, least = 0) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(power * [1, 2, 5, 10].find((s) => s * power >= rough * 0.999), least);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) ticks.push(i * step + 0);  // + 0: no -0
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  const decades = Math.log10(high / low);
  const parts = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 3, 5, 7];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); ++power)
    for (const part of parts) ticks.push(part * 10 ** power);
  return ticks.filter((t) => t >= low * 0.999 && t <= high * 1.001);
}

// The largest step in any curve. All charts end their horizontal axis there, so that the same place
// in two charts means the same step.
const lastStep = Math.max(1, ...data.history.train.step, ...data.history.valid.step);

// A curve: {name, color, x, y, dots, fine, fill, best}. Where y is null the line has a gap.
class Chart {
  constructor({title, curves, format = short, fromZero = false, logarithm = false}) {
    Object.assign(this, {curves, format, fromZero, at: null});
    const values = curves.flatMap((c) => c.y).filter((y) => y != null);
    const positive = values.length > 0 && values.every((y) => y > 0);
    this.log = logarithm && positive && Math.max(...values) / Math.min(...values) > 30;
    this.steps = [...new Set(curves.flatMap((c) => c.x))].sort((a, b) => a - b);

    const keys = make("ul", {class: "keys"});
    if (curves.length > 1)
      for (const c of curves) keys.append(make("li", {class: c.color}, c.name));
    this.plot = make("div", {class: "plot", tabindex: "0", role: "slider", "aria-label": `${title}, by step`,
                             "aria-valuemin": this.steps[0], "aria-valuemax": this.steps.at(-1)});
    const head = make("header", {}, make("h3", {}, title[0].toUpperCase() + title.slice(1)), keys);
    if (logarithm && positive) {
      const scales = make("div", {class: "choice", role: "group", "aria-label": `Scale of ${title}`});
      for (const [name, log] of [["linear", false], ["log", true]]) {
        const button = make("button", {type: "button", "aria-pressed": String(log === this.log)}, name);
        button.addEventListener("click", () => {
          this.log = log;
          for (const b of scales.children) b.setAttribute("aria-pressed", String(b === button));
          this.draw();
        });
        scales.append(button);
      }
      head.append(scales);
    }
    this.node = make("div", {class: "card chart"}, head, this.plot);

    this.plot.addEventListener("pointermove", (event) => this.pointAt(event));
    this.plot.addEventListener("pointerdown", (event) => this.pointAt(event));
    // A finger that is lifted leaves, too, but what it touched stays to be read.
    this.plot.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") this.leave(); });
    document.addEventListener("pointerdown", (event) => { if (this.at != null && !this.plot.contains(event.target)) this.leave(); });
    this.plot.addEventListener("blur", () => this.leave());
    this.plot.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.plot);
    this.tell(this.steps.length - 1);
  }

  draw() {
    const {width, height} = this.plot.getBoundingClientRect();
    if (width < 60) return;
    const values = this.curves.flatMap((c) => c.y).filter((y) => y != null);
    let low = this.fromZero && !this.log ? 0 : Math.min(...values), high = Math.max(...values);
    if (values.length === 0) [low, high] = [0, 1];
    if (!(high > low)) [low, high] = this.log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
    const pad = this.log ? 0 : (high - low) * 0.06;
    if (this.log) low *= 0.8;
    else if (!this.fromZero) low -= 1.6 * pad;
    high = this.log ? high * 1.15 : high + pad;

    const box = {left: 46, right: width - 14, top: 14, bottom: height - 30};
    const scale = this.log ? Math.log : (v) => v;
    this.x = (step) => box.left + step / lastStep * (box.right - box.left);
    this.y = (v) => box.bottom - (scale(v) - scale(low)) / (scale(high) - scale(low)) * (box.bottom - box.top);
    this.box = box;

    const svg = make("svg", {viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true"});
    const ticks = this.log ? logTicks(low, high) : linearTicks(low, high, Math.max(2, Math.round(height / 55)));
    for (const tick of ticks) {
      const y = this.y(tick);
      svg.append(make("line", {class: "grid", x1: box.left, x2: box.right, y1: y, y2: y}),
                 make("text", {x: box.left - 8, y: y + 4, "text-anchor": "end"}, this.format(tick)));
    }
    const across = linearTicks(0, lastStep, Math.max(2, Math.round(width / 110)), 1);
    for (const tick of across) {
      const x = this.x(tick);
      svg.append(make("line", {class: "grid", x1: x, x2: x, y1: box.bottom, y2: box.bottom + 4}),
                 make("text", {x, y: box.bottom + 18, "text-anchor": x > box.right - 16 ? "end" : "middle"},
                      whole(tick)));
    }
    for (const c of this.curves) svg.append(this.curve(c));
    this.cross = make("g");
    svg.append(this.cross);
    this.plot.replaceChildren(svg);
    if (values.length === 0)
      svg.append(make("text", {x: width / 2, y: height / 2, "text-anchor": "middle"}, "no numbers"));
  }

  curve(c) {
    const group = make("g", {class: c.color});
    const points = c.x.map((x, i) => c.y[i] == null ? null : [this.x(x), this.y(c.y[i])]);
    let path = "", area = "", run = [];
    const close = () => {
      if (run.length > 0) {
        const line = run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
        path += run.length > 1 ? `M${line}` : `M${line}h.01`;
        area += `M${run[0][0]} ${this.box.bottom}L${line}L${run.at(-1)[0]} ${this.box.bottom}Z`;
      }
      run = [];
    };
    for (const p of points) p ? run.push(p) : close();
    close();
    if (c.fill) group.append(make("path", {class: "under", d: area}));
    group.append(make("path", {class: c.fine ? "curve fine" : "curve", d: path}));
    if (c.dots && points.length <= 60)
      for (const p of points)
        if (p) group.append(make("circle", {class: "dot", cx: p[0], cy: p[1], r: 3}));

    // The best of a curve, named where it is.
    const numbers = c.y.filter((y) => y != null);
    if (c.best && numbers.length > 1) {
      const best = c.y.indexOf(c.best === "least" ? Math.min(...numbers) : Math.max(...numbers));
      const [x, y] = points[best];
      const anchor = x > this.box.right - 60 ? "end" : x < this.box.left + 60 ? "start" : "middle";
      const below = c.best === "least" ? y + 22 < this.box.bottom : y < this.box.top + 24;
      group.append(make("circle", {class: "best", cx: x, cy: y, r: 5}),
                   make("text", {class: "best-label", x, y: below ? y + 20 : y - 12, "text-anchor": anchor},
                        `best ${this.format(c.y[best])}`));
    }
    return group;
  }

  // The value of each curve at this step, or the last value before it.
  valuesAt(step) {
    return this.curves.map((c) => {
      let i = c.x.findLastIndex((x) => x <= step);
      if (i < 0) i = 0;
      return {curve: c, step: c.x[i], value: c.y[i]};
    });
  }

  tell(index) {
    const step = this.steps[index];
    this.plot.setAttribute("aria-valuenow", step);
    this.plot.setAttribute("aria-valuetext", `step ${whole(step)}: ` + this.valuesAt(step).map(
        ({curve, value}) => `${curve.name} ${this.format(value)}`).join(", "));
  }

  show(index) {
    this.at = index;
    const step = this.steps[index];
    this.tell(index);
    const x = this.x(step);
    const marks = [make("line", {class: "cross", x1: x, x2: x, y1: this.box.top, y2: this.box.bottom})];
    const lines = [make("b", {}, `step ${whole(step)}`)];
    let top = this.box.bottom;
    for (const {curve, step: from, value} of this.valuesAt(step)) {
      lines.push(make("br"), make("i", {class: curve.color}), `${curve.name} ${this.format(value)}`);
      if (value == null) continue;
      top = Math.min(top, this.y(value));
      marks.push(make("g", {class: curve.color}, make("circle", {class: "best", cx: this.x(from), cy: this.y(value), r: 4.5})));
    }
    this.cross.replaceChildren(...marks);
    showTip(() => {
      const corner = this.plot.getBoundingClientRect();
      return [corner.left + x, corner.top + top];
    }, ...lines);
  }

  leave() {
    if (this.at == null) return;  // the tip may be another's by now
    this.at = null;
    this.cross?.replaceChildren();
    hideTip();
  }

  pointAt(event) {
    const x = event.clientX - this.plot.getBoundingClientRect().left;
    let nearest = 0;
    this.steps.forEach((step, i) => {
      if (Math.abs(this.x(step) - x) < Math.abs(this.x(this.steps[nearest]) - x)) nearest = i;
    });
    this.show(nearest);
  }

  key(event) {
    const last = this.steps.length - 1, at = this.at ?? last, page = Math.max(1, Math.round(last / 10));
    const to = {ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - page,
                PageUp: at + page, Home: 0, End: last}[event.key];
    if (event.key === "Escape") this.leave();
    if (to === undefined) return;
    event.preventDefault();
    this.show(clamp(to, 0, last));
  }
}

function drawHistory({train, valid, scoreName}) {
  const charts = $("charts");
  const loss = [];
  if (train.step.length) loss.push({name: "training", color: "second", x: train.step, y: train.loss, fine: true});
  if (valid.step.length) loss.push({name: "validation", color: "first", x: valid.step, y: valid.loss, dots: true, best: "least"});
  if (loss.length) charts.append(new Chart({title: "Loss", curves: loss, logarithm: true}).node);
  if (valid.score.some((s) => s != null))
    charts.append(new Chart({title: scoreName || "Score", fromZero: true, curves: [
      {name: scoreName || "score", color: "third", x: valid.step, y: valid.score, dots: true, fill: true, best: "most"}]}).node);
  if (train.rate.some((r) => r != null))
    charts.append(new Chart({title: "Learning rate", fromZero: true, curves: [
      {name: "rate", color: "second", x: train.step, y: train.rate, fill: true}]}).node);

  if (loss.length === 0) {
    $("learning-lead").textContent = "Nothing was learned in this run: the model was loaded and only marked.";
    return;
  }

  // The curves as a table, for screen readers: every validation, or else some forty of the means.
  const rows = valid.step.length ? valid.step.map((step, i) => {
    const t = train.step.findLastIndex((s) => s <= step);
    return [step, train.loss[t], valid.loss[i], valid.score[i], train.rate[t]];
  }) : train.step.map((step, i) => [step, train.loss[i], null, null, train.rate[i]])
           .filter((_, i, all) => i % Math.ceil(all.length / 40) === 0 || i === all.length - 1);
  const columns = ["step", "training loss", "validation loss", scoreName || "score", "learning rate"];
  const used = columns.map((_, c) => rows.some((row) => row[c] != null));
  const pick = (row) => row.filter((_, c) => used[c]);
  $("numbers").hidden = false;
  $("numbers").querySelector(".scroll").append(make("table", {},
      make("thead", {}, make("tr", {}, ...pick(columns).map((name) => make("th", {scope: "col"}, name)))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...pick(row).map(
          (value, c) => c === 0 ? make("th", {scope: "row"}, whole(value))
                                : make("td", {}, value == null ? "–" : short(value))))))));
}
drawHistory(data.history);

// ---- the colours of attention ----

// Mixed from the style sheet's four colours, so that light and dark have their own. Small weights
// are shown larger than they are, since they would be invisible otherwise.
let ramp = [];
function readRamp() {
  const probe = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const stops = [0, 1, 2, 3].map((i) => {
    document.body.style.setProperty("caret-color", `var(--heat-${i})`);
    probe.fillStyle = getComputedStyle(document.body).caretColor;
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
  });
  document.body.style.removeProperty("caret-color");
  ramp = Array.from({length: 1001}, (_, weight) => {
    const place = (weight / 1000) ** 0.7 * 3, i = Math.min(Math.floor(place), 2), part = place - i;
    return stops[i].map((c, k) => Math.round(c + (stops[i + 1][k] - c) * part));
  });
}
const heat = (weight) => ramp[clamp(Math.round(weight ?? 0), 0, 1000)];
const heatCss = (weight) => `rgb(${heat(weight).join(" ")})`;
// Black or white, whichever reads better on the colour: at least 4.58 : 1 (WCAG 2, relative
// luminance).
function inkOn(weight) {
  const [r, g, b] = heat(weight).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? "#000" : "#fff";
}

// ---- the workbench ----

const state = {
  sample: 0,
  layer: 0,
  head: -1,      // -1: the mean of all
  written: 0,    // how many tokens of the translation are shown
  row: 0,        // the target token whose attention is shown
  over: null,    // what is pointed at: {row, column}, either of them null
  joined: true,  // subwords are joined to words
  playing: null  // the timer
};

// Where tokens are subwords, a sample also knows its words, as [text, how many subwords].
const hasSubwords = data.samples.some((s) => s.sourceWords && s.targetWords);

// The same sample with words for tokens. A word of the source has the sum of its subwords' weights, a
// word of the translation the mean of its subwords' rows.
function joined(s) {
  if (!s.sourceWords || !s.targetWords) return s;
  const sum = (list) => list.includes(null) ? null : list.reduce((a, b) => a + b, 0);
  const cut = (list, words) => {  // the parts of a list, one for each word
    let at = 0;
    return words.map(([, count]) => list.slice(at, at += count));
  };
  const mean = (rows) => rows[0].map((_, c) => {
    const all = sum(rows.map((row) => row[c]));
    return all == null ? null : all / rows.length;
  });
  const weights = s.weights?.map((heads) => heads.map((rows) =>
      cut(rows.map((row) => cut(row, s.sourceWords).map(sum)), s.targetWords).map(mean)));
  return {...s, weights: weights ?? null, source: s.sourceWords.map(([text]) => text),
          target: s.targetWords.map(([text]) => text)};
}

const joinedSamples = new Map();  // by their number
function sample() {
  const i = state.sample;
  if (!state.joined) return data.samples[i];
  if (!joinedSamples.has(i)) joinedSamples.set(i, joined(data.samples[i]));
  return joinedSamples.get(i);
}

// The weights [T][S] of a head, or the mean of a layer's heads.
function weightsOf(layer, head) {
  const heads = sample().weights[layer];
  if (head >= 0) return heads[head];
  return heads[0].map((row, t) => row.map((_, s) => {
    const all = heads.map((h) => h[t][s]);
    return all.includes(null) ? null : all.reduce((sum, w) => sum + w, 0) / all.length;
  }));
}

const headName = (head) => head < 0 ? "mean of heads" : `head ${head + 1}`;
const quoted = (token) => `“${token}”`;
const isEnd = (token) => token === "■";
const named = (token) => isEnd(token) ? "the end" : quoted(token);

// ---- the list of sentences ----

const rightIcon = () => icon(["m5 13 4.5 4.5L19 7"]);
const otherIcon = () => icon(["M6 9.5h12M6 14.5h12M9 19l6-14"]);

// The words of `a` (where there are no spaces, the letters), those marked that are not also in `b` in
// the same order.
function differing(a, b) {
  const letters = !/\s/.test(a + b);
  const cut = (text) => letters ? [...text] : text.match(/\s+|[\p{L}\p{N}\p{M}]+|[^\s\p{L}\p{N}]/gu) ?? [];
  const x = cut(a), y = cut(b);
  const common = Array.from({length: x.length + 1}, () => new Array(y.length + 1).fill(0));
  for (let i = x.length - 1; i >= 0; --i)
    for (let j = y.length - 1; j >= 0; --j)
      common[i][j] = x[i] === y[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  const out = [];
  for (let i = 0, j = 0; i < x.length; ++i) {
    while (j < y.length && x[i] !== y[j] && common[i][j + 1] === common[i][j]) ++j;
    if (j < y.length && x[i] === y[j] && ++j) out.push(x[i]);
    else out.push(x[i].trim() ? make("mark", {}, x[i]) : x[i]);
  }
  return out;
}

function listSamples(which) {
  $("samples").replaceChildren();
  data.samples.forEach((s, i) => {
    if (which === "right" ? !s.right : which === "other" ? s.right : false) return;
    const text = make("span", {class: "to"}, ...(s.right ? [s.targetText] : differing(s.targetText, s.reference)));
    if (!s.targetText) text.append(make("span", {class: "soft"}, "(nothing)"));
    const mark = s.right ? rightIcon() : otherIcon();
    mark.setAttribute("class", s.right ? "good" : "bad");
    const button = make("button", {type: "button", "data-sample": i, "aria-pressed": String(i === state.sample)}, mark,
                        make("span", {class: "from"}, s.sourceText), text);
    if (s.right) button.append(make("span", {class: "aside"}, " – as the reference"));
    else button.append(make("span", {class: "meant"}, make("span", {}, "reference: "), ...differing(s.reference, s.targetText)));
    button.addEventListener("click", () => choose(i));
    $("samples").append(make("li", {}, button));
  });
}

function makeFilter() {
  const right = data.samples.filter((s) => s.right).length;
  const kinds = [["all", `All ${data.samples.length}`], ["right", `Right ${right}`],
                 ["other", `Other ${data.samples.length - right}`]];
  for (const [which, name] of kinds) {
    const button = make("button", {type: "button", "aria-pressed": String(which === "all")}, name);
    button.disabled = which === "right" ? right === 0 : which === "other" && right === data.samples.length;
    button.addEventListener("click", () => {
      for (const b of $("filter").children) b.setAttribute("aria-pressed", String(b === button));
      listSamples(which);
    });
    $("filter").append(button);
  }
}

// Words or subwords, where there are both.
function makeUnits() {
  $("units").hidden = !hasSubwords;
  for (const [isJoined, name] of [[true, "Whole words"], [false, "Subwords"]]) {
    const button = make("button", {type: "button", "aria-pressed": String(isJoined === state.joined)}, name);
    button.addEventListener("click", () => {
      state.joined = isJoined;
      for (const b of $("units").children) b.setAttribute("aria-pressed", String(b === button));
      choose(state.sample);
    });
    $("units").append(button);
  }
}

// ---- one sentence: chips, threads, map, atlas ----

function chip(token, side, index) {
  const node = make("button", {type: "button", class: isEnd(token) ? "chip end" : "chip", "aria-pressed": "false"},
                    token.trim() === "" ? "␣" : token);
  if (isEnd(token)) node.setAttribute("aria-label", side === "row" ? "end of the translation" : "end of the source");
  const point = () => { state.over = {row: null, column: null, [side]: index}; light(); };
  const leave = () => { state.over = null; light(); };
  node.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") point(); });
  node.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") leave(); });
  node.addEventListener("focus", () => { if (node.matches(":focus-visible")) point(); });
  node.addEventListener("blur", leave);
  node.addEventListener("click", () => {
    stop();
    if (side === "row") {
      state.row = index;
      state.over = null;
    } else {
      state.over = {row: null, column: index};
    }
    light();
  });
  return node;
}

function choose(index) {
  stop();
  state.sample = index;
  state.over = null;
  const s = sample();
  for (const b of $("samples").querySelectorAll("button"))
    b.setAttribute("aria-pressed", String(Number(b.dataset.sample) === index));
  state.layer = clamp(state.layer, 0, (s.weights?.length ?? 1) - 1);
  state.written = s.target.length;
  state.row = 0;
  $("position").max = s.target.length;
  $("sources").replaceChildren(...s.source.map((token, i) => chip(token, "column", i)));
  $("targets").replaceChildren(...s.target.map((token, i) => chip(token, "row", i)));
  document.querySelector(".maps").hidden = !hasMap();
  if (hasMap()) {
    makeMap();
    makeAtlas();
    paint();
  }
  light();
}

const hasMap = () => sample().weights?.length > 0 && sample().target.length > 0 && sample().source.length > 0;

// A grid of cells, of which one is reached by Tab and the others by the arrow keys.
function makeMap() {
  const s = sample();
  const label = (token, scope) => make("th", {scope, title: token.length > 12 ? token : null},
                                       make("span", {}, token.trim() === "" ? "␣" : token));
  $("map").classList.toggle("upright", s.source.every((token) => [...token].length <= 2));
  const head = make("tr", {}, make("th", {}, make("span", {class: "aside"}, "translation and source")),
                    ...s.source.map((token) => label(token, "col")));
  const rows = s.target.map((token, t) => make("tr", {}, label(token, "row"), ...s.source.map(
      (_, c) => make("td", {role: "gridcell", tabindex: t + c === 0 ? 0 : -1, "data-row": t, "data-column": c}))));
  $("map").replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
  // As large as the box allows, within limits. If that is too large for the box, it scrolls.
  const room = $("map-box").parentElement.clientWidth - $("map").tBodies[0].rows[0].cells[0].offsetWidth - 12;
  $("map").style.setProperty("--cell", `${clamp(Math.floor(room / s.source.length) - 2, 15, 38)}px`);
  $("map-box").scrollTo(0, 0);
}
const cellAt = (row, column) => $("map").tBodies[0]?.rows[row]?.cells[column + 1];

function makeAtlas() {
  $("atlas").replaceChildren();
  sample().weights.forEach((heads, layer) => {
    const row = make("div", {class: "row"});
    // A single head is its own mean.
    for (let head = heads.length > 1 ? -1 : 0; head < heads.length; ++head) {
      const button = make("button", {type: "button", "aria-label": `Layer ${layer + 1}, ${headName(head)}`, "data-layer": layer, "data-head": head},
                          make("canvas", {"aria-hidden": "true"}), head < 0 ? "mean" : String(head + 1));
      button.addEventListener("click", () => {
        state.layer = layer;
        state.head = head;
        paint();
        light();
      });
      row.append(button);
    }
    $("atlas").append(make("div", {}, make("h3", {}, heads.length > 1 ? `Layer ${layer + 1} and its heads` : `Layer ${layer + 1}`), row));
  });
  if (sample().weights[state.layer].length <= Math.max(state.head, 0)) state.head = -1;
  if (state.head < 0 && sample().weights[state.layer].length === 1) state.head = 0;
}

// Colours every cell. Called after a change of sentence, layer, head or theme.
function paint() {
  const s = sample(), weights = weightsOf(state.layer, state.head);
  $("map-title").textContent = `Layer ${state.layer + 1}, ${headName(state.head)}`;
  weights.forEach((row, t) => row.forEach((weight, c) => {
    const cell = cellAt(t, c);
    cell.style.background = heatCss(weight);
    cell.classList.toggle("none", weight == null);
    cell.setAttribute("aria-label", `${s.target[t]} looked at ${s.source[c]}: ${percent(weight)}`);
  }));
  for (const button of $("atlas").querySelectorAll("button")) {
    const layer = Number(button.dataset.layer), head = Number(button.dataset.head);
    button.setAttribute("aria-pressed", String(layer === state.layer && head === state.head));
    drawPixels(button.querySelector("canvas"), weightsOf(layer, head));
  }
  const bar = $("ramp").getContext("2d");
  for (let x = 0; x < 256; ++x) {
    bar.fillStyle = heatCss(x / 255 * 1000);
    bar.fillRect(x, 0, 1, 1);
  }
}

function drawPixels(canvas, weights) {
  canvas.width = weights[0].length;
  canvas.height = weights.length;
  const image = new ImageData(canvas.width, canvas.height);
  weights.flat().forEach((weight, i) => image.data.set([...heat(weight), 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Shows what is chosen or pointed at: a row's threads go down from the source, a column's from one
// token of the source to all of the translation.
function light() {
  const s = sample(), map = hasMap();
  const weights = map ? weightsOf(state.layer, state.head) : null;
  const column = state.over?.column ?? null;
  const row = state.over?.row ?? (column == null ? state.row : null);
  const shown = state.written;
  const weightAt = (t, c) => t < shown || t === row ? weights[t][c] ?? 0 : 0;

  [...$("sources").children].forEach((node, c) => {
    lightChip(node, map && row != null && row < shown ? weightAt(row, c) : null);
    node.setAttribute("aria-pressed", String(c === column));
  });
  [...$("targets").children].forEach((node, t) => {
    const fresh = t < shown && node.classList.contains("unwritten");
    node.classList.toggle("unwritten", t >= shown);
    node.classList.toggle("fresh", fresh && state.playing != null);
    node.disabled = t >= shown;
    node.setAttribute("aria-pressed", String(t === row && t < shown));
    lightChip(node, map && row == null && column != null && t < shown ? weightAt(t, column) : null);
  });

  const threads = [];
  if (map) {
    const frame = $("weave").getBoundingClientRect();
    const end = (node, edge) => {
      const box = node.getBoundingClientRect();
      return [box.left + box.width / 2 - frame.left, (edge === "bottom" ? box.bottom : box.top) - frame.top];
    };
    const thread = (t, c) => {
      const weight = weightAt(t, c);
      if (weight < 15 || t >= shown) return;
      const [x1, y1] = end($("sources").children[c], "bottom"), [x2, y2] = end($("targets").children[t], "top");
      const bend = Math.max((y2 - y1) * 0.5, 20);
      threads.push(make("path", {d: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`,
                                 "stroke-width": (1 + weight / 1000 * 5).toFixed(2), opacity: (0.15 + weight / 1000 * 0.8).toFixed(3)}));
    };
    if (row != null) s.source.forEach((_, c) => thread(row, c));
    else s.target.forEach((_, t) => thread(t, column));
  }
  $("threads").replaceChildren(...threads);

  if (map) {
    [...$("map").tBodies[0].rows].forEach((tr, t) => {
      tr.classList.toggle("unwritten", t >= shown);
      tr.classList.toggle("now", t === row && t < shown);
    });
    [...$("map").tHead.rows[0].cells].forEach((th, c) => th.classList.toggle("now", column != null && c === column + 1));
  }
  $("position").value = shown;
  $("count").textContent = `${shown} of ${s.target.length}`;
  $("position").setAttribute("aria-valuetext", `${shown} of ${s.target.length} tokens: ${s.target.slice(0, shown).join(" ")}`);
  $("back").disabled = shown === 0;
  $("on").disabled = shown === s.target.length;
  readout(s, weights, row, column, shown);
}

function lightChip(node, weight) {
  node.toggleAttribute("data-lit", weight != null && weight >= 15);
  node.style.setProperty("--lit", heatCss(weight));
  node.style.setProperty("--on-lit", inkOn(weight));
}

// Describes the picture in words.
function readout(s, weights, row, column, shown) {
  const out = [];
  const strongest = (list) => list.map(([token, weight]) => [token, weight ?? 0]).sort((a, b) => b[1] - a[1])
      .filter(([, weight], i) => i < 3 && (i === 0 || weight >= 50));
  const tell = (list) => strongest(list).forEach(([token, weight], i) =>
      out.push(i ? ", " : "", make("b", {}, named(token)), ` ${percent(weight)}`));
  if (!weights) {
    out.push("No attention was kept for this sentence.");
  } else if (shown === 0 && column == null) {
    out.push("Nothing is written yet. Press play, or move on token by token.");
  } else if (row != null && column != null) {
    out.push("While it wrote ", make("b", {}, named(s.target[row])), ", ", make("b", {}, percent(weights[row][column])),
             " of the attention lay on ", make("b", {}, named(s.source[column])), ".");
  } else if (column != null) {
    out.push(make("b", {}, named(s.source[column])), " was looked at most by ");
    tell(s.target.slice(0, shown).map((token, t) => [token, weights[t][column]]));
    out.push(".");
  } else {
    out.push("While it wrote ", make("b", {}, named(s.target[row])), ", it looked at ");
    tell(s.source.map((token, c) => [token, weights[row][c]]));
    out.push(".");
  }
  // Not while it plays: a screen reader would read every token aloud.
  $("readout").setAttribute("aria-live", state.playing == null ? "polite" : "off");
  $("readout").replaceChildren(...out);
}

// ---- the player ----

const playIcon = () => icon(["M8 5.5v13l11-6.5Z", "full"]);
const pauseIcon = () => icon(["M7 5h3.5v14H7ZM13.5 5H17v14h-3.5Z", "full"]);

function face() {
  $("play").replaceChildren(state.playing == null ? playIcon() : pauseIcon(), state.playing == null ? "Play" : "Pause");
}
function moveTo(written) {
  state.written = clamp(written, 0, sample().target.length);
  state.row = Math.max(state.written - 1, 0);
  state.over = null;
  light();
}
// Scrolls the map, but never the page.
function follow(cell) {
  if (!cell) return;
  const box = $("map-box").getBoundingClientRect(), place = cell.getBoundingClientRect();
  const head = $("map").tHead.getBoundingClientRect().height;
  if (place.top < box.top + head) $("map-box").scrollTop -= box.top + head - place.top + 4;
  if (place.bottom > box.bottom) $("map-box").scrollTop += place.bottom - box.bottom + 4;
}
function stop() {
  clearInterval(state.playing);
  state.playing = null;
  face();
}
function play() {
  const length = sample().target.length;
  moveTo(state.written === length ? 0 : state.written);
  state.playing = setInterval(() => {
    moveTo(state.written + 1);
    follow(cellAt(state.row, 0));
    if (state.written >= sample().target.length) {
      stop();
      light();
    }
  }, clamp(9000 / Math.max(length, 1), 180, 750));
  face();
  light();
}

function wirePlayer() {
  $("play").addEventListener("click", () => {
    if (state.playing == null) return play();
    stop();
    light();
  });
  $("back").addEventListener("click", () => { stop(); moveTo(state.written - 1); });
  $("on").addEventListener("click", () => { stop(); moveTo(state.written + 1); });
  $("position").addEventListener("input", (event) => { stop(); moveTo(Number(event.target.value)); });
}

// ---- pointing at the map ----

function wireMap() {
  const map = $("map");
  const place = (cell) => ({row: Number(cell.dataset.row), column: Number(cell.dataset.column)});
  const point = (cell) => {
    const {row, column} = place(cell), s = sample();
    if (row >= state.written) return;
    state.over = {row, column};
    light();
    const anchor = () => {
      const box = cell.getBoundingClientRect();
      return [box.left + box.width / 2, box.top];
    };
    showTip(anchor, make("b", {}, percent(weightsOf(state.layer, state.head)[row][column])), make("br"),
            `${s.target[row]} ← ${s.source[column]}`);
  };
  const leave = () => {
    if (state.over) {
      state.over = null;
      light();
    }
    hideTip();
  };
  map.addEventListener("pointerover", (event) => {
    const cell = event.target.closest("td");
    if (cell) point(cell);
    else leave();
  });
  map.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") leave(); });
  map.addEventListener("focusin", (event) => point(event.target));
  map.addEventListener("focusout", leave);
  map.addEventListener("click", (event) => {
    const cell = event.target.closest("td");
    if (!cell) return;
    stop();
    state.row = place(cell).row;
    focusCell(cell);
  });
  const focusCell = (cell) => {
    map.querySelector("td[tabindex='0']")?.setAttribute("tabindex", "-1");
    cell.setAttribute("tabindex", "0");
    cell.focus();
  };
  map.addEventListener("keydown", (event) => {
    const cell = event.target.closest("td");
    if (!cell) return;
    const {row, column} = place(cell), s = sample();
    const last = {row: s.target.length - 1, column: s.source.length - 1};
    const to = {ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
                Home: [row, 0], End: [row, last.column], PageUp: [0, column], PageDown: [last.row, column]}[event.key];
    if (!to) return;
    event.preventDefault();
    focusCell(cellAt(clamp(to[0], 0, last.row), clamp(to[1], 0, last.column)));
  });
}

if (data.samples.length === 0) {
  $("workbench").hidden = true;
  $("looking-lead").textContent = "No sentences were kept in this report.";
} else {
  readRamp();
  makeFilter();
  makeUnits();
  listSamples("all");
  wirePlayer();
  wireMap();
  choose(0);
  state.layer = (sample().weights?.length ?? 1) - 1;  // the last layer is nearest to the words
  choose(0);
  new ResizeObserver(() => light()).observe($("weave"));
  document.addEventListener("theme", () => {
    readRamp();
    if (hasMap()) paint();
    light();
  });
}
