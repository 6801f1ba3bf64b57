// Pictures and masks of the shown frame and its neighbors; nothing else of the video is held.
import * as api from "./api.js";
import { emit, state } from "./state.js";

const NEIGHBORS = 2;
const entries = new Map(); // frame number -> {abort, picture, mask}, the last two promises

/** The frame that is on screen: {number, picture, mask}. It lags behind state.frame while that one loads. */
export let shown = null;

/** A mask as the page works on it. `base` and `tag` are of the server's copy; `edits` counts local changes. */
function makeMask(number, ids, tag) {
  return { number, ids, base: ids.slice(), tag, edits: 0, saved: 0, given: true };
}

export const isDirty = (mask) => mask.edits !== mask.saved;

function load(number) {
  if (!entries.has(number)) {
    const abort = new AbortController();
    const picture = api.getFrame(number, abort.signal);
    const mask = api.getMask(number, abort.signal).then(({ ids, tag }) => makeMask(number, ids, tag));
    const entry = { abort, picture, mask, now: null };
    mask.then((loaded) => { entry.now = loaded; }, () => {});
    picture.catch(() => {});
    entries.set(number, entry);
  }
  return entries.get(number);
}

function prune() {
  for (const [number, entry] of entries) {
    const isNear = Math.abs(number - state.frame) <= NEIGHBORS;
    if (isNear || (shown && shown.number === number) || (entry.now && isDirty(entry.now))) continue;
    entries.delete(number);
    entry.abort.abort();
    entry.picture.then((picture) => picture.close(), () => {});
  }
}

/** Shows a frame as soon as it is there; of several calls the last one counts. */
export async function goTo(number) {
  state.frame = Math.max(0, Math.min(state.frames - 1, Math.round(number)));
  emit("frame");
  await show();
}

async function show() {
  const number = state.frame;
  const entry = load(number);
  prune();
  try {
    const [picture, mask] = await Promise.all([entry.picture, entry.mask]);
    if (number !== state.frame) return;
    shown = { number, picture, mask };
    prune();
    emit("shown");
    for (const next of [number + 1, number - 1]) if (next >= 0 && next < state.frames) load(next);
  } catch (error) {
    entries.delete(number);
    if (error.name === "AbortError" || number !== state.frame) return;
    emit("trouble", `Frame ${number}: ${error.message}`);
    if (error.status === 0) setTimeout(() => { if (number === state.frame) show(); }, 2000);
  }
}

/** Whether a frame can be shown without waiting. */
export const isLoaded = (number) => entries.has(number) && entries.get(number).now !== null;
export const prefetch = (number) => { if (number < state.frames) load(number); };
export const held = () => [...entries.keys()];

/** The mask of a frame that the page holds, or null. */
export const maskOf = (number) => (entries.has(number) ? entries.get(number).now : null);

/** Has a mask that changed on the server read again; one with unsent strokes is merged when it is sent. */
export async function refresh(number, newTag) {
  const entry = entries.get(number);
  if (!entry) return;
  if (!entry.now) { // it was being read while it changed
    entries.delete(number);
    entry.abort.abort();
    if (number === state.frame) show();
    return;
  }
  if (isDirty(entry.now) || entry.now.isBusy || (newTag && entry.now.tag === `"${newTag}"`)) return;
  const edits = entry.now.edits;
  const { ids, tag } = await api.getMask(number).catch(() => ({ ids: null }));
  if (!ids || entries.get(number) !== entry || entry.now.edits !== edits) return;
  entry.now.ids.set(ids);
  entry.now.base.set(ids);
  entry.now.tag = tag;
  if (shown && shown.number === number) emit("shown");
}

export const refreshAll = () => Promise.all([...entries.keys()].map((number) => refresh(number)));
