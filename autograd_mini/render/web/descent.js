// Gradient descent on the cost J, by the very programs that the engine traced: example([...parameters, ...row]) gives the
// loss of one row and its derivatives, predict([...parameters, ...features]) gives a.

const {rows, parameters, features} = data, byW = features.length === 1;
const [I, K] = [0, 1], MOST = 400, GRID = 44, LEVELS = 14;
let from = data.start.slice(), at = from.slice(), path = [at], costs = [], timer = null, range, field, fieldFor;

function cost(point) {
  const sum = new Float64Array(1 + parameters.length);
  for (const row of rows) example([...point, ...row]).forEach((x, i) => { sum[i] += x; });
  return sum.map(x => x / rows.length);
}
const rate = () => 10 ** Number(byId("rate").value);
const digits = (x, n = 4) => minus(x.toPrecision(n));

function descend() {
  const [, ...slope] = cost(at), next = at.map((x, i) => x - rate() * slope[i]);
  path.push(at = next);
  costs.push(cost(at)[0]);
  const lost = !Number.isFinite(costs.at(-1)) || Math.abs(at[I]) > 1e6;
  if (lost || costs.at(-1) > costs.at(-2)) write(byId("said"), say("diverges", byId("rate-shown").textContent));
  if (lost || path.length > MOST) stop();
}

function restart(count = 0) {
  at = from.slice();
  path = [at];
  costs = [cost(at)[0]];
  write(byId("said"), "");
  for (let i = 0; i < count; i++) descend();
}

// Canvases -------------------------------------------------------------------------------------------------------------

const color = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const charts = {};

// A canvas with axes; `px` and `py` are its scales, and what is drawn next stays between the axes.
function chart(id, x, y, names) {
  const element = byId(id), ratio = devicePixelRatio, {clientWidth: width, clientHeight: height} = element;
  const left = 52, right = width - 12, top = 12, bottom = height - 38, pen = element.getContext("2d");
  const px = value => left + (value - x[0]) / (x[1] - x[0]) * (right - left);
  const py = value => bottom - (value - y[0]) / (y[1] - y[0]) * (bottom - top);
  charts[id] = {x, y, left, right, top, bottom};
  [element.width, element.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "center";
  for (const tick of ticks(x, width / 90)) {
    line(pen, [[px(tick), top], [px(tick), bottom + 4]], "line", 1);
    words(pen, figure(tick), px(tick), bottom + 17);
  }
  words(pen, cut(names[0], (right - left) / 8), (left + right) / 2, height - 5, "ink");
  for (const tick of ticks(y, height / 60)) line(pen, [[left - 4, py(tick)], [right, py(tick)]], "line", 1);
  pen.textAlign = "right";
  for (const tick of ticks(y, height / 60)) words(pen, figure(tick), left - 8, py(tick) + 4);
  pen.textAlign = "center";
  pen.translate(13, (top + bottom) / 2);
  pen.rotate(-Math.PI / 2);
  words(pen, cut(names[1], (bottom - top) / 8), 0, 0, "ink");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.beginPath();
  pen.rect(left, top - 4, right - left + 4, bottom - top + 4);
  pen.clip();
  pen.textAlign = "left";
  return {pen, px, py};
}

// Round numbers in a range, about as many as asked for.
function ticks([low, high], count) {
  const rough = (high - low) / Math.max(2, count), unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * [1, 2, 5, 10].find(k => k * unit >= rough), found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k * step);
  return found;
}
function figure(x) {
  const round = Number(x.toPrecision(4)), size = Math.abs(round);
  return minus(size >= 1e5 || (size > 0 && size < 1e-3) ? round.toExponential().replace("+", "") : String(round));
}
function line(pen, points, ink, width = 2, dash = []) {
  pen.strokeStyle = color(ink);
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.beginPath();
  points.forEach(([x, y], i) => i ? pen.lineTo(x, y) : pen.moveTo(x, y));
  pen.stroke();
  pen.setLineDash([]);
}
function dot(pen, x, y, radius, ink) {
  pen.fillStyle = color(ink);
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fill();
}
function words(pen, text, x, y, ink = "soft") {
  pen.fillStyle = color(ink);
  pen.fillText(text, x, y);
}
const cut = (text, length) => text.length > length ? text.slice(0, length - 1) + "…" : text;
function tell(id, text) {
  write(byId(id + "-told"), text);
  byId(id).setAttribute("aria-label", text);
}

// J over two parameters ------------------------------------------------------------------------------------------------

function computeField() {
  const others = at.filter((_, i) => i !== I && i !== K).map(x => x.toPrecision(3)).join();
  const key = JSON.stringify([range, others, rows]);
  if (fieldFor === key) return;
  fieldFor = key;
  field = Float64Array.from({length: (GRID + 1) ** 2}, (_, place) => {
    const point = at.slice(), column = place % (GRID + 1), row = (place - column) / (GRID + 1);
    point[I] = range.x[0] + (range.x[1] - range.x[0]) * column / GRID;
    point[K] = range.y[1] - (range.y[1] - range.y[0]) * row / GRID;
    return cost(point)[0];
  });
}

