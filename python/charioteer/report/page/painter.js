// Draws lanes. Each call costs what the pixels need, not what the run has: what is narrower than a
// pixel is drawn once for all that share it.

const FONT = "11px system-ui, sans-serif";

/** The colours of the page's theme, and the stripes of failed steps. */
function paletteOf(element) {
  const style = getComputedStyle(element);
  const names = ["text", "muted", "line", "surface", "step", "step-text", "subtest", "subtest-text", "call",
    "failed", "failed-text", "failed-soft", "warning", "console", "traffic", "picture", "accent", "passed"];
  const palette = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  const tile = el("canvas", { width: 6, height: 6 });
  const context = tile.getContext("2d");
  context.fillStyle = palette.failed;
  context.fillRect(0, 0, 6, 6);
  context.strokeStyle = palette["failed-stripe"] = style.getPropertyValue("--failed-stripe").trim();
  context.lineWidth = 1.4;
  context.beginPath();
  for (const shift of [-6, 0, 6]) {
    context.moveTo(shift - 1, 7);
    context.lineTo(shift + 7, -1);
  }
  context.stroke();
  palette.tile = tile;
  return palette;
}

class Painter {
  /** `view` has `begin` and `end` in seconds, `width` in pixels, `x(time)` and `time(x)`. */
  constructor(context, palette, view) {
    Object.assign(this, { context, palette, view });
    this.stripes = context.createPattern(palette.tile, "repeat");
    context.font = FONT;
    context.textBaseline = "middle";
  }

  lane(lane) {
    if (lane.traffic) {
      this.traffic(lane);
      return;
    }
    for (const row of lane.rows) this.row(row);
    if (lane.consoleY) this.console(lane);
    if (lane.sentY) this.sent(lane);
    this.marks(lane);
  }

  row(row) {
    const { view } = this;
    let at = lowerBound(row.reach, view.begin);
    while (at < row.steps.length && row.begins[at] <= view.end) {
      const left = view.x(row.begins[at]);
      const right = view.x(row.steps[at].end);
      if (right - left >= 2) {
        this.bar(row.steps[at], left, right, row.y);
        at += 1;
      } else {
        this.context.fillStyle = this.palette[colourOf(row.steps[at])];
        this.context.fillRect(left, row.y + 1, 1.5, ROW - 3);
        at = Math.max(at + 1, lowerBound(row.reach, view.time(left + 2), at));
      }
    }
    for (const step of row.failed) {
      if (step.end < view.begin || step.begin > view.end) continue;
      const left = view.x(step.begin);
      this.bar(step, left, Math.max(view.x(step.end), left + 4), row.y);
    }
  }

  bar(step, left, right, y) {
    const { context, palette, view } = this;
    left = Math.max(left, -4);
    right = Math.min(right, view.width + 4);
    const width = Math.max(1, right - left - 0.75);
    context.fillStyle = isCause(step) ? this.stripes : palette[colourOf(step)];
    context.beginPath();
    context.roundRect(left, y + 1, width, ROW - 3, 2.5);
    context.fill();
    if (step.state === "open") {
      context.setLineDash([3, 2]);
      context.strokeStyle = palette.text;
      context.stroke();
      context.setLineDash([]);
    } else if (step.hasFailedWithin) {
      context.lineWidth = 1.2;
      context.strokeStyle = palette.failed;
      context.stroke();
    }
    if (width < 26) return;
    const begin = Math.max(left, 0) + 5;
    const letters = Math.floor((Math.min(right, view.width) - begin - 3) / 6);
    if (letters < 3) return;
    const name = (step.state === "failed" ? "✕ " : "") + shortName(step);
    const text = name.length > letters ? `${name.slice(0, letters - 1)}…` : name;
    context.fillStyle = palette[textColourOf(step)];
    if (isCause(step)) {
      // Letters on stripes are hard to read.
      context.fillStyle = palette.failed;
      context.fillRect(begin - 3, y + 2, context.measureText(text).width + 6, ROW - 5);
      context.fillStyle = palette["failed-text"];
    }
    context.fillText(text, begin, y + ROW / 2);
  }

  /** Lines of the console: the more in a column, the higher, in logarithmic scale. */
  console(lane) {
    const { context, palette, view } = this;
    const column = 3;
    const counts = [];
    let most = 1;
    let from = lowerBound(lane.console, view.begin);
    for (let x = 0; x < view.width; x += column) {
      const to = lowerBound(lane.console, view.time(x + column), from);
      counts.push(to - from);
      most = Math.max(most, to - from);
      from = to;
    }
    context.fillStyle = palette.console;
    counts.forEach((count, at) => {
      if (!count) return;
      const height = 2 + (CONSOLE - 3) * (Math.log1p(count) / Math.log1p(most));
      context.fillRect(at * column, lane.consoleY + CONSOLE - height, column - 0.75, height);
    });
  }

