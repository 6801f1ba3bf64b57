// Deleting the chosen object: here, from here on, or everywhere.
import * as api from "./api.js";
import { flush } from "./saving.js";
import { chosen, emit, on, state } from "./state.js";
import { deleteHere } from "./tools.js";

const dialog = document.getElementById("delete-dialog");

/** Asks where to delete the chosen object. */
export function askDelete() {
  const object = chosen();
  if (!object) return;
  dialog.querySelector(".what").textContent = object.name;
  dialog.showModal();
}

dialog.addEventListener("close", async () => {
  const { returnValue } = dialog, object = chosen();
  dialog.returnValue = "";
  if (!object) return;
  if (returnValue === "here") deleteHere(object.id);
  if (returnValue !== "onward" && returnValue !== "everywhere") return;
  try {
    await flush();
    await api.deleteObject(object.id, returnValue === "onward" ? state.frame : null);
  } catch (error) {
    emit("trouble", error.message);
  }
});
on("ask-delete", askDelete);
