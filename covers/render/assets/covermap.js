// A map of many covers on a plain canvas: dots are blended into pixels by hand, which
// stays fluid at 100,000 dots without WebGL. Zoomed in far enough, covers replace dots.
// On a page of a server it fetches its arrays; `data.parts` holds them where there is none.
const THUMBNAILS_FROM = 150;
const CELLS = 128;
const LEVELS = [0, 1.9, 3.4, 6.5]; // from which zoom on names of a level are written
const CONTOURS = [0.09, 0.3, 0.6]; // shares of the highest density
const GRID = [120, 80];

class CoverMap {
  constructor(root) {
    this.root = root;
    this.dots = root.querySelector(".dots");
    this.over = root.querySelector(".over");
    this.card = root.querySelector(".card");
    this.view = { x: 0, y: 0, zoom: 1 };
    this.tool = "pan";
    this.hidden = new Set();
    this.images = new Map();
    this.about = new Map();
    this.drag = null;
    this.pointers = new Map();
    this.hovered = -1;
    this.outline = null;
    this.codes = new Uint16Array(0);
    this.colours = [];
    this.points = new Float32Array(0);
    this.n = 0;
    this.turned = false;
    this.begun = false;
    this.sets = null;
    this.chosen = null;
    this.lines = [];
    this.watchers = [];
    this.listen();
  }

