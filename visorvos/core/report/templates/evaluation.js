// Sequences as [name, unseen, frames, objects], an object as [id, name, J, F, J per frame, F per frame, size].
// Isolates (2068, 2069) keep right-to-left names from reordering ids.
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const sequences = pageData.sequences.map(([name, unseen, frames, objects]) => ({
  name, unseen, frames,
  objects: objects.map(([id, label, j, f, js, fs, size]) => ({
    sequence: name, unseen, frames, id, label, title: label === null ? `${id}` : `${id} \u2068${label}\u2069`, j, f, jf: (j + f) / 2, js, fs, size,
    count: frames.length,
  })),
}));
for (const sequence of sequences) {
  sequence.j = mean(sequence.objects.map((item) => item.j));
  sequence.f = mean(sequence.objects.map((item) => item.f));
  sequence.jf = (sequence.j + sequence.f) / 2;
  sequence.count = sequence.frames.length;
  sequence.titles = sequence.objects.map((item) => item.title).join(", ");
}
const byName = new Map(sequences.map((sequence) => [sequence.name, sequence]));
const allObjects = sequences.flatMap((sequence) => sequence.objects);
const scores = [
  { key: "jf", label: "J&F", cell: (row) => scoreCell(row.jf) },
  { key: "j", label: "J", cell: (row) => make("td", { class: "n" }, percent(row.j)) },
  { key: "f", label: "F", cell: (row) => make("td", { class: "n" }, percent(row.f)) },
];
const count = { key: "count", label: "Frames", wide: true, cell: (row) => make("td", { class: "n" }, `${row.count}`) };
const chooser = (text, below) =>
  make("td", {}, make("button", { type: "button", class: "choose" }, text), make("small", { class: "names", title: below }, below));
const views = {
  sequences: {
    unit: "sequences", rows: sequences, sort: ["jf", true], words: (row) => `${row.name} ${row.titles}`,
    columns: [{ key: "name", label: "Sequence", text: true, cell: (row) => chooser(row.name, row.titles) }, ...scores, count],
    choose: (row) => choose(row.name, null),
  },
  objects: {
    unit: "objects", rows: allObjects, sort: ["jf", true], words: (row) => `${row.sequence} ${row.title}`,
    columns: [
      { key: "title", label: "Object", text: true, cell: (row) => chooser(row.label === null ? `object ${row.id}` : row.title, row.sequence) },
      ...scores,
      { key: "size", label: "Size", wide: true, cell: (row) => make("td", { class: "n" }, `${row.size.toPrecision(2)} %`) },
      count,
    ],
    choose: (row) => choose(row.sequence, row.id),
  },
};
const search = document.getElementById("search");
const kitchens = document.getElementById("kitchens");
const view = () => views[document.querySelector("input[name=view]:checked").value];
const table = makeTable(document.getElementById("sequence-table"), { ...views.sequences });
const filterRows = () => {
  const found = matcher(search.value, view().words);
  const kitchen = kitchens ? kitchens.value : "";
  table.show((row) => (kitchen === "" || row.unseen === (kitchen === "unseen")) && found(row));
};
search.addEventListener("input", filterRows);
if (kitchens) kitchens.addEventListener("change", filterRows);
for (const radio of document.querySelectorAll("input[name=view]")) {
  radio.addEventListener("change", () => { table.refresh(view()); filterRows(); });
}

const classRoot = document.getElementById("class-table");
if (classRoot) {
  const rows = pageData.classes.map(([name, objects, masks, jf, j, f, low, high]) => ({ name, objects, masks, jf, j, f, low, high }));
  const whole = (key, label) => ({ key, label, wide: key === "masks", cell: (row) => make("td", { class: "n" }, row[key].toLocaleString("en")) });
  const interval = (row) => (row.low === null ? "" : `${percent(row.low)} to ${percent(row.high)}`);
  const classes = makeTable(classRoot, {
    unit: "classes", rows, sort: ["objects", false], batch: 25,
    columns: [
      { key: "name", label: "Class", text: true, cell: (row) => make("td", {}, row.name) },
      whole("objects", "Objects"), whole("masks", "Masks"), scores[0],
      { key: "low", label: "95 % interval", wide: true, cell: (row) => make("td", { class: "n" }, interval(row)) },
      scores[1], scores[2],
    ],
  });
  const box = document.getElementById("class-search");
  box.addEventListener("input", () => classes.show(matcher(box.value, (row) => row.name)));
}