// Contours by marching squares, at levels in geometric steps above the least cost.
function contours(pen, px, py) {
  const finite = field.filter(Number.isFinite), low = Math.min(...finite), high = Math.max(...finite);
  const corners = [[0, 0], [1, 0], [1, 1], [0, 1]], along = ([a, b], share) => a + (b - a) * share;
  const spot = (column, row) => [px(along(range.x, column / GRID)), py(along(range.y, 1 - row / GRID))];
  for (let k = 1; k <= LEVELS; k++) {
    const level = low + (high - low) * 1.7 ** (k - LEVELS - 1);
    pen.globalAlpha = 0.9 - 0.6 * k / LEVELS;
    pen.strokeStyle = color("up");
    pen.lineWidth = 1.2;
    pen.beginPath();
    for (let row = 0; row < GRID; row++) for (let column = 0; column < GRID; column++) {
      const heights = corners.map(([x, y]) => field[(row + y) * (GRID + 1) + column + x]), cuts = [];
      corners.forEach(([x, y], i) => {
        const j = (i + 1) % 4, [a, b] = [heights[i], heights[j]], f = (level - a) / (b - a), [X, Y] = corners[j];
        if (a < level !== b < level) cuts.push(spot(column + x + (X - x) * f, row + y + (Y - y) * f));
      });
      for (let i = 0; i + 1 < cuts.length; i += 2) { pen.moveTo(...cuts[i]); pen.lineTo(...cuts[i + 1]); }
    }
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function drawMap() {
  const {pen, px, py} = chart("map", range.x, range.y, [parameters[I], parameters[K]]);
  computeField();
  contours(pen, px, py);
  line(pen, path.map(point => [px(point[I]), py(point[K])]), "now");
  path.forEach(point => dot(pen, px(point[I]), py(point[K]), 2.3, "now"));
  const [J, ...slope] = cost(at), size = Math.hypot(slope[I], slope[K]) || 1, length = 14 + 34 * Math.min(1, size);
  const [x, y] = [px(at[I]), py(at[K])];
  line(pen, [[x, y], [x - slope[I] / size * length, y + slope[K] / size * length]], "ink", 2.4);
  dot(pen, x, y, 7, "now");
  const named = parameters.map((name, i) => `${name} = ${digits(at[i])}, dJ/d${name} = ${digits(slope[i], 3)}`).slice(0, 3);
  tell("map", `J = ${digits(J)}; ${named.join("; ")}. ${say("dragStart")}`);
}

// The data: a over x, or the plane with its boundary -------------------------------------------------------------------

const spread = column => {
  const all = rows.map(row => row[column]), low = Math.min(...all), high = Math.max(...all), room = (high - low || 2) * 0.15;
  return [low - room, high + room];
};
function drawPlot() {
  const {pen, px, py} = chart("plot", ...data.spread, [features[0], byW ? "a, y" : features[1]]), [low, high] = data.spread[0];
  if (byW) {
    const steps = Array.from({length: 121}, (_, i) => low + (high - low) * i / 120);
    line(pen, steps.map(x => [px(x), py(predict([...at, x])[0])]), "now", 2.4);
    line(pen, [-1, 2].map(y => [px(-at[1] / at[0]), py(y)]), "soft", 1.2, [5, 5]);
    for (const [x, y] of rows) line(pen, [[px(x), py(y)], [px(x), py(predict([...at, x])[0])]], y ? "value" : "down", 1);
  } else {
    const height2 = x => -(at[0] * x + at.at(-1) + at.slice(2, -1).reduce((sum, w, i) => sum + w * data.means[i + 2], 0)) / at[1];
    line(pen, [low, high].map(x => [px(x), py(height2(x))]), "now", 2.4);
  }
  for (const row of rows) dot(pen, px(row[0]), py(row[1]), rows.length > 60 ? 3.2 : 6, row.at(-1) ? "value" : "down");
  tell("plot", say(byW ? "plotLine" : "plotPlane"));
}

function drawCurve() {
  const shown = costs.filter(Number.isFinite), top = Math.max(...shown, 1e-9) * 1.05;
  const {pen, px, py} = chart("curve", [0, Math.max(20, costs.length - 1)], [0, top], [say("step"), "J"]);
  line(pen, shown.map((J, i) => [px(i), py(J)]), "now", 2.4);
  tell("curve", say("curve", digits(costs[0]), digits(costs.at(-1)), path.length - 1));
}

// The loss of one example over a: why it pushes a to y, and what saturation does to the squared error --------------------

function drawLoss() {
  const a = Number(byId("activation").value), y = +byId("label").checked, top = 5;
  const {pen, px, py} = chart("loss", [0, 1], [0, top], ["a", "L"]);
  const entropy = x => -Math.log(y ? x : 1 - x), square = x => (x - y) ** 2 / 2;
  const steps = Array.from({length: 199}, (_, i) => (i + 1) / 200);
  line(pen, steps.map(x => [px(x), py(Math.min(top * 1.2, -Math.log(y ? 1 - x : x)))]), "line", 1.5);
  line(pen, steps.map(x => [px(x), py(square(x))]), "group", 2, [6, 4]);
  line(pen, steps.map(x => [px(x), py(Math.min(top * 1.2, entropy(x)))]), "now", 2.6);
  const slope = y ? -1 / a : 1 / (1 - a), reach = 0.12;
  line(pen, [-reach, reach].map(d => [px(a + d), py(entropy(a) + slope * d)]), "ink", 1.6);
  dot(pen, px(a), py(entropy(a)), 6, "now");
  dot(pen, px(a), py(square(a)), 5, "group");
  words(pen, y ? "−ln a" : "−ln(1 − a)", y ? px(0.1) : px(0.66), py(4.6), "now");
  words(pen, "½(a − y)²", px(y ? 0.1 : 0.75), py(0.6), "group");
  tell("loss", say("lossTold", y, digits(a, 3), digits(entropy(a), 3), digits(slope, 3), digits(a - y, 3), digits((a - y) * a * (1 - a), 3)));
}

function drawAll() {
  write(byId("rate-shown"), rate().toPrecision(3));
  put(byId("rate"), "aria-valuetext", rate().toPrecision(3));
  drawMap();
  drawPlot();
  drawCurve();
  drawLoss();
}

// Controls -------------------------------------------------------------------------------------------------------------

function stop() {
  clearInterval(timer);
  timer = null;
  write(byId("play"), say("play"));
}
byId("play").addEventListener("click", () => {
  if (timer) return stop();
  timer = setInterval(() => { descend(); drawAll(); }, 90);
  write(byId("play"), say("pause"));
});
byId("step").addEventListener("click", () => { stop(); descend(); drawAll(); });
byId("reset").addEventListener("click", () => { stop(); from = data.start.slice(); restart(); drawAll(); });
byId("rate").addEventListener("input", () => { write(byId("rate-shown"), rate().toPrecision(3)); restart(path.length - 1); drawAll(); });
for (const id of ["activation", "label"]) byId(id).addEventListener("input", drawLoss);

// The numbers under a finger: what the axes of its canvas say there.
function under(event) {
  const {x, y, left, right, top, bottom} = charts[event.target.id], frame = event.target.getBoundingClientRect();
  return [x[0] + (x[1] - x[0]) * (event.clientX - frame.left - left) / (right - left),
          y[1] - (y[1] - y[0]) * (event.clientY - frame.top - top) / (bottom - top)];
}
function dragStart(event) {
  if (event.type === "pointerdown") { event.target.setPointerCapture(event.pointerId); stop(); }
  else if (!event.buttons) return;
  [from[I], from[K]] = under(event);
  restart();
  drawAll();
}
for (const event of ["pointerdown", "pointermove"]) byId("map").addEventListener(event, dragStart);
byId("map").addEventListener("keydown", event => {
  const [dx, dy] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key] ?? [];
  if (dx === undefined) return;
  event.preventDefault();
  from[I] += dx * (range.x[1] - range.x[0]) / 60;
  from[K] += dy * (range.y[1] - range.y[0]) / 60;
  restart();
  drawAll();
});

let held = null;
byId("plot").addEventListener("pointerdown", event => {
  const [x, y] = under(event), [width, height] = data.spread.map(([low, high]) => high - low);
  const far = row => Math.hypot((row[0] - x) / width, (row[1] - y) / height);
  event.target.setPointerCapture(event.pointerId);
  held = rows.reduce((best, row) => far(row) < far(best) ? row : best);
});
byId("plot").addEventListener("pointermove", event => {
  if (!held || !event.buttons) return;
  const [x, y] = under(event);
  [held[0], held[1]] = [x, byW ? +(y > 0.5) : y];
  restart(path.length - 1);
  drawAll();
});
addEventListener("pointerup", () => { held = null; });

byId("language").addEventListener("click", () => { language = language === "en" ? "zh" : "en"; speak(); drawAll(); });
addEventListener("resize", drawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

range = {x: data.window[I], y: data.window[K]};
data.spread = [spread(0), byW ? [-0.1, 1.1] : spread(1)];
data.means = parameters.map((_, column) => rows.reduce((sum, row) => sum + row[column], 0) / rows.length);
speak();
restart();
drawAll();
if (location.hash) { restart(Number(location.hash.slice(1))); drawAll(); }
