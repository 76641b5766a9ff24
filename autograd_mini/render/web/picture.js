// The drawing: elements once for a view; numbers, colours and widths whenever anything changes.

const stage = byId("stage");
let svg, lit = new Set();

function drawBoxes() {
  findBoxes();
  layout();
  svg?.remove();
  svg = make("svg", {role: "group", "aria-label": say("picture")});
  edges.forEach(drawEdge);
  boxes.forEach(box => box.constant === undefined ? drawBox(box) : drawConstant(box));
  stage.prepend(svg);
}

function drawEdge(edge) {
  edge.line = make("path", {d: edge.path});
  edge.label = make("text", {class: "label", x: edge.labelX.toFixed(1), y: edge.labelY.toFixed(1)});
  edge.element = make("g", {class: "edge"}, edge.line, edge.label);
  svg.append(edge.element);
}

function drawConstant(box) {
  const {x, y, width, height} = box;
  box.element = make("g", {class: "box constant" + (box.chipOf ? " chip" : "")},
    make("rect", {x: x - width / 2, y: y - height / 2, width, height, rx: 13}),
    make("text", {x, y: y + 4.5, "text-anchor": "middle", class: "sign"}, box.constant));
  svg.append(box.element);
}

function drawBox(box) {
  const left = box.x - box.width / 2, top = box.y - box.height / 2, text = box.y - 16, node = graph.nodes[box.shown];
  const frame = {x: left, y: top, width: box.width, height: box.height, rx: 10};
  box.leaf = !!node && !node.op && !box.group;
  const role = !box.leaf ? "button" : node.toggle ? "switch" : "slider";
  const head = make("text", {x: left + 16, y: text}, box.title ? make("tspan", {class: "name"}, box.title) : null,
    box.sign ? make("tspan", {class: box.title ? "sign" : "name", dx: box.title ? 8 : 0}, box.sign) : null);
  box.value = make("text", {class: "value", x: left + 16, y: text + 19});
  box.gradient = make("tspan", {class: "gradient", dx: 5});
  box.knob = box.leaf && node.toggle ? make("g", {class: "knob"},
    make("rect", {x: left + box.width - 40, y: text - 12, width: 28, height: 16, rx: 8}), make("circle", {cy: text - 4, r: 6})) : null;
  box.element = make("g", {class: `box ${box.leaf ? "leaf" : box.group || box.crowd ? "group" : "operation"}`, tabindex: 0, role, id: box.key},
    box.group ? make("rect", {...frame, x: left + 4, y: top - 4, class: "behind"}) : null, make("rect", frame), head,
    box.group && opens(box.group) ? make("text", {class: "sign", x: left + box.width - 22, y: text, "aria-hidden": true}, "⊞") : null,
    box.value, make("text", {class: "caption", x: left + 16, y: text + 37}, box.caption, box.gradient),
    box.slots.map((slot, k) => make("text", {class: "slot", x: left + 6,
      y: top + box.height * (k + 1) / (box.slots.length + 1) + 3}, slot)), box.knob);
  if (graph.roots.includes(box.shown)) box.element.classList.add("root");
  if (box.leaf && !node.toggle) for (const [i, end] of ["min", "max"].entries())
    box.element.setAttribute("aria-value" + end, graph.bounds(box.shown)[i]);
  box.element.addEventListener("click", () => { if (!wasDragged()) choose(box); });
  box.element.addEventListener("dblclick", () => openOrFold(box));
  box.element.addEventListener("keydown", event => boxKey(event, box));
  svg.append(box.element);
}

// The derivative of the box at an edge's head by the box at its tail: one entry, or a sweep inside the group.
let swept, sweptFor;
function local(edge) {
  const {head, tail, via} = edge;
  if (edge.constant !== undefined || head.shown === null || tail.crowd) return null;
  const [member, k] = via[0];
  if (!head.group) return graph.partials[member][k];
  if (sweptFor !== head.group) {
    swept = graph.backward(head.shown, new Float64Array(graph.nodes.length), graph.partials, m => head.group.inside.has(m));
    sweptFor = head.group;
  }
  const froms = new Set(via.map(([m, slot]) => graph.nodes[m].in[slot]));
  return froms.size > 1 ? null : via.reduce((sum, [m, slot]) => sum + chain(swept[m], graph.partials[m][slot]), 0);
}

// Everything that depends on (values, step, open groups); calling it twice changes nothing.
function update() {
  graph.forward();
  graph.backward();
  sweptFor = null;
  const moment = momentOf(now);
  let largest = 0;
  for (const edge of edges) {
    edge.local = local(edge);
    edge.share = edge.local === null ? null : chain(graph.gradients[edge.head.shown], edge.local);
    if (Number.isFinite(edge.share)) largest = Math.max(largest, Math.abs(edge.share));
  }
  boxes.forEach(box => box.constant === undefined && showBox(box, moment));
  edges.forEach(edge => showEdge(edge, moment, largest));
  showSteps(moment);
  showPanel(moment);
}

function showBox(box, {step, known, reached, gradients, live}) {
  const {shown, element} = box, {classList} = element;
  const seen = live || box.members.every(member => !graph.nodes[member].op) || known.has(box);
  const value = shown === null ? say("count", box.members.length) : seen ? short(graph.values[shown]) : "";
  write(box.value, value);
  write(box.gradient, shown !== null && (live || reached.has(box)) ? short(gradients[shown]) : "–");
  classList.toggle("later", !seen);
  classList.toggle("now", step.box === box);
  classList.toggle("bad", shown !== null && seen && !Number.isFinite(graph.values[shown]));
  classList.toggle("lit", lit.has(box));
  if (box.leaf) {
    const on = !!graph.values[shown], x = box.x + box.width / 2;
    if (box.knob) put(box.knob.lastChild, "cx", x - (on ? 20 : 32));
    if (box.knob) put(element, "aria-checked", String(on));
    else put(element, "aria-valuenow", String(graph.values[shown]));
    classList.toggle("on", on);
  }
  const title = [box.title, box.sign].filter(Boolean).join(" ") || say("leaf");
  put(element, "aria-label", `${title}: ${say("value")} ${value}, ${say("gradient")} ${box.gradient.textContent}`);
}

function showEdge(edge, {step, known, done, started, live}, largest) {
  const {head, share} = edge, {classList} = edge.element, handed = live || done.has(head);
  classList.toggle("later", !(live || started || known.has(head)));
  classList.toggle("now", step.box === head && step.kind !== "begin");
  classList.toggle("lit", lit.has(head) && (lit.has(edge.tail) || lit.has(edge.tail.chipOf)));
  classList.toggle("up", handed && share > 0);
  classList.toggle("down", handed && share < 0);
  classList.toggle("none", edge.local === 0);
  classList.toggle("bad", edge.local !== null && !Number.isFinite(edge.local));
  const wide = handed && share && largest ? 1.3 + 5.7 * Math.max(0, 1 + Math.log10(Math.abs(share) / largest) / 3) : 1.3;
  put(edge.line, "stroke-width", (Number.isFinite(wide) ? wide : 1.3).toFixed(2));
  const product = step.kind === "backward" && step.box === head;
  write(edge.label, edge.local === null || !(live || started) ? ""
    : product ? `× ${bracketed(edge.local)}` : short(edge.local));
}
