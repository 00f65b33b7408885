// The parts of a page that answer: predictions, recall, exercises, line numbers, boxes that scroll, print,
// and the places of live pieces. Without this script the answers and hints open all the same: each is a
// <details>.
"use strict";

{
const {make, all, say} = glass;

// ---- predictions ----

// After a choice the answer appears beside the guess, which is kept. Nothing is graded. Arrow keys move
// among radio buttons and choose with each step, so with keys a guess counts when Enter or Space says so.
const asNumber = (text) => Number(text.trim().replace(",", ".").replace("−", "-"));
const inWords = (number) => String(Number(number.toPrecision(4))).replace("-", "−");

function prediction(section) {
  const answer = section.querySelector("details.answer"), key = section.dataset.predict;
  const radios = all("input[type=radio]", section), field = section.querySelector("input[type=number]");
  const gap = section.querySelector(".verdict");
  if (!answer || !gap || !(radios.length || field)) return;
  const labelOf = (radio) => radio.closest("label");
  const wordsOf = (radio) => labelOf(radio).querySelector("span").textContent.trim();
  const right = radios.find((radio) => "right" in radio.dataset);

  const tellChoice = (guess) => {
    gap.textContent = guess === right ? `You guessed ${wordsOf(guess)}, and so it is.`
                                      : `You guessed ${wordsOf(guess)}. The answer is ${wordsOf(right)}.`;
    for (const radio of radios) {
      labelOf(radio).querySelector("small")?.remove();
      labelOf(radio).classList.toggle("right", radio === right);
      const words = [radio === right && "✓ the answer", radio === guess && "your guess"].filter(Boolean);
      if (words.length) labelOf(radio).append(make("small", {}, words.join(", ")));
    }
  };
  const tellNumber = (guess) => {
    const exact = field.dataset.answer, away = Math.abs(asNumber(guess) - asNumber(exact));
    gap.textContent = away === 0 ? `You guessed ${guess}, and so it is.`
                                 : `You guessed ${guess}. The answer is ${exact}: you were ${inWords(away)} away.`;
  };
  const tell = (guess) => {
    gap.hidden = false;
    if (radios.length) tellChoice(radios.find((radio) => radio.value === guess));
    else tellNumber(guess);
  };
  const decide = (guess) => {
    glass.put("guesses", key, guess);
    tell(guess);
    answer.open = true;
  };

  if (field) askNumber(section, field, gap, decide);
  else askChoice(section, decide);
  const kept = glass.get("guesses", {})[key];
  if (typeof kept !== "string" || (radios.length && !radios.some((radio) => radio.value === kept))) return;
  for (const radio of radios) radio.checked = radio.value === kept;
  if (field) field.value = kept;
  tell(kept);
}

function askChoice(section, decide) {
  let byArrow = false;
  section.addEventListener("keydown", (event) => {
    byArrow = event.key.startsWith("Arrow");
    if (event.target.type !== "radio" || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.target.checked = true;
    decide(event.target.value);
  });
  section.addEventListener("keyup", () => { byArrow = false; });
  section.addEventListener("change", (event) => event.target.type === "radio" && !byArrow && decide(event.target.value));
}

function askNumber(section, field, gap, decide) {
  const button = make("button", {type: "button"}, "Compare");
  field.closest("label").after(button);
  const compare = () => {
    if (field.value.trim() && Number.isFinite(asNumber(field.value))) return decide(field.value.trim());
    gap.hidden = false;
    gap.textContent = "Write a number, such as 0.5.";
  };
  button.addEventListener("click", compare);
  field.addEventListener("keydown", (event) => event.key === "Enter" && compare());
}

// ---- recall ----

// Each answer asks for "I knew it" or "not yet"; what was not yet known comes again with the next chapter.
function recall() {
  for (const details of all("details[data-recall]")) {
    const key = details.dataset.recall, item = details.closest("li");
    const state = () => glass.get("recall", {})[key];
    if (item?.closest(".again")) item.hidden = state() !== "not yet";
    const buttons = [["knew", "I knew it"], ["not yet", "Not yet"]].map(([value, text]) => {
      const button = make("button", {type: "button", "data-value": value}, text);
      button.addEventListener("click", () => {
        glass.put("recall", key, value);
        show();
        if (value === "not yet") say("It comes again at the start of the next chapter.");
      });
      return button;
    });
    const show = () => buttons.forEach((one) => one.setAttribute("aria-pressed", String(state() === one.dataset.value)));
    details.append(make("p", {class: "judge choice"}, ...buttons));
    show();
  }
  for (const section of all("section.recall.again")) section.hidden = !all("li", section).some((item) => !item.hidden);
}

// ---- exercises: hints one at a time, and a status ----

const states = ["not begun", "begun", "done"];

function exercises() {
  for (const section of all("section.exercise[data-exercise]")) {
    const key = section.dataset.exercise, hints = all("details.hint", section);
    const shown = () => Number(glass.get("hints", {})[key] ?? 0);
    const show = () => hints.forEach((hint, i) => { hint.hidden = i > shown(); });
    hints.forEach((hint, i) => hint.addEventListener("toggle", () => {
      if (hint.open && i + 1 > shown()) glass.put("hints", key, i + 1);
      show();
    }));
    show();

    const select = make("select", {"aria-label": `Status of exercise ${key}`}, ...states.map((state) => make("option", {value: state}, state)));
    const kept = glass.get("exercises", {})[key];
    select.value = states.includes(kept) ? kept : states[0];
    select.addEventListener("change", () => {
      glass.put("exercises", key, select.value);
      showStates();
    });
    section.querySelector("h2, h3")?.after(make("p", {class: "status"}, select));
  }
  showStates();
}
function showStates() {
  const kept = glass.get("exercises", {});
  for (const place of all("[data-exercise-status]")) {
    const state = kept[place.dataset.exerciseStatus] ?? states[0];
    place.textContent = {"not begun": "", begun: "◐ begun", done: "✓ done"}[state] ?? "";
  }
}

// ---- line numbers: a click copies the link ----

document.addEventListener("click", (event) => {
  const number = event.target.closest?.("a.number");
  if (!number) return;
  navigator.clipboard?.writeText(number.href).then(
      () => say(`The link to line ${number.hash.slice(2)} is copied.`), () => {});
});

// ---- boxes that scroll can be reached by keys, and only those ----

const boxes = [["pre.code", "code"], ["pre.output", "output"], ["div.scroll, div.table", "table"], ["main pre:not(.code, .output)", "code"], ["div.drawing", "figure"], [".katex-display", "formula"]];
function reach(box, name) {
  const scrolls = box.scrollWidth > box.clientWidth + 1 || (box.matches("pre, .scroll, .table") && box.scrollHeight > box.clientHeight + 1);
  if (scrolls) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `${name}, scrolls`);
  } else {
    for (const attribute of ["tabindex", "role", "aria-label"]) box.removeAttribute(attribute);
  }
}
function boxesThatScroll() {
  const watched = new Map(boxes.flatMap(([selector, name]) => all(selector).map((box) => [box, name])));
  const observer = new ResizeObserver((entries) => entries.forEach(({target}) => reach(target, watched.get(target))));
  for (const [box] of watched) observer.observe(box);
}

