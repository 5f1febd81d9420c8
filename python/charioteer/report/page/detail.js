// Everything about the chosen step, entry of the log, line of the script or change of a machine.

const MOST_LISTED = 200;
const SLOWEST = 12;

function showDetail() {
  const { chosen } = store;
  const box = byId("detail");
  const content = !chosen ? overview()
    : chosen.step ? stepDetail(chosen.step)
      : chosen.line ? lineDetail(chosen.line)
        : chosen.event ? eventDetail(chosen.event)
          : entryDetail(chosen.entry);
  const close = button("← Back", () => closeDetail(), { class: "detail-close" });
  box.replaceChildren(close, ...content);
  box.scrollTop = 0;
}

/** While nothing is chosen: where the time went, in steps that have no others within them. */
function overview() {
  const around = new Set(run.steps.map((step) => step.parent));
  const slowest = run.steps.filter((step) => !around.has(step.n)).sort((a, b) => b.end - b.begin - (a.end - a.begin));
  return [
    el("p", { class: "muted", text: "Choose a step, a line of the log or of the script." }),
    slowest.length ? section("Slowest steps", stepTable(slowest.slice(0, SLOWEST))) : "",
  ];
}

function head(state, title, ...facts) {
  const parts = facts.filter(Boolean);
  return el("header", {},
    el("h2", { class: "detail-title" }, state ? sign(state) : "", el("span", { text: title })),
    el("p", { class: "detail-facts" }, ...parts.map((part) => (part instanceof Node ? part : el("span", { text: part })))));
}

function stepDetail(step) {
  const seconds = step.end - step.begin;
  const outcome = step.state === "open" ? "not finished" : step.timed_out ? "timed out"
    : step.signal ? `ended by signal ${step.signal}` : step.status !== undefined ? `exit status ${step.status}` : "";
  const around = stepsAround(step);
  const parts = [
    head(step.state, step.name, step.machine && el("span", { class: "tag", text: step.machine }), outcome,
      `${formatDuration(seconds)}, from ${formatTime(step.begin)} to ${formatTime(step.end)}`, lineLink(step)),
  ];
  if (around.length) {
    parts.push(el("nav", { class: "around", "aria-label": "Steps around this one" }, ...around.flatMap((each, at) => [
      at ? el("span", { "aria-hidden": "true", text: "›" }) : "",
      button(shortName(each), () => chooseStep(each), { class: "link" })])));
  }
  parts.push(el("p", { class: "actions" },
    button("Select its time", () => choose({ span: spanOf(step.begin, step.end + 1e-6) })),
    step.command ? copyButton(step.command) : ""));
  if (step.error) parts.push(section("Error", errorBlock(step)));
  if (step.command && !step.name.includes(step.command)) parts.push(section("Command", textBlock(step.command, "Command")));
  for (const [title, text] of [["Output", step.output], ["Standard error", step.errors]]) {
    if (text) parts.push(section(title, textBlock(text, title)));
  }
  if (step.command && !step.output && !step.errors && step.state !== "open") {
    parts.push(el("p", { class: "muted", text: "It wrote no output." }));
  }
  if (step.cut) parts.push(el("p", { class: "muted", text: cutText(step.cut) }));
  for (const file of filesByStep.get(step.n) || []) {
    parts.push(section("File", file.image ? pictureOf(file) : filesView.entry(file)));
  }
  if (step.file && !filesByStep.has(step.n)) parts.push(section("File", el("p", { class: "mono", text: step.file })));
  parts.push(childrenOf(step), statesOf(step));
  const entries = entriesAround(step.begin, step.end, step.machine);
  if (entries.length) {
    const title = step.machine ? `Console and log of ${step.machine} around it` : "Log around it";
    parts.push(section(title, excerptOf(entries, step.begin, step.end),
      button("Show in the log", () => choose({ tab: "log", span: spanOf(step.begin, step.end + 1e-6), opened: false }), { class: "link" })));
  }
  return parts.filter(Boolean);
}

function errorBlock(step) {
  return el("div", { class: "error" }, el("pre", { class: "error-text", text: step.error }), notesOf(step.notes || []));
}

const cutText = (cut) => Object.entries(cut).map(([name, bytes]) =>
  `${formatBytes(bytes)} of its ${name} were left out of the trace.`).join(" ");

function lineLink(step) {
  if (!step.line) return "";
  return button(`line ${step.line}`, () => choose({ tab: "script", chosen: { line: step.line } }), { class: "link" });
}

function copyButton(text) {
  const made = button("Copy command", () => {
    // Where pages from disk may not write to the clipboard, the command can be selected by hand.
    const done = navigator.clipboard ? navigator.clipboard.writeText(text) : Promise.reject();
    done.then(() => (made.textContent = "Copied"), () => (made.textContent = "Cannot copy here"));
  });
  return made;
}

