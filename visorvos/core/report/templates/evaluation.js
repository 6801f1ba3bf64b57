// Curves of one sequence. Scores are in thousandths: j and f of an object, js and fs of its frames. Addresses such as
// #at=SEQUENCE/OBJECT choose what is shown.
const sequences = new Map(JSON.parse(document.getElementById("data").textContent).map((item) => [item.name, item]));
const panel = document.getElementById("curves");
const percent = (mille) => (mille / 10).toFixed(1);
const color = (index) => `var(--c${index % 8})`;
const dashed = (index) => Math.floor(index / 8) % 2 === 1;
const address = (name, id) => `#at=${encodeURIComponent(name)}${id === null ? "" : `/${id}`}`;
let current = null, only = null, at = 0;

function make(tag, attributes = {}, ...children) {
  const isDrawing = ["svg", "g", "line", "polyline", "circle", "text"].includes(tag);
  const element = document.createElementNS(`http://www.w3.org/${isDrawing ? "2000/svg" : "1999/xhtml"}`, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Plots J or F of every object over the frames. */
function plot(key, label) {
  const width = Math.max(280, Math.round(panel.clientWidth - 36)), height = width < 420 ? 160 : 190;
  const left = 34, right = 10, top = 30, bottom = 22, last = current.frames.length - 1;
  const x = (number) => (last === 0 ? (left + width - right) / 2 : left + (number / last) * (width - left - right));
  const y = (score) => top + (1 - score / 1000) * (height - top - bottom);
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${label} of each object over the frames of ${current.name}` });
  svg.append(make("text", { x: 0, y: 13, "font-weight": 650 }, label));
  for (const score of [0, 250, 500, 750, 1000]) {
    svg.append(make("line", { class: "grid", x1: left, x2: width - right, y1: y(score), y2: y(score) }));
    if (score % 500 === 0) svg.append(make("text", { x: left - 6, y: y(score) + 4, "text-anchor": "end" }, score / 10));
  }
  for (let number = 0; number <= last; number += Math.max(1, Math.ceil(last / 6))) {
    svg.append(make("text", { x: x(number), y: height - 6, "text-anchor": "middle" }, number + 1));
  }
  svg.append(make("line", { class: "cursor", x1: x(at), x2: x(at), y1: top, y2: height - bottom }));
  current.objects.forEach((item, index) => {
    const points = item[key].map((score, number) => [x(number).toFixed(1), y(score).toFixed(1)]);
    const dots = last < 30 ? points.map(([cx, cy]) => make("circle", { cx, cy, r: 2.8, fill: color(index) })) : [];
    svg.append(make("g", { class: only !== null && only !== item.id ? "faded" : "" },
      make("polyline", { class: "line", points: points.join(" "), stroke: color(index), "stroke-dasharray": dashed(index) ? "5 3" : "none" }), ...dots));
  });
  svg.append(...svg.querySelectorAll("g:not(.faded)"));  // In front of the others.
  const follow = (event) => {
    const box = svg.getBoundingClientRect();
    const share = ((event.clientX - box.left) / box.width * width - left) / (width - left - right);
    moveTo(Math.min(last, Math.max(0, Math.round(share * last))));
  };
  svg.addEventListener("pointermove", follow);
  svg.addEventListener("pointerdown", follow);
  svg.place = x;
  return svg;
}

function moveTo(number) {
  at = number;
  panel.querySelector("input").value = at;
  for (const svg of panel.querySelectorAll("svg")) {
    for (const end of ["x1", "x2"]) svg.querySelector(".cursor").setAttribute(end, svg.place(at));
  }
  panel.querySelector("output").textContent = `Frame ${current.frames[at]}, ${at + 1} after the first`;
  current.objects.forEach((item, index) => {
    const { cells } = panel.querySelector("tbody").rows[index];
    cells[3].textContent = percent(item.js[at]);
    cells[4].textContent = percent(item.fs[at]);
  });
}

function drawCurves() {
  const focused = [...panel.querySelectorAll("a")].indexOf(document.activeElement);
  const lines = current.objects.map((item, index) => {
    const swatch = make("span", { class: dashed(index) ? "swatch dashed" : "swatch", style: `--k:${color(index)}` });
    const link = make("a", { href: address(current.name, only === item.id ? null : item.id), "aria-current": only === item.id }, item.title);
    const figures = [item.j, item.f, 0, 0].map((score) => make("td", { class: "n" }, percent(score)));
    return make("tr", {}, make("th", { scope: "row" }, make("span", { class: "named" }, swatch, link)), ...figures);
  });
  const headings = ["J", "F", "J here", "F here"].map((text) => make("th", { scope: "col", class: "n" }, text));
  const slider = make("input", { type: "range", min: 0, max: current.frames.length - 1, "aria-label": "Frame" });
  slider.addEventListener("input", () => moveTo(Number(slider.value)));
  panel.replaceChildren(
    make("h3", {}, current.name), plot("js", "J"), plot("fs", "F"), slider, make("output", { class: "note" }),
    make("div", { class: "scroll" }, make("table", {},
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Object"), ...headings)), make("tbody", {}, ...lines))),
  );
  moveTo(at);
  if (focused >= 0) panel.querySelectorAll("a")[focused].focus();
}

/** Shows a sequence, with one object highlighted, or none (null). */
function show(name, id) {
  if (current === null || current.name !== name) at = 0;
  [current, only] = [sequences.get(name), id];
  drawCurves();
  for (const row of document.querySelectorAll("table.sortable tr:has(a)")) {
    row.classList.toggle("chosen", [address(name, null), address(name, id)].includes(row.querySelector("a").hash));
  }
}

function showAddress() {
  const [name, id] = location.hash.startsWith("#at=") ? location.hash.slice(4).split("/").map(decodeURIComponent) : [];
  if (!sequences.has(name)) return;
  show(name, id === undefined ? null : Number(id));
  const box = panel.getBoundingClientRect();
  if (box.bottom < 100 || box.top > window.innerHeight - 100) panel.scrollIntoView();
}
window.addEventListener("hashchange", showAddress);
show(document.querySelector("#sequence-table tbody a").textContent, null);
showAddress();
