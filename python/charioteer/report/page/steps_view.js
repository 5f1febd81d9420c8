// The steps as a list; steps within others are indented.

const stepsView = {
  name: "Steps",
  list: null,

  make() {
    this.list = new VirtualList({
      label: "Steps",
      rowHeight: isNarrow() ? 44 : 30,
      row: (step) => this.row(step),
      open: (step, isFinal) => choose({ chosen: { step }, opened: isFinal }),
    });
    this.list.element.id = "steps";
    return this.list.element;
  },

  count: () => matchingSteps().length,

  update() {
    const steps = matchingSteps();
    // Step and machine of each row, unless all are of one.
    this.longest = steps.reduce((most, step) => Math.max(most, step.end - step.begin), 0);
    this.list.set(steps, steps.indexOf(store.chosen && store.chosen.step));
    this.isEmpty = !steps.length;
  },

  showChosen() {
    const index = store.chosen && store.chosen.step ? this.list.items.indexOf(store.chosen.step) : -1;
    this.list.activate(index);
  },

  row(step) {
    const name = el("span", { class: "row-name" });
    name.style.paddingLeft = `${Math.min(step.depth, 8) * 14}px`;
    name.append(marked(step.name.replace(/\n[^]*/, " …"), store.query));
    const seconds = step.end - step.begin;
    const bar = el("span", { class: "row-bar", "aria-hidden": "true" });
    bar.style.width = `${this.longest ? Math.max(1, (seconds / this.longest) * 100) : 0}%`;
    return el("div", { class: `step is-${step.state} type-${step.type}` },
      sign(step.state),
      name,
      step.machine ? el("span", { class: "tag", text: step.machine }) : el("span"),
      el("span", { class: "row-line", text: step.line ? `line ${step.line}` : "" }),
      el("span", { class: "row-time" }, el("span", { text: formatDuration(seconds) }), bar));
  },
};
