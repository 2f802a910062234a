"use strict";
// Zoom and pan of the timeline. All numbers stand in data attributes, in ns of the run clock; the page is whole without.
(function () {
  var svg = document.getElementById("timeline");
  if (!svg) return;
  var START = +svg.dataset.start, END = +svg.dataset.end, LEFT = +svg.dataset.left, RIGHT = +svg.dataset.right;
  var WIDTH = RIGHT - LEFT, SHORTEST_NS = 10;
  var from = START, to = END;
  var axis = document.getElementById("axis"), window_text = document.getElementById("window");
  document.documentElement.classList.add("js");

  var shapes = Array.prototype.map.call(svg.querySelectorAll("[data-s]"), function (node) {
    return { node: node, kind: node.dataset.k, s: +node.dataset.s, e: +node.dataset.e, w: +node.dataset.w };
  });

  function x(t) { return LEFT + (t - from) / (to - from) * WIDTH; }
  function clamp(value, low, high) { return Math.min(Math.max(value, low), high); }

  function draw() {
    shapes.forEach(function (one) {
      var node = one.node, begin = x(one.s), end = x(one.e);
      var out = one.e < from || one.s > to;
      if (one.kind === "text") {  // in the middle of what is seen of its bar, if it has room there
        var low = Math.max(begin, LEFT), high = Math.min(end, RIGHT);
        out = out || high - low < one.w + 6;
        if (!out) node.setAttribute("x", ((low + high) / 2).toFixed(2));
      } else if (one.kind === "label") {  // behind the operation, else before it, else within
        var behind = Math.min(end, RIGHT) + 6, before = begin - 6;
        var after = behind + one.w <= RIGHT + 30, ahead = before - one.w >= LEFT;
        node.setAttribute("text-anchor", after ? "start" : ahead ? "end" : "start");
        node.setAttribute("x", (after ? behind : ahead ? before : clamp(begin + 6, LEFT + 6, Math.max(RIGHT + 30 - one.w, LEFT + 6))).toFixed(2));
      } else if (one.kind === "mark") {
        node.setAttribute("transform", "translate(" + begin.toFixed(2) + " 0)");
      } else {
        var left = clamp(begin, LEFT - 5, RIGHT + 5), right = clamp(end, LEFT - 5, RIGHT + 5);
        node.setAttribute("x", left.toFixed(2));
        node.setAttribute("width", Math.max(right - left, one.kind === "line" ? 1.5 : 0.7).toFixed(2));
      }
      node.style.display = out ? "none" : "";
    });
    drawAxis();
    svg.dataset.from = from;
    svg.dataset.to = to;
    window_text.textContent = seconds(from) + " s to " + seconds(to) + " s";
  }

  var UNITS = [["s", 1e9], ["ms", 1e6], ["\u00b5s", 1e3], ["ns", 1]];

  function drawAxis() {
    var unit = UNITS.filter(function (one) { return to - from >= 2 * one[1]; })[0] || UNITS[3];
    var size = Math.pow(10, Math.floor(Math.log10((to - from) / unit[1] / 10)));
    var step = [1, 2, 2.5, 5, 10].map(function (one) { return one * size; }).filter(function (one) {
      return (to - from) / unit[1] / one <= 12;
    })[0];
    while (axis.firstChild) axis.removeChild(axis.firstChild);
    var digits = Math.max(0, 2 - Math.floor(Math.log10(step)));
    for (var place = Math.ceil(from / unit[1] / step - 1e-9); place * step * unit[1] <= to; place++) {
      var at = x(place * step * unit[1]);
      make("line", { x1: at, x2: at, y1: svg.dataset.top, y2: svg.dataset.bottom, stroke: "#e0e0e0" });
      make("text", { x: at, y: +svg.dataset.bottom + 17, "text-anchor": "middle" })
        .textContent = String(+(place * step).toFixed(digits));
    }
    make("text", { x: (LEFT + RIGHT) / 2, y: +svg.dataset.bottom + 36, "text-anchor": "middle" })
      .textContent = "time on the run clock (" + unit[0] + ")";
  }

  function make(name, attributes) {
    var node = document.createElementNS(svg.namespaceURI, name);
    Object.keys(attributes).forEach(function (key) { node.setAttribute(key, attributes[key]); });
    return axis.appendChild(node);
  }

  function seconds(ns) { return String(+(ns / 1e9).toFixed(9)); }

  function show(low, high, quiet) {
    var length = clamp(high - low, SHORTEST_NS, END - START);
    from = Math.round(clamp(low, START, END - length));
    to = Math.round(from + length);
    draw();
    if (!quiet) {
      try { history.replaceState(null, "", "#from=" + seconds(from) + "&to=" + seconds(to)); } catch (refused) { /* */ }
    }
  }

  function zoom(factor, at) {
    show(at - (at - from) * factor, at + (to - at) * factor);
  }

  function fromHash() {
    var told = {};
    location.hash.slice(1).split("&").forEach(function (part) {
      var pair = part.split("=");
      told[pair[0]] = parseFloat(pair[1]) * 1e9;
    });
    if (told.from < told.to) show(told.from, told.to, true); else draw();
  }

  function timeAt(event) {
    var box = svg.getBoundingClientRect();
    var at = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    return from + (clamp(at, LEFT, RIGHT) - LEFT) / WIDTH * (to - from);
  }

  var actions = {
    "in": function () { zoom(0.5, (from + to) / 2); },
    out: function () { zoom(2, (from + to) / 2); },
    left: function () { show(from - (to - from) / 4, to - (to - from) / 4); },
    right: function () { show(from + (to - from) / 4, to + (to - from) / 4); },
    all: function () { show(START, END); }
  };
  document.querySelectorAll("button[data-do]").forEach(function (button) {
    button.addEventListener("click", actions[button.dataset["do"]]);
  });
  svg.addEventListener("keydown", function (event) {
    var name = { "+": "in", "=": "in", "-": "out", "0": "all", ArrowLeft: "left", ArrowRight: "right" }[event.key];
    if (name && !event.ctrlKey && !event.metaKey) { actions[name](); event.preventDefault(); }
  });
  svg.addEventListener("wheel", function (event) {
    if (!event.ctrlKey && !event.metaKey) return;  // the page is scrolled
    event.preventDefault();
    zoom(Math.pow(1.002, event.deltaY), timeAt(event));
  }, { passive: false });
  svg.addEventListener("dblclick", function (event) { zoom(0.4, timeAt(event)); });

  var drag = null;
  svg.addEventListener("pointerdown", function (event) {
    if (event.button !== 0) return;
    drag = { x: event.clientX, from: from, to: to };
    svg.setPointerCapture(event.pointerId);
    svg.classList.add("dragged");
  });
  svg.addEventListener("pointermove", function (event) {
    if (!drag) return;
    var moved = (drag.x - event.clientX) / svg.getBoundingClientRect().width * svg.viewBox.baseVal.width;
    var by = clamp(moved / WIDTH * (drag.to - drag.from), START - drag.from, END - drag.to);
    show(drag.from + by, drag.to + by);
  });
  function drop() { drag = null; svg.classList.remove("dragged"); }
  svg.addEventListener("pointerup", drop);
  svg.addEventListener("pointercancel", drop);

  window.addEventListener("hashchange", function () {
    fromHash();
    if (document.activeElement && document.activeElement.closest("table")) svg.scrollIntoView({ block: "center" });
  });
  fromHash();
})();
