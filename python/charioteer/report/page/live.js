// A running test: takes its data again and again from the server that has sent the page.

const POLL = 1000;
const POLL_SLOWLY = 4000;

/** Shows the run as it is now; what was chosen stays chosen. */
function refresh(data) {
  const { chosen } = store;
  const before = chosen && chosen.step;
  loadRun(data);
  document.title = `${run.title}: ${run.status}`;
  const step = before && stepByNumber.get(before.n);
  const isSame = step && step.state === before.state;
  showFacts();
  showCause();
  showMachines();
  timeline.load();
  if (step) store.chosen = { step };
  showTabs();
  showChips();
  showSpan();
  if (!isSame && step) showDetail();
}

/** Asks for new data: often while the run lasts; later too, since another run may follow it. */
function followRun() {
  if (!("live" in document.documentElement.dataset)) return;
  let version = "";
  const ask = async () => {
    try {
      const answer = await fetch(`data.json?after=${version}`, { cache: "no-store" });
      if (answer.status === 200) {
        version = answer.headers.get("X-Version");
        refresh(await answer.json());
      }
      showConnection(true);
    } catch {
      // A server that was started with the run ends with it.
      if (!isRunning()) return;
      showConnection(false);
    }
    setTimeout(ask, isRunning() && byId("connection").hidden ? POLL : POLL_SLOWLY);
  };
  ask();
  followScreens();
}

function showConnection(isThere) {
  byId("connection").hidden = isThere;
}
