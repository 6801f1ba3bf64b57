// The keyboard. One table says what each key does, and is shown by `?`.
import { fit, pan, zoom } from "./canvas.js";
import { askDelete } from "./deletion.js";
import { confirmMask, isRunning, propagate, redo, stop, undo } from "./jobs.js";
import { addObject, chooseByPlace, edit, renameChosen } from "./objects.js";
import { isPlaying, step, stopPlaying, toDrawn, togglePlaying } from "./play.js";
import { chosen, emit, set, state } from "./state.js";
import { cancelPolygon, closePolygon, dropPoint, hasPolygon, held, setSize } from "./tools.js";

const help = document.getElementById("help");
const tool = (name) => () => set({ tool: name }, "tool");
const grow = (factor) => () => setSize(factor > 1 ? Math.max(state.size + 1, state.size * factor) : Math.min(state.size - 1, state.size * factor));

function enter() {
  if (hasPolygon()) closePolygon();
  else propagate("forward");
}

function escape() {
  if (cancelPolygon()) return;
  if (isPlaying()) stopPlaying();
  if (isRunning()) stop();
}

const flip = (name, event) => () => set({ [name]: !state[name] }, event);
const flipChosen = (name) => () => { if (chosen()) edit(state.object, { [name]: !chosen()[name] }); };

/** [group, keys as KeyboardEvent.key with modifiers, what is shown, what it does, act]. */
const KEYS = [
  ["Draw", ["b"], "B", "Brush", tool("brush")],
  ["Draw", ["e"], "E", "Eraser", tool("eraser")],
  ["Draw", ["p"], "P", "Polygon: click corners, Enter or double-click closes", () => set({ tool: "polygon", subtract: false }, "tool")],
  ["Draw", ["Shift+P"], "Shift+P", "Polygon that subtracts", () => set({ tool: "polygon", subtract: true }, "tool")],
  ["Draw", ["f"], "F", "Bucket: fill a region", tool("bucket")],
  ["Draw", ["i"], "I", "Picker: choose the object under the pointer", tool("picker")],
  ["Draw", ["["], "[  ]", "Brush size; also Alt-drag", grow(1 / 1.15)],
  ["", ["]"], "", "", grow(1.15)],
  ["Draw", ["x"], "X", "Paint only on background", flip("onlyBackground", "tool")],
  ["Draw", ["Backspace"], "Backspace", "Remove the polygon's last corner", dropPoint],
  ["Draw", ["Ctrl+z"], "Ctrl+Z", "Undo a stroke of this frame, or the last propagation", undo],
  ["Draw", ["Ctrl+Shift+Z", "Ctrl+y"], "Ctrl+Shift+Z", "Redo", redo],
  ["Objects", ["n"], "N", "Add an object", addObject],
  ["Objects", [], "1 – 9", "Choose an object", null],
  ["Objects", ["r", "F2"], "R", "Rename the chosen object", renameChosen],
  ["Objects", ["l"], "L", "Lock it", flipChosen("locked")],
  ["Objects", ["v"], "V", "Hide it", flipChosen("hidden")],
  ["Objects", ["Delete"], "Delete", "Delete it here, from here on, or everywhere", askDelete],
  ["Propagate", ["Enter"], "Enter", "Propagate forward from here", enter],
  ["Propagate", ["Shift+Enter"], "Shift+Enter", "Propagate backward from here", () => propagate("backward")],
  ["Propagate", ["Escape"], "Esc", "Stop", escape],
  ["Propagate", ["c"], "C", "Confirm this mask as right, or take that back", confirmMask],
  ["Move", ["ArrowLeft"], "←  →", "One frame back or on", () => step(-1)],
  ["", ["ArrowRight"], "", "", () => step(1)],
  ["Move", ["Shift+ArrowLeft"], "Shift+←  Shift+→", "Ten frames", () => step(-10)],
  ["", ["Shift+ArrowRight"], "", "", () => step(10)],
  ["Move", ["Home"], "Home  End", "First or last frame", () => step(-state.frames)],
  ["", ["End"], "", "", () => step(state.frames)],
  ["Move", ["PageUp"], "PageUp  PageDown", "Previous or next drawn frame", () => toDrawn(-1)],
  ["", ["PageDown"], "", "", () => toDrawn(1)],
  ["Move", ["k"], "K", "Play or pause", togglePlaying],
  ["View", ["0"], "0", "Fit the frame", fit],
  ["View", ["+", "="], "+  −", "Zoom; also the wheel", () => zoom(1.25)],
  ["", ["-"], "", "", () => zoom(0.8)],
  ["View", [], "Space-drag", "Pan; also the middle button", null],
  ["View", ["Ctrl+ArrowLeft"], "Ctrl+arrows", "Pan", () => pan(60, 0)],
  ["", ["Ctrl+ArrowRight"], "", "", () => pan(-60, 0)],
  ["", ["Ctrl+ArrowUp"], "", "", () => pan(0, 60)],
  ["", ["Ctrl+ArrowDown"], "", "", () => pan(0, -60)],
  ["View", [], "Hold H", "Hide all masks", null],
  ["View", ["o"], "O", "Outlines", flip("outlines", "look")],
  ["View", ["?"], "?", "This list", () => help.showModal()],
];

const acts = new Map(KEYS.flatMap(([, keys, , , act]) => keys.map((key) => [key, act])));

function nameOf(event) {
  const isLetter = event.key.length === 1;
  const shift = event.shiftKey && (!isLetter || /[a-z]/i.test(event.key)) ? "Shift+" : "";
  const key = isLetter ? (shift ? event.key.toUpperCase() : event.key.toLowerCase()) : event.key;
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${shift}${key}`;
}

/** Whether a key belongs to the element that has the focus, not to the page. */
function isTaken(event) {
  const { target } = event;
  if (document.querySelector("dialog[open]")) return true;
  if (target.matches("input:not([type=checkbox], [type=range], [type=color]), textarea, select")) return true;
  if (target.matches("input[type=range]") && /^(Arrow|Home|End|Page)/.test(event.key)) return true;
  return target.matches("button, summary, input") && ["Enter", " "].includes(event.key);
}

addEventListener("keydown", (event) => {
  if (isTaken(event) || event.altKey) return;
  if (event.key === " ") {
    held.space = true;
    emit("view");
    event.preventDefault();
    return;
  }
  if (event.key.toLowerCase() === "h" && !event.ctrlKey && !event.metaKey) {
    if (!state.hideAll) set({ hideAll: true }, "look");
    return;
  }
  const name = nameOf(event);
  const act = /^[1-9]$/.test(name) ? () => chooseByPlace(Number(name) - 1) : acts.get(name);
  if (!act) return;
  event.preventDefault();
  act();
});
addEventListener("keyup", (event) => {
  if (event.key === " ") { held.space = false; emit("view"); }
  if (event.key.toLowerCase() === "h" && state.hideAll) set({ hideAll: false }, "look");
});
addEventListener("blur", () => {
  held.space = false;
  if (state.hideAll) set({ hideAll: false }, "look");
});

for (const group of ["Draw", "Objects", "Propagate", "Move", "View"]) {
  const part = document.createElement("section"), head = document.createElement("h3"), table = document.createElement("dl");
  head.textContent = group;
  for (const [name, , shown, meaning] of KEYS) {
    if (name !== group) continue;
    const term = document.createElement("dt"), text = document.createElement("dd");
    for (const one of shown.split("  ")) term.append(Object.assign(document.createElement("kbd"), { textContent: one }));
    text.textContent = meaning;
    table.append(term, text);
  }
  part.append(head, table);
  document.getElementById("key-list").append(part);
}