/** The steps within a step, the slowest first. */
function childrenOf(step) {
  const within = run.steps.filter((each) => each.parent === step.n);
  return within.length ? section("Steps within, slowest first", stepTable(within)) : null;
}

function stepTable(steps) {
  const sorted = [...steps].sort((a, b) => b.end - b.begin - (a.end - a.begin));
  const rows = sorted.slice(0, MOST_LISTED).map((each) => el("li", {}, sign(each.state),
    button(shortName(each), () => chooseStep(each), { class: "link" }),
    each.machine ? el("span", { class: "tag", text: each.machine }) : "",
    el("span", { class: "row-time", text: formatDuration(each.end - each.begin) })));
  if (sorted.length > MOST_LISTED) {
    rows.push(el("li", { class: "muted", text: `and ${sorted.length - MOST_LISTED} shorter ones` }));
  }
  return el("ul", { class: "step-table" }, ...rows);
}

/** The machines' states before and after a step, and what changed in between. */
function statesOf(step) {
  const machines = step.machine ? [step.machine] : run.machines;
  const events = run.events.filter((event) => event.t >= step.begin && event.t <= step.end
    && (!step.machine || !event.machine || event.machine === step.machine));
  const rows = machines.map((machine) => {
    const before = stateAt(machine, step.begin);
    const after = stateAt(machine, step.end);
    return el("tr", { class: before === after ? "" : "is-changed" },
      el("th", { scope: "row", text: machine }), el("td", { text: before }), el("td", { text: after }));
  });
  if (!rows.length) return null;
  const table = el("table", { class: "states" },
    el("thead", {}, el("tr", {}, ...["machine", "before", "after"].map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, ...rows));
  const changes = [...events, ...unitsDuring(step)].sort((a, b) => a.t - b.t);
  const list = changes.slice(0, MOST_LISTED).map((change) => el("li", {},
    el("span", { class: "muted", text: formatTime(change.t) }), change.failed ? sign("failed") : " ",
    `${change.machine} ${change.text}`));
  return section("State before and after", table, el("ul", { class: "events" }, ...list), trafficDuring(step));
}

/** The units that changed during a step. */
function unitsDuring(step) {
  return run.units.filter(({ t, machine }) =>
    t >= step.begin && t <= step.end && (!step.machine || machine === step.machine));
}

function trafficDuring(step) {
  const parts = run.traffic.map(({ vlan, t, seconds, frames, bytes }) => {
    let [sum, size] = [0, 0];
    t.forEach((end, at) => {
      if (end < step.begin || end - seconds[at] > step.end) return;
      sum += frames[at];
      size += bytes[at];
    });
    return sum ? `VLAN ${vlan}: ${formatCount(sum, "frame", "frames")}, ${formatBytes(size)}` : "";
  }).filter(Boolean);
  return parts.length ? el("p", { class: "muted", text: `In the seconds around it: ${parts.join("; ")}.` }) : "";
}

function entryDetail(entry) {
  const level = run.levels[run.log.level[entry]];
  const machine = run.machines[run.log.machine[entry]];
  const step = stepByNumber.get(run.log.step[entry]);
  const kind = { console: "Line of the console", journal: "Line of the journal" }[level] || `Message (${level})`;
  return [
    head(null, kind, machine && el("span", { class: "tag", text: machine }), `at ${formatTime(run.log.t[entry])}`,
      wallTime(run.log.t[entry]).toISOString().slice(11, 23)),
    section("Text", textBlock(run.log.text[entry], "Text")),
    step ? section("During the step", button(step.name, () => chooseStep(step), { class: "link" })) : "",
    section("Around it", excerptOf(entriesAround(run.log.t[entry], run.log.t[entry], machine, 12, 12),
      run.log.t[entry], run.log.t[entry])),
  ].filter(Boolean);
}

function lineDetail(line) {
  const steps = stepsOfLine(line).filter((step) => isInSpan(step.begin, step.end));
  return [
    head(run.cause && run.cause.line === line ? "failed" : null, `Line ${line} of the script`,
      formatCount(steps.length, "step", "steps")),
    run.script ? el("pre", { class: "mono", text: run.script.lines[line - 1].trim() }) : "",
    steps.length ? section("Its steps, slowest first", stepTable(steps)) : el("p", { class: "muted", text: "No step was recorded for it." }),
  ];
}

function eventDetail(event) {
  const details = Object.entries(event.details).map(([name, value]) => `${name}: ${value}`).join("\n");
  return [
    head(null, event.text, event.machine && el("span", { class: "tag", text: event.machine }), `at ${formatTime(event.t)}`),
    details ? section("Details", textBlock(details, "Details")) : "",
    section("Log around it", excerptOf(entriesAround(event.t, event.t, event.machine, 20, 10))),
  ];
}

/** Where the details cover the page, as on a phone, returns to the lists. */
function closeDetail() {
  choose({ opened: false });
  byId("panel").querySelector("[tabindex='0']")?.focus();
}
