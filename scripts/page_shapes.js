// Finds out what a page shows, as shapes in CSS pixels. It runs in the page before the page's own program.

(() => {
  const shapes = new WeakMap(); // of each canvas, in its own coordinates
  const tiles = new WeakMap(); // the canvas of each pattern

  const FONT = '"Liberation Sans"'; // of the size of Arial and Helvetica
  const round = (number) => Math.round(number * 10) / 10;

  /** Records what is drawn on canvases, which have no shapes that one could ask for. */
  function record() {
    const original = CanvasRenderingContext2D.prototype;
    const states = new WeakMap();
    const stateOf = (context) => {
      if (!states.has(context)) states.set(context, { path: [], y: 0, saved: [] });
      return states.get(context);
    };
    const add = (context, shape) => {
      const { canvas } = context;
      if (!shapes.has(canvas)) shapes.set(canvas, []);
      if (context.globalAlpha < 1) shape.opacity = context.globalAlpha;
      shapes.get(canvas).push(shape);
    };
    const ink = (style) => (tiles.has(style) ? { tile: shapes.get(tiles.get(style)) } : style);
    const outline = (context) => ({
      stroke: ink(context.strokeStyle), weight: round(context.lineWidth), dash: context.getLineDash().join(" "),
    });
    const wrap = (name, before) => {
      const method = original[name];
      original[name] = function wrapped(...values) {
        before.call(this, stateOf(this), ...values);
        return method.apply(this, values);
      };
    };
    const step = (letter) => function extend(state, ...values) {
      const [x, y] = values;
      state.path.push(`${letter}${round(x)} ${round(y + state.y)}`);
    };

    wrap("clearRect", function clear() { shapes.set(this.canvas, []); });
    wrap("save", (state) => state.saved.push(state.y));
    wrap("restore", (state) => { state.y = state.saved.pop(); });
    wrap("translate", (state, x, y) => { state.y += y; });
    wrap("fillRect", function fill(state, x, y, width, height) {
      add(this, { kind: "rect", x, y: y + state.y, width, height, fill: ink(this.fillStyle) });
    });
    wrap("strokeRect", function stroke(state, x, y, width, height) {
      add(this, { kind: "rect", x, y: y + state.y, width, height, ...outline(this) });
    });
    wrap("beginPath", (state) => { state.path = []; });
    wrap("moveTo", step("M"));
    wrap("lineTo", step("L"));
    wrap("closePath", (state) => state.path.push("Z"));
    wrap("arc", (state, x, y, radius) => {
      const [left, at] = [round(x - radius), round(y + state.y)];
      const arc = `a${radius} ${radius} 0 1 0`;
      state.path.push(`M${left} ${at}${arc} ${2 * radius} 0${arc} ${-2 * radius} 0`);
    });
    wrap("roundRect", (state, x, y, width, height, radius) => {
      state.path = { x, y: y + state.y, width, height, radius };
    });
    const shape = (path) => (Array.isArray(path) ? { kind: "path", d: path.join("") } : { kind: "rect", ...path });
    wrap("fill", function fill(state) { add(this, { ...shape(state.path), fill: ink(this.fillStyle) }); });
    wrap("stroke", function stroke(state) { add(this, { ...shape(state.path), ...outline(this) }); });
    wrap("fillText", function fill(state, text, x, y) {
      const size = parseFloat(this.font);
      const { width } = this.measureText(text);
      const left = { center: x - width / 2, right: x - width, end: x - width }[this.textAlign] ?? x;
      const below = { middle: 0.36, top: 0.9 }[this.textBaseline] ?? 0;
      add(this, { kind: "text", text, x: left, y: y + state.y + below * size, width, size, fill: this.fillStyle });
    });
    const font = Object.getOwnPropertyDescriptor(original, "font");
    Object.defineProperty(original, "font", {
      ...font, set(value) { font.set.call(this, value.replace("system-ui", FONT)); },
    });
    const { createPattern } = original;
    original.createPattern = function wrapped(tile, ...others) {
      const pattern = createPattern.call(this, tile, ...others);
      tiles.set(pattern, tile);
      return pattern;
    };
  }

  const transparent = (colour) => colour === "rgba(0, 0, 0, 0)";
  const SIDES = ["Top", "Right", "Bottom", "Left"];

  /** Shapes of the elements below `root`, as far as they are in the box `clip`. */
  class Walk {
    constructor() {
      this.found = [];
      this.measure = document.createElement("canvas").getContext("2d");
    }

    element(element, clip, alpha) {
      const style = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      if (!element.checkVisibility({ visibilityProperty: true }) || element.matches(".unseen, .skip")) return;
      const opacity = alpha * Number(style.opacity);
      if (style.display !== "contents") {
        if (!this.seen(box, clip)) return;
        this.box(box, style, clip, opacity);
      }
      if (style.overflowX !== "visible") clip = this.within(clip, box);
      if (element.localName === "canvas") {
        this.canvas(element, box, opacity);
      } else if (element.localName === "input") {
        this.placeholder(element, style, box, opacity);
      } else {
        if (style.display === "list-item" && element.localName === "summary") this.triangle(element, style, box);
        for (const child of element.childNodes) {
          if (child.nodeType === Node.TEXT_NODE) this.text(child, style, clip, opacity);
          if (child.nodeType === Node.ELEMENT_NODE) this.element(child, clip, opacity);
        }
      }
    }

    add(shape, opacity) {
      if (opacity < 1) shape.opacity = opacity * (shape.opacity ?? 1);
      this.found.push(shape);
    }

    seen(box, clip) {
      return box.right > box.left && box.bottom > box.top && box.left < clip.right && box.right > clip.left
        && box.top < clip.bottom && box.bottom > clip.top;
    }

    within(clip, box) {
      return {
        left: Math.max(clip.left, box.left), right: Math.min(clip.right, box.right),
        top: Math.max(clip.top, box.top), bottom: Math.min(clip.bottom, box.bottom),
      };
    }

    box(box, style, clip, opacity) {
      const radius = Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.height / 2);
      const { left, top, right, bottom } = this.within(clip, box);
      const place = { kind: "rect", x: left, y: top, width: right - left, height: bottom - top, radius };
      if (!transparent(style.backgroundColor)) this.add({ ...place, fill: style.backgroundColor }, opacity);
      const inset = /^(rgb\S*(?: [^)]*\))?) (\S+)px 0px 0px 0px inset/.exec(style.boxShadow);
      if (inset) this.add({ ...place, radius: 0, width: Number(inset[2]), fill: inset[1] }, opacity);
      this.borders(box, style, radius, clip, opacity);
    }

    borders(box, style, radius, clip, opacity) {
      const sides = SIDES.map((side) => ({
        side, weight: parseFloat(style[`border${side}Width`]), colour: style[`border${side}Color`],
      })).filter(({ weight, colour }) => weight > 0 && !transparent(colour));
      const [top] = sides;
      const around = sides.length === 4 && sides.every(({ colour }) => colour === sides[1].colour || radius);
      if (around) {
        const half = top.weight / 2;
        this.add({
          kind: "rect", x: box.left + half, y: box.top + half, width: box.width - 2 * half,
          height: box.height - 2 * half, radius: Math.max(0, radius - half), stroke: top.colour, weight: top.weight,
        }, opacity);
      }
      for (const { side, weight, colour } of sides) {
        if (around && (weight === top.weight || side !== "Left")) continue;
        if (around) this.add({ kind: "path", d: this.crescent(box, radius, weight), fill: colour }, opacity);
        else this.add({ kind: "rect", ...this.side(box, side, weight, clip), fill: colour }, opacity);
      }
    }

    side(box, side, weight, clip) {
      const edge = { left: box.left, right: box.right, top: box.top, bottom: box.bottom };
      if (side === "Top") edge.bottom = box.top + weight;
      if (side === "Bottom") edge.top = box.bottom - weight;
      if (side === "Left") edge.right = box.left + weight;
      if (side === "Right") edge.left = box.right - weight;
      const { left, top, right, bottom } = this.within(clip, edge);
      return { x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
    }

    /** A thick left border, which ends at the round corners. */
    crescent({ left, top, bottom }, radius, weight) {
      const [x, y, end] = [round(left), round(top), round(bottom)];
      const inner = `A${round(radius - weight)} ${radius} 0 0 1`;
      return `M${x + radius} ${y}A${radius} ${radius} 0 0 0 ${x} ${y + radius}V${end - radius}`
        + `A${radius} ${radius} 0 0 0 ${x + radius} ${end}${inner} ${x + weight} ${end - radius}`
        + `V${y + radius}${inner} ${x + radius} ${y}Z`;
    }

    canvas(canvas, box, opacity) {
      const drawn = (shapes.get(canvas) ?? []).filter(({ x }) => x === undefined || x < box.width - 1);
      for (const shape of drawn) this.add({ ...shape, dx: box.left, dy: box.top }, opacity);
    }

    ascent(style) {
      this.measure.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      return this.measure.measureText("x").fontBoundingBoxAscent;
    }

    triangle(element, style, box) {
      const [x, y] = [box.left + 2, box.top + box.height / 2];
      const d = element.parentElement.open
        ? `M${round(x)} ${round(y - 3)}h8l-4 6z` : `M${round(x + 1)} ${round(y - 4)}v8l6-4z`;
      this.found.push({ kind: "path", d, fill: style.color });
    }

    placeholder(input, style, box, opacity) {
      const colour = getComputedStyle(input, "::placeholder").color;
      const width = this.measure.measureText(input.placeholder).width;
      const y = (box.top + box.bottom) / 2 + 0.36 * parseFloat(style.fontSize);
      this.add(this.run(input.placeholder, { left: box.left + parseFloat(style.paddingLeft) + 1, width }, y,
        { ...style, color: colour, fontSize: style.fontSize, fontWeight: style.fontWeight, fontFamily: style.fontFamily }), opacity);
    }

    run(text, { left, width }, y, style) {
      return {
        kind: "text", text, x: left, y, width, size: parseFloat(style.fontSize), fill: style.color,
        bold: Number(style.fontWeight) >= 550, mono: /mono/i.test(style.fontFamily),
      };
    }

    text(node, style, clip, opacity) {
      const ascent = this.ascent(style);
      for (const { text, box } of this.lines(node)) {
        const middle = (box.top + box.bottom) / 2;
        if (!text.trim() || !this.seen(box, clip) || middle < clip.top || middle > clip.bottom) continue;
        const shown = style.textTransform === "capitalize"
          ? text.replace(/^\p{L}/u, (letter) => letter.toUpperCase()) : text;
        const [fitting, width] = this.fitting(shown, box, clip);
        if (fitting) this.add(this.run(fitting, { left: box.left, width }, box.top + ascent, style), opacity);
      }
    }

    /** What of the text is left of the clip's right edge, with an ellipsis in place of the rest. */
    fitting(text, box, clip) {
      if (box.right <= clip.right + 1) return [text, box.right - box.left];
      const letter = (box.right - box.left) / text.length;
      const count = Math.floor((clip.right - box.left) / letter) - 1;
      return count < 1 ? ["", 0] : [`${text.slice(0, count).trimEnd()}…`, letter * (text.slice(0, count).trimEnd().length + 1)];
    }

    /** The lines into which the browser has broken a text, each with its box. */
    lines(node) {
      const found = [];
      const range = document.createRange();
      for (let at = 0; at < node.data.length; at += 1) {
        range.setStart(node, at);
        range.setEnd(node, at + 1);
        const box = [...range.getClientRects()].pop();
        const letter = node.data[at];
        if (!box || letter === "\n") continue;
        const last = found[found.length - 1];
        const blank = !letter.trim();
        // A wide gap begins a run of its own, so that columns stay aligned in another font.
        if (last && Math.abs(last.box.top - box.top) < 3 && !(last.gap > 1 && !blank)) {
          last.text += blank ? " " : letter;
          last.gap = blank ? last.gap + 1 : 0;
          if (!blank) last.box.right = box.right;
        } else if (box.width > 0 && !blank) {
          const { left, right, top, bottom } = box;
          found.push({ text: letter, gap: 0, box: { left, right, top, bottom } });
        }
      }
      return found.map(({ text, box }) => ({ text: text.trimEnd(), box }));
    }
  }

  record();
  window.shapesOfPage = (width, height) => {
    const walk = new Walk();
    walk.element(document.body, { left: 0, top: 0, right: width, bottom: height }, 1);
    return walk.found.map((shape) => ({
      ...shape, ...Object.fromEntries(
        ["x", "y", "width", "height", "size"].filter((name) => name in shape).map((name) => [name, round(shape[name])]),
      ),
    }));
  };
})();
