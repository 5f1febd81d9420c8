// The run: what Python wrote into the page, with indexes for fast access.

const run = {};
const stepByNumber = new Map();
const filesByStep = new Map();
let logTimes = new Float64Array(0);
/** The texts of steps and of the log in lower case, made at the first search. */
let lowerTexts = {};

/** Takes the data of the run; those of a running test are replaced again and again. */
function loadRun(data) {
  Object.assign(run, data);
  stepByNumber.clear();
  run.steps.forEach((step, index) => {
    step.index = index;
    step.machine = step.machine || "";
    stepByNumber.set(step.n, step);
    const parent = stepByNumber.get(step.parent);
    step.depth = parent ? parent.depth + 1 : 0;
    // The steps around a failed one have failed by its error, not by their own.
    if (step.state === "failed" && parent) parent.hasFailedWithin = true;
  });
  filesByStep.clear();
  for (const file of run.files) {
    if (file.step) filesByStep.set(file.step, [...(filesByStep.get(file.step) || []), file]);
  }
  logTimes = Float64Array.from(run.log.t);
  lowerTexts = {};
}

function lowerTextsOfSteps() {
  lowerTexts.steps ||= run.steps.map((step) =>
    [step.name, step.machine, step.output, step.errors, step.error].filter(Boolean).join("\n").toLowerCase());
  return lowerTexts.steps;
}

function lowerTextsOfLog() {
  lowerTexts.log ||= run.log.text.map((text) => text.toLowerCase());
  return lowerTexts.log;
}

/** The first index of the sorted `values` whose value is not below `wanted`. */
function lowerBound(values, wanted, low = 0, high = values.length) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The steps around `step`, outermost first. */
function stepsAround(step) {
  const found = [];
  for (let each = stepByNumber.get(step.parent); each && found.length < 100; each = stepByNumber.get(each.parent)) {
    found.unshift(each);
  }
  return found;
}

/** The state of a machine at a time: off until a change was recorded. */
function stateAt(machine, time) {
  let state = "off";
  for (const [at, of, next] of run.states) {
    if (at > time) break;
    if (of === machine) state = next;
  }
  return state;
}

/** The time of the wall clock at `seconds` since the start of the run. */
function wallTime(seconds) {
  return new Date(Date.parse(run.wall) + seconds * 1000);
}

loadRun(JSON.parse(byId("data").textContent));
