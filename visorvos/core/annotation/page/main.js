// Starts the page: reads the session, follows its events, and wires buttons to what they do.
import * as api from "./api.js";
import { fit, place, zoom } from "./canvas.js";
import { goTo, refresh, refreshAll, shown } from "./frames.js";
import { noteStep } from "./history.js";
import { redo, showFound, undo } from "./jobs.js";
import "./deletion.js";
import "./keys.js";
import "./objects.js";
import "./timeline.js";
import { isPlaying, step, toDrawn, togglePlaying } from "./play.js";
import { hasUnsavedObjects } from "./saving.js";
import { emit, on, set, state, takeMask, takeObjects, takeSession } from "./state.js";
import { MAX_SIZE, setSize } from "./tools.js";

const find = (id) => document.getElementById(id);

async function reload() {
  const session = await api.getSession();
  if (hasUnsavedObjects()) Object.assign(session, { objects: state.objects, next_id: Math.max(state.nextId, session.next_id) });
  takeSession(session);
  if (shown) await refreshAll();
  else await goTo(state.given.size ? Math.min(...state.given) : 0);
}

const handlers = {
  mask(event) {
    if (event.propagation) state.propagation = event.propagation;
    takeMask(event);
    refresh(event.frame, event.tag).then(() => showFound(event));
    if (event.propagation) emit("job");
  },
  objects: (event) => { if (!hasUnsavedObjects()) takeObjects(event); },
  network: (event) => set({ network: event.network }, "job"),
  propagation(event) {
    const { state: now, message } = event.propagation;
    Object.assign(state, { propagation: event.propagation, undo: event.undo, redo: event.redo });
    if (now !== "running") noteStep();
    if (now === "failed") emit("trouble", message);
    emit("job");
  },
  warning: (event) => emit("trouble", event.warning),
  async reset(event) {
    if (event.reason === "step") noteStep();
    await reload();
  },
};

/** Reads the session and follows its events; again after each lost connection, since a new server counts from 0. */
async function follow() {
  for (;;) {
    try {
      await reload();
      setLink("online");
      if (state.warning) emit("trouble", state.warning);
      for await (const event of api.readEvents(state.version)) {
        state.version = Math.max(state.version, event.version);
        await handlers[event.event](event);
      }
    } catch (error) {
      if (error.status === 401) setLink("refused");
      else if (error.status === 0 || error.name === "AbortError" || error instanceof TypeError) setLink("offline");
      else emit("trouble", error.message);
    }
    await new Promise((done) => setTimeout(done, 1000));
  }
}

const LINKS = {
  offline: "The server cannot be reached. Start the command or the SSH tunnel again: this page then continues, and sends what is not saved.",
  refused: "This page belongs to another session, or was opened without a token. Open the address that the command printed.",
};
let link = "online", saving = "saved";

function setLink(now) {
  if (now !== link && LINKS[now]) emit("trouble", LINKS[now]);
  link = now;
  showSaving(saving);
}

function showSaving(now) {
  saving = now;
  const shownState = link === "online" ? now : link;
  const texts = { saved: "Saved", saving: "Saving…", offline: "Offline: will be sent again", refused: "Signed out: open the address that the command printed" };
  find("saving").dataset.state = shownState;
  find("saving").textContent = texts[shownState];
  find("saving").title = LINKS[shownState] || "";
}

let fading = 0;

function say(text, kind) {
  find("message").textContent = text;
  find("message").dataset.kind = kind;
  clearTimeout(fading);
  fading = setTimeout(() => { find("message").textContent = ""; }, kind === "trouble" ? 9000 : 6000);
}

function showTool() {
  for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === state.tool);
  find("size").value = Math.sqrt(state.size / MAX_SIZE) * 100;
  find("size-text").textContent = `${state.size} px`;
  find("subtract").checked = state.subtract;
  find("only-background").checked = state.onlyBackground;
  find("size-row").hidden = !["brush", "eraser"].includes(state.tool);
  find("subtract-row").hidden = state.tool !== "polygon";
}

function showFrame() {
  find("frame").value = state.frame;
  find("frame").max = state.frames - 1;
  find("last-frame").textContent = `of ${state.frames - 1}`;
  find("frame-name").textContent = state.names[state.frame] || "";
}

function wire() {
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.addEventListener("click", () => set({ tool: button.dataset.tool }, "tool"));
  }
  const clicks = {
    undo, redo, fit, "zoom-in": () => zoom(1.25), "zoom-out": () => zoom(0.8), play: togglePlaying,
    first: () => step(-state.frames), last: () => step(state.frames), back: () => step(-1), next: () => step(1),
    "drawn-back": () => toDrawn(-1), "drawn-next": () => toDrawn(1), keys: () => find("help").showModal(),
  };
  for (const [id, act] of Object.entries(clicks)) find(id).addEventListener("click", act);
  find("size").addEventListener("input", (event) => setSize(MAX_SIZE * (event.target.value / 100) ** 2));
  find("subtract").addEventListener("change", (event) => set({ subtract: event.target.checked }, "tool"));
  find("only-background").addEventListener("change", (event) => set({ onlyBackground: event.target.checked }, "tool"));
  find("opacity").addEventListener("input", (event) => set({ opacity: event.target.value / 100 }, "look"));
  find("outlines").addEventListener("change", (event) => set({ outlines: event.target.checked }, "look"));
  find("frame").addEventListener("change", (event) => goTo(Number(event.target.value)));
  on("look", () => { find("outlines").checked = state.outlines; });
  on("view", () => { find("zoom-text").textContent = `${Math.round(place.scale * 100)}%`; });
  // A button that was clicked with the mouse gives the keys back to the page; one reached by keyboard keeps them.
  addEventListener("click", (event) => {
    const used = event.target.closest("button, input[type=checkbox], input[type=range]");
    if (used && event.detail > 0) used.blur();
  });
  for (const id of ["frame", "until"]) {
    find(id).addEventListener("keydown", (event) => { if (["Enter", "Escape"].includes(event.key)) event.target.blur(); });
  }
  on("tool", showTool);
  on("frame", showFrame);
  on("session", () => { document.title = `${state.title} – visorvos annotate`; find("title").textContent = state.title; showFrame(); });
  on("playing", () => { find("play").setAttribute("aria-pressed", isPlaying()); });
  on("saving", showSaving);
  on("trouble", (text) => say(text, "trouble"));
  on("message", (text) => say(text, "message"));
  on("reload", reload);
}

wire();
showTool();
follow();
