// What one run predicts: the table of confusion, and single examples.
function predictions(dev, task) {
  const block = make("div", {}, make("h4", {}, "Predictions on the development set, at the end"));
  if (dev.finite === false) {
    block.append(make("p", { className: "note" }, "The outputs of this run are not finite: it predicts nothing."));
    return block;
  }
  if (dev.confusion) block.append(confusion(dev.confusion, task.classes));
  else if (dev.singles) block.append(make("p", { className: "note" }, `A table of confusion of ${task.classes.length} classes is not kept in this page.`));
  const examples = dev.value
    ? dev.value.map((value, index) => regression(value, index, task))
    : dev.several
      ? dev.several.map((names, index) => several(names, index, task))
      : classified(bytes(dev.singles), task);
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

function classified(singles, task) {
  return task.labels.map((label, index) => {
    const [low, high, share] = singles.subarray(3 * index, 3 * index + 3);
    const [predicted, probability] = [low + 256 * high, share / 255];
    return { index, wrong: predicted !== label, said: `${task.classes[predicted]} (${(100 * probability).toFixed(0)} %), true: ${task.classes[label]}` };
  });
}

function regression(value, index, task) {
  return { index, wrong: false, said: `${value}, true: ${task.labels[index]}` };
}

function several(names, index, task) {
  const label = task.labels[index];
  return { index, wrong: names !== label, said: `${names || "no label"}, true: ${label || "no label"}` };
}

function exampleItem(example, task) {
  const texts = task.texts ? [task.texts[example.index], task.pairs ? task.pairs[example.index] : null].filter((text) => text !== null) : [`example ${example.index + 1}`];
  return make("li", {}, ...texts.map((text) => make("div", {}, text)), make("div", { className: example.wrong ? "said wrong" : "said" }, `${example.wrong ? "✗ " : ""}${example.said}`));
}
