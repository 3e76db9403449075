// Puts the dashboard's parts, PAGE and MAP, on a static page. All data is in window.COVERS.
(() => {
  const data = window.COVERS, all = data.covers, n = all.tiles.length, perPage = 60;
  const $ = (id) => document.getElementById(id);
  const MOST_CHIPS = 10;
  const state = { genre: -1, cluster: null, rows: null, text: "", page: 0 };
  const many = `${n.toLocaleString("en")} album cover${n === 1 ? "" : "s"}`;
  $("lead").textContent = data.overlap ? `${many}, and how much their genres look alike to a network.` : `${many}, and what they look like to a network.`;
  if (!data.overlap) document.querySelector("h1").textContent = "Which covers look alike?";

  const put = (element, html, then, chosen = []) =>
    PAGE({ parentElement: element, data: [{ html, chosen }], setTriggerValue: (_, value) => then && then(value) });
  const text = (tag, said) => { const e = document.createElement(tag); e.textContent = said; return e; };

  // On a phone what was chosen lies below what it was chosen in.
  const bringUp = (e) => { if (e.getBoundingClientRect().top > innerHeight * 0.8) e.scrollIntoView(); };

  function open(row) {
    if (!/^\d+$/.test(row)) return;
    put($("large"), `<div style="max-width:520px">${all.tiles[Number(row)]}</div>`, null);
    $("cover").showModal();
  }
  $("close").onclick = () => $("cover").close();

  function fill(name, part) {
    const section = $(name);
    if (!part) return null;
    section.hidden = false;
    for (const e of section.querySelectorAll("[data-text]")) e.textContent = part[e.dataset.text] || "";
    for (const e of section.querySelectorAll("[data-list]")) e.append(...(part[e.dataset.list] || []).map((said) => text("li", said)));
    return section;
  }

  // -------------------------------------------------------------- overlap
  const overlap = fill("overlap", data.overlap);
  if (overlap) {
    const parts = (name) => overlap.querySelector(`[data-part=${name}]`);
    const { matrices, pairs } = data.overlap, families = Object.keys(matrices);
    let family = "", both = [];
    const choose = (name) => { show(name); bringUp($("pair")); };
    const matrix = () => put(parts("matrix"), matrices[family], choose, both);
    const buttons = families.length < 2 ? [] : families.map((name) => {
      const chip = text("button", name || "Broad genres");
      chip.type = "button";
      chip.onclick = () => { family = name; mark(); matrix(); };
      return chip;
    });
    const mark = () => buttons.forEach((chip, i) => chip.setAttribute("aria-pressed", String(families[i] === family)));
    parts("families").append(...buttons);
    mark();
    const gallery = (rows) => rows.length ? `<div class="gallery row bare">${rows.map((row) => all.tiles[row]).join("")}</div>` : "";
    const sides = (found) => found.length ? `<div class="pairs">${found.map(([p, q, similarity]) => `<div class="pair">${all.tiles[p]}${all.tiles[q]}<span class="caption">similarity ${similarity}</span></div>`).join("")}</div>` : "";
    const show = (name) => {
      const [a, b] = name.split("~"), pair = pairs[name] || pairs[`${b}~${a}`], element = $("pair");
      if (!pair) return;
      both = [name, `${b}~${a}`];
      put(parts("alike"), data.overlap.alike, choose, both);
      matrix();
      element.replaceChildren(text("h3", pair.title), Object.assign(text("p", pair.said), { className: "small" }));
      for (const [title, html] of [["Bridges: as many neighbours of the one genre as of the other", gallery(pair.bridges)], ["Closest: covers of the two that are most alike", sides(pair.closest)], ["", pair.facts]]) {
        if (!html) continue;
        const box = document.createElement("div");
        if (title) element.append(text("h4", title));
        element.append(box);
        put(box, html, open);
      }
    };
    put(parts("alike"), data.overlap.alike, choose);
    matrix();
    show(data.overlap.first);
  }

  // -------------------------------------------------------------- clusters, model
  const clusters = fill("clusters", data.clusters);
  if (clusters) {
    put(clusters.querySelector("[data-part=cards]"), data.clusters.cards, (id) => {
      Object.assign(state, { cluster: Number(id), genre: -1, rows: null, page: 0 });
      draw();
      $("covers").scrollIntoView();
    });
  }
  const model = fill("model", data.model);
  for (const link of document.querySelectorAll("nav a")) {
    if (!data[link.hash.slice(1)] && $(link.hash.slice(1)).hidden) link.remove();
  }
  if (model && data.model.confusion) put(model.querySelector("[data-part=confusion]"), data.model.confusion);

  // -------------------------------------------------------------- map
  if (data.map) {
    $("map").hidden = false;
    const bytes = (content) => Uint8Array.from(atob(content), (c) => c.charCodeAt(0)).buffer;
    const rows = data.map.rows, ids = new Uint8Array(16 * rows.length);
    const view = new DataView(ids.buffer);
    rows.forEach((row, i) => view.setUint32(16 * i + 12, row));
    const number = (id) => parseInt(id.slice(24), 16);
    const image = (row) => { const found = /<img src="([^"]+)"/.exec(all.tiles[row]); return found ? found[1] : ""; };
    const parts = { points: bytes(data.map.parts.points), genre: bytes(data.map.parts.genre), genres: bytes(data.map.parts.genres), ids: ids.buffer };
    const points = new Float32Array(parts.points), sets = new Uint32Array(parts.genres);
    const element = $("themap");
    element.innerHTML = MAP_HTML;
    const names = (row) => all.genres[row].map((g) => all.vocab[g]).join(", ");
    const select = ({ outline, hidden }) => {
      const box = $("selected");
      box.replaceChildren();
      if (!outline) return;
      const off = hidden.reduce((bits, code) => (code > 0 && code <= 32 ? bits | (1 << (code - 1)) : bits), 0);
      const inside = rows.filter((row, i) => within(points[2 * i], points[2 * i + 1], outline) && !(sets[i] && !(sets[i] & ~off)));
      const counts = all.vocab.map((name, g) => [name, inside.filter((row) => all.genres[row].includes(g)).length]).filter((one) => one[1]).sort((a, b) => b[1] - a[1]);
      box.append(text("h3", `${inside.length.toLocaleString("en")} covers selected`), Object.assign(text("p", counts.slice(0, 6).map(([name, k]) => `${name} ${k}`).join(" · ")), { className: "small" }));
      const gallery = document.createElement("div");
      box.append(gallery);
      put(gallery, `<div class="gallery row">${inside.slice(0, 24).map((row) => all.tiles[row]).join("")}</div>`, open);
      bringUp(box);
      Object.assign(state, { rows: new Set(inside), cluster: null, genre: -1, page: 0 });
      draw();
    };
    MAP({
      parentElement: element,
      data: [{
        version: "site", colour: "genre", colours: data.map.colours, legend: data.map.legend, scale: null, label: `Map of ${rows.length} covers`,
        outline: null, hidden: [], marks: [], chosen: "", fly: [], regions: data.map.regions, height: 620, parts,
        picture: (id) => image(number(id)), about: (id) => ({ title: all.words[number(id)], genres: names(number(id)) }),
      }],
      setTriggerValue: (name, value) => (name === "selected" ? select(value) : name === "opened" ? open(String(number(value))) : null),
    });
  }

  function within(x, y, corners) {
    let odd = false;
    for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
      const [x0, y0] = corners[i], [x1, y1] = corners[j];
      if (y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) odd = !odd;
    }
    return odd;
  }

  // -------------------------------------------------------------- covers
  const chips = all.vocab.map((name, g) => {
    const chip = text("button", name);
    chip.type = "button";
    chip.onclick = () => { Object.assign(state, { genre: state.genre === g ? -1 : g, cluster: null, rows: null, page: 0 }); draw(); };
    return chip;
  });
  // The most frequent genres, as in the dashboard; the others on a click, lest covers are out of sight.
  const often = new Array(chips.length).fill(0);
  for (const genres of all.genres) for (const g of genres) often[g]++;
  const rare = chips.map((_, g) => g).sort((a, b) => often[b] - often[a]).slice(MOST_CHIPS);
  for (const g of rare) chips[g].hidden = true;
  $("chips").append(...chips);
  if (rare.length) {
    const more = text("button", `${rare.length} more genres`);
    more.type = "button";
    more.onclick = () => { for (const g of rare) chips[g].hidden = false; more.remove(); chips[rare[0]].focus(); };
    $("chips").append(more);
  }
  $("find").oninput = (event) => { state.text = event.target.value.toLowerCase(); state.page = 0; draw(); };
  $("before").onclick = () => { state.page--; draw(); };
  $("after").onclick = () => { state.page++; draw(); };

  function draw() {
    const words = state.text.split(/\s+/).filter(Boolean);
    const found = [];
    for (let row = 0; row < n; row++) {
      if (state.genre >= 0 && !all.genres[row].includes(state.genre)) continue;
      if (state.cluster !== null && all.clusters[row] !== state.cluster) continue;
      if (state.rows && !state.rows.has(row)) continue;
      if (words.every((word) => all.words[row].includes(word))) found.push(row);
    }
    // Covers of one design are one picture with their number.
    const times = new Map();
    for (const row of found) times.set(all.designs[row], (times.get(all.designs[row]) || 0) + 1);
    const firsts = new Map();
    for (const row of found) if (!firsts.has(all.designs[row])) firsts.set(all.designs[row], row);
    const designs = [...firsts.values()];
    const pages = Math.max(1, Math.ceil(designs.length / perPage));
    state.page = Math.max(0, Math.min(pages - 1, state.page));
    chips.forEach((chip, g) => chip.setAttribute("aria-pressed", String(state.genre === g)));
    const which = state.cluster !== null ? ` of “${data.clusters.names[state.cluster]}”` : state.rows ? " selected on the map" : "";
    $("shown").textContent = `${found.length.toLocaleString("en")} covers${which}`;
    $("at").textContent = `${state.page + 1} of ${pages}`;
    $("before").disabled = !state.page;
    $("after").disabled = state.page + 1 >= pages;
    put($("gallery"), `<div class="gallery">${designs.slice(state.page * perPage, (state.page + 1) * perPage).map((row) => all.tiles[row]).join("")}</div>`, open);
    for (const button of $("gallery").querySelectorAll("button.cover")) {
      const k = times.get(all.designs[Number(button.dataset.pick)]);
      if (k > 1) button.querySelector(".art").append(Object.assign(text("span", `×${k}`), { className: "same" }));
    }
  }
  draw();
})();
