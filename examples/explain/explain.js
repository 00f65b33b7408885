// Draws the stories of the sweep. A story has N acts, one for each step. Position 0 is before the
// first act, positions 1 to N show one act each, and N + 1 is the end, when the leaves get their
// gradients.

const stories = JSON.parse(document.getElementById("data").text);
const $ = (id) => document.getElementById(id);
let story = stories[0];
let position = 0;
let timer = 0;

// ---- elements ----

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== ""));
  return element;
}
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// ---- numbers ----

// At most three decimal places, and no more than one of the numbers needs.
function numbers(values) {
  const places = Math.max(...values.map((x) => (Math.abs(x).toFixed(3).replace(/\.?0+$/, "").split(".")[1] ?? "").length));
  return values.map((x) => {
    const text = Math.abs(x).toFixed(places);
    return (x < 0 && Number(text) !== 0 ? "−" : "") + text;
  });
}
const bytes = (count) => `${count.toLocaleString("en")} B`;
const shape = (tensor) => `[${tensor.shape.join(", ")}]`;
const words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const many = (count, noun) => `${words[count] ?? count} ${noun}${count === 1 ? "" : "s"}`;
const list = (items) => (items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`);

// The last two axes as rows and columns; a vector is a row.
const sides = (tensor) => [tensor.shape.length < 2 ? 1 : tensor.shape[0], tensor.shape.at(-1) ?? 1];

function transposed(tensor) {
  const [rows, columns] = sides(tensor);
  const values = [];
  for (let j = 0; j < columns; ++j) for (let i = 0; i < rows; ++i) values.push(tensor.values[i * columns + j]);
  return {shape: [columns, rows], values};
}

// The colour of a cell shows the sign of the number and its share of the largest.
function matrix(tensor, label, {result = false, note = ""} = {}) {
  const [rows, columns] = sides(tensor);
  const largest = Math.max(...tensor.values.map(Math.abs), 1e-30);
  const cells = h("span", {class: "cells", style: `grid-template-columns: repeat(${columns}, auto)`, "aria-hidden": "true"});
  const texts = numbers(tensor.values);
  tensor.values.forEach((value, i) => {
    const share = Math.round((30 * Math.abs(value)) / largest);
    cells.append(h("i", {style: `--sign: var(${value < 0 ? "--second" : "--accent"}); --share: ${share}%`}, texts[i]));
  });
  const rowsRead = [];
  for (let i = 0; i < rows; ++i) rowsRead.push(texts.slice(i * columns, (i + 1) * columns).join(", "));
  return h("span", {class: `matrix${result ? " result" : ""}`, role: "img", "aria-label": `${label} ${shape(tensor)}: ${rowsRead.join("; ")}`},
    label ? h("span", {class: "label", "aria-hidden": "true"}, label) : "", cells,
    h("span", {class: "shape", "aria-hidden": "true"}, note || shape(tensor)));
}

// ---- formulas ----

// Letters that stand alone are names: of the parents, the value, the gradient.
const letters = /(?<![a-z])([gabyn])(?![a-z])(ᵀ?)/g;

function math(text) {
  const out = [];
  let end = 0;
  for (const found of text.matchAll(letters)) {
    out.push(text.slice(end, found.index), h("i", {}, found[1]), found[2]);
    end = found.index + found[0].length;
  }
  return [...out, text.slice(end)];
}

// No line break after an equals sign.
const equals = (result) => h("span", {class: "equals"}, h("span", {class: "sign"}, "="), result);

// The formula of a gift with matrices in place of its letters.
function equation(node, act, gift) {
  const tensors = {g: [act.g, "g"], y: [node.value, node.name]};
  ["a", "b"].forEach((letter, slot) => {
    const parent = story.nodes[node.parents[slot] - 1];
    if (parent) tensors[letter] = [parent.value, parent.name];
  });
  const row = h("div", {class: "equation"});
  const sign = (text) => text.trim() && row.append(h("span", {class: "sign"}, text.trim()));
  const formula = node.formula.vjp[gift.slot];
  let end = 0;
  for (const found of formula.matchAll(letters)) {
    sign(formula.slice(end, found.index));
    end = found.index + found[0].length;
    if (found[1] === "n") {
      sign(String(story.nodes[node.parents[0] - 1].value.values.length / node.value.values.length));
      continue;
    }
    const [tensor, name] = tensors[found[1]];
    row.append(matrix(found[2] ? transposed(tensor) : tensor, (name + found[2]).replace("ᵀᵀ", "")));
  }
  sign(formula.slice(end));
  const parent = story.nodes[gift.parent - 1];
  row.append(equals(matrix(gift.vjp, gift.vjp.shape.length > parent.value.shape.length ? "row by row" : `for ${parent.name}`, {result: true})));
  return row;
}

// ---- what is known at a position ----

const done = () => story.acts.slice(0, Math.max(0, position - 1));
const act = () => story.acts[position - 1];
const nodeOf = (n) => story.nodes[n - 1];
const last = () => position === story.acts.length + 1;
const gradient = (name) => `∂${story.asks}/∂${name}`;

// How many gradients a node got before this act, and how many it gets in this act.
const given = (acts, n) => acts.flatMap((a) => a.gifts).filter((gift) => gift.parent === n).length;
const paid = (n) => given(done(), n);
const arriving = (n) => given(act() ? [act()] : [], n);
// The nodes whose gradients a node still waits for.
const owing = (n) => {
  const over = new Set(done().map((a) => a.node));
  return story.nodes.filter((node) => node.isOp && node.parents.includes(n) && !over.has(node.number));
};

function state(node) {
  if (!node.wants) return "constant";
  if (act()?.node === node.number) return "now";
  if (done().some((a) => a.node === node.number)) return "freed";
  if (!node.isOp) return paid(node.number) > 0 ? "leaf" : "";
  const root = story.acts[0].node === node.number;
  return root || paid(node.number) > 0 ? "waiting" : "";
}

// ---- the graph ----

const wide = 104, high = 58, pitch = 140, lane = 76, margin = 10;
const centre = ([rank, place]) => [margin + wide / 2 + rank * pitch, margin + high / 2 + place * lane];

// A curve from the right side of one node to the left side of another, by way of its bends.
function curve(way, shift, backwards) {
  const points = way.map(centre);
  const n = points.length - 1;
  points[0] = [points[0][0] + wide / 2, points[0][1] + shift];
  points[n] = [points[n][0] - wide / 2, points[n][1] + shift];
  if (backwards) points[0][0] += 7;
  const flat = [];
  for (let i = 0; i <= n; ++i) {
    if (i > 0 && i < n) flat.push([points[i][0] - wide / 2, points[i][1] + shift], [points[i][0] + wide / 2, points[i][1] + shift]);
    else flat.push(points[i]);
  }
  if (backwards) flat.reverse();
  let path = `M${flat[0]}`;
  for (let i = 1; i < flat.length; ++i) {
    const [[x, y], [u, v]] = [flat[i - 1], flat[i]];
    const middle = (x + u) / 2;
    path += ` C${middle},${y} ${middle},${v} ${u},${v}`;
  }
  return path;
}

function drawGraph() {
  const width = 2 * margin + wide + pitch * Math.max(...story.nodes.map((node) => node.rank));
  const height = 2 * margin + high + lane * Math.max(...story.arrows.flatMap((a) => a.way.map((p) => p[1])));
  const picture = s("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `The graph of ${story.nodes.length} nodes; the program beside tells the same in words`});
  const over = new Set(done().map((a) => a.node));
  const flows = [];
  for (const arrow of story.arrows) {
    const times = nodeOf(arrow.to).parents.filter((p) => p === arrow.from).length;
    for (let k = 0; k < times; ++k) {
      const shift = (k - (times - 1) / 2) * 15;
      const kind = !nodeOf(arrow.from).wants ? " none" : over.has(arrow.to) ? " paid" : "";
      const active = act()?.node === arrow.to && nodeOf(arrow.from).wants;
      if (!active) picture.append(s("path", {class: `arrow${kind}`, d: curve(arrow.way, shift, false)}));
      else flows.push([arrow, shift]);
    }
  }
  for (const [arrow, shift] of flows) {
    const [x, y] = centre(arrow.way[0]);
    picture.append(s("path", {class: "flow", d: curve(arrow.way, shift, true)}),
      s("path", {class: "tip", d: `M${x + wide / 2 + 1},${y + shift} l10,-5.5 v11 Z`}));
  }
  for (const node of story.nodes) picture.append(drawNode(node));
  $("graph").replaceChildren(picture);
  return picture;
}

function drawNode(node) {
  const [x, y] = centre([node.rank, node.place]);
  const index = story.acts.findIndex((a) => a.node === node.number);
  const group = s("g", {class: `node ${state(node)}${index >= 0 ? " goes" : ""}`, transform: `translate(${x - wide / 2} ${y - high / 2})`,
    onclick: index >= 0 ? () => go(index + 1) : undefined},
    s("title", {}, `${node.isOp ? node.code : `${node.name}: ${node.code}`}, ${shape(node.value)}`),
    s("rect", {width: wide, height: high, rx: 11}),
    s("text", {class: "birth", x: 8, y: 15}, `#${node.number}`),
    s("text", {class: "name", x: wide / 2, y: 28}, node.name),
    s("text", {class: "op", x: wide / 2, y: 45}, `${node.isOp ? node.op : node.wants ? "leaf" : "constant"} ${shape(node.value)}`));
  const before = paid(node.number);
  for (let k = 0; k < node.uses; ++k)
    group.append(s("circle", {class: k < before ? "in" : k < before + arriving(node.number) ? "comes" : "", cx: wide - 11, cy: 11 + 12 * k, r: 4}));
  return group;
}

