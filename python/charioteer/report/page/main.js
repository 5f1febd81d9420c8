// Puts the page together.

const views = { steps: stepsView, log: logView, script: scriptView, files: filesView };
const timeline = new Timeline();
const nextTheme = addTheme(() => timeline.newColours());

/** One panel for each tab, made at once; only that of the chosen tab is shown and kept up to date. */
function addTabs() {
  for (const [key, view] of Object.entries(views)) {
    view.tab = el("button", { type: "button", role: "tab", id: `tab-${key}`, "aria-controls": "panel",
      on: { click: () => choose({ tab: key }), keydown: (event) => moveTab(event, key) } });
    byId("tabs").append(view.tab);
    view.panel = view.make();
    view.empty = el("p", { class: "muted hint", text: key === "script" && !run.script
      ? "The trace has no script." : "Nothing matches the selection." });
    byId("panel").append(view.panel, view.empty);
  }
  onChange(["tab", "span", "machine", "query", "onlyFailed"], showTabs);
}

function showTabs() {
  for (const [key, view] of Object.entries(views)) {
    const isChosen = key === store.tab;
    view.tab.setAttribute("aria-selected", String(isChosen));
    view.tab.tabIndex = isChosen ? 0 : -1;
    view.tab.replaceChildren(view.name, el("span", { class: "count", text: view.count().toLocaleString("en") }));
    view.panel.hidden = !isChosen;
    if (isChosen) view.update();
    view.empty.hidden = !(isChosen && view.isEmpty);
    if (isChosen) view.showChosen();
  }
  byId("panel").setAttribute("aria-labelledby", `tab-${store.tab}`);
}

function moveTab(event, key) {
  const keys = Object.keys(views);
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!move) return;
  const next = keys[(keys.indexOf(key) + move + keys.length) % keys.length];
  choose({ tab: next });
  views[next].tab.focus();
  event.preventDefault();
}

/** The address names what is chosen, so that it can be sent to others and is kept on reload. */
function writeAddress() {
  const { chosen, span, tab } = store;
  const parts = [`tab=${tab}`];
  if (chosen && chosen.step) parts.push(`step=${chosen.step.n}`);
  if (chosen && chosen.line) parts.push(`line=${chosen.line}`);
  if (span) parts.push(`span=${span.map((time) => time.toFixed(6)).join("-")}`);
  try {
    history.replaceState(null, "", `#${parts.join("&")}`);
  } catch {
    // Some viewers of files show pages without an address.
  }
}

function readAddress() {
  const given = new Map(location.hash.slice(1).split("&").map((part) => part.split("=")));
  const found = {};
  if (given.get("tab") in views) found.tab = given.get("tab");
  const step = stepByNumber.get(Number(given.get("step")));
  if (step) found.chosen = { step };
  const line = Number(given.get("line"));
  if (run.script && line >= 1 && line <= run.script.lines.length) found.chosen = { line };
  const span = (given.get("span") || "").split("-").map(Number);
  if (span.length === 2 && span.every(Number.isFinite)) found.span = spanOf(...span);
  return found;
}

function goTo(by) {
  const steps = matchingSteps();
  if (!steps.length) return;
  const at = steps.indexOf(store.chosen && store.chosen.step);
  chooseStep(steps[Math.min(steps.length - 1, Math.max(0, at < 0 ? 0 : at + by))]);
}

function clearAll() {
  if (store.opened && isNarrow()) {
    closeDetail();
    return;
  }
  byId("search").value = "";
  choose({ ...RESET, query: "" });
}

function addGlobalKeys() {
  const failed = run.cause && stepByNumber.get(run.cause.step);
  const actions = {
    "/": () => byId("search").focus(), "?": () => byId("help").showModal(), t: nextTheme, Escape: clearAll,
    f: () => failed && chooseStep(failed, { ...RESET, tab: "steps", opened: true }),
    j: () => goTo(1), k: () => goTo(-1),
    ...Object.fromEntries(Object.keys(views).map((tab, at) => [String(at + 1), () => choose({ tab })])),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.target instanceof HTMLInputElement && event.key !== "Escape") return;
    const act = actions[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

showFacts();
showCause();
addHelp();
addSearch();
addTabs();
addPointer(timeline);
addKeys(timeline);
addZoomButtons(timeline);
addGlobalKeys();
onChange(["chosen"], () => views[store.tab].showChosen());
onChange(["chosen", "query"], showDetail);
onChange(["opened"], () => {
  document.body.classList.toggle("is-detail-open", Boolean(store.opened));
  if (store.opened && isNarrow()) byId("detail").focus();
});
onChange(["span", "machine", "onlyFailed"], () => {
  showChips();
  showSpan();
});
onChange(["chosen", "tab", "span"], writeAddress);
window.addEventListener("hashchange", () => choose(readAddress()));

followRun();
const failedStep = run.cause && stepByNumber.get(run.cause.step);
choose({ tab: "steps", chosen: failedStep ? { step: failedStep } : null, span: null, machine: null, ...readAddress() });
