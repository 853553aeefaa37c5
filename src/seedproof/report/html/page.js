"use strict";
// The page itself: colours, files, copying, and the table of runs. Everything is read from the page; nothing is loaded.
const data = JSON.parse(document.getElementById("data").textContent);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Colours: as the system, light, dark. A browser may refuse to remember (files, private windows).
const THEMES = ["system", "light", "dark"];
const themeButton = document.getElementById("theme");
function remembered() {
  try { return localStorage.getItem("seedproof-theme"); } catch { return null; }
}
function showTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  themeButton.textContent = { system: "◐", light: "○", dark: "●" }[theme];
  themeButton.setAttribute("aria-label", `Colours: ${theme === "system" ? "as the system" : theme}`);
  themeButton.title = themeButton.getAttribute("aria-label");
  document.dispatchEvent(new Event("theme"));
}
let theme = THEMES.includes(remembered()) ? remembered() : "system";
showTheme(theme);
themeButton.addEventListener("click", () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  try { localStorage.setItem("seedproof-theme", theme); } catch { /* it still holds for this visit */ }
  showTheme(theme);
});

// On paper nothing can be opened: what is short is opened before, and closed again after.
let opened = [];
addEventListener("beforeprint", () => {
  opened = all("#made details:not([open]), .values:not([open]), .decided:not([open])");
  for (const details of opened) details.open = true;
});
addEventListener("afterprint", () => { for (const details of opened) details.open = false; });

for (const button of all("button.csv")) {
  button.addEventListener("click", () => {
    const file = data.csv.find((one) => one.name === button.dataset.csv);
    const address = URL.createObjectURL(new Blob([file.text], { type: "text/csv" }));
    make("a", { href: address, download: file.name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  });
}

for (const button of all("button.copy")) {
  button.addEventListener("click", async () => {
    const code = button.closest(".code").querySelector("pre");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

// The table of runs: sorted by its headings, filtered by the form.
const table = document.getElementById("run-table");
const NUMERIC = new Set(["seed", "score", "loss", "steps", "seconds"]);
const COLUMNS = table ? all("th button[data-sort]", table).map((button) => button.dataset.sort) : [];
const cell = (row, name) => row.cells[COLUMNS.indexOf(name)].textContent.trim();
const rowsById = new Map(table ? all("tbody tr", table).toReversed().map((row) => [row.dataset.run, row]) : []);
const rowOf = (id) => rowsById.get(id);

function compareRows(first, second, key) {
  if (!NUMERIC.has(key)) return cell(first, key).localeCompare(cell(second, key), undefined, { numeric: true });
  const [a, b] = [first.dataset[key], second.dataset[key]];
  if (a === "" || b === "") return a === b ? 0 : a === "" ? Infinity : -Infinity; // what has no number stays last
  return Number(a) - Number(b);
}

function sortBy(heading) {
  const key = heading.querySelector("button").dataset.sort;
  const direction = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  for (const other of all("th[aria-sort]", table)) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const rows = all("tbody tr", table).sort((a, b) => {
    const order = compareRows(a, b, key);
    return Number.isFinite(order) ? sign * order : order;
  });
  table.tBodies[0].append(...rows);
}

function filterRuns() {
  const form = new FormData(document.getElementById("filter"));
  const words = String(form.get("text")).toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  const rows = all("tbody tr", table);
  for (const row of rows) {
    const chosen = ["task", "model", "recipe", "outcome"].every((name) => !form.get(name) || cell(row, name) === form.get(name));
    const text = `${row.textContent} ${row.dataset.run}`.toLowerCase();
    row.hidden = !(chosen && words.every((word) => text.includes(word)));
    shown += !row.hidden;
  }
  document.getElementById("shown").textContent = `${shown} of ${rows.length} shown`;
}

if (table) {
  for (const heading of all("th[aria-sort]", table)) heading.querySelector("button").addEventListener("click", () => sortBy(heading));
  document.getElementById("filter").addEventListener("input", filterRuns);
  document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
  filterRuns(); // a browser that goes back may keep what was typed
}
