(function () {
  "use strict";
  var bar = document.getElementById("filter");
  var items = Array.prototype.slice.call(document.querySelectorAll("details.item"));
  var checks = items.filter(function (item) { return item.dataset.verdict; });
  var fields = bar ? ["verdict", "flow", "role", "level", "text"].map(function (name) { return document.getElementById("by-" + name); }) : [];
  var texts = new Map();

  function textOf(item) {
    if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
    return texts.get(item);
  }

  function fits(item, value) {
    return (!value.verdict || item.dataset.verdict === value.verdict || (value.verdict === "open" && item.dataset.verdict !== "pass")) &&
      ["flow", "role", "level"].every(function (name) { return !value[name] || item.dataset[name] === value[name]; }) &&
      value.text.split(/\s+/).every(function (word) { return textOf(item).indexOf(word) >= 0; });
  }

  function apply() {
    var value = {}, shown = 0;
    fields.forEach(function (field) { value[field.id.slice(3)] = field.value.trim(); });
    value.text = value.text.toLowerCase();
    checks.forEach(function (item) {
      item.hidden = !fits(item, value);
      if (!item.hidden) shown++;
    });
    document.querySelectorAll("[data-group]").forEach(function (group) {
      group.hidden = !group.querySelector("details.check:not([hidden])");
    });
    document.getElementById("shown").textContent = shown + " of " + checks.length + " shown";
  }

  function reset() {
    fields.forEach(function (field) { field.value = ""; });
    apply();
  }

  // find takes the ID of a part, or that of a requirement that is checked of several roles.
  function find(id) {
    return id && (document.getElementById(id) || checks.find(function (item) { return item.id.indexOf(id + "@") === 0; }));
  }

  function reveal() {
    var target = find(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (bar && target.closest("[hidden]")) reset();
    if (target.tagName === "DETAILS") {
      target.open = true;
      target.querySelector("summary").focus({ preventScroll: true });
    }
    target.scrollIntoView();
  }

  function move(step) {
    var shown = items.filter(function (item) { return item.getClientRects().length; });
    var at = shown.indexOf(document.activeElement.closest("details.item"));
    var to = at + step;
    if (at < 0) to = Math.max(0, shown.findIndex(function (item) { return item.getBoundingClientRect().top >= 0; }));
    if (!shown[to]) return;
    var summary = shown[to].querySelector("summary");
    summary.focus({ preventScroll: true });
    summary.scrollIntoView({ block: "nearest" });
  }

  function press(event) {
    var at = event.target;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (at.matches("input[type=search], select")) {
      if (event.key === "Escape") { at.blur(); event.preventDefault(); }
      return;
    }
    var single = !bar || document.getElementById("keys").checked;
    var onItem = at.parentElement && at.parentElement.matches("details.item");
    var step = { j: single && 1, k: single && -1, ArrowDown: onItem && 1, ArrowUp: onItem && -1 }[event.key];
    if (step) move(step);
    else if (event.key === "/" && single && bar) document.getElementById("by-text").focus();
    else return;
    event.preventDefault();
  }

  function keepAddress(event) {
    var item = event.target;
    if (item.matches("details.item") && item.open && document.activeElement.parentElement === item) history.replaceState(null, "", "#" + item.id);
  }

  if (bar) {
    bar.hidden = false;
    bar.addEventListener("input", apply);
    bar.addEventListener("click", function (event) {
      var set = event.target.dataset.set;
      if (set === "reset") reset();
      else if (set) checks.forEach(function (item) { if (!item.hidden) item.open = set === "open"; });
    });
    apply();
  }
  document.addEventListener("keydown", press);
  document.addEventListener("toggle", keepAddress, true);
  window.addEventListener("hashchange", reveal);
  reveal();
})();
