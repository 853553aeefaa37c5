// Runs in the figures: the pointer reads which run a point or a curve is, a click opens it.
const tip = make("div", { id: "tip", role: "tooltip", hidden: true });
document.body.append(tip);

const linkAt = (event) => event.target.closest?.(".drawing a[href^='#run=']");

function described(id) {
  const row = rowOf(id);
  if (!row) return `run ${id}`;
  return `${cell(row, "recipe")}, ${cell(row, "seed")}: ${cell(row, "outcome")}, score ${cell(row, "score")}\n${cell(row, "task")} · ${cell(row, "model")}\n${row.querySelector("button.open") ? "Click to look into it" : "Not kept in this page; its row is in the table"}`;
}

// A thin curve is hard to point at: an unseen wide one lies over it.
for (const path of all(".drawing a > path")) {
  const wide = path.cloneNode();
  wide.removeAttribute("id");
  wide.setAttribute("style", "fill: none; stroke: transparent; stroke-width: 7; stroke-dasharray: none");
  path.after(wide);
}
for (const link of all(".drawing a[href^='#run=']")) link.setAttribute("tabindex", "-1"); // by the keyboard, the table opens runs

document.addEventListener("pointerover", (event) => {
  const link = linkAt(event);
  tip.hidden = !link;
  if (link) tip.textContent = described(link.getAttribute("href").slice(5));
});
document.addEventListener("pointermove", (event) => {
  if (tip.hidden) return;
  const [width, height] = [tip.offsetWidth, tip.offsetHeight];
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${event.clientY + height + 22 > innerHeight ? event.clientY - height - 12 : event.clientY + 16}px`;
});
document.addEventListener("click", (event) => {
  const link = linkAt(event);
  if (!link) return;
  event.preventDefault();
  tip.hidden = true;
  const row = rowOf(link.getAttribute("href").slice(5));
  if (row?.querySelector("button.open")) openRun(row);
  else row?.scrollIntoView({ block: "center" });
});
