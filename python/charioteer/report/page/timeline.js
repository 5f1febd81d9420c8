// The timeline: its view, its canvases and what is drawn over the lanes.

class Timeline {
  constructor() {
    this.canvas = byId("lanes");
    this.body = byId("timeline-body");
    this.axis = byId("axis");
    this.whole = 0;
    this.view = { begin: 0, end: 0, width: 1 };
    this.view.x = (time) => ((time - this.view.begin) / (this.view.end - this.view.begin)) * this.view.width;
    this.view.time = (x) => this.view.begin + (x / this.view.width) * (this.view.end - this.view.begin);
    /** Where the pointer or the keyboard is, in seconds; null if nowhere. */
    this.cursor = null;
    this.load();
    new ResizeObserver(() => this.resize()).observe(this.canvas.parentElement);
    this.body.addEventListener("scroll", () => this.draw());
    onChange(["span", "chosen", "machine"], () => this.draw());
    onChange(["machine"], () => this.markNames());
  }

  /** Takes the run as it is now. */
  load() {
    const wasZoomed = this.isZoomed();
    this.lanes = makeLanes();
    this.height = placeLanes(this.lanes);
    this.whole = Math.max(run.duration, 0.001);
    if (!wasZoomed) Object.assign(this.view, { begin: 0, end: this.whole });
    this.makeNames();
    this.resize();
    this.draw();
  }

  makeNames() {
    const names = byId("lane-names");
    names.replaceChildren();
    names.style.height = `${this.height}px`;
    for (const lane of this.lanes) {
      const label = lane.machine
        ? button(lane.name, () => choose({ machine: store.machine === lane.machine ? null : lane.machine }),
          { title: `Show only ${lane.name}`, "aria-pressed": "false" })
        : el("span", { text: lane.name });
      label.style.top = `${lane.top}px`;
      names.append(label);
      lane.label = label;
    }
    this.markNames();
  }

  markNames() {
    for (const { label, machine } of this.lanes) {
      if (machine) label.setAttribute("aria-pressed", String(store.machine === machine));
    }
  }

  resize() {
    const column = this.canvas.parentElement.clientWidth - byId("lane-names").offsetWidth;
    const visible = Math.round(Math.min(this.height, Math.max(170, window.innerHeight * 0.5)));
    if (column < 20 || (column === this.view.width && visible === this.visible)) return;
    this.view.width = column;
    this.visible = visible;
    this.body.style.height = `${visible}px`;
    sizeCanvas(this.canvas, column, visible);
    sizeCanvas(this.axis, column, 22);
    this.draw();
  }

  /** Draws at the next frame. */
  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  /** After a change of the theme. */
  newColours() {
    this.palette = null;
    this.draw();
  }

  paint() {
    this.palette = this.palette || paletteOf(document.documentElement);
    const { view } = this;
    const context = scaledContext(this.canvas);
    const top = this.body.scrollTop;
    context.clearRect(0, 0, view.width, this.visible);
    context.save();
    context.translate(0, -top);
    this.grid(context, top);
    const painter = new Painter(context, this.palette, view);
    for (const lane of this.lanes) {
      if (lane.top > top + this.visible || lane.top + lane.height < top) continue;
      context.globalAlpha = store.machine && lane.machine !== store.machine ? 0.25 : 1;
      painter.lane(lane);
    }
    context.globalAlpha = 1;
    this.chosen(context);
    context.restore();
    this.overlay(context, this.visible);
    this.paintAxis();
  }

  grid(context, top) {
    context.fillStyle = this.palette.line;
    for (const time of ticks(this.view).times) context.fillRect(Math.round(this.view.x(time)), top, 1, this.visible);
    for (const lane of this.lanes.slice(1)) {
      context.fillRect(0, lane.top - Math.round(LANE_GAP / 2) - 1, this.view.width, 1);
    }
  }

