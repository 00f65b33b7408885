// What a page needs before it is painted: the place where it keeps things, the colours, the size of text.
// This script is in the head and blocks; site.js and parts.js come later.
//
// Everything that the pages keep lies in localStorage, as JSON, under keys that begin with "glassgrad.".
// Some browsers give no storage to a page opened from a file: then things are kept until the page closes.
"use strict";

globalThis.glass = (() => {
  const prefix = "glassgrad.";
  const here = new Map();

  const get = (key, otherwise = null) => {
    if (here.has(key)) return here.get(key);
    try {
      return JSON.parse(localStorage.getItem(prefix + key)) ?? otherwise;
    } catch {
      return otherwise;  // no storage, or something that another program wrote
    }
  };

  const set = (key, value) => {
    here.set(key, value);
    try {
      localStorage.setItem(prefix + key, JSON.stringify(value));
    } catch {
      // Kept in `here` alone.
    }
  };

  // Changes one entry of an object that is kept.
  const put = (key, name, value) => set(key, {...get(key, {}), [name]: value});

  const forget = () => {
    here.clear();
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key);
    } catch {
      // Nothing was kept.
    }
  };

  return {get, set, put, forget};
})();

// ---- light or dark, and the size of text ----

// The system's colours until the switch says otherwise; then what was chosen last.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const sizes = 4;

  glass.showTheme = () => {
    root.dataset.theme = glass.get("theme") ?? (system.matches ? "dark" : "light");
    document.dispatchEvent(new CustomEvent("theme", {detail: root.dataset.theme}));
  };
  glass.size = () => {
    const size = Number(glass.get("size", 1));
    return Number.isInteger(size) && size >= 1 && size <= sizes ? size : 1;
  };
  glass.showSize = () => { root.dataset.size = glass.size(); };
  glass.nextSize = () => {
    glass.set("size", glass.size() % sizes + 1);
    glass.showSize();
  };

  root.classList.add("js");
  glass.showTheme();
  glass.showSize();
  system.addEventListener("change", glass.showTheme);
})();