  // ---------------------------------------------------------------- data
  async update(data, send) {
    this.send = send;
    const before = this.data || {};
    this.data = data;
    this.root.style.setProperty("--high", `${data.height}px`);
    if (data.above) this.root.style.setProperty("--above", `${data.above}px`);
    this.dots.setAttribute("aria-label", data.label);
    if (data.version !== before.version) {
      const [points, ids, sets] = await Promise.all([this.fetch("points"), this.fetch("ids"), this.fetch("genres")]);
      if (this.data !== data) return;
      if (!points || !ids) return this.ask(data);
      this.points = new Float32Array(points).slice();
      this.ids = new Uint8Array(ids);
      this.sets = sets ? new Uint32Array(sets) : null;
      this.n = this.points.length / 2;
      this.turned = false;
      this.outline = null;
      this.fits = null;
      this.lay();
      this.reset(false);
      this.begun = false;
    }
    const isPlaced = this.begin();
    if (data.version !== before.version || data.colour !== before.colour) {
      const codes = await this.fetch(data.colour);
      if (this.data !== data) return;
      if (!codes) return this.ask(data);
      this.codes = new Uint16Array(codes);
      this.colours = data.colours.map((c) => [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16)));
      this.hidden = new Set(data.hidden || []);
      this.legend();
    }
    const changed = (name) => JSON.stringify(data[name]) !== JSON.stringify(before[name]);
    const off = (data.hidden || []).join();
    if (changed("hidden") && [...this.hidden].sort((p, q) => p - q).join() !== off) { this.hidden = new Set(data.hidden); this.legend(); }
    if (changed("outline") || data.version !== before.version) this.outline = data.outline ? data.outline.map((p) => this.flip(p)) : null;
    if (changed("chosen")) this.chosen = data.chosen ? Uint8Array.from(atob(data.chosen), (c) => c.charCodeAt(0)) : null;
    const isPicked = data.fly && data.fly.length === 1 && data.fly[0] === this.picked;
    if (data.fly && data.fly.length && changed("fly") && !isPlaced && !isPicked) this.flyTo(data.fly);
    this.picked = undefined;
    this.root.classList.add("ready");
    this.draw();
    this.tell();
  }

  async fetch(part) {
    if (this.data.parts) return this.data.parts[part] || null;
    const answer = await fetch(`/covers/map/${this.data.version}/${part}.bin`);
    return answer.status === 200 ? answer.arrayBuffer() : null;
  }

  // The map lies down; where the frame stands, it is turned. What is told and heard of
  // the map is in its own coordinates, what is inside in those of the frame.
  flip([x, y]) { return this.turned ? [y, x] : [x, y]; }

  lay() {
    const [w, h] = this.size();
    if (!w || !h) return;
    const turned = h > 1.05 * w;
    if (turned !== this.turned) {
      for (let i = 0; i < this.n; i++) {
        const x = this.points[2 * i];
        this.points[2 * i] = this.points[2 * i + 1];
        this.points[2 * i + 1] = x;
      }
      if (this.outline) this.outline = this.outline.map(([x, y]) => [y, x]);
      this.turned = turned;
      this.view = { x: 0, y: 0, zoom: this.view.zoom };
      this.fits = null;
    }
    this.sort();
    this.contours();
  }

  // The map was made anew between the page and this fetch: have the page drawn again, once.
  ask(data) {
    this.data = { ...data, version: "" };
    if (this.requested === data.version) return;
    this.requested = data.version;
    this.send.setTriggerValue("outdated", data.version);
  }

  // Counting sort of points into a grid, for hovering.
  sort() {
    const cellOf = (v) => Math.max(0, Math.min(CELLS - 1, Math.floor(((v + 1) / 2) * CELLS)));
    const cell = new Uint16Array(this.n);
    this.starts = new Uint32Array(CELLS * CELLS + 1);
    for (let i = 0; i < this.n; i++) {
      cell[i] = cellOf(this.points[2 * i + 1]) * CELLS + cellOf(this.points[2 * i]);
      this.starts[cell[i] + 1]++;
    }
    for (let c = 0; c < CELLS * CELLS; c++) this.starts[c + 1] += this.starts[c];
    const next = this.starts.slice();
    this.order = new Uint32Array(this.n);
    for (let i = 0; i < this.n; i++) this.order[next[cell[i]]++] = i;
    this.cellOf = cellOf;
  }

  id(i) {
    let text = "";
    for (let b = 0; b < 16; b++) text += this.ids[16 * i + b].toString(16).padStart(2, "0");
    return text;
  }

  // ---------------------------------------------------------------- view
  size() {
    const box = this.dots.getBoundingClientRect();
    return [box.width, box.height];
  }

  unit() { // CSS pixels per unit of the map
    const [w, h] = this.size();
    return (Math.min(w, h) / 2.12) * this.view.zoom;
  }

  toScreen(x, y) {
    const [w, h] = this.size(), u = this.unit();
    return [w / 2 + (x - this.view.x) * u, h / 2 - (y - this.view.y) * u];
  }

  toMap(px, py) {
    const [w, h] = this.size(), u = this.unit();
    return [this.view.x + (px - w / 2) / u, this.view.y - (py - h / 2) / u];
  }

  zoomAt(px, py, factor) {
    const [x, y] = this.toMap(px, py);
    this.view.zoom = Math.max(0.3, Math.min(4000, this.view.zoom * factor));
    const [x1, y1] = this.toMap(px, py);
    this.view.x += x - x1;
    this.view.y += y - y1;
    this.move();
  }

  // Fill the frame with all points but the few that lie far out.
  reset(draw = true) {
    const [w, h] = this.size();
    const reach = (k) => {
      const values = Float32Array.from({ length: this.n }, (_, i) => this.points[2 * i + k]).sort();
      const at = (q) => values[Math.max(0, Math.min(this.n - 1, Math.round(q * (this.n - 1))))] || 0;
      return [at(0.004), at(0.996)];
    };
    if (!this.fits) this.fits = [reach(0), reach(1)];
    const [[x0, x1], [y0, y1]] = this.fits;
    const base = Math.min(w, h) / 2.12;
    const zoom = Math.min((w - 36) / Math.max(x1 - x0, 0.02), (h - 36) / Math.max(y1 - y0, 0.02)) / base;
    this.whole = Math.max(0.3, Math.min(zoom, 6));
    this.view = { x: (x0 + x1) / 2, y: (y0 + y1) / 2, zoom: this.whole };
    this.rested = { ...this.view };
    if (draw) this.move();
  }

  flyTo(marks) {
    let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
    for (const i of marks) {
      const x = this.points[2 * i], y = this.points[2 * i + 1];
      x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y);
    }
    if (!isFinite(x0)) return;
    const [w, h] = this.size(), base = Math.min(w, h) / 2.12;
    const span = Math.max(x1 - x0, y1 - y0, 0.12) * 1.4;
    this.view = { x: (x0 + x1) / 2, y: (y0 + y1) / 2, zoom: Math.max(1, Math.min(w, h) / span / base) };
  }

  move() {
    this.hover(-1);
    this.moving = true;
    clearTimeout(this.still);
    this.still = setTimeout(() => { this.moving = false; this.draw(); this.tell(); }, 140);
    this.draw();
  }

  // The place that is looked at stands in the address. Only this script reads and writes
  // it there, so that to look around asks nothing of the server.
  tell() {
    if (!this.data.keep_place || !this.begun || !this.root.isConnected) return;
    const { x, y, zoom } = this.view, all = this.rested;
    const [a, b] = this.flip([x, y]).map((v) => v.toFixed(4));
    const isWhole = x === all.x && y === all.y && zoom === all.zoom;
    const place = isWhole ? [] : [`at=${a}_${b}_${(zoom / this.whole).toFixed(3)}`];
    const others = location.search.slice(1).split("&").filter((part) => part && !part.startsWith("at="));
    const search = [...others, ...place].join("&");
    if (search === location.search.slice(1)) return;
    // Not as a step of its own: Back takes back what was chosen, not each look around.
    History.prototype.replaceState.call(history, history.state, "", location.pathname + (search ? `?${search}` : ""));
  }

  // Look at the place that the address names; say whether it names one.
  look() {
    const found = this.data.keep_place && /[?&]at=(-?[\d.]+)_(-?[\d.]+)_([\d.]+)(&|$)/.exec(location.search);
    if (!found) return false;
    const [a, b, near] = found.slice(1, 4).map(Number);
    if (![a, b, near].every(isFinite)) return false;
    const [x, y] = this.flip([a, b]);
    this.view = { x, y, zoom: Math.max(0.3, Math.min(4000, near * this.whole)) };
    return true;
  }

  // Once points and frame are there.
  begin() {
    const [w, h] = this.size();
    if (this.begun || !this.n || !w || !h) return false;
    this.begun = true;
    return this.look();
  }

  // ---------------------------------------------------------------- drawing
  draw() {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => { this.queued = false; this.paint(); });
  }

  paint() {
    const [w, h] = this.size();
    if (!w || !h) return;
    const begun = performance.now();
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const W = Math.round(w * ratio), H = Math.round(h * ratio);
    if (this.dots.width !== W || this.dots.height !== H) {
      for (const canvas of [this.dots, this.over]) { canvas.width = W; canvas.height = H; }
      this.buffer = null;
    }
    const context = this.dots.getContext("2d", { alpha: false });
    if (!this.buffer) {
      this.buffer = context.createImageData(W, H);
      this.pixels = new Uint32Array(this.buffer.data.buffer);
    }
    const style = getComputedStyle(this.root);
    const ground = rgb(style.getPropertyValue("--st-background-color"));
    this.pixels.fill(pack(ground));
    const u = this.unit() * ratio, cx = W / 2 - this.view.x * u, cy = H / 2 + this.view.y * u;
    const shown = this.visible(u, cx, cy, W, H);
    const pictures = shown.length <= THUMBNAILS_FROM;
    if (!pictures) {
      const roomy = Math.sqrt((W * H) / Math.max(shown.length, 1));
      let radius = Math.max(0.9 * ratio, Math.min(0.16 * roomy, 5 * ratio));
      if (this.moving && this.slow) radius = Math.min(radius, 0.9);
      this.stamp(shown, u, cx, cy, W, H, radius);
    }
    context.putImageData(this.buffer, 0, 0);
    this.decorate(shown, pictures, ratio);
    const took = performance.now() - begun;
    if (!this.moving) this.slow = took > 28;
    this.root.dataset.took = took.toFixed(1);
    this.root.dataset.shown = shown.length;
    this.root.dataset.pictures = pictures;
  }

  visible(u, cx, cy, W, H) {
    const shown = this.shown && this.shown.length === this.n ? this.shown : (this.shown = new Uint32Array(this.n));
    const { points, n } = this;
    const hides = this.hidden.size > 0;
    let count = 0;
    for (let i = 0; i < n; i++) {
      const x = points[2 * i] * u + cx, y = cy - points[2 * i + 1] * u;
      if (x < -4 || y < -4 || x > W + 4 || y > H + 4) continue;
      if (hides && this.isHidden(i)) continue;
      shown[count++] = i;
    }
    return shown.subarray(0, count);
  }

  // A cover of several genres is hidden with the last of them.
  isHidden(i) {
    const code = this.codes[i];
    if (this.data.colour !== "genre" || !this.sets || !this.sets[i]) return this.hidden.has(code);
    let off = 0;
    for (const one of this.hidden) if (one > 0 && one <= 32) off |= 1 << (one - 1);
    return (this.sets[i] & ~off) === 0;
  }

  isChosen(i) { return !this.chosen || (this.chosen[i >> 3] >> (i & 7)) & 1; }

  // Blend one disc per point; grey ones first, so that they never hide a known one.
  stamp(shown, u, cx, cy, W, H, radius) {
    const reach = Math.ceil(radius + 0.5);
    const offsets = [], weights = [];
    const strength = shown.length > 20000 ? 0.62 : 0.82;
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const cover = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(dx, dy)));
        if (cover > 0.04) { offsets.push(dy * W + dx); weights.push(Math.round(256 * cover * strength)); }
      }
    }
    const { points, codes, pixels, colours } = this;
    const m = offsets.length;
    const pale = weights.map((a) => Math.round(a * 0.16));
    for (let pass = 0; pass < 2; pass++) {
      for (let s = 0; s < shown.length; s++) {
        const i = shown[s], code = codes[i] || 0, strong = this.isChosen(i);
        if ((code === 0 || !strong) !== (pass === 0)) continue;
        const x = Math.round(points[2 * i] * u + cx), y = Math.round(cy - points[2 * i + 1] * u);
        if (x < reach || y < reach || x >= W - reach || y >= H - reach) continue;
        const colour = colours[code] || colours[0];
        if (!colour) continue;
        const r = colour[0], g = colour[1], b = colour[2], at = y * W + x;
        const stamp = strong ? weights : pale;
        for (let k = 0; k < m; k++) {
          const p = at + offsets[k], a = stamp[k], old = pixels[p];
          const or = old & 255, og = (old >> 8) & 255, ob = (old >> 16) & 255;
          pixels[p] = 0xff000000 | ((ob + (((b - ob) * a) >> 8)) << 16) | ((og + (((g - og) * a) >> 8)) << 8) | (or + (((r - or) * a) >> 8));
        }
      }
    }
  }

  decorate(shown, pictures, ratio) {
    const context = this.over.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [w, h] = this.size();
    context.clearRect(0, 0, w, h);
    const accent = getComputedStyle(this.root).getPropertyValue("--st-primary-color") || "#0072b2";
    if (!pictures) this.drawContours(context);
    else {
      const side = Math.max(26, Math.min(92, 0.6 * Math.sqrt((w * h) / Math.max(shown.length, 1))));
      for (const i of shown) {
        const [x, y] = this.toScreen(this.points[2 * i], this.points[2 * i + 1]);
        const colour = css(this.colours[this.codes[i]] || [189, 189, 189]);
        const image = this.picture(i);
        context.fillStyle = colour;
        context.globalAlpha = this.isChosen(i) ? 1 : 0.25;
        if (image) {
          context.fillRect(x - side / 2 - 2, y - side / 2 - 2, side + 4, side + 4);
          context.drawImage(image, x - side / 2, y - side / 2, side, side);
        } else {
          context.beginPath(); context.arc(x, y, 6, 0, 7); context.fill();
        }
      }
      context.globalAlpha = 1;
      this.side = side;
    }
    this.drawNames(context, pictures);
    for (const i of this.data?.marks || []) {
      const [x, y] = this.toScreen(this.points[2 * i], this.points[2 * i + 1]);
      context.lineWidth = 2.5; context.strokeStyle = accent;
      context.beginPath(); context.arc(x, y, pictures ? this.side * 0.72 : 9, 0, 7); context.stroke();
    }
    const outline = this.drag?.outline || this.outline;
    if (outline && outline.length > 1) {
      context.beginPath();
      outline.forEach(([x, y], k) => { const [a, b] = this.toScreen(x, y); k ? context.lineTo(a, b) : context.moveTo(a, b); });
      context.closePath();
      context.globalAlpha = 0.1; context.fillStyle = accent; context.fill();
      context.globalAlpha = 1; context.lineWidth = 2; context.strokeStyle = accent; context.stroke();
    }
    if (this.hovered >= 0 && !pictures) {
      const [x, y] = this.toScreen(this.points[2 * this.hovered], this.points[2 * this.hovered + 1]);
      context.lineWidth = 2; context.strokeStyle = accent;
      context.beginPath(); context.arc(x, y, 7, 0, 7); context.stroke();
    }
  }

  // ---------------------------------------------------------------- regions
  // Lines of equal density: marching squares over a smoothed count.
  contours() {
    const [nx, ny] = this.turned ? [GRID[1], GRID[0]] : GRID;
    const wide = this.turned ? 0.75 : 1.12, high = this.turned ? 1.12 : 0.75;
    let grid = new Float32Array(nx * ny);
    for (let i = 0; i < this.n; i++) {
      const c = Math.floor(((this.points[2 * i] + wide) / (2 * wide)) * nx), r = Math.floor(((this.points[2 * i + 1] + high) / (2 * high)) * ny);
      if (c >= 0 && r >= 0 && c < nx && r < ny) grid[r * nx + c]++;
    }
    for (let pass = 0; pass < 6; pass++) grid = blur(grid, nx, ny);
    const top = grid.reduce((a, b) => Math.max(a, b), 0);
    this.lines = [];
    if (this.n < 200 || !top) return;
    const at = (c, r) => [((c + 0.5) / nx) * 2 * wide - wide, ((r + 0.5) / ny) * 2 * high - high];
    for (const share of CONTOURS) {
      const level = share * top, segments = [];
      for (let r = 0; r + 1 < ny; r++) for (let c = 0; c + 1 < nx; c++) {
        const v = [grid[r * nx + c], grid[r * nx + c + 1], grid[(r + 1) * nx + c + 1], grid[(r + 1) * nx + c]];
        const corners = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]], cut = [];
        for (let e = 0; e < 4; e++) {
          const a = v[e], b = v[(e + 1) % 4];
          if (a < level === b < level) continue;
          const s = (level - a) / (b - a), p = corners[e], q = corners[(e + 1) % 4];
          cut.push(at(p[0] + s * (q[0] - p[0]), p[1] + s * (q[1] - p[1])));
        }
        for (let k = 0; k + 1 < cut.length; k += 2) segments.push([cut[k], cut[k + 1]]);
      }
      this.lines.push(segments);
    }
  }

  drawContours(context) {
    context.strokeStyle = getComputedStyle(this.root).getPropertyValue("--st-text-color") || "#222";
    context.lineWidth = 1;
    this.lines.forEach((segments, k) => {
      context.globalAlpha = 0.13 + 0.07 * k;
      context.beginPath();
      for (const [a, b] of segments) {
        const [x0, y0] = this.toScreen(...a), [x1, y1] = this.toScreen(...b);
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
      }
      context.stroke();
    });
    context.globalAlpha = 1;
  }

  // Names of the regions for this zoom; those of larger ones win their place.
  drawNames(context, pictures) {
    const regions = this.data?.regions || [];
    const near = this.view.zoom / (this.whole || 1);
    let level = 0;
    while (level + 1 < LEVELS.length && near >= LEVELS[level + 1]) level++;
    const [w, h] = this.size();
    const style = getComputedStyle(this.root);
    const ink = style.getPropertyValue("--st-text-color") || "#222", paper = style.getPropertyValue("--st-background-color") || "#fff";
    const placed = [];
    let written = 0;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    for (const region of regions) {
      if (region.level !== level) continue;
      const [px, py] = this.toScreen(...this.flip([region.x, region.y]));
      if (px < -40 || py < 0 || px > w + 40 || py > h) continue;
      const size = region.level ? 12.5 : w < 520 ? 12.5 : 14;
      context.font = `${region.level ? 550 : 650} ${size}px ${style.getPropertyValue("--st-font") || "sans-serif"}`;
      const lines = broken(region.text, w < 520 ? 16 : 24);
      const wide = Math.max(...lines.map((line) => context.measureText(line).width)) + 10, high = lines.length * size * 1.2 + 6;
      const x = Math.max(wide / 2 + 2, Math.min(w - wide / 2 - 2, px)), y = Math.max(high / 2 + 2, Math.min(h - high / 2 - 2, py));
      if (placed.some(([a, b, c, d]) => Math.abs(a - x) < (c + wide) / 2 && Math.abs(b - y) < (d + high) / 2)) continue;
      placed.push([x, y, wide, high]);
      lines.forEach((line, k) => {
        const at = y + (k - (lines.length - 1) / 2) * size * 1.2;
        context.lineWidth = 4;
        context.strokeStyle = paper;
        context.globalAlpha = pictures ? 0.95 : 0.85;
        context.strokeText(line, x, at);
        context.globalAlpha = 1;
        context.fillStyle = ink;
        context.fillText(line, x, at);
      });
      written++;
    }
    this.root.dataset.names = written;
    this.root.dataset.level = level;
  }

  pictureOf(id) { return this.data.picture ? this.data.picture(id) : `/covers/thumbnail/${id}.jpg`; }

  describe(id) {
    if (this.data.about) return Promise.resolve(this.data.about(id));
    return fetch(`/covers/about/${id}.json`).then((a) => (a.ok ? a.json() : {})).catch(() => ({}));
  }

  picture(i) {
    let image = this.images.get(i);
    if (!image) {
      image = new Image();
      image.onload = () => this.draw();
      const url = this.pictureOf(this.id(i));
      if (!url) return null;
      image.src = url;
      this.images.set(i, image);
      if (this.images.size > 900) this.images.delete(this.images.keys().next().value);
    }
    return image.complete && image.naturalWidth ? image : null;
  }

  // ---------------------------------------------------------------- looking
  nearest(px, py) {
    const reach = this.root.dataset.pictures === "true" ? this.side * 0.6 : 12;
    const [x0, y0] = this.toMap(px - reach, py + reach), [x1, y1] = this.toMap(px + reach, py - reach);
    let best = -1, least = reach * reach;
    if (!this.n) return best;
    for (let row = this.cellOf(y0); row <= this.cellOf(y1); row++) {
      for (let s = this.starts[row * CELLS + this.cellOf(x0)]; s < this.starts[row * CELLS + this.cellOf(x1) + 1]; s++) {
        const i = this.order[s];
        if (this.isHidden(i)) continue;
        const [x, y] = this.toScreen(this.points[2 * i], this.points[2 * i + 1]);
        const d = (x - px) ** 2 + (y - py) ** 2;
        if (d < least) { least = d; best = i; }
      }
    }
    return best;
  }

  async hover(i) {
    if (i === this.hovered) return;
    this.hovered = i;
    this.dots.style.cursor = i >= 0 ? "pointer" : this.tool === "pan" ? "grab" : "crosshair";
    if (i < 0) { this.card.classList.remove("on"); this.draw(); return; }
    const id = this.id(i);
    if (!this.about.has(id)) {
      this.about.set(id, this.describe(id));
    }
    const about = await this.about.get(id);
    if (this.hovered !== i) return;
    const entry = (this.data.legend || []).find((e) => e.code === this.codes[i]);
    this.card.replaceChildren();
    const url = this.pictureOf(id);
    if (url) {
      const image = document.createElement("img");
      image.src = url;
      image.alt = "";
      this.card.append(image);
    }
    const lines = [about.title, about.byline, about.genres, entry && this.data.colour !== "genre" ? entry.label : ""];
    lines.forEach((text, k) => {
      if (!text) return;
      const line = document.createElement("div");
      line.textContent = text;
      line.className = k ? "sub" : "name";
      this.card.append(line);
    });
    const [x, y] = this.toScreen(this.points[2 * i], this.points[2 * i + 1]);
    const [w, h] = this.size();
    this.card.style.left = `${x > w / 2 ? Math.max(4, x - 176) : Math.min(w - 166, x + 14)}px`;
    this.card.style.top = `${Math.max(4, Math.min(y - 60, h - 236))}px`;
    this.card.classList.add("on");
    this.draw();
  }

  legend() {
    const box = this.root.querySelector(".legend");
    box.replaceChildren();
    for (const entry of this.data.legend || []) {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", String(!this.hidden.has(entry.code)));
      button.title = "Show or hide";
      const dot = document.createElement("span");
      dot.className = "dot";
      dot.style.background = entry.colour;
      button.append(dot, `${entry.label} `);
      const n = document.createElement("span");
      n.className = "n";
      n.textContent = entry.n.toLocaleString("en");
      button.append(n);
      button.onclick = () => {
        const off = !this.hidden.has(entry.code);
        off ? this.hidden.add(entry.code) : this.hidden.delete(entry.code);
        button.setAttribute("aria-pressed", String(!off));
        this.draw();
        if (this.outline) this.choose(this.outline);
        else this.send.setTriggerValue("legend", [...this.hidden]);
      };
      box.append(button);
    }
    const scale = this.data.scale;
    if (scale) {
      const bar = document.createElement("span");
      bar.className = "bar";
      bar.style.background = `linear-gradient(90deg, ${scale.colours.join(",")})`;
      box.append(scale.low, bar, scale.high);
    }
  }

  // ---------------------------------------------------------------- choosing
  choose(outline) {
    this.outline = outline;
    this.draw();
    this.send.setTriggerValue("selected", { outline: outline ? outline.map((p) => this.flip(p)) : null, hidden: [...this.hidden] });
  }

  chooseView() {
    const [w, h] = this.size();
    const [x0, y0] = this.toMap(2, 2), [x1, y1] = this.toMap(w - 2, h - 2);
    this.choose([[x0, y0], [x1, y0], [x1, y1], [x0, y1]].map(round));
  }

  setTool(tool) {
    this.tool = tool;
    for (const button of this.root.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    }
    this.dots.style.cursor = tool === "pan" ? "grab" : "crosshair";
  }

  listen() {
    const at = (event) => {
      const box = this.dots.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.root.querySelector(".tools").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const [w, h] = this.size();
      if (button.dataset.tool) this.setTool(button.dataset.tool);
      const does = {
        in: () => this.zoomAt(w / 2, h / 2, 1.6), out: () => this.zoomAt(w / 2, h / 2, 1 / 1.6),
        all: () => this.reset(), view: () => this.chooseView(), clear: () => this.choose(null),
      }[button.dataset.does];
      if (does) does();
    });
    const canvas = this.dots;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomAt(...at(event), Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, at(event));
      const [x, y] = at(event);
      const tool = event.shiftKey ? "box" : this.tool;
      this.drag = { tool, from: [x, y], last: [x, y], moved: false, outline: null };
    });
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = at(event);
      if (this.pointers.size === 2 && this.pointers.has(event.pointerId)) {
        const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
        const [ox, oy] = others[0][1], [lx, ly] = this.pointers.get(event.pointerId);
        const before = Math.hypot(lx - ox, ly - oy), now = Math.hypot(x - ox, y - oy);
        this.pointers.set(event.pointerId, [x, y]);
        if (before > 8) this.zoomAt((x + ox) / 2, (y + oy) / 2, now / before);
        if (this.drag) this.drag.moved = true;
        return;
      }
      if (!this.drag) { this.hover(this.nearest(x, y)); return; }
      this.pointers.set(event.pointerId, [x, y]);
      const drag = this.drag;
      if (!drag.moved && Math.hypot(x - drag.from[0], y - drag.from[1]) < 4) return;
      drag.moved = true;
      if (drag.tool === "pan") {
        const u = this.unit();
        this.view.x -= (x - drag.last[0]) / u;
        this.view.y += (y - drag.last[1]) / u;
        drag.last = [x, y];
        this.move();
      } else if (drag.tool === "box") {
        const [x0, y0] = this.toMap(...drag.from), [x1, y1] = this.toMap(x, y);
        drag.outline = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
        this.draw();
      } else {
        drag.outline = drag.outline || [this.toMap(...drag.from)];
        drag.outline.push(this.toMap(x, y));
        this.draw();
      }
    });
    const finish = (event) => {
      this.pointers.delete(event.pointerId);
      const drag = this.drag;
      if (!drag || this.pointers.size) return;
      this.drag = null;
      if (event.type === "pointercancel") { this.draw(); return; }
      if (!drag.moved) {
        const i = this.nearest(...drag.from);
        // It is in sight where it was picked, so the map stays as it is.
        if (i >= 0) { this.picked = i; this.send.setTriggerValue("opened", this.id(i)); }
        return;
      }
      if (drag.outline && drag.outline.length > 2) {
        const step = Math.max(1, Math.ceil(drag.outline.length / 60));
        this.choose(drag.outline.filter((_, k) => k % step === 0).map(round));
      }
    };
    canvas.addEventListener("pointerup", finish);
    canvas.addEventListener("pointercancel", finish);
    canvas.addEventListener("pointerleave", () => { if (!this.drag) this.hover(-1); });
    canvas.addEventListener("keydown", (event) => {
      const [w, h] = this.size(), step = 60 / this.unit();
      const does = {
        ArrowLeft: () => { this.view.x -= step; this.move(); }, ArrowRight: () => { this.view.x += step; this.move(); },
        ArrowUp: () => { this.view.y += step; this.move(); }, ArrowDown: () => { this.view.y -= step; this.move(); },
        "+": () => this.zoomAt(w / 2, h / 2, 1.4), "=": () => this.zoomAt(w / 2, h / 2, 1.4),
        "-": () => this.zoomAt(w / 2, h / 2, 1 / 1.4), 0: () => this.reset(), Enter: () => this.chooseView(),
        Escape: () => this.choose(null),
      }[event.key];
      if (does) { event.preventDefault(); does(); }
    });
    this.setTool("pan");
  }

  watch() {
    if (this.watchers.length) return;
    const resized = new ResizeObserver(() => {
      const [w, h] = this.size();
      if (!this.n || !w || !h) return this.draw();
      const before = this.turned;
      const { x, y, zoom } = this.view, at = this.rested;
      if (h > 1.05 * w !== before) { this.lay(); this.reset(); this.look(); }
      else if (!this.begun || (at && at.x === x && at.y === y && at.zoom === zoom)) this.reset(); // nobody looked closer
      else this.draw();
      this.begin();
    });
    resized.observe(this.dots);
    const themed = window.matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => setTimeout(() => this.draw(), 120);
    themed.addEventListener("change", redraw);
    const back = () => { if (this.begun && this.data.keep_place) this.look() ? this.draw() : this.reset(); };
    window.addEventListener("popstate", back);
    this.watchers = [
      () => resized.disconnect(),
      () => themed.removeEventListener("change", redraw),
      () => window.removeEventListener("popstate", back),
    ];
  }

  rest() {
    this.watchers.forEach((stop) => stop());
    this.watchers = [];
  }
}

