// Light or dark: what the system prefers, until the switch says otherwise; then what was chosen
// last. Runs in the head, before anything is painted. A page that draws with colours of its own
// listens for the event "theme" of the document.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  let chosen = null;
  try {
    chosen = localStorage.getItem("glassgrad-theme");
  } catch {
    // No storage, as in a private window: the choice lasts as long as the page.
  }

  const show = () => {
    const theme = chosen ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = theme;
    document.getElementById("theme")?.setAttribute("aria-pressed", String(theme === "dark"));
    document.dispatchEvent(new CustomEvent("theme", {detail: theme}));
  };

  show();
  dark.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("glassgrad-theme", chosen);
      } catch {
        // As above.
      }
      show();
    });
  });
})();
