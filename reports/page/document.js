(function () {
  "use strict";
  var bar = document.getElementById("filter");
  var items = Array.prototype.slice.call(document.querySelectorAll("[data-verdict]"));

  function reveal() {
    var id = decodeURIComponent(location.hash.slice(1));
    var target = id && document.getElementById(id);
    if (!target) return;
    if (target.tagName === "DETAILS") target.open = true;
    if (target.hidden) {
      bar.querySelectorAll("select, input").forEach(function (field) { field.value = ""; });
      apply();
    }
    target.scrollIntoView();
  }

  function apply() {
    var verdict = bar.querySelector("#by-verdict").value;
    var level = bar.querySelector("#by-level").value;
    var text = bar.querySelector("#by-text").value.trim().toLowerCase();
    var shown = 0, rows = 0;
    items.forEach(function (item) {
      var fits = (!verdict || item.dataset.verdict === verdict || (verdict === "open" && item.dataset.verdict !== "pass")) &&
        (!level || item.dataset.level === level) &&
        (!text || item.dataset.text.toLowerCase().indexOf(text) >= 0);
      item.hidden = !fits;
      if (item.tagName === "TR") { rows++; if (fits) shown++; }
    });
    document.querySelectorAll("[data-group]").forEach(function (group) {
      group.hidden = !group.querySelector("[data-verdict]:not([hidden])");
    });
    document.getElementById("shown").textContent = shown + " of " + rows + " shown";
  }

  if (bar) {
    bar.hidden = false;
    bar.addEventListener("input", apply);
    bar.addEventListener("click", function (event) {
      var set = event.target.dataset && event.target.dataset.set;
      if (!set) return;
      document.querySelectorAll("details.item:not([hidden])").forEach(function (d) { d.open = set === "open"; });
    });
    apply();
  }
  window.addEventListener("hashchange", reveal);
  reveal();
})();
