// Looking into one run: a dialog with its curves, its gradients and its predictions.
const dialog = document.getElementById("run");
const body = document.getElementById("run-body");
let current = null;

const visible = () => (table ? all("tbody tr", table).filter((row) => !row.hidden && row.querySelector("button.open")) : []);

function openRun(row) {
  current = row;
  const id = row.dataset.run, run = data.runs[id], cells = [...row.cells].map((cell) => cell.textContent.trim());
  document.getElementById("run-title").textContent = `${cells[1]}, ${cells[0]}`;
  dialog.querySelector(".id").textContent = `${cells[5]} · ${cells[6]} · ${cells[2]} · score ${cells[3]} · run ${id}`;
  body.replaceChildren(...contents(run, row));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  document.getElementById("run-title").focus();
  history.replaceState(null, "", `#run=${id}`);
}

function contents(run, row) {
  const failed = row.classList.contains("failed"), parts = [];
  const charts = make("div", { className: "charts" });
  if (run.loss) charts.append(chart(run.loss, { label: run.loss.window > 1 ? `Training loss, means of ${run.loss.window} steps` : "Training loss", failed }));
  if (run.score) charts.append(chart(run.score, { label: "Score on the development set", failed, level: run.majority ?? null }));
  if (run.pooler) charts.append(chart(run.pooler, { label: "Share of saturated pooler units", failed }));
  if (charts.childElementCount) parts.push(charts);
  if (run.heat) parts.push(heatMap(run.heat));
  if (run.dev) parts.push(predictions(run.dev, data.tasks[run.task]));
  const missing = ["loss", "score", "heat", "dev"].filter((name) => !run[name]).map((name) => ({ loss: "training losses", score: "evaluations", heat: "gradient norms", dev: "predictions" })[name]);
  if (missing.length) parts.push(make("p", { className: "note" }, `This run has no ${missing.join(", no ")}${row.dataset.outcome.startsWith("failed") || row.dataset.outcome === "succeeded" ? "." : `: it is ${row.dataset.outcome}.`}`));
  return parts;
}

function predictions(dev, task) {
  const block = make("div", {}, make("h3", {}, "Predictions on the development set, at the end"));
  if (dev.finite === false) {
    block.append(make("p", { className: "note" }, "The outputs of this run are not finite: it predicts nothing."));
    return block;
  }
  if (dev.confusion) block.append(confusion(dev.confusion, task.classes));
  const examples = dev.value ? dev.value.map((value, index) => regression(value, index, task)) : classified(bytes(dev.pairs), task);
  const list = make("ol", { className: "examples" }), more = make("button", { type: "button" }, "Show more");
  const only = make("input", { type: "checkbox", checked: !dev.value });
  let shown = 0, listed = [];
  const next = () => {
    for (const example of listed.slice(shown, shown + 20)) list.append(exampleItem(example, task));
    shown = Math.min(shown + 20, listed.length);
    more.hidden = shown >= listed.length;
  };
  const fill = () => {
    listed = only.checked ? examples.filter((example) => example.wrong) : examples;
    shown = 0;
    list.replaceChildren();
    next();
  };
  only.addEventListener("change", fill);
  more.addEventListener("click", next);
  fill();
  if (!dev.value) block.append(make("p", { className: "row" }, make("label", {}, only, " wrong ones only")));
  if (task.total > examples.length) block.append(make("p", { className: "caption" }, `The first ${examples.length} of ${task.total} examples.`));
  block.append(list, more);
  return block;
}

function confusion(counts, classes) {
  const head = make("tr", {}, make("td", {}, "true ↓ predicted →"), ...classes.map((name) => make("th", { scope: "col" }, name)));
  const rows = counts.map((row, index) => make("tr", {}, make("th", { scope: "row" }, classes[index]), ...row.map((count) => make("td", {}, String(count)))));
  return make("div", { className: "scroll" }, make("table", { className: "confusion" }, make("thead", {}, head), make("tbody", {}, ...rows)));
}

function classified(pairs, task) {
  return task.labels.map((label, index) => {
    const [predicted, share] = [pairs[2 * index], pairs[2 * index + 1] / 255];
    return { index, wrong: predicted !== label, said: `${task.classes[predicted]} (${(100 * share).toFixed(0)} %), true: ${task.classes[label]}` };
  });
}

function regression(value, index, task) {
  return { index, wrong: false, said: `${value}, true: ${task.labels[index]}` };
}

function exampleItem(example, task) {
  const texts = task.texts ? [task.texts[example.index], task.pairs ? task.pairs[example.index] : null].filter((text) => text !== null) : [`example ${example.index + 1}`];
  return make("li", {}, ...texts.map((text) => make("div", {}, text)), make("div", { className: example.wrong ? "said wrong" : "said" }, `${example.wrong ? "✗ " : ""}${example.said}`));
}

if (table) {
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button.open");
    if (button) openRun(button.closest("tr"));
  });
  dialog.addEventListener("click", (event) => {
    const go = event.target.closest("[data-go]");
    if (go) {
      const rows = visible(), next = rows[rows.indexOf(current) + Number(go.dataset.go)];
      if (next) { openRun(next); go.focus(); }
    } else if (event.target.closest("[data-close]") || event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    history.replaceState(null, "", location.pathname + location.search);
    current?.querySelector("button.open")?.focus();
  });
  const asked = /^#run=([0-9a-f]+)$/.exec(location.hash);
  const row = asked && all("tbody tr", table).find((one) => one.dataset.run === asked[1] && one.querySelector("button.open"));
  if (row) openRun(row);
}
