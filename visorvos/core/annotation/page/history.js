// Undo and redo of strokes, for each frame, as patches of the pixels that changed.
import { saveMask } from "./saving.js";
import { emit, state } from "./state.js";

const BUDGET = 64 << 20; // bytes of all patches together
const done = new Map(), undone = new Map(); // frame number -> patches
let clock = 0; // orders strokes and propagations
let size = 0;
let propagatedAt = 0;

/** Notes what a stroke changed inside a rectangle; nothing where it changed nothing. */
export function commit(mask, before, rect) {
  const patch = cut(mask, before, rect);
  if (!patch) return;
  push(done, mask.number, patch);
  for (const old of undone.get(mask.number) || []) size -= old.now.length * 2;
  undone.delete(mask.number);
  forgetOldest();
  state.given.add(mask.number); // the server says so too, a moment later
  saveMask(mask);
}

export const noteStep = () => { propagatedAt = ++clock; };

/** Whether the newest change that undo can reach is a propagation or deletion, not a stroke on this frame. */
export function isStepNewest() {
  const top = (done.get(state.frame) || []).at(-1);
  return state.undo !== null && (!top || propagatedAt > top.time);
}

/** Undoes (or redoes) this frame's newest stroke; false where there is none. Pixels that changed since stay. */
export function step(mask, isRedo) {
  const [from, to] = isRedo ? [undone, done] : [done, undone];
  const patch = (from.get(mask.number) || []).pop();
  if (!patch) return false;
  const { left, top, width, height } = patch;
  const [old, now] = isRedo ? [patch.now, patch.old] : [patch.old, patch.now];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x, at = (top + y) * state.width + left + x;
      if (mask.ids[at] === now[i] && old[i] !== now[i]) mask.ids[at] = old[i];
    }
  }
  push(to, mask.number, patch);
  saveMask(mask, isRedo || patch.wasGiven);
  emit("painted", { left, top, right: left + width, bottom: top + height });
  return true;
}

function push(stacks, number, patch) {
  patch.time = ++clock;
  if (!stacks.has(number)) stacks.set(number, []);
  stacks.get(number).push(patch);
}

function cut(mask, before, { left, top, right, bottom }) {
  const width = right - left, height = bottom - top;
  if (width <= 0 || height <= 0) return null;
  const old = new Uint8Array(width * height), now = new Uint8Array(width * height);
  let isChanged = false;
  for (let y = 0; y < height; y++) {
    const start = (top + y) * state.width + left;
    old.set(before.subarray(start, start + width), y * width);
    now.set(mask.ids.subarray(start, start + width), y * width);
  }
  for (let i = 0; i < old.length && !isChanged; i++) isChanged = old[i] !== now[i];
  if (!isChanged) return null;
  size += 2 * old.length;
  return { left, top, width, height, old, now, wasGiven: state.given.has(mask.number) };
}

function forgetOldest() {
  while (size > BUDGET) {
    let oldest = null;
    for (const [number, patches] of done) {
      if (patches.length && (oldest === null || patches[0].time < done.get(oldest)[0].time)) oldest = number;
    }
    if (oldest === null) return;
    size -= done.get(oldest).shift().now.length * 2;
  }
}
