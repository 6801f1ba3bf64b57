// One row for each object with where it is present; above them drawn and stale frames. Click and drag to seek.
import { goTo } from "./frames.js";
import { stopPlaying } from "./play.js";
import { on, state } from "./state.js";

const canvas = document.getElementById("timeline"), labels = document.getElementById("timeline-labels");
const pen = canvas.getContext("2d");
const RULER = 30, ROW = 20, PAD = 8;
let request = 0;

const perFrame = () => (canvas.clientWidth - 2 * PAD) / Math.max(1, state.frames);
const left = (frame) => PAD + frame * perFrame();

function schedule() {
  if (!request) request = requestAnimationFrame(draw);
}

function draw() {
  request = 0;
  const width = canvas.clientWidth, height = RULER + Math.max(1, state.objects.length) * ROW;
  const ratio = devicePixelRatio;
  canvas.style.height = `${height}px`;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const style = getComputedStyle(canvas);
  const color = (name) => style.getPropertyValue(name).trim();
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  drawRuler(color, width);
  state.objects.forEach((object, place) => {
    const top = RULER + place * ROW;
    if (object.id === state.object) {
      pen.fillStyle = color("--tint");
      pen.fillRect(0, top, width, ROW);
    }
    pen.fillStyle = color("--line");
    pen.fillRect(PAD, top + ROW / 2 - 0.5, width - 2 * PAD, 1);
    const row = state.presence.get(object.id);
    pen.fillStyle = object.color;
    if (row) drawRuns((frame) => row[frame], top + 4, ROW - 8);
  });
  pen.fillStyle = color("--accent");
  const at = left(state.frame + 0.5);
  pen.fillRect(Math.round(at) - 1, RULER - 8, 2, height);
  pen.beginPath();
  pen.moveTo(at - 5, RULER - 12);
  pen.lineTo(at + 5, RULER - 12);
  pen.lineTo(at, RULER - 4);
  pen.fill();
}

function drawRuler(color, width) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000].find((n) => n * perFrame() >= 56) || 50000;
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "top";
  for (let frame = 0; frame < state.frames; frame += step) {
    pen.fillStyle = color("--line");
    pen.fillRect(left(frame + 0.5), 0, 1, 13);
    pen.fillStyle = color("--soft");
    pen.fillText(frame, left(frame + 0.5) + 4, 1);
  }
  pen.fillStyle = color("--line");
  pen.fillRect(PAD, RULER - 8, width - 2 * PAD, 4);
  pen.fillStyle = color("--soft");
  drawRuns((frame) => state.masked.has(frame), RULER - 8, 4);
  pen.fillStyle = color("--stale");
  drawRuns((frame) => state.stale.has(frame), RULER - 8, 4);
  pen.fillStyle = color("--drawn");
  for (const frame of state.given) {
    const x = left(frame + 0.5);
    pen.beginPath();
    pen.moveTo(x, RULER - 12);
    pen.lineTo(x + 4.5, RULER - 6);
    pen.lineTo(x, RULER);
    pen.lineTo(x - 4.5, RULER - 6);
    pen.fill();
  }
}

function drawRuns(test, top, height) {
  let start = -1;
  for (let frame = 0; frame <= state.frames; frame++) {
    const isIn = frame < state.frames && test(frame);
    if (isIn && start < 0) start = frame;
    if (!isIn && start >= 0) {
      pen.fillRect(left(start), top, Math.max(1.5, left(frame) - left(start)), height);
      start = -1;
    }
  }
}

function drawLabels() {
  labels.replaceChildren(...(state.objects.length ? state.objects : [{ name: "no objects yet" }]).map((object) => {
    const item = document.createElement("div");
    item.textContent = object.name;
    item.title = object.name;
    item.classList.toggle("chosen", object.id === state.object);
    return item;
  }));
  schedule();
}

function seek(event) {
  stopPlaying();
  goTo(Math.floor((event.offsetX - PAD) / perFrame()));
}

canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); seek(event); });
canvas.addEventListener("pointermove", (event) => { if (canvas.hasPointerCapture(event.pointerId)) seek(event); });
on("frame", () => {
  canvas.setAttribute("aria-valuenow", state.frame);
  canvas.setAttribute("aria-valuetext", `frame ${state.frame}`);
  schedule();
});
on("session", () => { canvas.setAttribute("aria-valuemax", state.frames - 1); schedule(); });
on("masks", schedule);
on("objects", drawLabels);
new ResizeObserver(schedule).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", schedule);
