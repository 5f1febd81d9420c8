// The files of the output directory: pictures first, then the others. Links are relative to the page.

const filesView = {
  name: "Files",

  make() {
    this.element = el("div", { class: "files", id: "files" });
    return this.element;
  },

  count: () => matchingFiles().length,

  update() {
    const files = matchingFiles();
    const pictures = files.filter((file) => file.image);
    const others = files.filter((file) => !file.image);
    this.element.replaceChildren(
      el("div", { class: "pictures" }, ...pictures.map((file) => pictureOf(file))),
      el("ul", { class: "file-list" }, ...others.map((file) => this.entry(file))));
    this.isEmpty = !files.length;
  },

  showChosen() {},

  entry(file) {
    const link = fileLink(file);
    const kind = file.capture ? el("span", { class: "tag", text: "capture" }) : "";
    return el("li", {}, link, kind, stepButton(file.step), el("span", { class: "muted", text: formatBytes(file.size) }));
  },
};

function fileLink(file) {
  const link = el("a", { href: file.href, target: "_blank", rel: "noopener noreferrer" });
  link.append(marked(file.name, store.query));
  return link;
}

/** A picture with its name, which opens larger. */
function pictureOf(file) {
  const image = el("img", { src: file.image, alt: `Screenshot ${file.name}`, loading: "lazy" });
  const open = el("button", { type: "button", class: "picture", "aria-label": `Enlarge ${file.name}`,
    on: { click: () => showPicture(file) } }, image);
  return el("figure", {}, open, el("figcaption", {}, fileLink(file), " ", stepButton(file.step)));
}

function showPicture(file) {
  const dialog = byId("picture");
  dialog.replaceChildren(
    el("img", { src: file.image, alt: `Screenshot ${file.name}` }),
    el("p", {}, fileLink(file), " ", button("Close", () => dialog.close())));
  dialog.showModal();
}

function stepButton(number) {
  const step = stepByNumber.get(number);
  if (!step) return "";
  const text = `${step.machine ? `${step.machine}, ` : ""}${formatTime(step.end)}`;
  return button(text, () => chooseStep(step, { opened: true }), { class: "link", title: step.name });
}
