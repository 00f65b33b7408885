// The frame of every page: switches, keys, search, table of contents, and how far the reader is.
// Parts of a page (predictions, hints, live pieces, …) are in parts.js.
"use strict";

{
const page = document.body.dataset;
const rootPath = page.root ?? "";
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
};
const all = (selector, under = document) => [...under.querySelectorAll(selector)];
const icon = (paths) => {
  const holder = document.createElement("span");
  holder.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true">${paths}</svg>`;
  return holder.firstChild;
};

// One place where the page says what it did; read aloud by a screen reader.
const say = (() => {
  const place = document.body.appendChild(make("p", {class: "said", role: "status"}));
  let timer = 0;
  return (text) => {
    place.textContent = text;
    place.classList.add("seen");
    clearTimeout(timer);
    timer = setTimeout(() => place.classList.remove("seen"), 2500);
  };
})();

Object.assign(glass, {make, all, icon, say, page, rootPath});

// ---- the switches of the header ----

(() => {
  const theme = document.getElementById("theme");
  if (theme) {
    theme.type = "button";
    theme.replaceChildren(icon('<circle cx="12" cy="12" r="9"/><path class="full" d="M12 3a9 9 0 0 1 0 18Z"/>'));
    theme.setAttribute("aria-label", "Dark colours");
    theme.title = "Dark colours";
    const show = () => theme.setAttribute("aria-pressed", String(document.documentElement.dataset.theme === "dark"));
    document.addEventListener("theme", show);
    theme.addEventListener("click", () => {
      glass.set("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
      glass.showTheme();
    });
    show();
  }

  const size = document.getElementById("text-size");
  if (size) {
    size.type = "button";
    size.replaceChildren(make("span", {class: "small-a", "aria-hidden": "true"}, "A"),
                         make("span", {class: "large-a", "aria-hidden": "true"}, "A"));
    const show = () => {
      size.setAttribute("aria-label", `Size of text: ${glass.size()} of 4`);
      size.title = `Size of text: ${glass.size()} of 4`;
    };
    size.addEventListener("click", () => {
      glass.nextSize();
      show();
      say(`Size of text: ${glass.size()} of 4`);
    });
    show();
  }
})();

// ---- keys: / searches, [ and ] go to the page before and after ----

// A key that is a letter alone can be pressed by mistake (speech input, a hand that trembles), so the
// colophon has a switch that turns these keys off.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || glass.get("keys", true) === false) return;
  if (event.target.closest?.("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]")) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search")?.focus();
  }
  if (event.key === "[") document.querySelector(".neighbours a.previous, a[rel=prev]")?.click();
  if (event.key === "]") document.querySelector(".neighbours a.next, a[rel=next]")?.click();
});

// ---- the table of contents: a drawer where the window is narrow ----

(() => {
  const contents = document.querySelector("nav.contents"), header = document.querySelector("header.top");
  if (!contents || !header) return;
  contents.id ||= "contents";
  const button = make("button", {id: "menu", type: "button", "aria-expanded": "false", "aria-controls": contents.id,
                                 "aria-label": "Contents", title: "Contents"});
  button.append(icon('<path d="M4 6h16M4 12h16M4 18h10"/>'));
  header.prepend(button);
  const open = (whether) => {
    document.documentElement.classList.toggle("drawer", whether);
    button.setAttribute("aria-expanded", String(whether));
    showCurrent();
  };
  button.addEventListener("click", () => open(button.getAttribute("aria-expanded") === "false"));
  contents.addEventListener("click", (event) => event.target.closest("a") && open(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || button.getAttribute("aria-expanded") === "false") return;
    open(false);
    button.focus();
  });

  // The chosen page is in view, without moving the page itself.
  function showCurrent() {
    const current = contents.querySelector("[aria-current=page]");
    if (current && contents.clientHeight) contents.scrollTop = current.offsetTop - contents.clientHeight / 3;
  }
  showCurrent();
})();

// ---- how far down the page the reader is ----

