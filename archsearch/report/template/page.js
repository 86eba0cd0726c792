"use strict";
/* Draws each figure when it comes into view, all of them before printing, and again in the other colours on a switch. */
(() => {
  /* Plotly sets some styles as an attribute, which the page's policy forbids; through the style object they are allowed. */
  const setAttribute = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    if (name === "style" && this.style) this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };

  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const plots = [...document.querySelectorAll("[data-figure]")];
  const colours = {
    light: { text: "#33383f", grid: "rgba(90,98,110,0.22)", line: "#8a8f98", box: "#ffffff" },
    dark: { text: "#d5dae1", grid: "rgba(170,178,190,0.20)", line: "#8a8f98", box: "#20242b" },
  };
  const PAPER = 672; /* CSS pixels between the margins of A4: what is drawn for a wide screen would be cut there */
  let printing = false;

  const isDark = () => !printing && (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);

  /* What of a layout depends on the theme, as paths for Plotly.relayout. */
  function themed(layout) {
    const now = colours[isDark() ? "dark" : "light"];
    const change = {
      "font.color": now.text,
      "hoverlabel.bgcolor": now.box,
      "hoverlabel.font.color": now.text,
      "hoverlabel.bordercolor": now.line,
      "modebar.color": now.line,
      "modebar.activecolor": now.text,
      "modebar.bgcolor": "rgba(0,0,0,0)",
    };
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(key)) {
        change[key + ".gridcolor"] = now.grid;
        change[key + ".linecolor"] = now.line;
      }
    }
    return change;
  }

  function put(layout, change) {
    for (const [path, value] of Object.entries(change)) {
      const keys = path.split(".");
      const last = keys.pop();
      let at = layout;
      for (const key of keys) at = at[key] ??= {};
      at[last] = value;
    }
    return layout;
  }

  /* A reader hears what the figure says instead of every tick; the buttons beside the drawing stay in reach. */
  function describe(plot) {
    const [first, ...others] = plot.querySelectorAll(".main-svg");
    first.setAttribute("role", "img");
    first.setAttribute("aria-label", plot.parentElement.querySelector(".says").textContent);
    for (const other of others) other.setAttribute("aria-hidden", "true");
  }

  function draw(plot) {
    if (plot.dataset.drawn) return plot.drawing;
    plot.dataset.drawn = "begun";
    const held = document.getElementById("data-" + plot.dataset.figure);
    const figure = JSON.parse(held.textContent);
    const layout = put({ ...figure.layout, autosize: true }, themed(figure.layout));
    if (still.matches) layout.transition = { duration: 0 };
    if (printing) Object.assign(layout, onPaper(plot));
    else if (plot.clientWidth < 480) layout.margin = { ...layout.margin, l: 44, r: 8 };
    const settings = {
      responsive: true,
      displaylogo: false,
      modeBarButtonsToRemove: ["lasso2d", "select2d"],
      toImageButtonOptions: { filename: plot.dataset.figure, scale: 2 },
    };
    plot.drawing = Plotly.newPlot(plot, figure.data, layout, settings)
      .then(() => { describe(plot); plot.dataset.drawn = "yes"; })
      .catch((problem) => {
        plot.dataset.drawn = "failed";
        plot.textContent = "This figure could not be drawn; its numbers are in the table below.";
        console.error(plot.dataset.figure, problem);
      });
    return plot.drawing;
  }

  /* On paper drawings are as wide as the page and lower, so that three fit on it. */
  const onPaper = (plot) => {
    plot.high ??= JSON.parse(document.getElementById("data-" + plot.dataset.figure).textContent).layout.height;
    if (!printing) return { autosize: true, width: plot.clientWidth, height: plot.high };
    return { autosize: false, width: PAPER, height: Math.max(Math.min(plot.high, 190), Math.round(0.55 * plot.high)) };
  };

  function recolour() {
    for (const plot of plots) {
      if (plot.dataset.drawn === "yes") Plotly.relayout(plot, themed(plot.layout));
    }
  }

  function resize() {
    for (const plot of plots) {
      if (plot.dataset.drawn !== "yes") continue;
      /* one after the other: printing may end before the first is through */
      plot.drawing = plot.drawing.then(() => Plotly.relayout(plot, { ...themed(plot.layout), ...onPaper(plot) }));
    }
  }

  const button = document.getElementById("theme");
  function label() {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  }
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
    recolour();
  });
  dark.addEventListener("change", () => { label(); recolour(); });
  label();

  /* Copy a text; a page that was opened from a file may not write to the clipboard, and then its text is selected. */
  for (const copies of document.querySelectorAll("[data-copies]")) {
    const text = document.getElementById(copies.dataset.copies);
    copies.hidden = false;
    copies.setAttribute("aria-live", "polite");
    copies.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
        copies.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text);
        copies.textContent = document.execCommand("copy") ? "Copied" : "Selected: copy it with Ctrl+C";
      }
      setTimeout(() => { copies.textContent = "Copy"; }, 3000);
    });
  }

  if ("IntersectionObserver" in window) {
    const seen = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting) continue;
          seen.unobserve(entry.target);
          draw(entry.target);
        }
      },
      { rootMargin: "400px" },
    );
    for (const plot of plots) seen.observe(plot);
  } else {
    plots.forEach(draw);
  }

  window.addEventListener("beforeprint", () => {
    printing = true;
    plots.forEach(draw);
    resize();
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    resize();
  });

  /* Say which tables and drawings scroll sideways, as phones show no bar; fade the side where there is more. */
  function sideways(box) {
    const hint = box.previousElementSibling;
    if (box.clientWidth > 0) hint.hidden = box.scrollWidth <= box.clientWidth + 1;
    box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
  }
  const boxes = [...document.querySelectorAll(".wider + .scroll")];
  for (const box of boxes) box.addEventListener("scroll", () => sideways(box), { passive: true });
  if ("ResizeObserver" in window) {
    const sized = new ResizeObserver((entries) => { for (const entry of entries) sideways(entry.target); });
    for (const box of boxes) sized.observe(box);
  }

  /* For whoever prints or photographs the page by a program: resolves when every figure stands. */
  window.drawAll = () => Promise.all(plots.map(draw));
})();
