// Small drawings of one run: curves against the step.
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

// points: {x: [...], y: [...]}, y null where the value was not finite. scale: [lowest, highest], the same for every run;
// what goes above it is cut off, and that is said. last: the last step of the axis. levels: lines across, {name, value}.
function chart(points, { label, failed, scale, last, levels = [] }) {
  const [width, height, left, bottom, top, right] = [380, 200, 44, 34, 12, 8];
  const drawn = levels.filter((level) => level.value !== null && level.value !== undefined);
  const [low, high] = padded([...scale, ...drawn.map((level) => level.value)]);
  const across = (step) => left + (step / Math.max(last, 1)) * (width - left - right);
  const up = (value) => height - bottom - ((Math.min(value, high) - low) / (high - low)) * (height - bottom - top);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: `chart${failed ? " failed" : ""}`, role: "img", "aria-label": course(points, label) });
  for (const value of ticks(low, high, 4)) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width - right, y1: up(value), y2: up(value) }));
    svg.append(draw("text", { x: left - 6, y: up(value) + 4, "text-anchor": "end" }, short(value)));
  }
  for (const step of ticks(0, last, 5)) svg.append(draw("text", { x: across(step), y: height - bottom + 15, "text-anchor": "middle" }, step));
  svg.append(draw("text", { x: (left + width - right) / 2, y: height - 3, "text-anchor": "middle" }, "step"));
  svg.append(draw("path", { class: "axis", d: `M${left},${top}V${height - bottom}H${width - right}` }));
  for (const level of drawn) {
    svg.append(draw("line", { class: "level", x1: left, x2: width - right, y1: up(level.value), y2: up(level.value) }));
    svg.append(draw("text", { class: "name", x: width - right, y: up(level.value) - 4, "text-anchor": "end" }, `${level.name} ${Number(level.value.toPrecision(3))}`));
  }
  svg.append(...curve(points, across, up));
  const most = Math.max(...points.y.filter((value) => value !== null), -Infinity);
  if (most > high) svg.append(draw("text", { class: "above", x: left + 6, y: top + 4 }, `\u25b2 up to ${short(most)}`));
  const gone = points.y.indexOf(null);
  if (gone >= 0) {
    const [x, y] = [across(points.x[gone]), top + 18];
    svg.append(draw("path", { class: "cross", d: `M${x - 5},${y - 5}l10,10m0,-10l-10,10` }), draw("text", { x: x > width / 2 ? x - 9 : x + 9, y: y + 4, "text-anchor": x > width / 2 ? "end" : "start" }, "not finite"));
  }
  return make("div", {}, make("h4", {}, label), svg);
}

function padded(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.05 || 0.05;
  return [low === 0 ? 0 : low - margin, high + margin];
}

// A curve with gaps where values are not finite; few points get dots.
function curve(points, across, up) {
  let path = "", pen = "M";
  const dots = [];
  points.y.forEach((value, index) => {
    if (value === null) { pen = "M"; return; }
    path += `${pen}${across(points.x[index]).toFixed(1)},${up(value).toFixed(1)}`;
    pen = "L";
    if (points.y.length <= 30) dots.push(draw("circle", { class: "dot", r: 3, cx: across(points.x[index]), cy: up(value) }));
  });
  return [draw("path", { class: "curve", d: path }), ...dots];
}

function course(points, label) {
  const finite = points.y.filter((value) => value !== null);
  const gone = points.y.length - finite.length;
  const words = finite.length ? `from ${short(finite[0])} to ${short(finite[finite.length - 1])}` : "no finite value";
  return `${label} against the step, ${words}${gone ? `, ${gone} values not finite` : ""}`;
}
