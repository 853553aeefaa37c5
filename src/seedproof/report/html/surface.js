// Surfaces that can be turned, by pointer and by buttons; drawn when they are opened.
const TURNS = { "←": [-0.35, 0], "→": [0.35, 0], "↑": [0, 0.25], "↓": [0, -0.25] };
const NAMES = { "←": "Turn left", "→": "Turn right", "↑": "Look from higher up", "↓": "Look from lower down" };

function hasWebGL() {
  const canvas = document.createElement("canvas");
  return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
}

function plotted(surface) {
  const height = (value) => (value === null ? null : surface.log ? Math.log10(value) : value);
  const known = surface.z.flat().filter((value) => value !== null);
  const lift = (Math.max(...known.map(height)) - Math.min(...known.map(height))) * 0.02;
  const name = surface.log ? `log10 of the ${surface.title}` : surface.title;
  const traces = [{
    type: "surface", x: surface.alpha, y: surface.beta, z: surface.z.map((row) => row.map(height)), colorscale: "Cividis", reversescale: true,
    contours: { z: { show: true, color: "rgba(255,255,255,.5)", width: 1 } }, colorbar: { thickness: 12, len: 0.6 },
    hovertemplate: "alpha %{x:.2f}<br>beta %{y:.2f}<br>%{z:.3g}<extra></extra>",
  }];
  const points = surface.points.filter((point) => point[3] !== null && point[3] > 0);
  if (points.length) traces.push({
    type: "scatter3d", mode: "markers+text", x: points.map((point) => point[1]), y: points.map((point) => point[2]), z: points.map((point) => height(point[3]) + lift),
    text: points.map((point) => point[0]), textposition: "top center", hoverinfo: "text",
    marker: { size: 6, color: points.map((point) => ({ f: "#D55E00", s: "#0072B2" })[point[0]] ?? "#222222"), line: { color: "#ffffff", width: 1 } },
  });
  return { traces, name };
}

function showSurface(box) {
  const surface = data.surfaces[Number(box.dataset.surface)];
  const { traces, name } = plotted(surface), plot = make("div", { className: "plot" });
  const ink = getComputedStyle(document.body).color, axis = (title) => ({ title: { text: title }, color: ink, gridcolor: "rgba(128,128,128,.35)" });
  const turns = make("div", { className: "turns" }, ...Object.keys(TURNS).map((sign) => make("button", { type: "button", ariaLabel: NAMES[sign] }, sign)));
  box.replaceChildren(plot, turns);
  Plotly.newPlot(plot, traces, {
    paper_bgcolor: "rgba(0,0,0,0)", font: { color: ink, family: "sans-serif" }, margin: { l: 0, r: 12, t: 0, b: 0 }, showlegend: false,
    scene: { xaxis: axis("alpha: p to f"), yaxis: axis("beta: p to s"), zaxis: axis(name), aspectmode: "manual", aspectratio: { x: 1, y: 1, z: 0.75 }, camera: { eye: { x: 1.3, y: -1.4, z: 1.15 }, center: { x: 0, y: 0, z: -0.12 } } },
  }, { displayModeBar: false, responsive: true });
  turns.addEventListener("click", (event) => {
    const turn = TURNS[event.target.textContent];
    if (!turn) return;
    const eye = plot.layout.scene.camera.eye, radius = Math.hypot(eye.x, eye.y), angle = Math.atan2(eye.y, eye.x) + turn[0];
    Plotly.relayout(plot, { "scene.camera.eye": { x: radius * Math.cos(angle), y: radius * Math.sin(angle), z: eye.z + turn[1] } });
  });
}

for (const details of all("details.turn")) {
  const box = details.querySelector(".surface");
  details.addEventListener("toggle", () => {
    if (!details.open || box.childElementCount) return;
    if (hasWebGL()) showSurface(box);
    else box.append(make("p", { className: "note" }, "This browser has no WebGL, so the surface cannot be turned here; the drawing above shows the same values."));
  });
}
document.addEventListener("theme", () => {
  for (const box of all("details.turn[open] .surface")) if (box.childElementCount) showSurface(box);
});