// On a narrow screen the node whose turn it is comes to the middle.
function follow(smooth) {
  const box = $("graph");
  const node = nodeOf(act()?.node ?? (last() ? 1 : story.acts[0].node));
  box.scrollTo({left: centre([node.rank, 0])[0] - box.clientWidth / 2, behavior: smooth ? "smooth" : "instant"});
}

// ---- the program and the memory ----

function drawProgram() {
  const over = new Set(done().map((a) => a.node));
  $("program").replaceChildren(...story.nodes.filter((node) => node.isOp).map((node) => {
    const index = story.acts.findIndex((a) => a.node === node.number);
    const now = act()?.node === node.number;
    const freed = over.has(node.number);
    return h("li", {}, h("button", {type: "button", class: freed ? "done" : "", "aria-current": now ? "step" : undefined, onclick: () => go(index + 1)},
      h("span", {class: "number"}, `#${node.number}`), node.code,
      h("span", {class: "state"}, now ? "its turn" : freed ? "freed" : state(node) === "waiting" ? "waiting" : "")));
  }));
}

function drawMemory() {
  const alive = [story.alive, ...story.acts.map((a) => a.alive)];
  const at = Math.min(position, story.acts.length);
  const most = Math.max(...alive);
  const bars = h("div", {class: "bars", role: "img", "aria-label": `Bytes alive after each step: ${alive.join(", ")}`},
    alive.map((count, i) => h("i", {class: i === at ? "now" : "", style: `height: ${(100 * count) / most}%`})));
  const figures = h("dl", {class: "figures"});
  const row = (name, value) => figures.append(h("dt", {}, name), h("dd", {}, value));
  if (act()) {
    row("new gradients", `+ ${bytes(act().allocated)}`);
    row("freed after it", `− ${bytes(act().freed)}`);
  }
  row("alive", bytes(alive[at]));
  const saved = act()?.allocated === 0 ? "Nothing new was needed: what arrived was passed on, or the new was added to what waited. " : "";
  $("memory").replaceChildren(bars, figures, h("p", {class: "soft small"}, act()
    ? saved + "Freed: the gradient that arrived, what the rule had saved, and the value, unless somebody still holds it or it was passed on."
    : last() ? "What is left: the leaves with their gradients, and the result." : "All values of the way forward are alive: the rules may need them."));
}

