// Sends every stroke when it ends, in order, again after a lost connection. Strokes are merged into masks that were
// changed elsewhere: pixels that differ from the copy last seen on the server are this page's.
import * as api from "./api.js";
import { isDirty } from "./frames.js";
import { emit, state } from "./state.js";

const pending = new Map(); // frame number -> mask
let objectsAreDirty = false;
let isSending = false, isSendingObjects = false;
let status = "saved";

/** Whether the page's list of objects is newer than the server's. */
export const hasUnsavedObjects = () => objectsAreDirty || isSendingObjects;
export const hasUnsaved = () => pending.size > 0 || objectsAreDirty || isSending;

/** Queues a mask whose ids were just changed. */
export function saveMask(mask, given = true) {
  mask.edits += 1;
  mask.given = given;
  pending.set(mask.number, mask);
  run();
}

/** Queues the list of objects. */
export function saveObjects() {
  objectsAreDirty = true;
  run();
}

/** Resolves when everything is on the server. */
export async function flush() {
  while (hasUnsaved()) {
    run();
    await new Promise((done) => setTimeout(done, 20));
    if (status === "offline" || status === "refused") throw new api.ApiError(0, "Some strokes are not saved yet.");
  }
}

function show(now) {
  if (now === status) return;
  status = now;
  emit("saving", now);
}

async function run() {
  if (isSending) return;
  isSending = true;
  show(status === "offline" ? "offline" : "saving");
  try {
    while (objectsAreDirty || pending.size) {
      if (objectsAreDirty) {
        objectsAreDirty = false;
        await sendObjects();
      } else await sendMask(pending.values().next().value);
    }
    show("saved");
  } catch (error) {
    show(error.status === 401 ? "refused" : "offline");
    setTimeout(run, 1500);
  } finally {
    isSending = false;
  }
}

async function sendObjects() {
  isSendingObjects = true;
  try {
    await api.putObjects(state.objects);
  } catch (error) {
    if (error.status === 0 || error.status === 401) {
      objectsAreDirty = true;
      throw error;
    }
    emit("trouble", error.message);
    emit("reload");
  } finally {
    isSendingObjects = false;
  }
}

async function sendMask(mask) {
  const edits = mask.edits;
  const sent = mask.ids.slice();
  try {
    mask.tag = await api.putMask(mask.number, sent, mask.tag, mask.given);
    mask.base = sent;
    mask.saved = edits;
  } catch (error) {
    if (error.status === 412) return merge(mask);
    if (error.status === 0 || error.status === 401 || error.status >= 500) throw error;
    emit("trouble", `Frame ${mask.number} was not saved: ${error.message}`);
    mask.saved = mask.edits; // gives this change up: the server will never take it
    emit("reload");
  }
  if (!isDirty(mask)) pending.delete(mask.number);
  return undefined;
}

async function merge(mask) {
  const { ids, tag } = await api.getMask(mask.number);
  for (let i = 0; i < ids.length; i++) if (mask.ids[i] === mask.base[i]) mask.ids[i] = ids[i];
  mask.base = ids;
  mask.tag = tag;
  emit("merged", mask);
}

addEventListener("online", run);
addEventListener("beforeunload", (event) => { if (hasUnsaved()) event.preventDefault(); });
