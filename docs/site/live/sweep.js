// The live piece "sweep": an expression of tensors, the heap at each step, what each VJP gives, the
// gradients of the leaves, and how many numbers are alive.
"use strict";

glass.live("sweep", {mount(section, ask, first) {
  const {h, s, listed, shapeText, select, sentence, tensor, graph, steps, watch, newest} = glass.parts;
  const said = sentence(section), told = h("p", {class: "told", "aria-live": "polite"});
  const shapes = h("div", {}), drawing = h("div", {}), queue = h("div", {}), details = h("div", {class: "gifts"});
  const memory = h("div", {class: "memory"}), leaves = h("div", {class: "tables"});
  const pieceOf = (id) => first.controls.find((control) => control.expression === id);
  let expression = first.request.expression, chosen = first.request.shapes, story = null, position = 0;

  const transport = steps((to) => ((position = to), draw()));
  const space = watch(section, () => draw());
  const latest = newest();

  // ---- what is known at this position ----

  const node = (number) => story.nodes[number - 1];
  const act = () => story.acts[position - 1];
  const done = () => story.acts.slice(0, position);
  const gifts = (number) => done().flatMap((each) => each.gifts).filter((gift) => gift.parent === number);
  const back = (child, slot) => (done().find((each) => each.node === child)?.gifts.some((gift) => gift.slot === slot) ? "" : undefined);
  const look = (number) => {
    const {name, op, isOp, wants, value, uses} = node(number);
    const now = act()?.node === number, over = done().some((each) => each.node === number), got = gifts(number).length;
    return {name: `#${number} ${name}`, detail: `${isOp ? op : wants ? "leaf" : "constant"} ${shapeText(value.shape)}`,
      below: wants && got ? `${got} of ${uses} in` : "",
      state: !wants ? "constant" : now ? "now" : over ? "over" : got && isOp ? "waits" : ""};
  };

  // ---- the step in words and tables ----

  function words() {
    if (position === 0) return `The way forward is over. The sweep begins at ${story.asks}.`;
    const {name, code, op} = node(act().node);
    const names = act().gifts.map((gift) => node(gift.parent).name);
    const given = names.length === 1 ? `a gradient to ${names[0]}` : names[0] === names[1] ? `two gradients to ${names[0]}, one for each use` : `gradients to ${listed(names)}`;
    const others = listed(act().waiting.map((number) => `#${number} ${node(number).name}`));
    return `${code}. ${name} ${others ? `is newer than what else waits (${others})` : "is the only one that waits"}, so its VJPs run: ${op} gives ${given}.`;
  }
  function gift(each) {
    const child = node(act().node), parent = node(each.parent);
    const summed = each.vjp.shape.join() !== each.gradient.shape.join();
    return h("div", {class: "gift"}, h("h3", {}, `To ${parent.name}: `, h("span", {class: "rule"}, child.rules[each.slot])),
      h("div", {class: "tables"},
        summed ? tensor(each.vjp, {caption: "the VJP gives"}) : "",
        tensor(each.gradient, {caption: summed ? `summed to the shape of ${parent.name}` : `for ${parent.name}`}),
        each.nth > 1 ? tensor(each.sum, {caption: `${parent.name} has in all`}) : ""));
  }
  function heap() {
    const ahead = story.acts[position];
    const waiting = ahead ? [ahead.node, ...ahead.waiting] : [];
    const items = waiting.map((number, i) => h("li", {class: i === 0 ? "now" : ""}, `#${number} ${node(number).name}`));
    return [h("h3", {}, "The heap: who waits, newest first"), items.length ? h("ol", {class: "heap"}, items) : h("p", {}, "Empty: now the leaves are given their gradients.")];
  }

  // ---- memory: a bar for each step, in numbers that are alive ----

  function bars() {
    const alive = [story.alive, ...story.acts.map((each) => each.alive)], most = Math.max(...alive);
    const wide = 28, high = 84, gap = 6;
    const picture = s("svg", {viewBox: `0 0 ${alive.length * (wide + gap)} ${high + 36}`, width: alive.length * (wide + gap), height: high + 36, role: "img",
      "aria-label": `Numbers alive before the sweep and after each step: ${alive.join(", ")}`});
    alive.forEach((count, i) => {
      const x = i * (wide + gap) + gap / 2, y = 18 + high - (high * count) / most;
      picture.append(s("rect", {class: i === position ? "now" : "", x, y, width: wide, height: high + 18 - y}),
        s("text", {x: x + wide / 2, y: y - 5}, count), s("text", {class: "place", x: x + wide / 2, y: high + 33}, i));
    });
    const at = alive[position], step = act();
    const text = step ? `Step ${position} takes ${step.allocated || "no"} new ${step.allocated === 1 ? "number" : "numbers"} and frees ${step.freed || "none"}: ${at} are alive, ${4 * at} bytes as floats.`
                      : `Before the sweep ${at} numbers are alive: ${4 * at} bytes as floats.`;
    return [h("h3", {}, "Memory"), h("div", {class: "picture", tabindex: 0, role: "group", "aria-label": "Memory after each step"}, picture), h("p", {}, text)];
  }

  function draw() {
    const parts = [drawing, queue, details, memory, leaves];
    if (!story) return parts.forEach((part) => part.replaceChildren()), (told.textContent = ""), (transport.element.hidden = true);
    transport.element.hidden = false;
    told.textContent = words();
    drawing.replaceChildren(graph(story, {...space(), look, back, wide: 112, at: (act() ?? story.acts[0]).node, label: `The graph of ${pieceOf(expression).text}`}));
    queue.replaceChildren(...heap());
    details.replaceChildren(...(act() ? [tensor(act().g, {caption: `g, the gradient of ${node(act().node).name}`}), ...act().gifts.map(gift)] : []));
    memory.replaceChildren(...bars());
    leaves.replaceChildren(...story.nodes.filter((each) => !each.isOp && each.wants).map((leaf) => {
      const got = gifts(leaf.number);
      return got.length ? tensor(got.at(-1).sum, {caption: `∂${story.asks}/∂${leaf.name}, ${got.length} of ${leaf.uses} in`})
                        : h("p", {class: "empty"}, `∂${story.asks}/∂${leaf.name}: nothing yet`);
    }));
  }

  // ---- questions ----

  function question() {
    latest(ask("sweep", {expression, shapes: chosen}), (answer) => {
      said.textContent = answer.sentence;
      story = answer.error ? null : answer;
      said.classList.toggle("refused", Boolean(answer.error));
      story ? transport.begin(story.acts.length) : draw();
    }, (error) => (said.textContent = error.message));
  }
  function choose(id) {
    expression = id;
    const control = pieceOf(id);
    chosen = control.shapes[0];
    const text = (list) => control.leaves.map((leaf, i) => `${leaf} ${shapeText(list[i])}`).join(", ");
    shapes.replaceChildren(...(control.leaves.length ? [select("Shapes", control.shapes.map((list, i) => [String(i), text(list)]), "0",
      (i) => ((chosen = control.shapes[Number(i)]), question()))] : []));
    question();
  }

  section.append(h("div", {class: "fields"}, select("Expression", first.controls.map((control) => [control.expression, control.text]), expression, choose), shapes),
    drawing, transport.element, told, h("div", {class: "pair"}, queue, memory), details, leaves);
  choose(expression);
}});