// ---- the text of a step ----

function why(node) {
  const waiting = [node.number, ...act().waiting].sort((a, b) => b - a);
  const part = h("div", {class: "why"}, h("h3", {}, "Why this one?"));
  const uses = node.uses === 0 ? "Nothing was made from it: it is where the sweep begins."
    : `Whatever used ${node.name} was made after it, so it has had its turn: ${many(node.uses, "use")}, ${many(node.uses, "gradient")}, all in.`;
  if (waiting.length === 1) {
    part.append(h("p", {}, `It is the only one with a gradient waiting. ${uses}`));
  } else {
    part.append(h("p", {}, `Of the ${words[waiting.length] ?? waiting.length} that have a gradient waiting it is the newest, #${node.number}. ${uses}`));
    const complete = act().waiting.filter((n) => owing(n).length === 0).map((n) => nodeOf(n).name);
    if (complete.length)
      part.append(h("p", {}, `${list(complete)} ${complete.length > 1 ? "have" : "has"} all gradients, too, and might go as well: the newest is not the only right choice, but always one.`));
    for (const n of act().waiting) {
      const debtors = owing(n).map((d) => d.name), other = nodeOf(n);
      if (debtors.length)
        part.append(h("p", {}, `${other.name} has ${paid(n)} of its ${other.uses} gradients and must wait: ${list(debtors)}, made from it, ${debtors.length > 1 ? "have" : "has"} not paid in yet. Its smaller number sees to that; nobody has to count.`));
    }
  }
  part.append(h("ul", {class: "queue", "aria-label": "Waiting, the newest first"}, waiting.map((n) =>
    h("li", {class: n === node.number ? "now" : ""}, h("span", {class: "mono"}, `#${n}`), h("b", {}, nodeOf(n).name),
      h("span", {class: "soft small"}, nodeOf(n).uses === 0 ? "the seed" : `${paid(n)} of ${nodeOf(n).uses} in`)))));
  return part;
}

