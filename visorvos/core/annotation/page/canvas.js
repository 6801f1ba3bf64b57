// Draws the shown frame with its mask, at any zoom. Ids are only ever read from the mask's array, never from a canvas.
import { shown } from "./frames.js";
import { emit, on, state } from "./state.js";

const view = document.getElementById("view");
const screen = view.getContext("2d", { alpha: false });
const layer = document.createElement("canvas"); // the mask in color, one pixel for each of the frame's
const paint = layer.getContext("2d");
let pixels = null; // ImageData of the whole layer
let colors = null; // of its pixels as whole numbers
const inside = new Uint32Array(256), edge = new Uint32Array(256);

/** Where the frame lies: `scale` device pixels for each pixel, its corner at (x, y) device pixels. */
export const place = { scale: 1, x: 0, y: 0 };
const MIN_SCALE = 0.05, MAX_SCALE = 64;
let isFitted = true;
let dirty = null; // rectangle of the frame to draw again; "all" for everything
let request = 0;

export const ratio = () => view.width / Math.max(1, view.clientWidth);

function resize() {
  const width = Math.round(view.clientWidth * devicePixelRatio), height = Math.round(view.clientHeight * devicePixelRatio);
  if (view.width === width && view.height === height) return;
  view.width = width;
  view.height = height;
  if (isFitted) fit();
  else move();
}

/** The whole frame in the middle of the view. */
export function fit() {
  if (!state.width) return;
  place.scale = Math.min(view.width / state.width, view.height / state.height) * 0.97;
  place.x = (view.width - state.width * place.scale) / 2;
  place.y = (view.height - state.height * place.scale) / 2;
  isFitted = true;
  move();
}

/** Zooms by a factor around a point of the view, in CSS pixels from its corner; around the middle without one. */
export function zoom(factor, x = view.clientWidth / 2, y = view.clientHeight / 2) {
  const scale = Math.max(MIN_SCALE, Math.min(MAX_SCALE, place.scale * factor));
  const px = x * ratio(), py = y * ratio();
  place.x = px - ((px - place.x) * scale) / place.scale;
  place.y = py - ((py - place.y) * scale) / place.scale;
  place.scale = scale;
  isFitted = false;
  move();
}

export function pan(dx, dy) {
  place.x += dx * ratio();
  place.y += dy * ratio();
  isFitted = false;
  move();
}

function move() {
  redraw("all");
  emit("view");
}

/** The pixel of the frame below a pointer event; may lie outside of the frame. */
export function pixelAt(event) {
  const box = view.getBoundingClientRect();
  const x = (event.clientX - box.left) * ratio(), y = (event.clientY - box.top) * ratio();
  return [Math.floor((x - place.x) / place.scale), Math.floor((y - place.y) / place.scale)];
}

/** A point of the frame in CSS pixels from the view's corner. */
export const toView = (x, y) => [(x * place.scale + place.x) / ratio(), (y * place.scale + place.y) / ratio()];

function mixColors() {
  const hidden = new Set(state.objects.filter((object) => object.hidden).map((object) => object.id));
  const known = new Map(state.objects.map((object) => [object.id, object.color]));
  for (let id = 1; id < 256; id++) {
    const value = parseInt((known.get(id) || "#808080").slice(1), 16);
    const rgb = ((value & 255) << 16) | (value & 0xff00) | (value >> 16); // little-endian: alpha, blue, green, red
    const alpha = hidden.has(id) || state.hideAll ? 0 : Math.round(255 * state.opacity);
    const edgeAlpha = alpha && state.outlines ? 255 : alpha;
    inside[id] = ((alpha << 24) | rgb) >>> 0;
    edge[id] = alpha || (state.outlines && !hidden.has(id) && !state.hideAll) ? (((edgeAlpha || 255) << 24) | rgb) >>> 0 : 0;
  }
}

function color({ left, top, right, bottom }) {
  const { ids } = shown.mask;
  const { width, height } = state;
  for (let y = top; y < bottom; y++) {
    const up = y > 0 ? width : 0, down = y < height - 1 ? width : 0;
    for (let i = y * width + left, x = left; x < right; x++, i++) {
      const id = ids[i];
      if (id === 0) colors[i] = 0;
      else {
        const isInside = ids[i - up] === id && ids[i + down] === id
          && (x === 0 || ids[i - 1] === id) && (x === width - 1 || ids[i + 1] === id);
        colors[i] = isInside ? inside[id] : edge[id];
      }
    }
  }
  paint.putImageData(pixels, 0, 0, left, top, right - left, bottom - top);
}

/** Colors a rectangle of the mask again, and draws it. Neighbors count: an outline may have moved. */
export function repaint(rect) {
  if (!shown || !pixels) return;
  const grown = {
    left: Math.max(0, rect.left - 1), top: Math.max(0, rect.top - 1),
    right: Math.min(state.width, rect.right + 1), bottom: Math.min(state.height, rect.bottom + 1),
  };
  if (grown.left >= grown.right || grown.top >= grown.bottom) return;
  color(grown);
  redraw(grown);
}

export const repaintAll = () => {
  mixColors();
  repaint({ left: 0, top: 0, right: state.width, bottom: state.height });
  redraw("all");
};

function redraw(rect) {
  if (dirty === "all" || rect === "all") dirty = "all";
  else if (dirty === null) dirty = { ...rect };
  else {
    dirty.left = Math.min(dirty.left, rect.left);
    dirty.top = Math.min(dirty.top, rect.top);
    dirty.right = Math.max(dirty.right, rect.right);
    dirty.bottom = Math.max(dirty.bottom, rect.bottom);
  }
  if (!request) request = requestAnimationFrame(draw);
}

function draw() {
  request = 0;
  const part = dirty;
  dirty = null;
  screen.save();
  if (part !== "all") {
    const left = Math.floor(part.left * place.scale + place.x) - 1, top = Math.floor(part.top * place.scale + place.y) - 1;
    const right = Math.ceil(part.right * place.scale + place.x) + 1, bottom = Math.ceil(part.bottom * place.scale + place.y) + 1;
    screen.beginPath();
    screen.rect(left, top, right - left, bottom - top);
    screen.clip();
  }
  screen.fillStyle = getComputedStyle(view).backgroundColor;
  screen.fillRect(0, 0, view.width, view.height);
  if (shown) {
    const box = [place.x, place.y, state.width * place.scale, state.height * place.scale];
    screen.imageSmoothingEnabled = place.scale < 3;
    screen.drawImage(shown.picture, ...box);
    screen.imageSmoothingEnabled = place.scale < 1;
    screen.drawImage(layer, ...box);
  }
  screen.restore();
}

on("session", () => {
  if (layer.width !== state.width || layer.height !== state.height || !pixels) {
    layer.width = state.width;
    layer.height = state.height;
    pixels = paint.createImageData(state.width, state.height);
    colors = new Uint32Array(pixels.data.buffer);
    fit();
  }
});
on("shown", repaintAll);
on("objects", repaintAll);
on("look", repaintAll);
on("painted", repaint);
on("merged", (mask) => { if (shown && shown.mask === mask) repaintAll(); });
new ResizeObserver(resize).observe(view);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw("all"));
