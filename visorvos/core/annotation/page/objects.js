// The list of objects: add, name, recolor, hide, lock.
import { saveObjects } from "./saving.js";
import { byId, emit, on, set, state } from "./state.js";

const list = document.getElementById("objects");
const template = document.getElementById("object-row");
let isDrawing = false; // a name input that is replaced loses the focus, which does not end its editing

/** Adds an object and chooses it. Its id was never used before. */
export function addObject() {
  if (state.nextId > 254) { // other tools use 255 for borders
    emit("trouble", "No id from 1 to 254 is left.");
    return null;
  }
  const id = state.nextId;
  state.nextId += 1;
  const object = { id, name: `object ${id}`, color: state.colors[id], hidden: false, locked: false };
  state.objects = [...state.objects, object];
  state.object = id;
  saveObjects();
  emit("objects");
  return object;
}

export const choose = (id) => { if (byId(id)) set({ object: id }, "objects"); };
export const chooseByPlace = (place) => { if (state.objects[place]) choose(state.objects[place].id); };

export function edit(id, changes) {
  state.objects = state.objects.map((object) => (object.id === id ? { ...object, ...changes } : object));
  saveObjects();
  emit("objects");
}

export function renameChosen() {
  const input = list.querySelector(`[data-id="${state.object}"] .name`);
  if (input) { input.focus(); input.select(); }
}

function draw() {
  const before = list.contains(document.activeElement) ? document.activeElement : null;
  isDrawing = true;
  list.replaceChildren(...state.objects.map(makeRow));
  isDrawing = false;
  document.getElementById("no-objects").hidden = state.objects.length > 0;
  const part = before && before.className.split(" ")[0];
  const again = before && list.querySelector(`[data-id="${before.closest("li").dataset.id}"] .${part}`);
  if (!again) return;
  again.focus();
  if (part !== "name") return;
  again.value = before.value; // a name that is being typed
  again.setSelectionRange(before.selectionStart, before.selectionEnd);
}

function makeRow(object, place) {
  const row = template.content.firstElementChild.cloneNode(true);
  const isChosen = object.id === state.object;
  row.dataset.id = object.id;
  row.classList.toggle("chosen", isChosen);
  row.classList.toggle("faint", object.hidden);
  const part = (name) => row.querySelector(`.${name}`);
  part("choose").setAttribute("aria-pressed", isChosen);
  part("choose").setAttribute("aria-label", `Choose ${object.name}`);
  part("choose").textContent = place < 9 ? place + 1 : "";
  part("choose").addEventListener("click", () => choose(object.id));
  part("color").value = object.color;
  part("color").setAttribute("aria-label", `Color of ${object.name}`);
  part("color").addEventListener("change", (event) => edit(object.id, { color: event.target.value }));
  part("name").value = object.name;
  part("name").setAttribute("aria-label", `Name of object ${object.id}`);
  part("name").addEventListener("focus", () => { if (state.object !== object.id) choose(object.id); });
  part("name").addEventListener("blur", (event) => {
    const name = event.target.value.trim() || `object ${object.id}`;
    if (!isDrawing && name !== byId(object.id)?.name) edit(object.id, { name });
  });
  part("name").addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === "Escape") event.target.blur(); });
  for (const [name, word] of [["hidden", "Hide"], ["locked", "Lock"]]) {
    part(name).setAttribute("aria-pressed", object[name]);
    part(name).setAttribute("aria-label", `${word} ${object.name}`);
    part(name).addEventListener("click", () => edit(object.id, { [name]: !object[name] }));
  }
  part("delete").setAttribute("aria-label", `Delete ${object.name}`);
  part("delete").addEventListener("click", () => { choose(object.id); emit("ask-delete"); });
  return row;
}

document.getElementById("add-object").addEventListener("click", addObject);
on("objects", draw);
