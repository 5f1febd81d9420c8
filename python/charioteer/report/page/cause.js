// The first screen of a run that did not pass: what happened, where, and the likely causes.

const FIRST_FINDINGS = 3;
const LAST_OUTPUT = 8;
const LINES_AROUND = 2;

function showCause() {
  const { cause } = run;
  const box = byId("cause");
  box.replaceChildren();
  box.hidden = !cause || isRunning();
  if (box.hidden) return;
  const step = stepByNumber.get(cause.step);
  const [first, ...rest] = cause.text.trim().split("\n");
  box.append(el("div", { class: "cause-main" },
    el("p", { class: "cause-where" },
      el("strong", { text: { failed: "The test failed", interrupted: "The test was interrupted" }[run.status] || "The test did not finish" }),
      cause.line ? ` at line ${cause.line}` : "", cause.machine ? " on " : "",
      cause.machine ? el("span", { class: "tag", text: cause.machine }) : "",
      step ? ` after ${formatDuration(step.end - step.begin)}` : ""),
    el("p", { class: "cause-text", text: first }),
    rest.length ? textBlock(rest.join("\n"), "Rest of the error") : "",
    cause.line && run.script ? sourceAround(cause.line) : "",
    lastOutput(step),
    ...cause.states.map(({ machine, line }) => el("p", { class: "cause-panic" }, sign("fatal"), `${machine}: ${line}`)),
    notesOf(cause.notes),
    step ? el("p", { class: "actions" },
      button("Show the step", () => chooseStep(step, { tab: "steps", opened: true, ...RESET })),
      button("Show the log at its end", () => choose({ ...RESET, tab: "log", chosen: { entry: entryBefore(step.end) }, opened: false })),
      button("Select its time", () => choose({ span: spanOf(step.begin, step.end + 1e-6) }))) : ""));
  if (cause.findings.length) box.append(findingsOf(cause.findings));
}

const RESET = { span: null, machine: null, onlyFailed: false };

/** The last entry of the log at or before a time. */
const entryBefore = (time) => Math.max(0, lowerBound(logTimes, time + 1e-6) - 1);

function sourceAround(line) {
  const { path, lines } = run.script;
  let first = Math.max(1, line - LINES_AROUND);
  let last = Math.min(lines.length, line + LINES_AROUND);
  while (first < line && !lines[first - 1].trim()) first += 1;
  while (last > line && !lines[last - 1].trim()) last -= 1;
  const shown = lines.slice(first - 1, last);
  const rows = shown.map((code, at) => {
    const number = first + at;
    const isFailing = number === line;
    return el("div", { class: isFailing ? "source is-failing" : "source" },
      el("span", { class: "row-number" }, isFailing ? sign("failed") : "", String(number)),
      el("span", { class: "code", text: code }));
  });
  const name = path.split("/").pop();
  return el("div", { class: "cause-source", role: "group", "aria-label": `${name}, line ${line}` }, ...rows);
}

/** The end of what the failed command wrote. */
function lastOutput(step) {
  const text = step && (step.errors || step.output);
  if (!text) return "";
  const lines = text.trimEnd().split("\n");
  const title = step.errors ? "Standard error" : "Output";
  const left = lines.length > LAST_OUTPUT ? `, last ${LAST_OUTPUT} of ${lines.length.toLocaleString("en")} lines` : "";
  return el("div", { class: "cause-output" }, el("h3", { text: title + left }),
    el("pre", { tabindex: "0", role: "region", "aria-label": title, text: lines.slice(-LAST_OUTPUT).join("\n") }));
}

function notesOf(notes) {
  if (!notes.length) return "";
  return el("details", {}, el("summary", { text: formatCount(notes.length, "note on the error", "notes on the error") }),
    ...notes.map((note) => el("pre", { text: note })));
}

function findingsOf(findings) {
  const shown = findings.filter((each) => each.likely).slice(0, FIRST_FINDINGS);
  if (!shown.length) shown.push(...findings.slice(0, FIRST_FINDINGS));
  const others = findings.filter((each) => !shown.includes(each));
  return el("div", { class: "findings" },
    el("h2", { text: "What the machines show" }),
    el("ol", {}, ...shown.map(findingOf)),
    others.length ? el("details", {}, el("summary", { text: formatCount(others.length, "more finding", "more findings") }),
      el("ol", {}, ...others.map(findingOf))) : "");
}

function findingOf({ severity, text, machine, evidence, source }) {
  const lines = evidence.slice(0, 12);
  return el("li", { class: `finding is-${severity}` }, sign(severity),
    el("div", {},
      el("p", {}, machine ? el("span", { class: "tag", text: machine }) : "", " ", el("span", { class: "finding-text", text }), " ",
        el("span", { class: "muted", text: source })),
      lines.length ? el("pre", { tabindex: "0", role: "region", "aria-label": "Evidence", text: lines.join("\n") }) : ""));
}
