// Pointer and keyboard of the timeline.

/** Of one second, in a tip. */
const MOST_SENDERS = 5;

/** The step, mark or traffic at a point of the lanes, with the text of its tip; null if there is none. */
function thingAt(timeline, x, y) {
  const lane = timeline.lanes.find((each) => y >= each.top - 2 && y < each.top + each.height + 2);
  if (!lane) return null;
  const time = timeline.view.time(x);
  if (lane.traffic) return trafficAt(lane, time);
  const near = (timeline.view.end - timeline.view.begin) * (6 / timeline.view.width);
  if (lane.marksY !== undefined && y < lane.marksY + MARKS) {
    const marks = lane.marks.filter((mark) => Math.abs(mark.t - time) < near);
    const mark = marks.sort((a, b) => rankOf(b) - rankOf(a))[0];
    return mark ? { ...mark, time: mark.t } : null;
  }
  const row = lane.rows.find((each) => y >= each.y && y < each.y + ROW);
  const step = row && stepIn(row, time, near);
  if (step) return { step, text: step.name, time: step.begin, seconds: step.end - step.begin };
  if (lane.sentY && y >= lane.sentY) return sentAt(lane, time);
  if (lane.consoleY && y >= lane.consoleY) return consoleAt(lane, time, near);
  return null;
}

function stepIn(row, time, near) {
  const from = lowerBound(row.reach, time - near);
  let best = null;
  for (let at = from; at < row.steps.length && row.begins[at] <= time + near && at < from + 1000; at += 1) {
    const step = row.steps[at];
    if (step.begin <= time && step.end >= time) return step;
    best = best || step;
  }
  return best;
}

function consoleAt(lane, time, near) {
  const at = lowerBound(lane.console, time - near / 2);
  const count = lowerBound(lane.console, time + near / 2) - at;
  if (!count) return null;
  const machine = run.machines.indexOf(lane.machine);
  let entry = lowerBound(logTimes, lane.console[at]);
  while (entry < logTimes.length && (run.log.machine[entry] !== machine || run.log.level[entry] !== 0)) entry += 1;
  const text = `${formatCount(count, "line", "lines")} of the console: ${run.log.text[entry] || ""}`;
  return { entry, text, time: lane.console[at] };
}

function sentAt(lane, time) {
  const { rows, times } = lane.sent;
  const from = lowerBound(times, time);
  if (from >= rows.length || rows[from].t - rows[from].seconds > time) return null;
  const { t, seconds } = rows[from];
  const texts = rows.slice(from, from + MOST_SENDERS)
    .filter((row, at) => at === 0 || row.t - row.seconds < time)
    .map((row) => `${formatCount(row.frames, "frame", "frames")}, ${formatBytes(row.bytes)} on VLAN ${row.vlan}`);
  return { text: `sent ${texts.join("; ")}`, time: t - seconds, seconds };
}

function trafficAt(lane, time) {
  const { t, seconds, frames, bytes, dropped } = lane.traffic;
  const faults = lane.traffic.faults.filter(({ begin, end }) => begin <= time && time <= end);
  const texts = faults.map(({ text }) => text);
  const at = lowerBound(lane.times, time);
  if (at >= t.length || t[at] - seconds[at] > time) {
    return texts.length ? { text: texts.join("; "), time: faults[0].begin, seconds: faults[0].end - faults[0].begin } : null;
  }
  const lost = dropped[at] ? `, ${dropped[at]} dropped` : "";
  const { names, senders } = lane.traffic;
  const largest = senders[at].slice(0, MOST_SENDERS).map(([number, , size]) => `${names[number]} ${formatBytes(size)}`);
  if (senders[at].length > MOST_SENDERS) largest.push("…");
  const from = largest.length ? ` (${largest.join(", ")})` : "";
  texts.unshift(`${formatCount(frames[at], "frame", "frames")}, ${formatBytes(bytes[at])}${from}${lost}`);
  return { text: texts.join("; "), time: t[at] - seconds[at], seconds: seconds[at] };
}

function openThing(thing) {
  if (thing && thing.step) chooseStep(thing.step, { opened: true });
  else if (thing && thing.entry !== undefined) choose({ chosen: { entry: thing.entry }, opened: true });
  else if (thing && thing.event) choose({ chosen: { event: thing.event }, opened: true });
}