  /** What the machine has sent: a column for each second, or pixel, in logarithmic scale. */
  sent(lane) {
    const { context, palette, view } = this;
    const { rows, times, most } = lane.sent;
    const bottom = lane.sentY + CONSOLE;
    context.fillStyle = palette.traffic;
    let at = lowerBound(times, view.begin);
    while (at < rows.length && rows[at].t - rows[at].seconds <= view.end) {
      const left = view.x(rows[at].t - rows[at].seconds);
      const next = Math.max(at + 1, lowerBound(times, view.time(left + 1), at));
      const rate = Math.max(...rows.slice(at, next).map(({ bytes, seconds }) => bytes / seconds));
      const height = 2 + (CONSOLE - 3) * (Math.log1p(rate) / Math.log1p(most));
      const right = Math.max(view.x(rows[next - 1].t), left + 1);
      context.fillRect(left, bottom - height, Math.max(1, right - left - 0.75), height);
      at = next;
    }
  }

  traffic(lane) {
    const { context, palette, view } = this;
    const { t, seconds, bytes, dropped } = lane.traffic;
    const bottom = lane.top + TRAFFIC - 1;
    context.fillStyle = palette.traffic;
    let at = lowerBound(lane.times, view.begin);
    while (at < t.length && t[at] - seconds[at] <= view.end) {
      const left = view.x(t[at] - seconds[at]);
      // All of a pixel are one column, of the height of the highest.
      const next = Math.max(at + 1, lowerBound(lane.times, view.time(left + 1), at));
      let most = 0;
      let lost = 0;
      for (let each = at; each < Math.min(next, t.length); each += 1) {
        most = Math.max(most, bytes[each] / seconds[each]);
        lost += dropped[each];
      }
      const height = 2 + (TRAFFIC - 5) * (Math.log1p(most) / Math.log1p(lane.most));
      const right = Math.max(view.x(t[next - 1]), left + 1);
      context.fillRect(left, bottom - height, Math.max(1, right - left - 0.75), height);
      if (lost) this.symbol("warning", (left + right) / 2, lane.top + 6);
      context.fillStyle = palette.traffic;
      at = next;
    }
    context.fillStyle = palette.warning;
    for (const { begin, end } of lane.traffic.faults) {
      const left = view.x(begin);
      context.fillRect(left, lane.top, Math.max(2, view.x(end) - left), 3);
    }
    context.fillStyle = palette.line;
    context.fillRect(0, bottom, view.width, 1);
  }

  marks(lane) {
    let last;
    for (const rank of [0, 1, 2]) {
      last = -Infinity;
      for (const mark of lane.marks) {
        if (mark.t < this.view.begin || mark.t > this.view.end || rankOf(mark) !== rank) continue;
        const x = this.view.x(mark.t);
        if (x - last < 3) continue;
        last = x;
        this.symbol(mark.shape, x, lane.marksY + MARKS / 2 - 1);
      }
    }
  }

  /** A symbol around (x, y): each kind has a shape of its own. */
  symbol(shape, x, y) {
    const { context, palette } = this;
    const colours = { error: "failed", "unit-failed": "failed", unit: "muted", warning: "warning", picture: "picture", file: "picture", start: "passed" };
    context.fillStyle = context.strokeStyle = palette[colours[shape] || "muted"];
    context.lineWidth = 2;
    context.beginPath();
    if (shape === "error") {
      context.moveTo(x - 3.5, y - 3.5);
      context.lineTo(x + 3.5, y + 3.5);
      context.moveTo(x + 3.5, y - 3.5);
      context.lineTo(x - 3.5, y + 3.5);
      context.stroke();
    } else if (shape === "warning") {
      polygon(context, [x, y - 5, x + 5, y + 4, x - 5, y + 4]);
    } else if (shape === "start") {
      polygon(context, [x - 3, y - 5, x + 5, y, x - 3, y + 5]);
    } else if (shape === "end") {
      context.fillRect(x - 4, y - 4, 8, 8);
    } else if (shape === "picture") {
      context.lineWidth = 1.5;
      context.strokeRect(x - 5, y - 4, 10, 8);
      context.beginPath();
      context.arc(x, y, 2, 0, 7);
      context.fill();
    } else if (shape === "unit") {
      context.arc(x, y, 1.8, 0, 7);
      context.fill();
    } else if (shape === "unit-failed") {
      polygon(context, [x - 5, y - 4, x + 5, y - 4, x, y + 5]);
    } else if (shape === "file") {
      context.fillRect(x - 3, y - 5, 6, 10);
    } else {
      polygon(context, [x, y - 4, x + 4, y, x, y + 4, x - 4, y]);
    }
  }
}

/** Marks of a higher rank are drawn over others, and chosen before them. */
const rankOf = ({ shape }) => ({ error: 2, "unit-failed": 2, unit: 0 }[shape] ?? 1);

function polygon(context, points) {
  context.moveTo(points[0], points[1]);
  for (let at = 2; at < points.length; at += 2) context.lineTo(points[at], points[at + 1]);
  context.closePath();
  context.fill();
}

const isCause = (step) => step.state === "failed" && !step.hasFailedWithin;
const colourOf = (step) =>
  isCause(step) ? "failed" : step.hasFailedWithin ? "failed-soft" : { subtest: "subtest", call: "call" }[step.type] || "step";
const textColourOf = (step) =>
  step.hasFailedWithin ? "failed" : ({ subtest: "subtest-text", call: "text" })[step.type] || "step-text";

/** The name without the words that all names of its kind begin with. */
function shortName(step) {
  const name = step.name.split("\n", 1)[0];
  return name.replace(/^(must succeed|must fail|waiting for success|waiting for failure|subtest): /, "");
}
