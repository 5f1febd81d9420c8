// The run: what Python wrote into the page, with indexes for fast access.

const run = JSON.parse(byId("data").textContent);
run.steps.forEach((step, index) => {
  step.index = index;
  step.machine = step.machine || "";
});
const stepByNumber = new Map(run.steps.map((step) => [step.n, step]));
for (const step of run.steps) {
  const parent = stepByNumber.get(step.parent);
  step.depth = parent && parent.index < step.index ? parent.depth + 1 : 0;
}
const logTimes = Float64Array.from(run.log.t);
const filesByStep = new Map();
for (const file of run.files) {
  if (file.step) filesByStep.set(file.step, [...(filesByStep.get(file.step) || []), file]);
}

/** The texts of steps and of the log in lower case, made at the first search. */
const haystacks = {
  get steps() {
    const texts = run.steps.map((step) =>
      [step.name, step.machine, step.output, step.errors, step.error].filter(Boolean).join("\n").toLowerCase());
    Object.defineProperty(this, "steps", { value: texts });
    return texts;
  },
  get log() {
    const texts = run.log.text.map((text) => text.toLowerCase());
    Object.defineProperty(this, "log", { value: texts });
    return texts;
  },
};

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
