// Shows HTML made by the server. Elements with data-pick can be chosen with mouse,
// finger or keyboard; elements with data-tip explain themselves, those of a chart also
// when its arrow keys are pressed.
export default function (component) {
  const { parentElement, data: [data], setTriggerValue } = component;
  let root = parentElement.querySelector(".root");
  if (!root) {
    root = document.createElement("div");
    root.className = "root";
    root.append(document.createElement("div"), document.createElement("div"));
    root.lastChild.className = "tip";
    root.lastChild.setAttribute("role", "tooltip");
    parentElement.appendChild(root);
    const target = (event) => event.target.closest("[data-pick]");
    const choose = (element) => root.choose(element.dataset.pick);
    root.addEventListener("click", (event) => {
      const element = target(event);
      if (element) choose(element);
    });
    root.addEventListener("keydown", (event) => {
      if (event.target.matches(".chart")) return walk(event);
      const element = target(event);
      if (!element || element.tagName === "BUTTON") return;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose(element);
      }
    });
    const tip = root.lastChild;
    tip.setAttribute("aria-live", "polite");
    const explain = (element) => {
      if (!element || !element.dataset.tip) { tip.classList.remove("on"); return; }
      tip.textContent = element.dataset.tip;
      tip.classList.add("on");
      const box = root.getBoundingClientRect();
      const at = element.getBoundingClientRect();
      const size = tip.getBoundingClientRect();
      const middle = at.left - box.left + at.width / 2 - size.width / 2;
      const left = Math.max(0, Math.min(middle, box.width - size.width));
      const above = at.top - box.top - size.height - 6;
      tip.style.left = `${left}px`;
      tip.style.top = `${above < -40 ? at.bottom - box.top + 6 : above}px`;
    };
    const show = (event) => explain(event.target.closest("[data-tip]"));
    const walk = (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const marks = [...event.target.querySelectorAll("[data-tip]")];
      if (!step || !marks.length) return;
      event.preventDefault();
      const now = marks.findIndex((mark) => mark.dataset.tip === tip.textContent);
      explain(marks[(now + step + marks.length + (now < 0 && step < 0)) % marks.length]);
    };
    root.addEventListener("mouseover", show);
    root.addEventListener("focusin", show);
    root.addEventListener("mouseleave", () => tip.classList.remove("on"));
    root.addEventListener("focusout", () => tip.classList.remove("on"));
  }
  const content = root.firstChild;
  const mark = (values) => {
    for (const element of content.querySelectorAll("[data-pick]")) {
      element.classList.toggle("chosen", values.includes(element.dataset.pick));
    }
  };
  root.choose = (value) => {
    mark([value]); // at once; the answer marks again
    setTriggerValue("picked", value);
  };
  if (root.shown !== data.html) {
    const focused = root.getRootNode().activeElement;
    const again = focused && focused.dataset ? focused.dataset.pick : null;
    content.innerHTML = data.html;
    // Browsers show titles late, and not to those who use keys.
    for (const element of content.querySelectorAll("svg title")) {
      element.parentElement.dataset.tip = element.textContent;
      element.remove();
    }
    for (const element of content.querySelectorAll("[title]")) {
      if (element.title) element.dataset.tip = element.title;
      element.removeAttribute("title");
    }
    for (const chart of content.querySelectorAll(".chart")) chart.tabIndex = 0;
    root.shown = data.html;
    // What a page is about comes into sight when it changes.
    const about = content.querySelector("[data-show]");
    const name = about ? about.dataset.show : null;
    if (name && root.about !== undefined && root.about !== name) {
      requestAnimationFrame(() => {
        const at = root.getBoundingClientRect();
        const below = at.top > innerHeight * 0.5;
        if (below || (at.top < 0 && !("below" in about.dataset))) root.scrollIntoView({ block: "start" });
      });
    }
    if (name) root.about = name;
    root.lastChild.classList.remove("on");
    if (again) {
      const element = content.querySelector(`[data-pick="${CSS.escape(again)}"]`);
      if (element) element.focus({ preventScroll: true });
    }
  }
  mark(data.chosen);
  const strip = content.querySelector(".strip"), chosen = strip && strip.querySelector(".chosen");
  if (chosen) {
    const at = chosen.getBoundingClientRect(), frame = strip.getBoundingClientRect();
    if (at.left < frame.left || at.right > frame.right) strip.scrollLeft += (at.left + at.right - frame.left - frame.right) / 2;
  }
}
