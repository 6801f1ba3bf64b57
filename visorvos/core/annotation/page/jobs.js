// Work of the server: propagating, undoing it, export.
import * as api from "./api.js";
import { goTo, shown } from "./frames.js";
import * as history from "./history.js";
import { flush, saveMask } from "./saving.js";
import { emit, on, state } from "./state.js";

const find = (id) => document.getElementById(id);
let isFollowing = false;

async function attempt(act) {
  try {
    await flush();
    await act();
  } catch (error) {
    emit("trouble", error.message);
  }
}

/** Propagates the shown frame's mask to the chosen last frame, or to the end. */
export function propagate(direction) {
  const until = find("until").value.trim();
  const to = until === "" ? null : Number(until);
  isFollowing = true;
  return attempt(() => api.propagate(state.frame, to, direction));
}

export const stop = () => attempt(api.stop);
export const isRunning = () => state.propagation !== null && state.propagation.state === "running";

/** Undoes this frame's newest stroke or, if that is newer, the whole propagation or deletion. */
export function undo() {
  if (history.isStepNewest()) return attempt(() => api.undoPropagation(false));
  if (shown && shown.number === state.frame) history.step(shown.mask, false);
  return undefined;
}

export function redo() {
  if (shown && shown.number === state.frame && history.step(shown.mask, true)) return undefined;
  return state.redo ? attempt(() => api.undoPropagation(true)) : undefined;
}

/** Marks the shown mask as right, as if it had been drawn; or takes that back. */
export function confirmMask() {
  if (shown && shown.number === state.frame) saveMask(shown.mask, !state.given.has(state.frame));
}

export const exportAll = () => attempt(async () => {
  emit("message", "Exporting…");
  const { path, notes } = await api.exportSession();
  emit("message", `Exported to ${path}. ${notes}`);
});

/** Shows what a propagation finds, unless the person looks elsewhere. */
export function showFound(event) {
  if (!event.propagation || !isFollowing) return;
  goTo(event.frame);
  isFollowing = true;
}

const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.round(seconds) % 60).padStart(2, "0")}`;

function draw() {
  const job = state.propagation, running = isRunning();
  const canStart = !running && ["ready", "loading"].includes(state.network.state);
  find("forward").disabled = !canStart;
  find("backward").disabled = !canStart;
  find("stop").hidden = !running;
  find("progress").hidden = !running;
  find("undo-step").hidden = running;
  find("undo-step").disabled = !state.undo;
  find("undo-step").textContent = state.undo && state.undo.kind === "deletion" ? "Undo deletion" : "Undo propagation";
  let text = { none: "No network: mask editor only", loading: "Network is loading…", ready: "", failed: state.network.message }[state.network.state];
  if (running) {
    find("progress").max = job.total;
    find("progress").value = job.done;
    const rate = job.done ? `, ${job.rate.toFixed(1)} frames/s, ${minutes(job.seconds_left)} left` : "";
    text = `${job.done} of ${job.total}${rate}`;
  } else if (job && job.state !== "running") {
    text = { done: "Done", stopped: "Stopped", failed: "Failed" }[job.state] + `: ${job.done} frames`;
  }
  find("job-text").textContent = text;
}

find("forward").addEventListener("click", () => propagate("forward"));
find("backward").addEventListener("click", () => propagate("backward"));
find("stop").addEventListener("click", stop);
find("undo-step").addEventListener("click", () => attempt(() => api.undoPropagation(false)));
find("confirm").addEventListener("click", confirmMask);
find("export").addEventListener("click", exportAll);
on("job", draw);
on("frame", () => { isFollowing = false; });
for (const name of ["frame", "masks"]) {
  on(name, () => find("confirm").setAttribute("aria-pressed", state.given.has(state.frame)));
}
