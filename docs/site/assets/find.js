// The search field. The index is a script beside the pages (a page opened from a file may not fetch),
// and is loaded when the field is first used. Arrow keys walk through what was found, Enter opens it.
"use strict";

{
const {make, all, rootPath} = glass;
const field = document.getElementById("search");
const form = field?.form ?? field?.closest("form");

// ---- the index ----

const beside = new URL("search.js", document.currentScript.src).href;
let loading = null;
function load() {
  loading ??= new Promise((resolve, reject) => {
    const script = make("script", {src: beside});
    script.addEventListener("load", () => {
      const {options, index} = window.glassgrad_search;
      const how = {...options, tokenize: globalThis.glassgrad_tokens, processTerm: (term) => term};
      resolve(typeof index === "string" ? MiniSearch.loadJSON(index, how) : MiniSearch.loadJS(index, how));
    });
    script.addEventListener("error", () => reject(new Error("The index of the search could not be loaded.")));
    document.head.append(script);
  });
  return loading;
}

// A section counts by how well its words fit, and by how many of the words that were asked for it holds.
// Of one page at most three sections are shown.
function find(index, text) {
  const asked = new Set(globalThis.glassgrad_tokens(text)).size;
  const found = index.search(text, {
    boost: {title: 3, head: 4, errors: 2},
    prefix: (term) => term.length > 2,
    fuzzy: (term) => term.length > 5 ? 0.15 : false,
    weights: {prefix: 0.3, fuzzy: 0.2}
  }).map((one) => ({...one, worth: one.score * (new Set(one.queryTerms).size / asked) ** 2}));
  found.sort((a, b) => b.worth - a.worth);
  const perPage = new Map();
  return found.filter((one) => {
    const name = one.href.replace(/#.*/, ""), count = perPage.get(name) ?? 0;
    perPage.set(name, count + 1);
    return count < 3;
  }).slice(0, 12);
}

// ---- what was found ----

// A piece of the text around the first word that was asked for, with the words marked.
function piece(text, terms) {
  const words = [...new Set(terms)].filter((t) => t.length > 1 || /\p{Script=Han}/u.test(t));
  const pattern = words.sort((a, b) => b.length - a.length).map((t) => t.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|");
  const found = pattern ? [...text.matchAll(new RegExp(pattern, "giu"))] : [];
  const from = Math.max(0, (found[0]?.index ?? 0) - 60);
  const start = from === 0 ? 0 : text.indexOf(" ", from) + 1;
  const end = Math.min(text.length, start + 170);
  const node = make("span", {class: "piece"}, start > 0 ? "… " : "");
  let at = start;
  for (const match of found) {
    if (match.index < at || match.index + match[0].length > end) continue;
    node.append(text.slice(at, match.index), make("mark", {}, match[0]));
    at = match.index + match[0].length;
  }
  node.append(text.slice(at, end), end < text.length ? " …" : "");
  return node;
}

if (field && form) {
  const list = make("div", {id: "found", role: "listbox", "aria-label": "What was found", hidden: true});
  const count = make("p", {class: "unseen", role: "status"});
  form.append(list, count);
  for (const [name, value] of Object.entries({role: "combobox", autocomplete: "off", "aria-controls": "found", "aria-expanded": "false",
                                              "aria-autocomplete": "list", placeholder: matchMedia("(pointer: coarse)").matches ? "Search" : "Search   /", spellcheck: "false"}))
    field.setAttribute(name, value);

  let chosen = -1;
  const options = () => all("[role=option]", list);
  const show = (whether) => {
    list.hidden = !whether;
    field.setAttribute("aria-expanded", String(whether));
    if (!whether) choose(-1);
  };
  const choose = (at) => {
    chosen = at;
    options().forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === at));
      if (i === at) option.scrollIntoView({block: "nearest"});
    });
    if (at >= 0) field.setAttribute("aria-activedescendant", options()[at].id);
    else field.removeAttribute("aria-activedescendant");
  };

  const search = async () => {
    const text = field.value.trim();
    if (!text) return show(false);
    let found = [];
    try {
      found = find(await load(), text);
    } catch (error) {
      count.textContent = error.message;
    }
    if (field.value.trim() !== text) return;  // another letter was typed meanwhile
    list.replaceChildren(...found.map((one, i) => make("a", {
      role: "option", id: `found-${i}`, href: rootPath + one.href, tabindex: "-1", "aria-selected": "false"
    }, make("b", {}, one.title), one.head && one.head !== one.title ? make("i", {}, one.head) : "", piece(one.text ?? "", one.terms))));
    if (!found.length) list.append(make("p", {role: "option", "aria-selected": "false", "aria-disabled": "true", class: "nothing"}, "Nothing was found."));
    list.dataset.for = text;
    count.textContent = found.length ? `${found.length} found` : "Nothing was found.";
    show(true);
    choose(found.length ? 0 : -1);
  };

  field.addEventListener("focus", () => load().catch(() => {}));
  field.addEventListener("input", search);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    options()[Math.max(0, chosen)]?.click();
  });
  field.addEventListener("keydown", (event) => {
    const last = options().length - 1;
    const steps = {ArrowDown: Math.min(last, chosen + 1), ArrowUp: Math.max(0, chosen - 1)};
    if (event.key in steps && !list.hidden) {
      event.preventDefault();
      choose(steps[event.key]);
    }
    if (event.key === "Escape") {
      event.preventDefault();
      if (list.hidden) field.value = "";
      show(false);
    }
  });
  // A link that leads to another place of the same page closes the list.
  list.addEventListener("click", () => { show(false); field.blur(); });
  document.addEventListener("pointerdown", (event) => !form.contains(event.target) && show(false));
  form.addEventListener("focusout", (event) => event.relatedTarget && !form.contains(event.relatedTarget) && show(false));
}
}
