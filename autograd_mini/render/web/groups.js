// Groups of operations that are one box until they are opened: scopes, sums, dot products, sums of parts that are built
// alike, and what makes up a name.
//
// A group is {kind, title, members, out, open}; `out` is its one result, or null. `around[place]` lists the groups
// around a node, the outermost first. One that is all of a graph of few operations is open from the start. Its local derivatives are a sweep over its members.

const FEW = 12, SHOWN = 400;
let groups, around;

function findGroups() {
  const {nodes} = graph, users = nodes.map(() => new Set());
  nodes.forEach((node, place) => node.in?.forEach(o => { if (typeof o === "number") users[o].add(place); }));
  groups = [];
  around = nodes.map(() => []);
  const add = (kind, title, members, more = {}) => {
    const inside = new Set(members), isOut = m => graph.roots.includes(m) || [...users[m]].some(user => !inside.has(user));
    const outs = members.filter(isOut), group = {kind, title, members, inside, open: false, id: groups.length, ...more};
    group.out = outs.length === 1 ? outs[0] : null;
    groups.push(group);
    members.forEach(member => around[member].push(group));
  };
  for (const {key, title, members} of scopes(nodes)) add("scope", title, members, {key});
  for (const [count, members] of data.repeats) add("repeat", `Σ ×${count}`, members);
  const inner = place => nodes[place].op && !nodes[place].name && users[place].size === 1 && !graph.roots.includes(place);
  const together = (a, b) => a.at(-1) === b.at(-1);
  parts(nodes, inner, together).forEach(members => add("part", nodes[members.at(-1)].name, members, {open: true}));
  sums(nodes, inner, together).forEach(({dot, members, slots}) => {
    const group = around[members.at(-1)].at(-1);
    if (group?.kind === "part" && group.members.length === members.length) forget(group);
    add(dot ? "dot" : "sum", dot ? "Σ ×" : "Σ", members, {slots});
  });
  const operations = nodes.filter(node => node.op).length;
  for (const group of groups) {
    const whole = group.members.length === operations && (group.kind === "scope" || operations < FEW);
    if (whole || (group.kind === "scope" && group.members.length < 2)) group.open = true;
  }
}

// Whether what a closed group would show is few enough boxes to be drawn.
function opens(group) {
  const seen = new Set();
  group.open = true;
  for (const member of group.members) seen.add(closedAround(member) ?? member);
  group.open = false;
  return seen.size <= SHOWN;
}

function forget(group) {
  groups = groups.filter(other => other !== group);
  group.members.forEach(member => around[member].splice(around[member].indexOf(group), 1));
}

function scopes(nodes) {
  const found = new Map();
  nodes.forEach((node, place) => data.scopes[node.scope]?.forEach((title, depth, scope) => {
    const key = JSON.stringify(scope.slice(0, depth + 1));
    if (!found.has(key)) found.set(key, {key, title, members: []});
    found.get(key).members.push(place);
  }));
  return [...found.values()];
}

// A named node with the unnamed operations that only it uses: two at least, and less than everything.
function parts(nodes, inner, together) {
  const found = [];
  nodes.forEach((node, root) => {
    if (!node.op || !node.name) return;
    const members = [root];
    for (let next = 0; next < members.length; next++)
      for (const o of nodes[members[next]].in)
        if (typeof o === "number" && inner(o) && together(around[o], around[root])) members.push(o);
    const distinct = [...new Set(members)].sort((a, b) => a - b);
    if (distinct.length > 1) found.push(distinct);
  });
  const operations = nodes.filter(node => node.op).length;
  return found.filter(members => members.length < operations);
}

// Additions of three terms and more; products among the terms go in when there are two of them.
function sums(nodes, inner, together) {
  const taken = new Set(), found = [], additive = place => ["add", "sub"].includes(nodes[place].op);
  for (let root = nodes.length - 1; root >= 0; root--) {
    if (!additive(root) || taken.has(root)) continue;
    const members = [root], slots = [];
    const inside = o => typeof o === "number" && inner(o) && together(around[o], around[root]);
    const terms = (place, sense) => nodes[place].in.map((operand, k) =>
      ({operand, via: [place, k], sense: k === 1 && nodes[place].op === "sub" ? -sense : sense})).reverse();
    for (const pending = terms(root, 1); pending.length;) {
      const {operand, via, sense} = pending.pop();
      if (!inside(operand) || !additive(operand)) slots.push({operand, via, mark: sense < 0 ? "−" : "+"});
      else { members.push(operand); pending.push(...terms(operand, sense)); }
    }
    members.forEach(member => taken.add(member));
    if (slots.length < 3) continue;
    const factors = ({operand}) => inside(operand) && nodes[operand].op === "mul";
    const dot = slots.filter(factors).length > 1;
    found.push({dot, members: [...members, ...(dot ? slots.filter(factors).map(slot => slot.operand) : [])].sort((a, b) => a - b),
      slots: slots.flatMap(slot => !dot || !factors(slot) ? [slot] : nodes[slot.operand].in.map((operand, k) =>
        ({operand, via: [slot.operand, k], mark: k ? "·" : slot.mark})))});
  }
  return found;
}
