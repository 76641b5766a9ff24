// Gradient descent on the cost J, by the very program that the engine traced: example(parameters, row) gives the loss of
// one row and its derivatives, predict(parameters, row) gives a.

const {rows, parameters} = data, features = parameters.length - 1, byW = features === 1;
const [I, K] = byW ? [0, 1] : [0, 1], MOST = 400, GRID = 44, LEVELS = 14;
let from = data.start.slice(), at = from.slice(), path = [at], costs = [], timer = null, range, field, fieldFor;

function cost(point) {
  const sum = new Float64Array(1 + parameters.length);
  for (const row of rows) example(...point, ...row).forEach((x, i) => { sum[i] += x; });
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
function canvas(id) {
  const element = byId(id), ratio = devicePixelRatio, width = element.clientWidth, height = element.clientHeight;
  [element.width, element.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const pen = element.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.font = "12px system-ui, sans-serif";
  return {pen, width, height};
}
const scale = ([low, high], size, turned = false) => x =>
  (turned ? high - x : x - low) / (high - low) * size;
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
function contours(pen, width, height) {
  const finite = field.filter(Number.isFinite), low = Math.min(...finite), high = Math.max(...finite);
  const corners = [[0, 0], [1, 0], [1, 1], [0, 1]];
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
        if (a < level !== b < level) cuts.push([(column + x + (X - x) * f) / GRID * width, (row + y + (Y - y) * f) / GRID * height]);
      });
      for (let i = 0; i + 1 < cuts.length; i += 2) { pen.moveTo(...cuts[i]); pen.lineTo(...cuts[i + 1]); }
    }
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function drawMap() {
  const {pen, width, height} = canvas("map"), px = scale(range.x, width), py = scale(range.y, height, true);
  computeField();
  contours(pen, width, height);
  line(pen, path.map(point => [px(point[I]), py(point[K])]), "now");
  path.forEach(point => dot(pen, px(point[I]), py(point[K]), 2.3, "now"));
  const [J, ...slope] = cost(at), size = Math.hypot(slope[I], slope[K]) || 1, length = 14 + 34 * Math.min(1, size);
  const [x, y] = [px(at[I]), py(at[K])];
  line(pen, [[x, y], [x - slope[I] / size * length, y + slope[K] / size * length]], "ink", 2.4);
  dot(pen, x, y, 7, "now");
  words(pen, `${parameters[I]} →`, width - 40, height - 8);
  words(pen, `${parameters[K]} ↑`, 8, 16);
  const named = parameters.map((name, i) => `${name} = ${digits(at[i])}, dJ/d${name} = ${digits(slope[i], 3)}`).slice(0, 3);
  tell("map", `J = ${digits(J)}; ${named.join("; ")}. ${say("dragStart")}`);
}

// The data: a over x, or the plane with its boundary -------------------------------------------------------------------

const spread = column => {
  const all = rows.map(row => row[column]), low = Math.min(...all), high = Math.max(...all), room = (high - low || 2) * 0.15;
  return [low - room, high + room];
};
const plotScales = (width, height) => byW
  ? [scale(data.spread[0], width), y => height * (0.92 - 0.84 * y)]
  : [scale(data.spread[0], width), scale(data.spread[1], height, true)];

function drawPlot() {
  const {pen, width, height} = canvas("plot"), [px, py] = plotScales(width, height), [low, high] = data.spread[0];
  if (byW) {
    for (const y of [0, 0.5, 1]) line(pen, [[0, py(y)], [width, py(y)]], "line", 1);
    const steps = Array.from({length: 121}, (_, i) => low + (high - low) * i / 120);
    line(pen, steps.map(x => [px(x), py(predict(...at, x)[0])]), "now", 2.4);
    line(pen, [[px(-at[1] / at[0]), 0], [px(-at[1] / at[0]), height]], "soft", 1.2, [5, 5]);
    for (const [x, y] of rows) line(pen, [[px(x), py(y)], [px(x), py(predict(...at, x)[0])]], y ? "value" : "down", 1);
  } else {
    const height2 = x => -(at[0] * x + at.at(-1) + at.slice(2, -1).reduce((sum, w, i) => sum + w * data.means[i + 2], 0)) / at[1];
    line(pen, [low, high].map(x => [px(x), py(height2(x))]), "now", 2.4);
  }
  for (const row of rows) dot(pen, px(row[0]), py(row[1]), rows.length > 60 ? 3.2 : 6, row.at(-1) ? "value" : "down");
  tell("plot", say(byW ? "plotLine" : "plotPlane"));
}

