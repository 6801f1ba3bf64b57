// Calls to the server. Everything below api/ needs the token from the address that the command printed.

const fromAddress = () => new URLSearchParams(location.hash.slice(1)).get("token");
if (fromAddress()) {
  sessionStorage.setItem("token", fromAddress());
  history.replaceState(null, "", location.pathname); // not to be seen in screenshots or kept as a bookmark
}
const token = sessionStorage.getItem("token") || "";
// Opening another address in this tab changes only the fragment. A session keeps its token, so
// another one means another session.
addEventListener("hashchange", () => {
  if (fromAddress() !== token) location.reload();
  else history.replaceState(null, "", location.pathname);
});

/** An answer other than success. `status` is 0 where the server was not reached. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(method, path, { body, headers = {}, signal } = {}) {
  let answer;
  try {
    answer = await fetch(`api/${path}`, { method, body, signal, headers: { Authorization: `Bearer ${token}`, ...headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
  if (!answer.ok) {
    const text = await answer.json().then((content) => content.error, () => answer.statusText);
    throw new ApiError(answer.status, text);
  }
  return answer;
}

function send(method, path, content) {
  return call(method, path, { body: JSON.stringify(content), headers: { "Content-Type": "application/json" } });
}

export const getSession = async () => (await call("GET", "session")).json();
export const putObjects = (objects) => send("PUT", "objects", { objects });
export const deleteObject = (id, from) => send("POST", "delete-object", { id, from });
export const propagate = (from, to, direction) => send("POST", "propagate", { from, to, direction });
export const stop = () => send("POST", "stop", {});
export const undoPropagation = (redo) => send("POST", "undo-propagation", { redo });
export const exportSession = async () => (await send("POST", "export", {})).json();

export async function getFrame(number, signal) {
  const blob = await (await call("GET", `frames/${number}`, { signal })).blob();
  return createImageBitmap(blob);
}

/** A mask's ids and its tag. */
export async function getMask(number, signal) {
  const answer = await call("GET", `masks/${number}`, { signal });
  return { ids: new Uint8Array(await answer.arrayBuffer()), tag: answer.headers.get("ETag") };
}

/** Saves a mask where `tag` is that of the mask it replaces; gives the new tag. */
export async function putMask(number, ids, tag, given) {
  const packed = new Blob([ids]).stream().pipeThrough(new CompressionStream("gzip"));
  const headers = { "Content-Type": "application/octet-stream", "Content-Encoding": "gzip", "If-Match": tag };
  const body = await new Response(packed).blob();
  const answer = await call("PUT", `masks/${number}?given=${given}`, { body, headers });
  return answer.headers.get("ETag");
}

/** Yields the events after a version until the connection ends. */
export async function* readEvents(since) {
  const silence = new AbortController();
  const answer = await call("GET", `events?since=${since}`, { signal: silence.signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", timer = 0;
  try {
    for (;;) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), 40000); // the server sends a line at least every 15 seconds
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line) yield JSON.parse(line);
    }
  } finally {
    clearTimeout(timer);
  }
}
