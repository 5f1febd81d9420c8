// The test script, with the time that each line took beside it.

const scriptView = {
  name: "Script",
  list: null,

  make() {
    const lines = run.script ? run.script.lines : [];
    const longest = Math.min(400, lines.reduce((most, line) => Math.max(most, line.length), 0));
    this.list = new VirtualList({
      label: "Test script",
      rowHeight: isNarrow() ? 26 : 21,
      row: (number) => this.row(number),
      open: (number, isFinal) => choose({ chosen: { line: number }, opened: isFinal }),
      width: `calc(${longest}ch + 11rem)`,
    });
    this.list.element.id = "script";
    this.list.element.classList.add("is-script");
    return this.list.element;
  },

  count: () => (run.script ? run.script.lines.length : 0),

  update() {
    this.times = scriptTimes();
    this.longest = [...this.times.values()].reduce((most, each) => Math.max(most, each.seconds), 0);
    const lines = run.script ? run.script.lines.map((_, index) => index + 1) : [];
    this.list.set(lines);
    this.isEmpty = !lines.length;
    this.showChosen();
  },

  showChosen() {
    const chosen = store.chosen || {};
    const line = chosen.line || (chosen.step && chosen.step.line) || 0;
    this.list.activate(line - 1 < this.list.items.length ? line - 1 : -1);
  },

  row(number) {
    const time = this.times.get(number);
    const isFailing = Boolean(run.cause && run.cause.line === number);
    const bar = el("span", { class: "row-bar", "aria-hidden": "true" });
    bar.style.width = time && this.longest ? `${Math.max(2, (time.seconds / this.longest) * 100)}%` : "0";
    const code = el("span", { class: "code" });
    code.append(marked(run.script.lines[number - 1].replaceAll("\t", "    "), store.query));
    return el("div", { class: isFailing ? "source is-failing" : "source" },
      el("span", { class: "row-time" }, el("span", { text: time ? formatDuration(time.seconds) : "" }), bar),
      el("span", { class: "row-number" }, isFailing ? sign("failed") : "", String(number)),
      code);
  },
};
