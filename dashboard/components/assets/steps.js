// What a reader chooses in a field is a step that Back takes back. Streamlit itself only
// replaces the address then, so that Back would leave the page.
(() => {
  let chosen = false; // by the reader, since the last step back or forward
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { chosen = true; }, true);
  addEventListener("popstate", () => { chosen = false; }, true);
  const replace = history.replaceState.bind(history);
  history.replaceState = (state, title, url) => {
    const to = new URL(url || location.href, location.href);
    const isStep = chosen && to.pathname === location.pathname && to.search !== location.search;
    if (isStep) history.pushState(state, title, url);
    else replace(state, title, url);
  };
})();
