// The lanes of the timeline: what is in each, and at which height it is drawn.

const ROW = 17;
const MOST_ROWS = 6;
const MARKS = 16;
const CONSOLE = 14;
const TRAFFIC = 30;
const LANE_GAP = 9;

/**
 * Distributes steps over rows so that those of a row do not overlap; those around others come first.
 * What does not fit into the last row overlaps there. Each step gets its `row`.
 */
function packedRows(steps) {
  const rows = [];
  const sorted = [...steps].sort((a, b) => a.begin - b.begin || b.end - a.end || a.index - b.index);
  for (const step of sorted) {
    let row = rows.find((each) => each.end <= step.begin);
    if (!row && rows.length < MOST_ROWS) rows.push((row = { steps: [], end: 0 }));
    row = row || rows[rows.length - 1];
    row.steps.push(step);
    row.end = Math.max(row.end, step.end);
  }
  return rows.map(({ steps: of }) => {
    const reach = new Float64Array(of.length);
    of.forEach((step, at) => (reach[at] = Math.max(step.end, at ? reach[at - 1] : 0)));
    const row = {
      steps: of,
      begins: Float64Array.from(of, (step) => step.begin),
      /** The latest end of a step up to each one: sorted, for searches. */
      reach,
      failed: of.filter((step) => step.state === "failed"),
    };
    for (const step of of) step.row = row;
    return row;
  });
}

/** Small symbols: changes of QEMU and of units, warnings and errors of the log, files. Sorted by time. */
function marksOf(machine) {
  const marks = [];
  for (const event of run.events) {
    if (event.machine === machine) marks.push({ t: event.t, shape: shapeOf(event), text: event.text, event });
  }
  const number = run.machines.indexOf(machine);
  for (let at = 0; at < logTimes.length; at += 1) {
    const level = run.log.level[at];
    if (level >= WARNING && run.log.machine[at] === number && run.log.text[at]) {
      const shape = level === WARNING ? "warning" : "error";
      marks.push({ t: logTimes[at], shape, text: run.log.text[at], entry: at });
    }
  }
  for (const unit of run.units) {
    if (unit.machine !== machine) continue;
    const { t, text, entry } = unit;
    const about = entry === undefined ? { event: unit } : { entry };
    marks.push({ t, shape: unit.failed ? "unit-failed" : "unit", text, ...about });
  }
  for (const file of run.files) {
    const step = stepByNumber.get(file.step);
    if (!step || step.machine !== machine) continue;
    marks.push({ t: step.end, shape: file.image ? "picture" : "file", text: file.name, step });
  }
  return marks.sort((a, b) => a.t - b.t);
}

function shapeOf({ state, details }) {
  if (state === "panic" || details.event === "GUEST_PANICKED") return "error";
  return { start: "start", end: "end", "time-limit": "error" }[state] || "event";
}

/** Whether a sender of a VLAN is a card of the machine: "web.1", or "web.1#2" for its second one. */
function isCardOf(sender, machine, vlan) {
  const name = `${machine}.${vlan}`;
  return sender === name || sender.startsWith(`${name}#`);
}

/** What the machine has sent on all VLANs, as columns sorted by the ends of seconds; null if nothing. */
function sentBy(machine) {
  const rows = [];
  for (const { vlan, names, t, seconds, senders } of run.traffic) {
    const own = new Set(names.flatMap((name, at) => (isCardOf(name, machine, vlan) ? [at] : [])));
    if (!own.size) continue;
    senders.forEach((list, at) => {
      const cards = list.filter(([number]) => own.has(number));
      if (!cards.length) return;
      const frames = cards.reduce((sum, card) => sum + card[1], 0);
      const bytes = cards.reduce((sum, card) => sum + card[2], 0);
      rows.push({ t: t[at], seconds: seconds[at], frames, bytes, vlan });
    });
  }
  if (!rows.length) return null;
  rows.sort((a, b) => a.t - b.t);
  const most = rows.reduce((high, row) => Math.max(high, row.bytes / row.seconds), 1);
  return { rows, times: Float64Array.from(rows, (row) => row.t), most };
}

/** One lane for the script, one for each machine, one for each VLAN, from top to bottom. */
function makeLanes() {
  const byMachine = new Map(["", ...run.machines].map((name) => [name, []]));
  for (const step of run.steps) byMachine.get(step.machine).push(step);
  const times = run.machines.map(() => []);
  for (let at = 0; at < logTimes.length; at += 1) {
    if (run.log.level[at] === 0 && run.log.machine[at] >= 0) times[run.log.machine[at]].push(logTimes[at]);
  }
  const lanes = [...byMachine].map(([machine, steps]) => ({
    machine,
    name: machine || "script",
    rows: packedRows(steps),
    marks: marksOf(machine),
    console: machine ? Float64Array.from(times[run.machines.indexOf(machine)]) : null,
    sent: machine ? sentBy(machine) : null,
  }));
  for (const traffic of run.traffic) {
    const most = traffic.bytes.reduce((high, bytes, at) => Math.max(high, bytes / traffic.seconds[at]), 1);
    lanes.push({ name: `VLAN ${traffic.vlan}`, traffic, times: Float64Array.from(traffic.t), most });
  }
  return lanes;
}

/** Sets `top` and `height` of each lane and `y` of its parts; returns the height of all, in pixels. */
function placeLanes(lanes) {
  let y = 4;
  for (const lane of lanes) {
    lane.top = y;
    if (lane.traffic) {
      y += TRAFFIC;
    } else {
      if (lane.marks.length) {
        lane.marksY = y;
        y += MARKS;
      }
      for (const row of lane.rows) {
        row.y = y;
        y += ROW;
      }
      if (lane.console && lane.console.length) {
        lane.consoleY = y + 2;
        y += CONSOLE + 2;
      }
      if (lane.sent) {
        lane.sentY = y + 2;
        y += CONSOLE + 2;
      }
      y = Math.max(y, lane.top + 18);
    }
    lane.height = y - lane.top;
    y += LANE_GAP;
  }
  return y;
}
