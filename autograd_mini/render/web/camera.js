// The camera: it fits the whole picture, follows the box in turn, and obeys wheel, drag and pinch. A drag on a leaf
// turns its number instead.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
let camera, follow = true, flight = 0;

const stageScale = ([, , w, h]) => Math.min(stage.clientWidth / w, stage.clientHeight / h);

// The box in turn with its operands, no smaller than can be read; the whole picture where that can be read anyway.
function frameOf(box) {
  if (!box || stageScale(extent) > 0.75) return extent;
  const near = [box, ...edges.filter(edge => edge.head === box).map(edge => edge.tail)];
  const left = Math.min(...near.map(b => b.x - b.width / 2)), right = Math.max(...near.map(b => b.x + b.width / 2));
  const top = Math.min(...near.map(b => b.y - b.height / 2)), bottom = Math.max(...near.map(b => b.y + b.height / 2));
  const zoom = Math.min(1.8, Math.max(1, (right - left + 40) / stage.clientWidth, (bottom - top + 40) / stage.clientHeight));
  const width = stage.clientWidth * zoom, height = stage.clientHeight * zoom;
  const within = (wish, low, high) => Math.min(Math.max(wish, low), high);
  return [within((left + right - width) / 2, box.x + box.width / 2 + 16 - width, box.x - box.width / 2 - 16),
          within((top + bottom - height) / 2, box.y + box.height / 2 + 16 - height, box.y - box.height / 2 - 16),
          width, height];
}

function look(target, at = performance.now()) {
  const from = camera ?? target, mine = ++flight;
  const place = share => {
    camera = target.map((end, i) => from[i] + (end - from[i]) * share);
    svg.setAttribute("viewBox", camera.map(x => x.toFixed(2)).join(" "));
  };
  if (calm.matches || !camera) return place(1);
  requestAnimationFrame(function fly(time) {
    if (mine !== flight) return;
    const share = Math.max(0, Math.min(1, (time - at) / 320));
    place(share * share * (3 - 2 * share));
    if (share < 1) requestAnimationFrame(fly);
  });
}

function move(view) {
  flight++;
  camera = view;
  svg.setAttribute("viewBox", view.map(x => x.toFixed(2)).join(" "));
}

function zoomAt(factor, clientX, clientY) {
  const frame = stage.getBoundingClientRect(), unit = 1 / stageScale(camera), [x, y, w, h] = camera;
  if (w * factor < 60 || w * factor > extent[2] * 6) return;
  const px = x + w / 2 + (clientX - frame.left - frame.width / 2) * unit;
  const py = y + h / 2 + (clientY - frame.top - frame.height / 2) * unit;
  move([px - (px - x) * factor, py - (py - y) * factor, w * factor, h * factor]);
}

stage.addEventListener("wheel", event => {
  event.preventDefault();
  zoomAt(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.005), event.clientX, event.clientY);
}, {passive: false});

const fingers = new Map();
let grip = null, moved = false;
const wasDragged = () => moved;

stage.addEventListener("pointerdown", event => {
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  moved = false;
  const leaf = boxes.find(box => box.leaf && !box.knob && box.element.contains(event.target));
  grip = leaf && fingers.size === 1 ? {leaf: leaf.shown, x: event.clientX, from: graph.values[leaf.shown]} : null;
});

addEventListener("pointermove", event => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const {clientX: x, clientY: y} = event, [dx, dy] = [x - before[0], y - before[1]];
  const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) pinch(before, other, x, y);
  else if (grip) turn(x);
  else if (dx || dy) {
    moved ||= Math.hypot(dx, dy) > 1;
    const unit = 1 / stageScale(camera);
    move([camera[0] - dx * unit, camera[1] - dy * unit, camera[2], camera[3]]);
  }
  fingers.set(event.pointerId, [x, y]);
});

function pinch(before, other, x, y) {
  const was = Math.hypot(before[0] - other[0], before[1] - other[1]), is = Math.hypot(x - other[0], y - other[1]);
  moved = true;
  if (was > 0 && is > 0) zoomAt(was / is, (x + other[0]) / 2, (y + other[1]) / 2);
}

function turn(x) {
  moved ||= Math.abs(x - grip.x) > 3;
  if (!moved) return;
  const [low, high] = graph.bounds(grip.leaf), wish = grip.from + (x - grip.x) * (high - low) / 400;
  setLeaf(grip.leaf, Number(Math.min(high, Math.max(low, wish)).toPrecision(4)));
}

for (const end of ["pointerup", "pointercancel"])
  addEventListener(end, event => {
    fingers.delete(event.pointerId);
    if (!fingers.size) grip = null;
  });
