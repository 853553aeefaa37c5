// Small drawings of one run: a curve against the step, and the heat map of its gradients.
const SVG = "http://www.w3.org/2000/svg";
function draw(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

const short = (value) => Number(Math.abs(value) >= 1000 || (value && Math.abs(value) < 0.001) ? value.toPrecision(3) : value.toFixed(4)).toString();

function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(Number(value.toPrecision(10)));
  return found;
}

// points: {x: [...], y: [...]}, y null where the value was not finite. level: a horizontal line, such as the majority.
function chart(points, { label, failed, level = null }) {
  const [width, height, left, bottom, top, right] = [380, 190, 44, 34, 10, 8];
  const finite = points.y.filter((value) => value !== null).concat(level ?? []);
  let [low, high] = finite.length ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.05 || 0.05;
  [low, high] = [low - margin, high + margin];
  const last = Math.max(...points.x, 1);
  const across = (step) => left + (step / last) * (width - left - right);
  const up = (value) => height - bottom - ((value - low) / (high - low)) * (height - bottom - top);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: `chart${failed ? " failed" : ""}`, role: "img", "aria-label": described(points, label) });
  for (const value of ticks(low, high, 4)) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width - right, y1: up(value), y2: up(value) }));
    svg.append(draw("text", { x: left - 6, y: up(value) + 4, "text-anchor": "end" }, short(value)));
  }
  for (const step of ticks(0, last, 5)) svg.append(draw("text", { x: across(step), y: height - bottom + 15, "text-anchor": "middle" }, step));
  svg.append(draw("text", { x: (left + width - right) / 2, y: height - 3, "text-anchor": "middle" }, "step"));
  svg.append(draw("path", { class: "axis", d: `M${left},${top}V${height - bottom}H${width - right}` }));
  if (level !== null) svg.append(draw("line", { class: "level", x1: left, x2: width - right, y1: up(level), y2: up(level) }));
  let path = "", pen = "M";
  points.y.forEach((value, index) => {
    if (value === null) { pen = "M"; return; }
    path += `${pen}${across(points.x[index]).toFixed(1)},${up(value).toFixed(1)}`;
    pen = "L";
    if (points.y.length <= 30) svg.append(draw("circle", { class: "dot", r: 3, cx: across(points.x[index]), cy: up(value) }));
  });
  svg.insertBefore(draw("path", { class: "curve", d: path }), svg.querySelector(".dot"));
  const gone = points.y.indexOf(null);
  if (gone >= 0) {
    const [x, y] = [across(points.x[gone]), top + 6];
    svg.append(draw("path", { class: "cross", d: `M${x - 5},${y - 5}l10,10m0,-10l-10,10` }), draw("text", { x: x + 9, y: y + 4 }, "not finite"));
  }
  return make("div", {}, make("h3", {}, label), svg);
}

function described(points, label) {
  const finite = points.y.filter((value) => value !== null);
  const gone = points.y.length - finite.length;
  const course = finite.length ? `from ${short(finite[0])} to ${short(finite[finite.length - 1])}` : "no finite value";
  return `${label} against the step, ${course}${gone ? `, ${gone} values not finite` : ""}`;
}

// The colours of the heat map: viridis, readable in grayscale and for colour-blind readers (Smith and van der Walt 2015).
const VIRIDIS = [[68, 1, 84], [71, 45, 123], [59, 82, 139], [44, 114, 142], [33, 145, 140], [40, 174, 128], [94, 201, 98], [173, 220, 48], [253, 231, 37]];
function colour(share) {
  const place = Math.max(0, Math.min(1, share)) * (VIRIDIS.length - 1);
  const index = Math.min(VIRIDIS.length - 2, Math.floor(place));
  return VIRIDIS[index].map((value, channel) => Math.round(value + (VIRIDIS[index + 1][channel] - value) * (place - index)));
}

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const power = (code) => data.scale[0] + ((code - 2) / 252) * (data.scale[1] - data.scale[0]);
function norm(code) {
  return code === 255 ? "not finite" : code === 1 ? "exactly 0" : code === 0 ? "missing" : (10 ** power(code)).toExponential(1);
}

// One row per layer, one column per look; the arrow keys or the pointer read single values.
function heatMap(heat) {
  const codes = bytes(heat.bytes), [rows, columns] = [heat.rows.length, heat.x.length];
  const numbers = [...codes].filter((code) => code > 1 && code < 255);
  const [low, high] = numbers.length ? [Math.floor(power(Math.min(...numbers))), Math.ceil(power(Math.max(...numbers)))] : [-6, 0];
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
  const scale = make("div", { className: "scale" }, make("span", {}, "10", make("sup", {}, String(low))), make("i", { style: `background:linear-gradient(90deg,${VIRIDIS.map((rgb) => `rgb(${rgb})`)})` }), make("span", {}, "10", make("sup", {}, String(high))));
  if (codes.includes(1)) scale.append(" black: exactly 0");
  if (codes.includes(255)) scale.append(" orange: not finite");
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
  return make("div", {}, make("h3", {}, "Gradient norms by layer, before clipping"), make("div", { className: "heat" }, names, canvas, axis, scale, read));
}