function arrives(node) {
  const part = h("div", {}, h("h3", {}, `What arrives: g = ${gradient(node.name)}`));
  const row = h("div", {class: "equation"});
  const shares = story.acts.flatMap((a) => a.gifts.filter((gift) => gift.parent === node.number).map((gift) => [gift, nodeOf(a.node).name]));
  if (shares.length < 2) row.append(matrix(act().g, "g"));
  else {
    shares.forEach(([gift, from], i) => row.append(i ? h("span", {class: "sign"}, "+") : "", matrix(gift.gradient, `from ${from}`)));
    row.append(equals(matrix(act().g, "g", {result: true})));
  }
  part.append(row);
  return part;
}

function rule(node) {
  const names = ["a", "b"].slice(0, node.parents.length);
  const here = [["y", node.name], ...names.map((letter, slot) => [letter, nodeOf(node.parents[slot]).name])];
  return h("div", {}, h("h3", {}, `The rule of ${node.op}`),
    h("div", {class: "rules math"}, h("span", {}, math(`y = ${node.formula.value}`)),
      names.map((letter, slot) => h("span", {}, h("i", {}, letter), " is given ", math(node.formula.vjp[slot])))),
    h("p", {class: "soft"}, node.formula.why, " Here ", here.map(([letter, name], i) => [i ? ", " : "", h("i", {}, letter), `\u00a0=\u00a0${name}`]).flat(), "."));
}

