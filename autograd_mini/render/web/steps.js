// The steps: the inputs, forward box by box, backward box by box, and at last everything live.

let steps, now = 0, timer = null;

function findSteps() {
  const last = box => box.members.at(-1);
  const operations = boxes.filter(box => box.members.some(member => graph.nodes[member].op)).sort((a, b) => last(a) - last(b));
  const below = new Set([boxOf[graph.root]]);
  for (const box of operations.slice().reverse())
    if (below.has(box)) edges.forEach(edge => edge.head === box && below.add(edge.tail.chipOf ?? edge.tail));
  steps = [{kind: "start"}, ...operations.map(box => ({kind: "forward", box})), {kind: "begin", box: boxOf[graph.root]},
           ...operations.filter(box => below.has(box)).reverse().map(box => ({kind: "backward", box})), {kind: "live"}];
  byId("slider").max = steps.length - 1;
}

// What is known at a step: values so far, boxes whose gradient was handed on, and the gradients that were added up.
function momentOf(index) {
  const step = steps[index], passed = kind => new Set(steps.slice(0, index + 1).filter(s => s.kind === kind).map(s => s.box));
  const known = passed("forward"), done = passed("backward"), started = passed("begin").size > 0, live = step.kind === "live";
  if (live) return {step, known, done, started, live, reached: new Set(boxes), gradients: graph.gradients};
  const gradients = new Float64Array(graph.nodes.length), reached = new Set(started ? [boxOf[graph.root]] : []);
  gradients[graph.root] = 1;
  for (let place = graph.root; place >= 0; place--)
    if (graph.nodes[place].op && done.has(boxOf[place])) graph.hand(place, gradients);
  for (const edge of edges) if (done.has(edge.head)) reached.add(edge.tail.chipOf ?? edge.tail);
  return {step, known, done, started, live, reached, gradients};
}

function go(index, {travelling = true} = {}) {
  now = Math.max(0, Math.min(steps.length - 1, index));
  if (now === steps.length - 1) stop();
  const {kind, box} = steps[now];
  if (box && tab === "inputs") tab = "step";
  lit = new Set();
  update();
  if (follow) look(frameOf(box));
  if (travelling && box && !calm.matches) travel(box, kind);
}

// Values travel along the edges into the box in turn, and in the backward pass gradients out of it.
function travel(box, kind) {
  if (kind === "begin") return;
  const forward = kind === "forward", {gradients} = momentOf(now), length = timer ? 700 : 450, start = performance.now();
  const runners = edges.filter(edge => edge.head === box && (forward || edge.local !== null)).slice(0, 24).map(edge => {
    const x = forward ? edge.constant ?? graph.values[edge.from] : chain(gradients[box.shown], edge.local);
    const element = make("text", {class: "traveller " + (forward ? "value" : "gradient")}, short(x));
    return {line: edge.line, whole: edge.line.getTotalLength(), element};
  });
  runners.forEach(({element}) => svg.append(element));
  requestAnimationFrame(function run(time) {
    const share = Math.max(0, Math.min(1, (time - start) / length)), eased = share * share * (3 - 2 * share);
    for (const {line, whole, element} of runners) {
      const point = line.getPointAtLength(whole * (forward ? eased : 1 - eased));
      element.setAttribute("x", point.x);
      element.setAttribute("y", point.y + 4);
    }
    if (share < 1) requestAnimationFrame(run);
    else runners.forEach(({element}) => element.remove());
  });
}

function stop() {
  clearInterval(timer);
  timer = null;
  write(byId("play"), say("play"));
}

function play() {
  if (timer) return stop();
  if (now >= steps.length - 1) go(0);
  timer = setInterval(() => go(now + 1), 1400);
  write(byId("play"), say("pause"));
}

function showSteps({step, live}) {
  const text = live ? say("live") : say("of", now, steps.length - 2);
  byId("slider").value = now;
  put(byId("slider"), "aria-valuetext", text);
  write(byId("count"), text);
  write(byId("result"), `${graph.name(graph.root)} = ${short(graph.values[graph.root])}`);
  byId("first").disabled = byId("back").disabled = step.kind === "start";
  byId("last").disabled = byId("step").disabled = live;
}

// A leaf takes a number, and all that follows from it follows in the next frame.
let pending = false;
function refresh() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => { pending = false; update(); });
}

function setLeaf(leaf, x) {
  if (Number.isNaN(x)) return;
  graph.values[leaf] = x;
  refresh();
}

function nudge(leaf, steps_) {
  const [low, high] = graph.bounds(leaf), wish = graph.values[leaf] + steps_ * (high - low) / 100;
  setLeaf(leaf, graph.nodes[leaf].toggle ? +(steps_ > 0) : Number(Math.min(high, Math.max(low, wish)).toPrecision(12)));
}

function choose(box) {
  if (box.knob) return setLeaf(box.shown, graph.values[box.shown] ? 0 : 1);
  const forward = ["start", "forward"].includes(steps[now].kind);
  const index = steps.findIndex(step => step.box === box && step.kind === (forward ? "forward" : "backward"));
  stop();
  if (index >= 0) { tab = "step"; return go(index); }
  tab = "inputs";
  update();
  byId("leaf" + box.shown)?.focus({preventScroll: false});
}

function boxKey(event, box) {
  const {key} = event;
  if (key === "Enter" || key === " ") {
    event.preventDefault();
    event.stopPropagation();
    if (key === " " && box.group) openOrFold(box);
    else choose(box);
  } else if (box.leaf && (key === "ArrowUp" || key === "ArrowDown")) {
    event.preventDefault();
    nudge(box.shown, key === "ArrowUp" ? 1 : -1);
  }
}

function openOrFold(box) {
  const group = box.group ?? around[box.shown]?.at(-1);
  if (!group || !(group.open || opens(group))) return;
  group.open = !group.open;
  rebuild();
}

// A new view of the same graph: the step that was on is found again as well as may be.
function rebuild() {
  stop();
  drawBoxes();
  findSteps();
  camera = null;
  go(steps.length - 1, {travelling: false});
}
