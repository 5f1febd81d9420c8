// What of the run matches the choice.

const isInSpan = (begin, end) => !store.span || (end >= store.span[0] && begin <= store.span[1]);

function matchingSteps() {
  const { query, machine, onlyFailed } = store;
  const texts = query ? lowerTextsOfSteps() : null;
  return run.steps.filter((step, index) =>
    isInSpan(step.begin, step.end)
    && (!machine || step.machine === machine)
    && (!onlyFailed || step.state === "failed")
    && (!texts || texts[index].includes(query)));
}

/** Indexes of the log. */
function matchingEntries() {
  const { query, onlyFailed, span } = store;
  const texts = query ? lowerTextsOfLog() : null;
  const machine = store.machine ? run.machines.indexOf(store.machine) : null;
  const first = span ? lowerBound(logTimes, span[0]) : 0;
  const found = [];
  for (let at = first; at < logTimes.length && !(span && logTimes[at] > span[1]); at += 1) {
    if (machine !== null && run.log.machine[at] !== machine) continue;
    if (onlyFailed && run.log.level[at] < WARNING) continue;
    if (texts && !texts[at].includes(query)) continue;
    found.push(at);
  }
  return found;
}
const WARNING = run.levels.indexOf("warning");

function matchingFiles() {
  return run.files.filter((file) => {
    const step = stepByNumber.get(file.step);
    if ((store.span || store.machine) && !step) return false;
    return (!step || (isInSpan(step.begin, step.end) && (!store.machine || step.machine === store.machine)))
      && (!store.query || file.name.toLowerCase().includes(store.query));
  });
}

/**
 * For each line of the script: the seconds during which it ran within the span, how many steps it has,
 * and whether the run failed there. Steps that overlap, nested or on several machines, count once.
 */
function scriptTimes() {
  const lines = new Map();
  for (const step of run.steps) {
    if (!isInSpan(step.begin, step.end) || (store.machine && step.machine !== store.machine)) continue;
    const begin = store.span ? Math.max(step.begin, store.span[0]) : step.begin;
    const end = store.span ? Math.min(step.end, store.span[1]) : step.end;
    for (const number of linesOf(step)) {
      const line = lines.get(number) || { seconds: 0, steps: 0, until: -1 };
      line.steps += 1;
      line.seconds += Math.max(0, end - Math.max(begin, line.until));
      line.until = Math.max(line.until, end);
      lines.set(number, line);
    }
  }
  return lines;
}

/** The lines of the script at which a step ran. */
const linesOf = (step) => (step.line ? new Set([step.line, ...(step.callers || [])]) : []);
const stepsOfLine = (line) => run.steps.filter((step) => step.line && linesOf(step).has(line));
