// A list that has elements only for the rows that are visible, so that its length costs nothing.

class VirtualList {
  /**
   * `label`: for screen readers. `rowHeight`: in pixels. `row(item)`: an element. `open(item, isFinal)`:
   * called when a row becomes the active one; `isFinal` for a click or Enter.
   */
  constructor({ label, rowHeight, row, open, width = null }) {
    Object.assign(this, { rowHeight, row, open });
    this.items = [];
    this.active = -1;
    this.rows = new Map();
    this.space = el("div", { class: "list-space", role: "presentation" });
    if (width) this.space.style.minWidth = width;
    this.element = el("div", { class: "list", tabindex: "0", role: "listbox", "aria-label": label }, this.space);
    this.element.addEventListener("scroll", () => this.draw());
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Shows other items; `active`: the index of the active one, or -1. */
  set(items, active = -1) {
    this.items = items;
    this.active = active;
    this.space.style.height = `${items.length * this.rowHeight}px`;
    this.redraw();
  }

  /** Makes all visible rows anew. */
  redraw() {
    this.space.replaceChildren();
    this.rows.clear();
    this.draw();
  }

  draw() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.rowHeight) - 4);
    const last = Math.min(this.items.length, Math.ceil((scrollTop + clientHeight) / this.rowHeight) + 4);
    for (const [index, row] of this.rows) {
      if (index >= first && index < last) continue;
      row.remove();
      this.rows.delete(index);
    }
    for (let index = first; index < last; index += 1) if (!this.rows.has(index)) this.add(index);
  }

  add(index) {
    const row = this.row(this.items[index]);
    row.classList.add("row");
    row.id = `${this.element.id || "row"}-${index}`;
    row.dataset.index = index;
    row.setAttribute("role", "option");
    row.setAttribute("aria-setsize", this.items.length);
    row.setAttribute("aria-posinset", index + 1);
    row.style.top = `${index * this.rowHeight}px`;
    row.style.height = `${this.rowHeight}px`;
    this.rows.set(index, row);
    this.mark(index);
    this.space.append(row);
  }

  mark(index) {
    const row = this.rows.get(index);
    if (!row) return;
    row.setAttribute("aria-selected", String(index === this.active));
    if (index === this.active) this.element.setAttribute("aria-activedescendant", row.id);
  }

  /** Makes a row the active one and scrolls to it; -1 for none. */
  activate(index) {
    const before = this.active;
    this.active = index;
    this.mark(before);
    if (index < 0) {
      this.element.removeAttribute("aria-activedescendant");
      return;
    }
    this.reveal(index);
    this.draw();
    this.mark(index);
  }

  reveal(index) {
    const top = index * this.rowHeight;
    const { scrollTop, clientHeight } = this.element;
    if (!clientHeight) return;
    if (top < scrollTop || top + this.rowHeight > scrollTop + clientHeight) {
      this.element.scrollTop = Math.max(0, top - clientHeight / 2);
    }
  }

  key(event) {
    if (event.target !== this.element || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.rowHeight) - 1);
    const last = this.items.length - 1;
    const moves = { ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + page,
      PageUp: this.active - page, Home: 0, End: last, Enter: this.active };
    if (!(event.key in moves) || last < 0) return;
    event.preventDefault();
    const index = Math.min(last, Math.max(0, moves[event.key]));
    this.activate(index);
    this.open(this.items[index], event.key === "Enter");
  }

  click(event) {
    const row = event.target.closest(".row");
    if (!row || event.target.closest("a, button")) return;
    const index = Number(row.dataset.index);
    this.activate(index);
    this.open(this.items[index], true);
  }
}
