// The bar at the top, the theme, the help, and the chips above the lists.

const THEMES = { auto: "Theme: auto", light: "Theme: light", dark: "Theme: dark" };
const KEYS = [
  ["/", "search"], ["Enter", "in the search: to the results"], ["f", "the failed step"],
  ["j, k", "next and previous step"], ["1, 2, 3, 4", "steps, log, script, files"], ["t", "theme"],
  ["← →", "in the timeline: move the cursor, with Shift select"], ["+ − 0", "in the timeline: zoom, whole run"],
  ["Enter", "in the timeline: the step at the cursor"], ["Esc", "clear search, selection and filters"],
];

function showFacts() {
  const status = isRunning() ? "running" : run.status;
  byId("verdict").className = `verdict is-${status}`;
  byId("verdict").replaceChildren(sign(status), el("span", { text: status }));
  const begin = wallTime(0);
  const parts = [
    `${formatDuration(run.duration)}`,
    run.machines.length ? formatCount(run.machines.length, "machine", "machines") : "",
    formatCount(run.steps.length, "step", "steps"),
    run.exit_status === null ? "" : `exit status ${run.exit_status}`,
    begin.toLocaleString([], { dateStyle: "medium", timeStyle: "short" }),
    run.program,
  ];
  const omitted = Object.values(run.omitted).reduce((sum, count) => sum + count, 0);
  byId("facts").replaceChildren(parts.filter(Boolean).join(" · "));
  if (omitted) {
    byId("facts").append(el("strong", { text: ` · ${formatCount(omitted, "record", "records")} were left out of the trace` }));
  }
}

function addTheme(repaint) {
  const root = document.documentElement;
  const control = byId("theme");
  const set = (theme) => {
    root.dataset.theme = theme;
    control.textContent = THEMES[theme];
    try {
      localStorage.setItem("charioteer-theme", theme);
    } catch {
      // Pages from disk may have no storage; the theme is chosen anew then.
    }
    repaint();
  };
  let kept = "auto";
  try {
    kept = localStorage.getItem("charioteer-theme") || "auto";
  } catch {
    // As above.
  }
  set(kept in THEMES ? kept : "auto");
  const next = () => {
    const names = Object.keys(THEMES);
    set(names[(names.indexOf(root.dataset.theme) + 1) % names.length]);
  };
  control.addEventListener("click", next);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  return next;
}

function addHelp() {
  const dialog = byId("help");
  dialog.append(el("h2", { id: "help-title", text: "Keyboard" }),
    el("dl", {}, ...KEYS.flatMap(([key, text]) => [el("dt", {}, el("kbd", { text: key })), el("dd", { text })])),
    el("p", { class: "muted", text: "Drag over the timeline to select a span of time; everything else then shows that span. Ctrl and the wheel zoom." }),
    button("Close", () => dialog.close()));
  byId("help-open").addEventListener("click", () => dialog.showModal());
  for (const each of [dialog, byId("picture")]) {
    each.addEventListener("click", (event) => event.target === each && each.close());
  }
}

function addSearch() {
  const input = byId("search");
  input.addEventListener("input", () => choose({ query: input.value.trim().toLowerCase() }));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    byId("panel").querySelector("[tabindex='0']")?.focus();
    event.preventDefault();
  });
}

/** The filters that are in effect, each with a button that ends it. */
function showChips() {
  const chips = [];
  const add = (text, changes) => chips.push(button(`${text} ✕`, () => choose(changes),
    { class: "chip", "aria-label": `Remove the filter: ${text}` }));
  if (store.span) add(spanText(), { span: null });
  if (store.machine) add(store.machine, { machine: null });
  if (run.steps.some((step) => step.state === "failed")) {
    chips.push(button("Only failures", () => choose({ onlyFailed: !store.onlyFailed }),
      { class: "chip", "aria-pressed": String(store.onlyFailed) }));
  }
  byId("chips").replaceChildren(...chips);
}

const spanText = () => `${formatTime(store.span[0])} to ${formatTime(store.span[1])}`;

function showSpan() {
  byId("span-text").textContent = store.span
    ? `${spanText()} (${formatDuration(store.span[1] - store.span[0])}): ${formatCount(matchingSteps().length, "step", "steps")}, ${formatCount(matchingEntries().length, "line", "lines")} of the log`
    : isNarrow() ? "" : "Drag to select a span of time";
}
