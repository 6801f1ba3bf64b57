// What the page knows, and who wants to hear of changes.

export const state = {
  frames: 0, width: 0, height: 0, rate: 24, title: "", names: [],
  version: 0,
  objects: [], nextId: 1,
  colors: [], // default color by id
  given: new Set(), stale: new Set(), masked: new Set(),
  presence: new Map(), // id -> Uint8Array, 1 for each frame that shows it
  network: { state: "none", message: "" },
  warning: "", // what is wrong with the video
  propagation: null,
  undo: null, redo: null,
  frame: 0,
  object: 0,
  tool: "brush",
  size: 24,
  subtract: false,
  onlyBackground: false,
  opacity: 0.5,
  outlines: true,
  hideAll: false,
};

const listeners = new Map();

/** Calls `listener` whenever something of that name changes: session, frame, masks, objects, tool, view, job, saving. */
export function on(name, listener) {
  if (!listeners.has(name)) listeners.set(name, []);
  listeners.get(name).push(listener);
}

export function emit(name, detail) {
  for (const listener of listeners.get(name) || []) listener(detail);
}

const expand = (runs) => runs.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));

/** Takes what api/session gave. */
export function takeSession(session) {
  Object.assign(state, session, {
    nextId: session.next_id,
    given: new Set(session.given), stale: new Set(expand(session.stale)), masked: new Set(expand(session.masks)),
    presence: new Map(),
  });
  for (const [id, runs] of Object.entries(session.presence)) {
    const row = presenceOf(Number(id));
    for (const [first, last] of runs) row.fill(1, first, last + 1);
  }
  if (!chosen()) state.object = state.objects.length ? state.objects[0].id : 0;
  emit("session");
  emit("objects");
  emit("masks");
  emit("job");
}

/** Takes an event about one frame's mask. */
export function takeMask(event) {
  const { frame } = event;
  setMember(state.masked, frame, event.objects !== null);
  setMember(state.given, frame, event.given);
  if (event.stale) state.stale = new Set(expand(event.stale));
  setMember(state.stale, frame, event.is_stale);
  for (const id of event.objects || []) presenceOf(id);
  for (const [id, row] of state.presence) row[frame] = event.objects && event.objects.includes(id) ? 1 : 0;
  emit("masks");
}

export function takeObjects(event) {
  state.objects = event.objects;
  state.nextId = event.next_id;
  if (!chosen()) state.object = state.objects.length ? state.objects[0].id : 0;
  emit("objects");
}

export const chosen = () => state.objects.find((object) => object.id === state.object);
export const byId = (id) => state.objects.find((object) => object.id === id);

function presenceOf(id) {
  if (!state.presence.has(id)) state.presence.set(id, new Uint8Array(state.frames));
  return state.presence.get(id);
}

function setMember(set, item, isIn) {
  if (isIn) set.add(item);
  else set.delete(item);
}

export function set(changes, name) {
  Object.assign(state, changes);
  emit(name);
}
