// Messages and console lines, in the order of time.

const logView = {
  name: "Log",
  list: null,

  make() {
    this.list = new VirtualList({
      label: "Log",
      rowHeight: isNarrow() ? 24 : 20,
      row: (entry) => this.row(entry),
      open: (entry, isFinal) => choose({ chosen: { entry }, opened: isFinal }),
    });
    this.list.element.id = "log";
    this.list.element.classList.add("is-log");
    return this.list.element;
  },

  count: () => matchingEntries().length,

  update() {
    const entries = matchingEntries();
    const chosen = store.chosen && store.chosen.entry;
    const index = chosen === undefined ? -1 : entries.indexOf(chosen);
    this.list.set(entries, index);
    if (index >= 0) this.list.reveal(index);
    this.isEmpty = !entries.length;
  },

  showChosen() {
    const chosen = store.chosen && store.chosen.entry;
    this.list.activate(chosen === undefined || chosen === null ? -1 : this.list.items.indexOf(chosen));
  },

  row: (entry) => logRow(entry, store.query),
};

function logRow(entry, query = "") {
  const level = run.levels[run.log.level[entry]];
  const machine = run.machines[run.log.machine[entry]] || "";
  const word = { warning: "warning: ", error: "error: ", "test-error": "✕ " }[level] || "";
  const text = el("span", { class: "row-text" });
  if (word) text.append(el("b", { text: word }));
  text.append(marked(run.log.text[entry], query));
  return el("div", { class: `entry level-${level}` },
    el("span", { class: "row-at", text: run.log.t[entry].toFixed(3) }),
    el("span", { class: "row-machine", text: machine }),
    text);
}
