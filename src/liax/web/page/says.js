// What the page says, and how far it is.

import {worded} from "./words.js";

const at = name => document.getElementById(name);
const notes = {}; // what is to be said of: page, portrait, face, camera, sound, error

export function note(name, text) {
  if (notes[name] === text) return;
  notes[name] = text;
  const said = Object.entries(notes).filter(([, each]) => each);
  at("status").replaceChildren(
    ...said.map(([kind, each]) => Object.assign(document.createElement("div"), {className: kind === "error" ? "note error" : "note", textContent: each})),
  );
}
export const fail = error => {
  if (error.name !== "Trouble") console.error(error);
  note("error", worded(error));
};

export function progress(share) {
  at("progress").hidden = share === null;
  if (share !== null) at("progress").value = share;
}
