// The machines of a running test: their screens, and the commands for shells in them.

const SCREENS = 3000;
/** The addresses of the pictures, by machine. */
let screenOf = new Map();

/** A card for each machine that runs. Its elements are kept, so that nothing flickers. */
function showMachines() {
  const section = byId("machines");
  const running = isRunning() ? run.machines.filter((machine) => stateAt(machine, run.duration) !== "off") : [];
  section.hidden = !running.length;
  const cards = new Map([...section.children].map((card) => [card.dataset.machine, card]));
  const wanted = running.map((machine) => cards.get(machine) || machineCard(machine));
  if (wanted.length !== cards.size || wanted.some((card, at) => card !== section.children[at])) {
    section.replaceChildren(...wanted);
  }
  for (const card of wanted) {
    const { machine } = card.dataset;
    card.querySelector(".machine-state").textContent = stateAt(machine, run.duration);
    showScreen(card.querySelector("img"), screenOf.get(machine));
  }
}

function machineCard(machine) {
  const command = `charioteer shell ${machine}@${run.pid}`;
  const copied = el("span", { class: "muted", role: "status" });
  const copy = button("Copy", async () => {
    await navigator.clipboard.writeText(command);
    copied.textContent = "copied";
    setTimeout(() => (copied.textContent = ""), 1500);
  }, { "aria-label": `Copy the command for a shell in ${machine}` });
  const card = el("figure", {},
    el("img", { alt: `Screen of ${machine}`, hidden: true }),
    el("figcaption", {},
      el("strong", { text: machine }), el("span", { class: "muted machine-state" }),
      el("code", { text: command, title: "a root shell in the guest, for a terminal" }), copy, copied));
  card.dataset.machine = machine;
  return card;
}

function showScreen(image, address) {
  image.hidden = !address;
  if (address && image.getAttribute("src") !== address) image.src = address;
}

/** Asks for pictures while the page is visible; the run takes them only then. */
function followScreens() {
  const ask = async () => {
    if (document.visibilityState === "visible" && isRunning()) {
      try {
        const answer = await fetch("screens.json", { cache: "no-store" });
        if (answer.ok) screenOf = new Map((await answer.json()).map(({ machine, href }) => [machine, href]));
        showMachines();
      } catch {
        // The page shows elsewhere that the server does not answer.
      }
    }
    setTimeout(ask, SCREENS);
  };
  ask();
}
