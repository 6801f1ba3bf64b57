// What the pointer does on the frame: mouse, pen and touch.
import { pan, pixelAt, place, ratio, repaint, toView, zoom } from "./canvas.js";
import { shown } from "./frames.js";
import * as history from "./history.js";
import { addObject } from "./objects.js";
import { makeDisc, makePainter, paintLine, paintPolygon, paintRegion } from "./raster.js";
import { byId, chosen, emit, on, set, state } from "./state.js";

const view = document.getElementById("view");
const marks = document.getElementById("marks"); // SVG above the view: brush ring, polygon
const ring = document.getElementById("ring"), outline = document.getElementById("outline");
const touches = new Map(); // pointer id -> last event
let action = null; // what the pressed pointer does: {move(event), end(isCanceled)}
let polygon = []; // pixels clicked so far
let hover = null; // last pointer event above the view
export const held = { space: false };

export const MAX_SIZE = 300;
export const setSize = (size) => set({ size: Math.max(1, Math.min(MAX_SIZE, Math.round(size))) }, "tool");

/** Which ids a tool may replace, as a table of 256. Locked and hidden objects stay as they are. */
function replaceable(kind) {
  const allowed = new Uint8Array(256);
  for (let id = 0; id < 256; id++) {
    const object = byId(id);
    if (object && (object.locked || object.hidden)) continue;
    if (kind === "erase") allowed[id] = id > 0;
    else if (kind === "subtract") allowed[id] = id > 0 && id === state.object;
    else allowed[id] = id === 0 || !state.onlyBackground;
  }
  return allowed;
}

/** Whether strokes may go to this frame now; says why not. */
function canPaint(isErasing) {
  if (!shown || shown.number !== state.frame) return false;
  if (isErasing) return true;
  const object = chosen() || addObject();
  if (!object) return false;
  const why = object.locked ? "locked" : object.hidden ? "hidden" : "";
  if (why) emit("trouble", `${object.name} is ${why}.`);
  return !why;
}

function painterFor(mask, isErasing, kind) {
  return makePainter(mask.ids, state.width, state.height, isErasing ? 0 : state.object, replaceable(kind));
}

function beginStroke(event) {
  const isErasing = state.tool === "eraser" || event.buttons === 32; // the pen's other end
  if (!canPaint(isErasing)) return null;
  const { mask } = shown;
  const before = mask.ids.slice(), disc = makeDisc(state.size);
  const painter = painterFor(mask, isErasing, isErasing ? "erase" : "add");
  let [x, y] = pixelAt(event);
  mask.isBusy = true;
  const to = (nx, ny) => {
    const { changed } = painter, reach = state.size;
    paintLine(painter, disc, x, y, nx, ny);
    repaint({
      left: Math.max(changed.left, Math.min(x, nx) - reach), top: Math.max(changed.top, Math.min(y, ny) - reach),
      right: Math.min(changed.right, Math.max(x, nx) + reach + 1), bottom: Math.min(changed.bottom, Math.max(y, ny) + reach + 1),
    });
    [x, y] = [nx, ny];
  };
  to(x, y);
  return {
    move(next) {
      const events = next.getCoalescedEvents ? next.getCoalescedEvents() : [];
      for (const one of events.length ? events : [next]) to(...pixelAt(one));
    },
    end(isCanceled) {
      mask.isBusy = false;
      if (isCanceled) {
        mask.ids.set(before);
        repaint(painter.changed);
      } else history.commit(mask, before, painter.changed);
    },
  };
}

/** Changes the shown mask in one step that can be undone. */
export function change(kind, isErasing, act) {
  if (!canPaint(isErasing)) return;
  const { mask } = shown;
  const before = mask.ids.slice();
  const painter = painterFor(mask, isErasing, kind);
  act(painter, mask.ids);
  history.commit(mask, before, painter.changed);
  repaint(painter.changed);
}

/** Removes an object from the shown mask. */
export function deleteHere(id) {
  if (!shown || shown.number !== state.frame) return;
  const { mask } = shown;
  const before = mask.ids.slice();
  for (let i = 0; i < mask.ids.length; i++) if (mask.ids[i] === id) mask.ids[i] = 0;
  const all = { left: 0, top: 0, right: state.width, bottom: state.height };
  history.commit(mask, before, all);
  repaint(all);
}

export function closePolygon() {
  const points = polygon;
  cancelPolygon();
  if (points.length < 2) return;
  change(state.subtract ? "subtract" : "add", state.subtract, (painter) => paintPolygon(painter, points));
}

/** Forgets the polygon; false where there is none. */
export function cancelPolygon() {
  const wasThere = polygon.length > 0;
  polygon = [];
  drawMarks();
  return wasThere;
}