// A running mean over three cells each way.
function blur(grid, nx, ny) {
  const out = new Float32Array(grid.length);
  const at = (c, r) => grid[Math.max(0, Math.min(ny - 1, r)) * nx + Math.max(0, Math.min(nx - 1, c))];
  for (let r = 0; r < ny; r++) for (let c = 0; c < nx; c++) {
    out[r * nx + c] = (4 * at(c, r) + 2 * (at(c - 1, r) + at(c + 1, r) + at(c, r - 1) + at(c, r + 1))
      + at(c - 1, r - 1) + at(c + 1, r - 1) + at(c - 1, r + 1) + at(c + 1, r + 1)) / 16;
  }
  return out;
}

// Break a name into lines of about so many letters.
function broken(text, most) {
  const lines = [];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (last !== undefined && last.length + word.length < most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const round = ([x, y]) => [Math.round(x * 1e4) / 1e4, Math.round(y * 1e4) / 1e4];
const pack = ([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
const css = ([r, g, b]) => `rgb(${r},${g},${b})`;

function rgb(text) {
  const value = text.trim();
  if (/^#[0-9a-f]{6}$/i.test(value)) return [1, 3, 5].map((i) => parseInt(value.slice(i, i + 2), 16));
  const parts = value.match(/[\d.]+/g);
  return parts && parts.length >= 3 ? parts.slice(0, 3).map(Number) : [255, 255, 255];
}

export default function (component) {
  const { parentElement, data: [data], setTriggerValue } = component;
  const root = parentElement.querySelector(".covermap");
  root.map = root.map || new CoverMap(root);
  root.map.watch();
  root.map.update(data, { setTriggerValue });
  return () => root.map.rest();
}