function drawCurve() {
  const {pen, width, height} = canvas("curve"), shown = costs.filter(Number.isFinite), top = Math.max(...shown, 1e-9);
  const px = i => 10 + (width - 20) * i / Math.max(20, costs.length - 1), py = J => height - 14 - (height - 34) * J / top;
  line(pen, [[10, py(0)], [width - 10, py(0)]], "line", 1);
  line(pen, shown.map((J, i) => [px(i), py(J)]), "now", 2.4);
  words(pen, digits(top, 3), 12, 14);
  tell("curve", say("curve", digits(costs[0]), digits(costs.at(-1)), path.length - 1));
}

// The loss of one example over a: why it pushes a to y, and what saturation does to the squared error --------------------

function drawLoss() {
  const {pen, width, height} = canvas("loss"), a = Number(byId("activation").value), y = +byId("label").checked, top = 5;
  const px = x => 8 + (width - 16) * x, py = L => height - 12 - (height - 24) * L / top;
  const entropy = x => -Math.log(y ? x : 1 - x), square = x => (x - y) ** 2 / 2;
  const steps = Array.from({length: 199}, (_, i) => (i + 1) / 200);
  line(pen, [[px(0), py(0)], [px(1), py(0)]], "line", 1);
  line(pen, steps.map(x => [px(x), py(Math.min(top * 1.2, -Math.log(y ? 1 - x : x)))]), "line", 1.5);
  line(pen, steps.map(x => [px(x), py(square(x))]), "group", 2, [6, 4]);
  line(pen, steps.map(x => [px(x), py(Math.min(top * 1.2, entropy(x)))]), "now", 2.6);
  const slope = y ? -1 / a : 1 / (1 - a), reach = 0.12;
  line(pen, [-reach, reach].map(d => [px(a + d), py(entropy(a) + slope * d)]), "ink", 1.6);
  dot(pen, px(a), py(entropy(a)), 6, "now");
  dot(pen, px(a), py(square(a)), 5, "group");
  words(pen, y ? "−ln a" : "−ln(1 − a)", y ? px(0.08) : px(0.66), 20, "now");
  words(pen, "½(a − y)²", px(0.42), py(0) - 18, "group");
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

const within = event => {
  const frame = event.target.getBoundingClientRect();
  return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
};
function dragStart(event) {
  if (event.type === "pointerdown") { event.target.setPointerCapture(event.pointerId); stop(); }
  else if (!event.buttons) return;
  const [x, y] = within(event);
  from[I] = range.x[0] + x * (range.x[1] - range.x[0]);
  from[K] = range.y[1] - y * (range.y[1] - range.y[0]);
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
  const {clientWidth: width, clientHeight: height} = event.target, [x, y] = within(event), [px, py] = plotScales(width, height);
  const far = row => Math.hypot(px(row[0]) - x * width, py(row[1]) - y * height);
  event.target.setPointerCapture(event.pointerId);
  held = rows.reduce((best, row) => far(row) < far(best) ? row : best);
});
byId("plot").addEventListener("pointermove", event => {
  if (!held || !event.buttons) return;
  const [x, y] = within(event), [[left, right], [bottom, top]] = [data.spread[0], data.spread[1] ?? [0, 1]];
  held[0] = left + x * (right - left);
  if (byW) held[1] = +(y < 0.5);
  else held[1] = top - y * (top - bottom);
  restart(path.length - 1);
  drawAll();
});
addEventListener("pointerup", () => { held = null; });

byId("language").addEventListener("click", () => { language = language === "en" ? "zh" : "en"; speak(); drawAll(); });
addEventListener("resize", drawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

range = {x: data.window[I], y: data.window[K]};
data.spread = byW ? [spread(0)] : [spread(0), spread(1)];
data.means = parameters.map((_, column) => rows.reduce((sum, row) => sum + row[column], 0) / rows.length);
speak();
restart();
drawAll();
if (location.hash) { restart(Number(location.hash.slice(1))); drawAll(); }