function gifts(node) {
  const part = h("div", {}, h("h3", {}, "What it gives"));
  node.parents.forEach((n, slot) => {
    const parent = nodeOf(n);
    const gift = act().gifts.find((g) => g.slot === slot);
    const twice = node.parents.filter((other) => other === n).length > 1;
    const box = h("div", {class: "gift"});
    part.append(box);
    if (!gift) {
      box.append(h("h4", {}, `Nothing to ${parent.name}`), h("p", {}, "A constant: nobody asked for its gradient, so its rule is not even run."));
      return;
    }
    box.append(h("h4", {}, `To ${parent.name}${twice ? `, as ${"ab"[slot]}` : ""}: `, h("span", {class: "math"}, node.rules[slot])), equation(node, act(), gift));
    if (gift.vjp.shape.join() !== gift.gradient.shape.join()) {
      box.append(h("p", {}, `${parent.name} is ${shape(gift.gradient)}: on the way forward it was used again for each of ${gift.vjp.shape[0]} rows. Each use pays in, so the sweep sums over the rows.`),
        h("div", {class: "equation"}, h("span", {class: "sign"}, "Σ"), matrix(gift.vjp, "rows"), equals(matrix(gift.gradient, `for ${parent.name}`, {result: true}))));
    }
    if (gift.nth > 1) {
      const before = story.acts.slice(0, position).flatMap((a) => a.gifts).filter((g) => g.parent === n && g.nth === gift.nth - 1)[0];
      box.append(h("p", {}, `${parent.name} was used before, and a gradient waits there already. This one is added: a nudge of ${parent.name} reaches ${story.asks} by every way, and the ways add up.`),
        h("div", {class: "equation"}, matrix(before.sum, "waits"), h("span", {class: "sign"}, "+"), matrix(gift.gradient, "this one"), equals(matrix(gift.sum, gift.nth === parent.uses ? gradient(parent.name) : "so far", {result: true}))));
    }
  });
  return part;
}

function beginning() {
  const root = nodeOf(story.acts[0].node);
  const scalar = root.value.shape.length === 0;
  return [h("p", {}, `The way forward is over: ${story.nodes.length} nodes, numbered by their birth, and ${root.name}${scalar ? ` = ${numbers(root.value.values)[0]}` : ""}. A gradient is put at the end of the graph to begin with.`),
    h("div", {class: "equation"}, scalar ? "" : matrix(root.value, root.name), matrix(story.seed, gradient(root.name), {result: true})),
    h("p", {}, scalar ? `A nudge of ${root.name} moves ${root.name} by just as much: the seed is 1.` : "One number for each of the result's: what a nudge of it would be worth to the layers above."),
    h("p", {class: "soft"}, "Every rule takes a step back from here. In the rules ", h("i", {}, "y"), " is a node's value, ", h("i", {}, "a"), " and ", h("i", {}, "b"), " are what it was made from, ", h("i", {}, "g"), " is the gradient that arrives, and ⊙ multiplies element by element. Press play, or go step by step.")];
}

function ending() {
  return [h("p", {}, "Nothing waits any more. Only now are the gradients written into the leaves, all at once: had a rule failed on the way, no leaf would have changed."),
    h("p", {}, "Another sweep through the same graph would be an error, since what the rules had saved is gone; backward({.retain_graph = true}) keeps it. Gradients of later sweeps add to these, until zero_grad().")];
}

function drawTelling() {
  const node = act() && nodeOf(act().node);
  const title = node ? node.code : last() ? "The end: the leaves are written" : "Before the sweep";
  $("step-title").replaceChildren(h("span", {class: "soft"}, node ? `Step ${position} of ${story.acts.length}` : last() ? `After ${many(story.acts.length, "step")}` : "At first"), h("span", {class: node ? "mono" : ""}, title));
  $("telling").replaceChildren(...(node ? [h("div", {class: "pair"}, why(node), arrives(node)), rule(node), gifts(node)] : last() ? ending() : beginning()));
  $("spoken").textContent = `Step ${position} of ${story.acts.length + 1}: ${title}`;
}