const parts = all("nav.contents a[href^='#']").map((link) => {
  const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  return {link, target};
}).filter(({target}) => target && target.id !== "main");

let waiting = false;
function showPlace() {
  waiting = false;
  const root = document.documentElement, length = root.scrollHeight - innerHeight;
  const far = length > 0 ? Math.min(1, Math.max(0, scrollY / length)) : 1;
  root.style.setProperty("--far", far.toFixed(4));
  let now = null;
  for (const part of parts) if (part.target.getBoundingClientRect().top < innerHeight * 0.35) now = part;
  if (length > 0 && far > 0.999) now = parts.at(-1) ?? null;
  for (const part of parts) {
    if (part === now) part.link.setAttribute("aria-current", "location");
    else part.link.removeAttribute("aria-current");
  }
  return {far, now};
}
addEventListener("scroll", () => {
  if (!waiting) requestAnimationFrame(showPlace);
  waiting = true;
}, {passive: true});
addEventListener("resize", showPlace);
showPlace();

// Where the reader stopped is shown on the first page.
addEventListener("pagehide", () => {
  if (!["chapter", "source"].includes(page.kind) || !page.path) return;
  const {now, far} = showPlace();
  glass.set("stopped", {page: page.path, title: page.title ?? document.title, far,
                        part: now && far > 0.02 ? {id: now.target.id, name: now.link.textContent.trim()} : null});
});

// ---- what was met: lines of the library on source pages that were opened ----

const library = window.glassBook?.lines ?? {};  // lines of each file
const fileOf = (address) => /^(?:\.\.\/)*src\/(.+)\.html/.exec(address ?? "")?.[1];
function showMet() {
  const met = glass.get("met", {}), count = (files) => files.reduce((sum, file) => sum + (library[file] ?? 0), 0);
  const lines = count(Object.keys(met)), total = count(Object.keys(library));
  for (const place of all("p.ledger")) {
    if (!total) continue;
    const [some, whole] = [Math.min(lines, total), total].map((n) => n.toLocaleString("en"));
    place.textContent = `You have met ${some} of ${whole} lines of the library.`;
    place.style.setProperty("--part", String(Math.min(1, lines / total)));
  }
  for (const link of all("nav.contents .files a, section.files a")) {
    const file = fileOf(link.getAttribute("href"));
    link.querySelector(".seen-mark")?.remove();
    if (!(file in met)) continue;
    link.append(make("span", {class: "seen-mark"}, " ✓", make("span", {class: "unseen"}, " opened")));
  }
}
(() => {
  const file = fileOf(page.path);
  if (file && !(file in glass.get("met", {}))) glass.put("met", file, true);
  showMet();

  const place = document.querySelector("p.stopped"), stopped = glass.get("stopped");
  if (!place || typeof stopped?.page !== "string" || !/^[\w./-]+\.html$/.test(stopped.page)) return;
  const href = rootPath + stopped.page + (stopped.part ? `#${encodeURIComponent(stopped.part.id)}` : "");
  place.replaceChildren("You stopped at ", make("a", {href}, stopped.title),
                        stopped.part ? `, “${stopped.part.name}”.` : ".");
  place.hidden = false;
})();

// ---- what the pages keep: the colophon ----

(() => {
  const place = document.getElementById("kept");
  if (!place) return;
  const keys = make("input", {type: "checkbox", id: "single-keys"});
  keys.checked = glass.get("keys", true) !== false;
  keys.addEventListener("change", () => {
    glass.set("keys", keys.checked);
    say(keys.checked ? "The keys /, [ and ] work." : "The keys /, [ and ] are off.");
  });
  const button = make("button", {type: "button", id: "forget"}, "Forget what these pages keep");
  button.addEventListener("click", () => {
    glass.forget();
    glass.showTheme();
    glass.showSize();
    keys.checked = true;
    showMet();
    say("Everything is forgotten.");
  });
  place.append(make("p", {class: "switch"}, make("label", {for: "single-keys"}, keys, " Keys without Ctrl or Alt: / searches, [ and ] turn pages")),
               make("p", {}, button));
})();
}
