(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("points").textContent);
  var dark = matchMedia("(prefers-color-scheme: dark)").matches;
  var text = dark ? "#e4e7ea" : "#1b1f24", grid = dark ? "#363d44" : "#d3d8de";
  var colours = dark ? ["#83bcf7", "#ecbd68", "#ff9d94"] : ["#0a4f96", "#7d5200", "#b3221b"];
  var charts = [];

  function axis(label, more) {
    return Object.assign({ stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, label: label, labelSize: 24 }, more || {});
  }

  function chart(id, xs, lines, options) {
    var at = document.getElementById(id);
    if (!at || !xs || xs.length === 0) { return; }
    var series = [{ label: options.x }];
    var columns = [xs];
    lines.forEach(function (line, i) {
      if (!line[1] || line[1].length === 0) { return; }
      series.push({ label: line[0], stroke: colours[i % colours.length], width: 2, points: { show: xs.length < 40 } });
      columns.push(line[1]);
    });
    var made = new uPlot({
      width: at.clientWidth, height: 260, series: series,
      scales: { x: { time: false, distr: options.logX ? 3 : 1 }, y: { distr: options.logY ? 3 : 1, range: options.logY ? undefined : function (u, low, high) { return [0, high > 0 ? high * 1.05 : 1]; } } },
      axes: [axis(options.x, options.ticks), axis(options.y, { size: 64 })]
    }, columns, at);
    charts.push([made, at]);
  }

  // A logarithmic scale has no zero.
  function above(values) { return (values || []).map(function (v) { return v > 0 ? v : null; }); }

  chart("rate", data.seconds, [["due", data.due], ["finished", data.finished], ["wrong, failed or dropped", data.bad]], { x: "seconds", y: "journeys a second" });
  chart("times", data.seconds, [["p50", above(data.p50)], ["p99", above(data.p99)], ["max", above(data.max)]], { x: "seconds", y: "milliseconds", logY: true });
  chart("waiting", data.seconds, [["waiting for a connection", data.waiting]], { x: "seconds", y: "journeys" });
  chart("percentiles", data.rarity, [["a journey", above(data.at)]], {
    x: "percentile", y: "milliseconds", logX: true, logY: true,
    ticks: { values: function (u, splits) { return splits.map(function (v) { return v === null || Math.abs(Math.log10(v) % 1) > 1e-6 ? "" : (100 - 100 / v).toFixed(Math.max(0, Math.round(Math.log10(v)) - 2)) + "%"; }); } }
  });
  chart("cpu", data.seconds, [["processors", data.cpu]], { x: "seconds", y: "processors" });
  chart("memory", data.seconds, [["MiB", data.memory]], { x: "seconds", y: "MiB" });
  chart("curve", data.rates, [["p50", above(data.curve)], ["p99", above(data.worst)]], { x: "journeys a second", y: "milliseconds", logY: true });

  addEventListener("resize", function () {
    charts.forEach(function (c) { c[0].setSize({ width: c[1].clientWidth, height: 260 }); });
  });
})();
