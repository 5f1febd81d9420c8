// Parts of the log around a time, and texts that are folded when they are long.

const EXCERPT = 60;
const LONG_TEXT = 24;

/** The entries of the log from `begin` to `end`, with a few before; those of other machines are left out. */
function entriesAround(begin, end, machine, before = 5, after = 3) {
  const number = machine ? run.machines.indexOf(machine) : null;
  const isWanted = (at) => number === null || run.log.machine[at] === number;
  const found = [];
  const first = lowerBound(logTimes, begin);
  for (let at = first - 1, left = before; at >= 0 && left > 0 && first - at < 2000; at -= 1) {
    if (!isWanted(at)) continue;
    found.unshift(at);
    left -= 1;
  }
  let at = first;
  for (; at < logTimes.length && logTimes[at] <= end; at += 1) if (isWanted(at)) found.push(at);
  for (let left = after, tried = 0; at < logTimes.length && left > 0 && tried < 2000; at += 1, tried += 1) {
    if (!isWanted(at)) continue;
    found.push(at);
    left -= 1;
  }
  return found;
}

/** Entries of the log as an excerpt: of many, the last ones. `begin` and `end` mark those of a step. */
function excerptOf(entries, begin = -Infinity, end = Infinity) {
  const shown = entries.slice(-EXCERPT);
  const box = el("div", { class: "excerpt is-log", tabindex: "0", role: "region", "aria-label": "Excerpt of the log" });
  if (shown.length < entries.length) {
    box.append(el("p", { class: "muted", text: `${formatCount(entries.length - shown.length, "earlier line", "earlier lines")} in the log` }));
  }
  for (const entry of shown) {
    const row = logRow(entry, store.query);
    if (logTimes[entry] < begin || logTimes[entry] > end) row.classList.add("is-outside");
    box.append(row);
  }
  return box;
}

/** A block of text of the guest; long ones show their end first, with a button for all of it. */
function textBlock(text, label) {
  const lines = text.replace(/\n$/, "").split("\n");
  const block = el("pre", { tabindex: "0", role: "region", "aria-label": label });
  const isLong = lines.length > LONG_TEXT;
  const fill = (of) => block.replaceChildren(marked(of.join("\n"), store.query));
  fill(isLong ? lines.slice(-LONG_TEXT) : lines);
  if (!isLong) return block;
  const more = button(`Show all ${lines.length.toLocaleString("en")} lines`, () => {
    fill(lines);
    more.remove();
  }, { class: "link" });
  return el("div", {}, more, block);
}

function section(title, ...content) {
  return el("section", {}, el("h3", { text: title }), ...content);
}