function drawLeaves() {
  $("leaves-note").textContent = last() ? "Each has its gradient: which way to move it, and how much that is worth." : "Held back until all has gone well.";
  $("leaves").replaceChildren(...story.nodes.filter((node) => !node.isOp && node.wants).map((leaf) => {
    const all = story.acts.slice(0, position).flatMap((a) => a.gifts).filter((gift) => gift.parent === leaf.number);
    const complete = all.length === leaf.uses;
    return h("div", {class: `gathered${complete ? " full" : ""}`},
      h("h3", {}, leaf.name, h("span", {}, `${leaf.code}; ${all.length} of ${leaf.uses} in`)),
      all.length ? matrix(all.at(-1).sum, "", {note: `${gradient(leaf.name)} ${shape(leaf.value)}`}) : h("span", {class: "empty"}, "nothing yet"));
  }));
}

// ---- going from step to step ----

function draw(smooth) {
  const end = story.acts.length + 1;
  drawGraph();
  drawProgram();
  drawTelling();
  drawLeaves();
  drawMemory();
  follow(smooth);
  $("slider").max = end;
  $("slider").value = position;
  $("slider").setAttribute("aria-valuetext", $("spoken").textContent);
  $("count").textContent = `${position} / ${end}`;
  $("first").disabled = $("back").disabled = position === 0;
  $("forward").disabled = last();
  if (location.hash || position > 0) history.replaceState(null, "", `#${story.id}/${position}`);
}

function go(to) {
  const focused = document.activeElement?.closest("#program") ? [...document.querySelectorAll("#program button")].indexOf(document.activeElement) : -1;
  position = Math.min(Math.max(to, 0), story.acts.length + 1);
  draw(true);
  if (focused >= 0) document.querySelectorAll("#program button")[focused].focus();
}

function play(on) {
  clearInterval(timer);
  timer = 0;
  if (on) {
    if (last()) go(0);
    timer = setInterval(() => (last() ? play(false) : go(position + 1)), 2600);
    go(position + 1);
  }
  $("play").setAttribute("aria-label", on ? "Pause" : "Play");
  $("play-shape").setAttribute("d", on ? "M7 5h4v14H7zM14 5h4v14h-4z" : "M8 5v14l11-7Z");
}

function choose(chosen, at) {
  story = chosen;
  position = at;
  $("lead").textContent = story.lead;
  for (const button of $("stories").children) button.setAttribute("aria-pressed", String(button.dataset.id === story.id));
  draw(false);
}

const step = (by) => {
  play(false);
  go(position + by);
};
$("first").addEventListener("click", () => step(-position));
$("back").addEventListener("click", () => step(-1));
$("forward").addEventListener("click", () => step(1));
$("play").addEventListener("click", () => play(!timer));
$("slider").addEventListener("input", () => step(Number($("slider").value) - position));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input")) return;
  // If the drawing is wider than its box, the arrow keys move it.
  if (event.target.closest("#graph") && $("graph").scrollWidth > $("graph").clientWidth) return;
  const moves = {ArrowLeft: -1, ArrowRight: 1, Home: -position, End: story.acts.length + 1 - position};
  if (event.key in moves) step(moves[event.key]);
  // Space presses the button that the keyboard came to; one that was clicked has had its press.
  else if (event.key === " " && !event.target.closest("button, a")?.matches(":focus-visible")) play(!timer);
  else return;
  event.preventDefault();
});

new ResizeObserver(() => follow(false)).observe($("graph"));

for (const each of stories)
  $("stories").append(h("button", {type: "button", "data-id": each.id, "aria-pressed": "false", onclick: () => (play(false), choose(each, 0))}, each.title));
// explain.html#attention/4 opens at a step.
const [id, at] = location.hash.slice(1).split("/");
const asked = stories.find((each) => each.id === id) ?? stories[0];
choose(asked, Math.min(Math.max(Number(at) || 0, 0), asked.acts.length + 1));