export const hasPolygon = () => polygon.length > 0;

export function dropPoint() {
  polygon.pop();
  drawMarks();
}

function addPoint(event) {
  if (!canPaint(state.subtract)) return;
  const point = pixelAt(event);
  if (polygon.length > 2) {
    const [x, y] = toView(polygon[0][0] + 0.5, polygon[0][1] + 0.5);
    if (Math.hypot(event.offsetX - x, event.offsetY - y) < 9) {
      closePolygon();
      return;
    }
  }
  const [lastX, lastY] = polygon.at(-1) || [];
  if (point[0] !== lastX || point[1] !== lastY) polygon.push(point);
  drawMarks();
}

function beginPan(event) {
  let { clientX, clientY } = event;
  return {
    move(next) {
      pan(next.clientX - clientX, next.clientY - clientY);
      ({ clientX, clientY } = next);
    },
    end() {},
  };
}

function beginSizing(event) {
  const { clientX } = event, { size } = state;
  return { move: (next) => setSize(size + ((next.clientX - clientX) * ratio()) / place.scale), end() {} };
}

function begin(event) {
  if (event.button === 1 || held.space) return beginPan(event);
  if (event.button > 0 && event.buttons !== 32) return null;
  const [x, y] = pixelAt(event);
  const isInside = x >= 0 && y >= 0 && x < state.width && y < state.height;
  if (state.tool === "brush" || state.tool === "eraser") return event.altKey ? beginSizing(event) : beginStroke(event);
  if (state.tool === "polygon") addPoint(event);
  else if (shown && isInside && state.tool === "picker") {
    const id = shown.mask.ids[y * state.width + x];
    if (id) set({ object: id }, "objects");
  } else if (shown && isInside && state.tool === "bucket") change("add", false, (painter, ids) => paintRegion(painter, ids, x, y));
  return null;
}

function beginPinch() {
  if (action) action.end(true);
  const spread = () => {
    const [a, b] = [...touches.values()];
    return { x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2, far: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) };
  };
  let last = spread();
  return {
    move() {
      const now = spread(), box = view.getBoundingClientRect();
      pan(now.x - last.x, now.y - last.y);
      if (last.far > 0) zoom(now.far / last.far, now.x - box.left, now.y - box.top);
      last = now;
    },
    end() {},
  };
}

view.addEventListener("pointerdown", (event) => {
  view.setPointerCapture(event.pointerId);
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  event.preventDefault();
  if (event.pointerType === "touch") touches.set(event.pointerId, event);
  action = touches.size === 2 ? beginPinch() : action || begin(event);
});
view.addEventListener("pointermove", (event) => {
  hover = event;
  if (touches.has(event.pointerId)) touches.set(event.pointerId, event);
  if (action) action.move(event);
  drawMarks();
});
function release(event) {
  touches.delete(event.pointerId);
  if (action) action.end(event.type === "pointercancel");
  action = null;
}
view.addEventListener("pointerup", release);
view.addEventListener("pointercancel", release);
view.addEventListener("pointerleave", () => { hover = null; drawMarks(); });
view.addEventListener("dblclick", () => { if (state.tool === "polygon") closePolygon(); });
view.addEventListener("contextmenu", (event) => event.preventDefault());
view.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.offsetX, event.offsetY);
}, { passive: false });

/** Ends a stroke that is being drawn, as if the pointer had been lifted. */
export function finish() {
  if (action) action.end(false);
  action = null;
}

function drawMarks() {
  const hasRing = hover !== null && (state.tool === "brush" || state.tool === "eraser") && !held.space;
  ring.toggleAttribute("hidden", !hasRing);
  ring.style.display = hasRing ? "" : "none";
  if (hasRing) {
    const [px, py] = pixelAt(hover);
    const shift = state.size % 2 ? 0.5 : 1;
    const [x, y] = toView(px + shift, py + shift);
    ring.setAttribute("cx", x);
    ring.setAttribute("cy", y);
    ring.setAttribute("r", Math.max(2, (state.size * place.scale) / ratio() / 2));
  }
  const points = polygon.map(([x, y]) => toView(x + 0.5, y + 0.5));
  if (points.length && hover) points.push([hover.offsetX, hover.offsetY]);
  outline.setAttribute("points", points.map((point) => point.join(",")).join(" "));
  marks.dataset.subtract = state.subtract;
  view.dataset.tool = held.space ? "pan" : state.tool;
}

on("view", drawMarks);
on("tool", () => { if (state.tool !== "polygon") polygon = []; drawMarks(); });
on("frame", () => { finish(); cancelPolygon(); });