// ---- print: predictions with their answers, on a last page ----

function answersToPrint() {
  const section = make("section", {class: "print-answers"}, make("h2", {}, "Predictions and their answers"));
  for (const one of all("main section.predict")) {
    const question = one.querySelector("legend, h3"), answer = one.querySelector("details.answer");
    if (!question || !answer) continue;
    const copy = make("div", {class: "answered"}, make("h3", {}, ...[...question.childNodes].map((node) => node.cloneNode(true))));
    for (const node of answer.childNodes) if (node.nodeName !== "SUMMARY") copy.append(node.cloneNode(true));
    section.append(copy);
  }
  for (const node of all("[id]", section)) node.removeAttribute("id");
  return section.children.length > 1 ? section : null;
}
let opened = [];
addEventListener("beforeprint", () => {
  const answers = answersToPrint();
  if (answers) document.querySelector("main").append(answers);
  opened = all("details.symbols:not([open])");
  for (const details of opened) details.open = true;
});
addEventListener("afterprint", () => {
  for (const section of all(".print-answers")) section.remove();
  for (const details of opened) details.open = false;
});

// ---- live pieces ----

// A piece is made when it comes into view, or when a key reaches it. It asks the library a question and
// gets a promise of the answer; today the answers are those that the library gave when the site was built.
const sorted = (value) => Array.isArray(value) ? value.map(sorted) : value && typeof value === "object" ?
    Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])) : value;
const sameText = (request) => JSON.stringify(sorted(request));
const pieces = new Map(), answers = new Map();

// What live/NAME.data.js holds: {first, states: [{request, answer}, …]}.
const recordedOf = (name) => window.glassgrad_live?.[name];

glass.ask = async (name, request) => {
  const recorded = recordedOf(name);
  if (!recorded) throw new Error(`Nothing is recorded for ${name}.`);
  if (!answers.has(name)) answers.set(name, new Map((recorded.states ?? []).map((state) => [sameText(state.request), state.answer])));
  const answer = answers.get(name).get(sameText(request));
  if (answer === undefined) throw new Error("The library was not asked this when the site was built.");
  return structuredClone(answer);
};

function mount(section) {
  const name = section.dataset.live, piece = pieces.get(name);
  if (!piece || "mounted" in section.dataset) return;
  section.dataset.mounted = "";
  const ask = (a, b) => b === undefined ? glass.ask(name, a) : glass.ask(a, b);
  try {
    piece.mount(section, ask, recordedOf(name)?.first);
  } catch (error) {
    section.append(make("p", {class: "note"}, `This piece could not start: ${error.message}`));
    console.error(error);
  }
}
const near = new IntersectionObserver((entries) => {
  for (const {isIntersecting, target} of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    mount(target);
  }
}, {rootMargin: "200px"});

glass.live = (name, piece) => {
  pieces.set(name, piece);
  for (const section of all(`section.live[data-live="${CSS.escape(name)}"]`)) {
    near.observe(section);
    for (const kind of ["focusin", "pointerdown"]) section.addEventListener(kind, () => mount(section), {once: true});
  }
};

for (const section of all("section.predict")) prediction(section);
for (const figure of all("figure.figure")) {
  const width = figure.querySelector("svg")?.viewBox.baseVal?.width;
  if (width && !figure.style.getPropertyValue("--w")) figure.style.setProperty("--w", `${width}px`);
}
recall();
exercises();
boxesThatScroll();
}
