// What a reader chooses in a field is a step that Back takes back. Streamlit itself only
// replaces the address then, so that Back would leave the page; and where one choice
// changes several parts of the address it adds a step for each, most of which nobody chose.
(() => {
  let chosen = false; // by the reader, since the last step back or forward
  let stepped = false; // since the last choice: what follows from it belongs to the same step
  for (const kind of ["pointerdown", "keydown"]) {
    addEventListener(kind, () => { chosen = true; stepped = false; }, true);
  }
  addEventListener("popstate", () => { chosen = false; stepped = true; }, true);
  const push = history.pushState.bind(history);
  const replace = history.replaceState.bind(history);
  const isOtherSearch = (to) => to.pathname === location.pathname && to.search !== location.search;
  const go = (isStep, state, title, url) => {
    if (isStep) stepped = true;
    (isStep ? push : replace)(state, title, url);
  };
  history.pushState = (state, title, url) => {
    const to = new URL(url || location.href, location.href);
    // On the way to another page Streamlit first gives this one the address of the other.
    const isFurther = to.pathname !== location.pathname || isOtherSearch(to);
    go(!(stepped && isFurther), state, title, url);
  };
  history.replaceState = (state, title, url) => {
    const to = new URL(url || location.href, location.href);
    go(chosen && !stepped && isOtherSearch(to), state, title, url);
  };
})();