function addPointer(timeline) {
  const { canvas, view, body } = timeline;
  const pointers = new Map();
  let begun = null;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top + body.scrollTop];
  };
  for (const target of [canvas, timeline.axis]) {
    target.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      target.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event.clientX);
      begun = pointers.size === 1 ? { x: place(event)[0], time: view.time(place(event)[0]) } : null;
    });
    target.addEventListener("pointermove", (event) => {
      const [x, y] = place(event);
      if (pointers.size === 2 && pointers.has(event.pointerId)) {
        pinch(timeline, pointers, event);
        return;
      }
      timeline.cursor = view.time(x);
      if (begun && Math.abs(x - begun.x) > 4) {
        begun.isDrag = true;
        choose({ span: spanOf(begun.time, view.time(x)) });
      }
      showTip(timeline, target === canvas && !begun ? thingAt(timeline, x, y) : null, event);
      timeline.draw();
    });
    target.addEventListener("pointerup", (event) => {
      pointers.delete(event.pointerId);
      const [x, y] = place(event);
      if (begun && !begun.isDrag && target === canvas) {
        const thing = thingAt(timeline, x, y);
        if (thing) openThing(thing);
        else choose({ span: null });
      }
      begun = null;
    });
    target.addEventListener("pointercancel", (event) => {
      pointers.delete(event.pointerId);
      begun = null;
    });
    target.addEventListener("pointerleave", () => {
      timeline.cursor = null;
      showTip(timeline, null);
      timeline.draw();
    });
    target.addEventListener("dblclick", (event) => {
      const thing = thingAt(timeline, ...place(event));
      const seconds = thing && thing.seconds;
      if (seconds) choose({ span: spanOf(thing.time, thing.time + seconds) });
    });
  }
  canvas.addEventListener("wheel", (event) => {
    const length = view.end - view.begin;
    if (event.ctrlKey || event.metaKey) timeline.zoom(1.0015 ** event.deltaY, view.time(place(event)[0]));
    else if (event.deltaX || event.shiftKey) {
      const shift = ((event.deltaX || event.deltaY) / view.width) * length;
      timeline.show(view.begin + shift, view.end + shift);
    } else return;
    event.preventDefault();
  }, { passive: false });
}

/** Two fingers: zooms by the change of their distance. */
function pinch(timeline, pointers, event) {
  const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, x]) => x);
  const before = Math.abs(pointers.get(event.pointerId) - other);
  const now = Math.abs(event.clientX - other);
  pointers.set(event.pointerId, event.clientX);
  const middle = (event.clientX + other) / 2 - timeline.canvas.getBoundingClientRect().left;
  if (before > 8 && now > 8) timeline.zoom(before / now, timeline.view.time(middle));
}

function showTip(timeline, thing, event) {
  const tip = byId("tip");
  tip.hidden = !thing || (event && event.pointerType === "touch");
  timeline.canvas.style.cursor = thing ? "pointer" : "crosshair";
  if (tip.hidden) return;
  const text = thing.text.length > 300 ? `${thing.text.slice(0, 300)}…` : thing.text;
  const seconds = thing.seconds === undefined ? "" : ` · ${formatDuration(thing.seconds)}`;
  tip.replaceChildren(el("strong", { text }), el("span", { text: `at ${formatTime(thing.time)}${seconds}` }));
  const left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
  const below = event.clientY + 18;
  const fits = below + tip.offsetHeight < window.innerHeight;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${fits ? below : event.clientY - tip.offsetHeight - 10}px`;
}

function addKeys(timeline) {
  const { canvas, view } = timeline;
  let anchor = null;
  canvas.addEventListener("keydown", (event) => {
    const length = view.end - view.begin;
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (direction) {
      const from = timeline.cursor === null ? view.begin : timeline.cursor;
      if (anchor === null || !event.shiftKey) anchor = from;
      timeline.cursor = Math.min(timeline.whole, Math.max(0, from + (direction * length) / 50));
      timeline.reveal(timeline.cursor);
      if (event.shiftKey) choose({ span: spanOf(anchor, timeline.cursor) });
    } else if (event.key === "+" || event.key === "=") {
      timeline.zoom(0.5, timeline.cursor === null ? undefined : timeline.cursor);
    } else if (event.key === "-") {
      timeline.zoom(2, timeline.cursor === null ? undefined : timeline.cursor);
    } else if (event.key === "0") {
      timeline.show(0, timeline.whole);
    } else if (event.key === "Enter" && timeline.cursor !== null) {
      const during = run.steps.filter((step) => step.begin <= timeline.cursor && step.end >= timeline.cursor);
      const innermost = during.sort((a, b) => b.begin - a.begin)[0];
      if (innermost) openThing({ step: innermost });
    } else return;
    event.preventDefault();
    timeline.draw();
  });
  canvas.addEventListener("blur", () => {
    timeline.cursor = null;
    timeline.draw();
  });
}

function addZoomButtons(timeline) {
  byId("zoom-in").addEventListener("click", () => timeline.zoom(0.5));
  byId("zoom-out").addEventListener("click", () => timeline.zoom(2));
  byId("zoom-fit").addEventListener("click", () => timeline.show(0, timeline.whole));
  byId("span-clear").addEventListener("click", () => choose({ span: null }));
  byId("span-zoom").addEventListener("click", () => {
    const [begin, end] = store.span;
    const margin = (end - begin) * 0.04;
    timeline.show(begin - margin, end + margin);
  });
  onChange(["span"], () => {
    byId("span-clear").hidden = byId("span-zoom").hidden = !store.span;
  });
  onChange(["chosen"], () => {
    const time = chosenTime();
    if (time) timeline.reveal(time[0] > timeline.view.begin ? time[0] : Math.min(time[1], timeline.view.begin));
  });
}
