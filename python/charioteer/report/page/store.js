// What is chosen: a span of time, machines, a search, and what the details show.

const store = {
  /** Begin and end in seconds, or null for the whole run. */
  span: null,
  /** The only machine that is shown, or null for all. */
  machine: null,
  /** In lower case. */
  query: "",
  onlyFailed: false,
  tab: "steps",
  /** What the details show: {step}, {entry} (an index of the log) or {line} of the script. */
  chosen: null,
  listeners: [],
};

/** Changes the choice, then informs all parts of the page, once for each turn of the event loop. */
function choose(changes) {
  Object.assign(store, changes);
  for (const name of Object.keys(changes)) changed.add(name);
  if (changed.pending) return;
  changed.pending = true;
  queueMicrotask(() => {
    changed.pending = false;
    const names = new Set(changed);
    changed.clear();
    for (const listen of store.listeners) listen(names);
  });
}
const changed = new Set();

/** Calls `listen` when one of `names` has changed. */
function onChange(names, listen) {
  store.listeners.push((of) => {
    if (names.some((name) => of.has(name))) listen(of);
  });
}

/** A span of time within the run, in order; null if it is too short to be meant. */
function spanOf(one, other) {
  const begin = Math.max(0, Math.min(one, other));
  const end = Math.min(run.duration, Math.max(one, other));
  return end > begin ? [begin, end] : null;
}

/** Whether the run lasts, as the server of the page sees it. */
const isRunning = () => "live" in document.documentElement.dataset && run.status === "unfinished";

function chooseStep(step, changes = {}) {
  choose({ chosen: { step }, ...changes });
}

/** The time that the chosen thing takes, in seconds; null if there is none. */
function chosenTime() {
  const chosen = store.chosen;
  if (!chosen) return null;
  if (chosen.step) return [chosen.step.begin, chosen.step.end];
  if (chosen.entry !== undefined) return [logTimes[chosen.entry], logTimes[chosen.entry]];
  return null;
}
