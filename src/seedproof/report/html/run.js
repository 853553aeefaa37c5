// Looking into a run: a dialog with its curves, its gradients and its predictions; another run can stand beside it.
const dialog = document.getElementById("run");
const body = document.getElementById("run-body");
const compare = document.getElementById("compare");
let current = null, kept = null;

const canOpen = (row) => Boolean(row?.querySelector("button.open"));
const visible = () => (table ? all("tbody tr", table).filter((row) => !row.hidden && canOpen(row)) : []);
const named = (row) => `${cell(row, "recipe")}, ${cell(row, "seed")}`;
const about = (row) => `${cell(row, "task")} · ${cell(row, "model")} · ${cell(row, "outcome")} · score ${cell(row, "score")} · run ${row.dataset.run}`;

// The last step of the longest run of a cell: its runs share their axis.
const lasts = new Map();
const cellOf = (row) => ["task", "model", "recipe"].map((name) => cell(row, name)).join("\n");
const lastOf = (row) => lasts.get(cellOf(row)) ?? 1;
for (const row of visible()) {
  const run = data.runs[row.dataset.run];
  lasts.set(cellOf(row), Math.max(lastOf(row), ...["loss", "score", "pooler"].map((name) => run[name]?.x.at(-1) ?? 1)));
}

function openRun(row) {
  current = row;
  const rows = kept && kept !== row ? [kept, row] : [row];
  const two = rows.length === 2;
  document.getElementById("run-title").textContent = two ? "Two runs side by side" : named(row);
  dialog.querySelector(".id").textContent = two ? "" : about(row);
  dialog.classList.toggle("two", two);
  compare.setAttribute("aria-pressed", String(kept !== null));
  compare.textContent = kept === null ? "Compare" : two ? "Stop comparing" : "Now choose another run: ← →";
  const last = Math.max(...rows.map(lastOf));
  body.replaceChildren(...rows.map((one) => side(one, last, two)));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  document.getElementById("run-title").focus();
  history.replaceState(null, "", `#run=${rows.map((one) => one.dataset.run).join("&with=")}`);
}

function side(row, last, two) {
  const heading = two ? [make("h3", {}, named(row)), make("p", { className: "id" }, about(row))] : [];
  return make("section", {}, ...heading, ...contents(data.runs[row.dataset.run], row, last));
}

function contents(run, row, last) {
  const failed = row.classList.contains("failed"), task = data.tasks[run.task] ?? {}, scales = data.scales[run.task] ?? {}, parts = [];
  const charts = make("div", { className: "charts" });
  const add = (name, label, levels = []) => { if (run[name]) charts.append(chart(run[name], { label, failed, last, levels, scale: scales[name] ?? [0, 1] })); };
  const start = task.variance === null || task.variance === undefined ? { name: "label entropy", value: task.entropy } : { name: "variance of the targets", value: task.variance };
  add("loss", run.loss?.window > 1 ? `Training loss, means of ${run.loss.window} steps` : "Training loss", [start]);
  add("score", `${run.metric ? run.metric[0].toUpperCase() + run.metric.slice(1) : "Score"} on the development set`, [{ name: "majority", value: run.majority }]);
  add("pooler", "Fraction of saturated pooler units");
  if (charts.childElementCount) parts.push(charts);
  if (run.heat) parts.push(heatMap(run.heat, scales.heat));
  if (run.dev) parts.push(predictions(run.dev, task));
  const words = { loss: "training losses", score: "evaluations", heat: "gradient norms", dev: "predictions" };
  const missing = Object.keys(words).filter((name) => !run[name]).map((name) => words[name]);
  const finished = row.classList.contains("failed") || row.classList.contains("succeeded");
  if (missing.length) parts.push(make("p", { className: "note" }, `This run has no ${missing.join(", no ")}${finished ? "." : `: it is ${cell(row, "outcome")}.`}`));
  return parts;
}

function step(by) {
  const rows = visible(), next = rows[rows.indexOf(current) + by];
  if (next) openRun(next);
}

function rowsAsked() {
  const asked = /^#run=([0-9a-f]+)(?:&with=([0-9a-f]+))?$/.exec(location.hash);
  return asked ? asked.slice(1).map((id) => id && rowOf(id)).filter(canOpen) : [];
}

function openAsked() {
  const rows = rowsAsked();
  if (!rows.length) return;
  kept = rows.length === 2 ? rows[0] : null;
  openRun(rows.at(-1));
}

if (table) {
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button.open");
    if (button) openRun(button.closest("tr"));
  });
  dialog.addEventListener("click", (event) => {
    const go = event.target.closest("[data-go]");
    if (go) { step(Number(go.dataset.go)); go.focus(); }
    else if (event.target === compare) { kept = kept === null ? current : null; openRun(current); }
    else if (event.target.closest("[data-close]") || event.target === dialog) dialog.close();
  });
  // The arrow keys step through the runs of the table, except where they read a heat map or a field.
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest("canvas, input, .scroll, pre")) return;
    event.preventDefault();
    step(by);
  });
  dialog.addEventListener("close", () => {
    kept = null;
    history.replaceState(null, "", location.pathname + location.search);
    current?.querySelector("button.open")?.focus();
  });
  addEventListener("hashchange", openAsked);
  openAsked();
}