const svgNs = "http://www.w3.org/2000/svg";
function draw(tag, attributes, text) {
  const element = document.createElementNS(svgNs, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}
const color = (index) => `var(--c${index % 8})`;
const dashed = (index) => Math.floor(index / 8) % 2 === 1;
const panel = document.getElementById("curves");
let current = null, only = null, at = 0;

/** Plots J or F of every object over the frames. */
function plot(sequence, key, label) {
  const width = Math.max(280, Math.round(panel.clientWidth - 36)), height = width < 420 ? 160 : 190;
  const left = 34, right = 10, top = 30, bottom = 22, last = sequence.count - 1;
  const x = (number) => (last === 0 ? (left + width - right) / 2 : left + (number / last) * (width - left - right));
  const y = (score) => top + (1 - score / 1000) * (height - top - bottom);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${label} of each object over the frames of ${sequence.name}` });
  svg.append(draw("text", { x: 0, y: 13, "font-weight": 650 }, label));
  for (const score of [0, 250, 500, 750, 1000]) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width - right, y1: y(score), y2: y(score) }));
    if (score % 500 === 0) svg.append(draw("text", { x: left - 6, y: y(score) + 4, "text-anchor": "end" }, score / 10));
  }
  const step = Math.max(1, Math.ceil(last / 6));
  for (let number = 0; number <= last; number += step) {
    svg.append(draw("text", { x: x(number), y: height - 6, "text-anchor": "middle" }, number + 1));
  }
  svg.append(draw("line", { class: "cursor", x1: x(at), x2: x(at), y1: top, y2: height - bottom }));
  sequence.objects.forEach((item, index) => {
    const group = draw("g", { "data-object": item.id, class: only !== null && only !== item.id ? "faded" : "" });
    const points = item[key].map((score, number) => `${x(number).toFixed(1)},${y(score).toFixed(1)}`);
    const dash = dashed(index) ? { "stroke-dasharray": "5 3" } : {};
    group.append(draw("polyline", { class: "line", points: points.join(" "), stroke: color(index), ...dash }));
    if (sequence.count <= 30) {
      for (const point of points) {
        const [cx, cy] = point.split(",");
        group.append(draw("circle", { cx, cy, r: 2.8, fill: color(index) }));
      }
    }
    svg.append(group);
  });
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
    const cursor = svg.querySelector(".cursor");
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, svg.place(at));
  }
  panel.querySelector("output").textContent = `Frame ${current.frames[at]}, ${at + 1} after the first`;
  for (const line of panel.querySelectorAll("tbody tr")) {
    const item = current.objects[line.rowIndex - 1];
    line.cells[3].textContent = percent(item.js[at]);
    line.cells[4].textContent = percent(item.fs[at]);
  }
}

function drawCurves() {
  if (!current) return;
  const lines = current.objects.map((item, index) => {
    const swatch = make("span", { class: "swatch" + (dashed(index) ? " dashed" : "") });
    swatch.style.setProperty("--k", color(index));
    const button = make("button", { type: "button", class: "choose", "aria-pressed": String(only === item.id) },
      item.label === null ? `object ${item.id}` : item.title);
    button.addEventListener("click", () => {
      only = only === item.id ? null : item.id;
      drawCurves();
      panel.querySelectorAll("tbody .choose")[index].focus();
    });
    const figures = [item.j, item.f, 0, 0].map((score) => make("td", { class: "n" }, percent(score)));
    return make("tr", {}, make("th", { scope: "row" }, make("span", { class: "named" }, swatch, button)), ...figures);
  });
  const headings = ["J", "F", "J here", "F here"].map((text) => make("th", { scope: "col", class: "n" }, text));
  const slider = make("input", { type: "range", min: 0, max: current.count - 1, value: at, "aria-label": "Frame" });
  slider.addEventListener("input", () => moveTo(Number(slider.value)));
  panel.replaceChildren(
    make("h3", {}, current.name), plot(current, "js", "J"), plot(current, "fs", "F"), slider, make("output", { class: "note" }),
    make("div", { class: "scroll" }, make("table", {},
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Object"), ...headings)), make("tbody", {}, ...lines))),
  );
  moveTo(at);
}

/** Shows a sequence, with one object highlighted, or none (null). */
function show(name, id) {
  current = byName.get(name);
  only = id;
  at = 0;
  drawCurves();
  table.mark((row) => (row.sequence || row.name) === name && (id === null || row.id === undefined || row.id === id));
}

function choose(name, id) {
  show(name, id);
  // On narrow screens the panel is below the table, out of sight.
  if (panel.getBoundingClientRect().top > window.innerHeight - 100) panel.scrollIntoView({ block: "start" });
}

function chooseFromAddress() {
  const [name, id] = location.hash.startsWith("#at=") ? location.hash.slice(4).split("/").map(decodeURIComponent) : [];
  if (byName.has(name)) {
    show(name, id === undefined ? null : Number(id));
    panel.scrollIntoView({ block: "center" });
    return true;
  }
  return false;
}
window.addEventListener("hashchange", chooseFromAddress);
new ResizeObserver(() => { if (current && panel.clientWidth !== panel.drawnAt) { panel.drawnAt = panel.clientWidth; drawCurves(); } }).observe(panel);
if (!chooseFromAddress()) show([...sequences].sort((a, b) => a.jf - b.jf)[0].name, null);
