// The engine: operations in order give values and local derivatives, and in reverse the gradients.

const chain = (g, d) => (g === 0 || d === 0) && g * d !== g * d ? 0 : g * d;  // 0 times anything is 0 here

class Graph {
  constructor(nodes, roots) {
    this.nodes = nodes;
    this.roots = roots;
    this.root = roots.at(-1);
    this.values = Float64Array.from(nodes, node => node.op ? NaN : number(node.x));
    this.start = this.values.slice();
    this.partials = this.room();
    this.gradients = new Float64Array(nodes.length);
    this.operands = nodes.map(node => node.op ? node.in.map(o => typeof o === "number" ? NaN : number(o.c)) : null);
    this.leaves = nodes.flatMap((node, place) => node.op ? [] : [place]);
    this.named = new Map(nodes.flatMap((node, place) => node.name ? [[node.name, place]] : []).reverse());
    this.kept = nodes.map(node => node.kept && {...node.kept, at: null});
    this.forward();
    this.backward();
  }

  room() { return this.nodes.map(node => node.op ? new Float64Array(node.in.length) : null); }

  forward(values = this.values, partials = this.partials) {
    this.nodes.forEach((node, place) => {
      if (!node.op) return;
      const operands = this.operands[place];
      for (let k = 0; k < operands.length; k++) if (typeof node.in[k] === "number") operands[k] = values[node.in[k]];
      const kept = this.kept[place];
      if (kept) return this.asRecorded(kept, place, values, partials);
      const row = ROWS[node.op], y = values[place] = row.value(...operands);
      for (let k = 0; k < operands.length; k++) partials[place][k] = row.partials[k](y, ...operands);
    });
  }

  // A row that has no JavaScript keeps the numbers it was recorded with, as long as its operands do.
  asRecorded(kept, place, values, partials) {
    const operands = this.operands[place];
    kept.at ??= operands.slice();
    const same = operands.every((operand, k) => Object.is(operand, kept.at[k]));
    values[place] = same ? number(kept.value) : NaN;
    partials[place].forEach((_, k) => { partials[place][k] = same ? number(kept.partials[k]) : NaN; });
  }

  // Gradients of one node by all others; through some of the nodes only, where `through` says which.
  backward(from = this.root, into = this.gradients, partials = this.partials, through = null) {
    into.fill(0);
    into[from] = 1;
    for (let place = from; place >= 0; place--)
      if (this.nodes[place].op && (!through || through(place))) this.hand(place, into, partials);
    return into;
  }

  hand(place, into, partials = this.partials) {
    this.nodes[place].in.forEach((operand, k) => {
      if (typeof operand === "number") into[operand] += chain(into[place], partials[place][k]);
    });
  }

  // The derivative of one node by another, at the point in hand.
  slope(of, by) {
    return of === this.root ? this.gradients[by] : this.backward(of, new Float64Array(this.nodes.length))[by];
  }

  name(place) {
    const {name, op} = this.nodes[place], output = this.roots.indexOf(place);
    return name ?? (!op ? short(this.start[place]) : output < 0 ? sign(op) : this.roots.length > 1 ? `f${output + 1}` : "f");
  }

  bounds(leaf) {
    const {toggle, x} = this.nodes[leaf], size = Math.abs(number(x));
    return toggle ? [0, 1] : size <= 5 || !Number.isFinite(size) ? [-5, 5] : [-2 * size, 2 * size];
  }

  // Points to judge a claim at: wherever all is finite, in the middle halves of the sliders; the same ones every time.
  points(count = 50) {
    let seed = 12345;
    const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
    const found = [];
    for (let tries = 0; found.length < count && tries < 20 * count; tries++) {
      const values = new Float64Array(this.nodes.length), partials = this.room();
      for (const leaf of this.leaves) {
        const [low, high] = this.bounds(leaf);
        values[leaf] = !this.nodes[leaf].toggle ? low / 2 + random() * (high - low) / 2
          : tries % 5 === 4 ? random() : +(random() < 0.5);
      }
      this.forward(values, partials);
      if (!values.every(Number.isFinite)) continue;
      const known = new Map();
      found.push({values, slope: (of, by) => {
        if (!known.has(of)) known.set(of, this.backward(of, new Float64Array(values.length), partials));
        return known.get(of)[by];
      }});
    }
    return found;
  }
}

const sign = op => ROWS[op].sign;
let graph = new Graph(data.nodes, data.roots);
