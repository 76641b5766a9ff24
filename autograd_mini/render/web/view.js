// What is to be seen of a graph: a box for each node, group or crowd of leaves, and an edge for each operand.

const CROWD = 6;
let boxes, edges, boxOf;

const closedAround = place => around[place].find(group => !group.open);

function findBoxes() {
  boxes = [];
  edges = [];
  boxOf = [];
  const {nodes} = graph, keys = new Map(), crowd = crowds();
  nodes.forEach((node, place) => {
    const group = closedAround(place), gathered = crowd(place), key = group ?? gathered ?? place;
    if (!keys.has(key)) {
      const shown = group ? group.out : gathered ? null : place;
      keys.set(key, {members: [], slots: [], group, crowd: !!gathered, shown, key: "b" + boxes.length});
      boxes.push(keys.get(key));
    }
    keys.get(key).members.push(place);
    boxOf[place] = keys.get(key);
  });
  boxes.slice().forEach(wire);
  boxes.forEach(measure);
}

// Leaves that only one closed group uses stand in one box in front of it, when they are many.
function crowds() {
  const only = new Map(), count = new Map(), {nodes} = graph;
  nodes.forEach((node, place) => node.in?.forEach(o => {
    if (typeof o !== "number" || nodes[o].op) return;
    const user = closedAround(place) ?? "many";
    only.set(o, only.has(o) && only.get(o) !== user ? "many" : user);
  }));
  for (const group of only.values()) count.set(group, (count.get(group) ?? 0) + 1);
  const keys = new Map();
  return leaf => {
    const group = only.get(leaf);
    if (group === undefined || group === "many" || count.get(group) <= CROWD) return undefined;
    if (!keys.has(group)) keys.set(group, {});
    return keys.get(group);
  };
}

const orderMatters = op => ROWS[op].partials.length > 1 && !ROWS[op].symmetric;

function wire(head) {
  const {nodes} = graph, slots = head.group?.slots, merged = new Map();
  const connect = (operand, via, mark) => {
    if (typeof operand !== "number") {
      if (head.group && !slots) return;
      const constant = {constant: short(number(operand.c)), members: [], slots: [], key: "b" + boxes.length};
      boxes.push(constant);
      edges.push({tail: constant, head, via: [via], slot: head.slots.push(mark) - 1, constant: number(operand.c)});
      return;
    }
    const tail = boxOf[operand];
    if (tail === head) return;
    if (((head.group && !slots) || tail.crowd) && merged.has(tail)) return merged.get(tail).via.push(via);
    const edge = {tail, head, via: [via], from: operand, slot: head.slots.push(mark) - 1};
    merged.set(tail, edge);
    edges.push(edge);
  };
  const whole = slots && head.members.every(member => closedAround(member) === head.group);
  if (whole) slots.forEach(({operand, via, mark}) => connect(operand, via, mark));
  else for (const member of head.members)
    nodes[member].in?.forEach((operand, k) => connect(operand, [member, k],
      !head.group && orderMatters(nodes[member].op) ? String(k + 1) : ""));
}

const ruler = document.createElement("canvas").getContext("2d");
function widthOf(text, font) {
  ruler.font = `${font} ${getComputedStyle(document.body).fontFamily}`;
  return ruler.measureText(text).width;
}
const cut = (text, length) => [...text].length > length ? [...text].slice(0, length - 1).join("") + "…" : text;

function measure(box) {
  if (box.constant !== undefined) {
    box.width = Math.max(26, widthOf(box.constant, "12.5px") + 16);
    box.height = 26;
    return;
  }
  const node = graph.nodes[box.shown];
  box.title = cut(box.crowd ? box.members.slice(0, 2).map(m => graph.name(m)).join(", ") + ", …" : node?.name ?? "", 24);
  box.sign = box.group ? (box.group.kind === "part" ? "ƒ" : cut(box.group.title, 24)) : node?.op ? sign(node.op) : "";
  if (box.title === box.sign) box.sign = "";
  const title = widthOf(box.title, "650 14px") + (box.title && box.sign ? 8 : 0);
  const head = title + widthOf(box.sign, box.title ? "13px" : "650 14px") + (box.group ? 18 : 0) + (node?.toggle ? 34 : 0);
  box.caption = "d" + (box.title.length <= 6 ? box.title : "");
  box.width = Math.ceil(Math.max(head + 30, 93 + widthOf(box.caption, "12.5px")));
  box.height = Math.max(68, 12 + 13 * box.slots.length);
}
