// Elements of the page. All text of the run comes in as text nodes, never as HTML.

const byId = (id) => document.getElementById(id);

/** Makes an element. `attributes`: `class`, `text`, `on` (handlers by event), or any attribute. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else if (name === "on") for (const [event, run] of Object.entries(value)) made.addEventListener(event, run);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

function button(label, run, attributes = {}) {
  return el("button", { type: "button", ...attributes, on: { click: run } }, label);
}

/** `text` with each occurrence of `query` (in lower case) in a mark. */
function marked(text, query) {
  const parts = document.createDocumentFragment();
  if (!query) {
    parts.append(text);
    return parts;
  }
  const lower = text.toLowerCase();
  let from = 0;
  // Lower case may have another length in a few languages; then nothing is marked.
  if (lower.length === text.length) {
    for (let at = lower.indexOf(query); at >= 0; at = lower.indexOf(query, from)) {
      parts.append(text.slice(from, at), el("mark", { text: text.slice(at, at + query.length) }));
      from = at + query.length;
    }
  }
  parts.append(text.slice(from));
  return parts;
}

/** A sign with a word for those who cannot see it: colour is never the only difference. */
function sign(state) {
  const [symbol, word] = SIGNS[state] || SIGNS.passed;
  return el("span", { class: `sign is-${state}`, role: "img", "aria-label": word, title: word }, symbol);
}

const SIGNS = {
  passed: ["✓", "passed"],
  failed: ["✕", "failed"],
  open: ["…", "not finished"],
  interrupted: ["■", "interrupted"],
  unfinished: ["…", "unfinished"],
  running: ["▶", "running"],
  fatal: ["✕", "fatal"],
  odd: ["▲", "unusual"],
  note: ["•", "note"],
};

const isNarrow = () => window.matchMedia("(max-width: 760px)").matches;