  /** An outline around the chosen step. */
  chosen(context) {
    const chosen = store.chosen;
    if (!chosen) return;
    context.strokeStyle = this.palette.text;
    context.lineWidth = 2;
    if (chosen.step) {
      const left = Math.max(-3, this.view.x(chosen.step.begin));
      const right = Math.min(this.view.width + 3, this.view.x(chosen.step.end));
      context.strokeRect(left, chosen.step.row.y, Math.max(4, right - left), ROW - 1);
    } else if (chosen.entry !== undefined) {
      const x = this.view.x(logTimes[chosen.entry]);
      context.fillStyle = this.palette.text;
      context.fillRect(x - 1, 0, 2, this.height);
    }
  }

  /** Dims what is outside of the selected span; draws the cursor. */
  overlay(context, height) {
    const { view, palette } = this;
    if (store.span) {
      const left = view.x(store.span[0]);
      const right = view.x(store.span[1]);
      context.fillStyle = palette.surface;
      context.globalAlpha = 0.68;
      context.fillRect(0, 0, Math.max(0, left), height);
      context.fillRect(right, 0, Math.max(0, view.width - right), height);
      context.globalAlpha = 1;
      context.fillStyle = palette.accent;
      context.fillRect(left - 1, 0, 2, height);
      context.fillRect(right - 1, 0, 2, height);
    }
    if (this.cursor !== null) {
      context.fillStyle = palette.muted;
      context.fillRect(Math.round(view.x(this.cursor)), 0, 1, height);
    }
  }

  paintAxis() {
    const { view, palette } = this;
    const context = scaledContext(this.axis);
    context.clearRect(0, 0, view.width, 22);
    context.font = FONT;
    context.textBaseline = "middle";
    const { times, step } = ticks(view);
    context.fillStyle = palette.muted;
    for (const time of times) {
      const text = formatTime(time, step);
      const x = view.x(time) + 4;
      if (x + context.measureText(text).width < view.width) context.fillText(text, x, 11);
      context.fillRect(Math.round(view.x(time)), 6, 1, 16);
    }
    if (this.isZoomed()) {
      // Which part of the run is in view.
      context.fillStyle = palette.line;
      context.fillRect(0, 0, view.width, 3);
      context.fillStyle = palette.accent;
      const left = (view.begin / this.whole) * view.width;
      context.fillRect(left, 0, Math.max(3, ((view.end - view.begin) / this.whole) * view.width), 3);
    }
    this.overlay(context, 22);
  }

  isZoomed() {
    return this.view.end - this.view.begin < this.whole * 0.9999;
  }

  /** Shows the time from `begin` to `end`, as far as the run has it. */
  show(begin, end) {
    const length = Math.min(this.whole, Math.max(end - begin, 1e-5));
    this.view.begin = Math.min(Math.max(0, begin), this.whole - length);
    this.view.end = this.view.begin + length;
    byId("zoom-fit").hidden = !this.isZoomed();
    this.draw();
  }

  /** Zooms by `factor`, so that `time` stays where it is. */
  zoom(factor, time = (this.view.begin + this.view.end) / 2) {
    const begin = time - (time - this.view.begin) * factor;
    this.show(begin, begin + (this.view.end - this.view.begin) * factor);
  }

  /** Moves the view so that `time` is in it. */
  reveal(time) {
    const length = this.view.end - this.view.begin;
    if (time < this.view.begin || time > this.view.end) this.show(time - length / 2, time + length / 2);
  }
}

function sizeCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}

function scaledContext(canvas) {
  const context = canvas.getContext("2d");
  const ratio = window.devicePixelRatio || 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** Round times in the view, about one each 110 pixels, and the seconds between them. */
function ticks(view) {
  const wanted = ((view.end - view.begin) * 110) / view.width;
  const steps = [1, 2, 5];
  const power = 10 ** Math.floor(Math.log10(wanted));
  let step = steps.map((each) => each * power).find((each) => each >= wanted) || 10 * power;
  if (wanted > 6) step = [10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200].find((each) => each >= wanted) || step;
  const times = [];
  for (let number = Math.ceil(view.begin / step); number * step <= view.end; number += 1) times.push(number * step);
  return { times, step };
}
