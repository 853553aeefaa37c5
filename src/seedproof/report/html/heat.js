// The gradients of one run: a row per layer, a column per look.
// The colours of the heat map: viridis, readable in grayscale and for colour-blind readers (Smith and van der Walt 2015).
const VIRIDIS = [[68, 1, 84], [71, 45, 123], [59, 82, 139], [44, 114, 142], [33, 145, 140], [40, 174, 128], [94, 201, 98], [173, 220, 48], [253, 231, 37]];
function colour(fraction) {
  const position = Math.max(0, Math.min(1, fraction)) * (VIRIDIS.length - 1);
  const index = Math.min(VIRIDIS.length - 2, Math.floor(position));
  return VIRIDIS[index].map((value, channel) => Math.round(value + (VIRIDIS[index + 1][channel] - value) * (position - index)));
}

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const power = (code) => data.codes[0] + ((code - 2) / 252) * (data.codes[1] - data.codes[0]);
function norm(code) {
  return code === 255 ? "not finite" : code === 1 ? "exactly 0" : code === 0 ? "missing" : (10 ** power(code)).toExponential(1);
}

// One row per layer, one column per look; the arrow keys or the pointer read single values.
// scale: the lowest and the highest code of all runs of the task, so that a colour is the same norm in every run.
function heatMap(heat, scale) {
  const codes = bytes(heat.bytes), [rows, columns] = [heat.rows.length, heat.x.length];
  const [low, high] = scale ? [Math.floor(power(scale[0])), Math.ceil(power(scale[1]))] : [-6, 0];
  const canvas = make("canvas", { width: columns, height: rows, tabIndex: 0, role: "img" });
  canvas.setAttribute("aria-label", `Gradient norms of ${rows} rows over ${columns} looks; arrow keys read single values`);
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
  codes.forEach((code, index) => {
    const rgb = code === 255 ? [213, 94, 0] : code < 2 ? [0, 0, 0] : colour((power(code) - low) / (high - low || 1));
    image.data.set([...rgb, code === 0 ? 0 : 255], 4 * index);
  });
  context.putImageData(image, 0, 0);
  const names = make("div", { className: "names", ariaHidden: "true" });
  const every = Math.ceil(rows / 16);
  heat.rows.forEach((name, row) => {
    if (!/^\d+$/.test(name) || (Number(name) - 1) % every === 0) {
      names.append(make("span", { style: `top:${((row + 0.5) / rows) * 19}rem` }, /^\d+$/.test(name) ? `layer ${name}` : name));
    }
  });
  const read = make("div", { className: "read" }, "Point at it, or use the arrow keys, to read a value.");
  read.setAttribute("aria-live", "polite");
  const legend = make("div", { className: "scale" }, make("span", {}, "10", make("sup", {}, String(low))), make("i", { style: `background:linear-gradient(90deg,${VIRIDIS.map((rgb) => `rgb(${rgb})`)})` }), make("span", {}, "10", make("sup", {}, String(high))));
  if (codes.includes(1)) legend.append(" black: exactly 0");
  if (codes.includes(255)) legend.append(" orange: not finite");
  let at = [0, columns - 1];
  const say = (row, column) => {
    at = [Math.max(0, Math.min(rows - 1, row)), Math.max(0, Math.min(columns - 1, column))];
    const name = heat.rows[at[0]];
    read.textContent = `step ${heat.x[at[1]]}, ${/^\d+$/.test(name) ? `layer ${name}` : name}: ${norm(codes[at[0] * columns + at[1]])}`;
  };
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    say(Math.floor(((event.clientY - box.top) / box.height) * rows), Math.floor(((event.clientX - box.left) / box.width) * columns));
  });
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -columns], End: [0, columns] };
    if (moves[event.key]) { event.preventDefault(); say(at[0] + moves[event.key][0], at[1] + moves[event.key][1]); }
  });
  const axis = make("div", { className: "axis" }, make("span", {}, `step ${heat.x[0]}`), make("span", {}, `step ${heat.x[columns - 1]}`));
  return make("div", {}, make("h4", {}, "Gradient norms by layer, before clipping"), make("div", { className: "heat" }, names, canvas, axis, legend, read));
}
