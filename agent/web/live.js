// The connection to the agent: server-sent events, and asking now and then where there is no place for them.

const SILENT = 15000; // milliseconds without an event after which the agent counts as lost; it sends one every 5 s
const AGAIN = 5000; // milliseconds between two tries
const HIDDEN = 30000; // milliseconds between two questions while nobody sees the page: its title stays true

// Calls `take(parts, whole)` with all parts at first (`whole`), then with those that changed; `lost(why)` when nothing
// comes.
export function follow(take, lost) {
  let source = null;
  let timer = 0;

  // A connection can end without a word: a laptop slept, a router forgot it. Then another one is needed.
  function awaitNext() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      lost("nothing has come for a while");
      close();
      ask();
    }, SILENT);
  }

  function heard(parts, whole) {
    awaitNext();
    take(parts, whole);
  }

  function open() {
    close();
    if (document.hidden) {
      timer = setTimeout(ask, HIDDEN);
      return;
    }
    let first = true;
    source = new EventSource("events");
    awaitNext();
    source.onmessage = (event) => {
      heard(JSON.parse(event.data), first);
      first = false;
    };
    source.onerror = () => {
      close();
      ask();
    };
  }

  function close() {
    source?.close();
    source = null;
    clearTimeout(timer);
  }

  async function ask() {
    try {
      const answer = await fetch("page.json", { signal: AbortSignal.timeout(AGAIN) });
      if (!answer.ok) throw new Error(`page.json: ${answer.status}`);
      const parts = await answer.json();
      if (source) return; // shown again meanwhile: events tell more
      heard(parts, true);
    } catch (error) {
      if (source) return;
      lost(error.message);
    }
    clearTimeout(timer);
    timer = setTimeout(open, AGAIN);
  }

  document.addEventListener("visibilitychange", open);
  open();
}
