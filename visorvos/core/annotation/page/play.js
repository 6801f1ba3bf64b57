// Moving through the video: steps, drawn frames, playback.
import { goTo, isLoaded, prefetch } from "./frames.js";
import { emit, state } from "./state.js";

let timer = 0;

export const isPlaying = () => timer !== 0;

export function step(by) {
  stopPlaying();
  goTo(state.frame + by);
}

/** Goes to the next (1) or previous (-1) drawn frame. */
export function toDrawn(direction) {
  const ahead = [...state.given].filter((frame) => (frame - state.frame) * direction > 0);
  if (ahead.length) step((direction > 0 ? Math.min(...ahead) : Math.max(...ahead)) - state.frame);
}

export function stopPlaying() {
  if (!timer) return;
  clearTimeout(timer);
  timer = 0;
  emit("playing");
}

export function togglePlaying() {
  if (timer) return stopPlaying();
  if (state.frame >= state.frames - 1) goTo(0);
  const tick = () => {
    timer = setTimeout(tick, 1000 / state.rate);
    if (state.frame >= state.frames - 1) stopPlaying();
    else if (isLoaded(state.frame + 1)) goTo(state.frame + 1);
    else prefetch(state.frame + 1);
  };
  timer = setTimeout(tick, 0);
  return emit("playing");
}
