// Where everything goes: the layered layout of Sugiyama, Tagawa and Toda (1981). Columns by longest path, long edges in
// pieces, the order in a column by medians that know the slot an edge ends in, heights by least squares. A leaf that is
// used far away is referred to there by a chip, or its edges would cross everything.

const GAP = 12, LABEL = 40, FAR = 2, SWEEPS = 14, STRETCH = 1.6;
let extent;

function layout() {
  const depth = depths();
  referFarLeaves(depth);
  const deepest = Math.max(...depth.values()), column = box => 2 * (deepest - depth.get(box));
  const rows = Array.from({length: 2 * deepest + 1}, () => []);
  const stops = boxes.map(box => ({box, width: box.width, room: box.height / 2 + 9, before: [], after: [], y: 0, place: 0}));
  const stopOf = new Map(stops.map(stop => [stop.box, stop]));
  for (const stop of stops) rows[column(stop.box)].push(stop);
  const port = edge => ((edge.slot + 1) / (edge.head.slots.length + 1) - 0.5) * edge.head.height;
  for (const edge of edges) {
    edge.stops = [stopOf.get(edge.tail)];
    for (let c = column(edge.tail) + 1; c < column(edge.head); c++) {
      const stop = {width: edge.constant === undefined ? LABEL : 6, room: 12, before: [], after: [], y: 0, place: 0};
      rows[c].push(stop);
      edge.stops.push(stop);
    }
    edge.stops.push(stopOf.get(edge.head));
    edge.stops.slice(1).forEach((stop, i) => {
      const last = i === edge.stops.length - 2, offset = last ? port(edge) : 0;
      edge.stops[i].after.push({stop, offset, share: offset / edge.head.height});
      stop.before.push({stop: edge.stops[i], offset, share: 0});
    });
  }
  untangle(rows);
  settle(rows);
  trace(rows, port);
}

function depths() {
  const users = new Map(boxes.map(box => [box, []])), depth = new Map(), open = new Set();
  edges.forEach(edge => users.get(edge.tail).push(edge.head));
  for (const root of boxes) {
    const pending = [[root, false]];
    while (pending.length) {
      const [box, finished] = pending.pop();
      if (finished) depth.set(box, Math.max(-1, ...users.get(box).map(user => depth.get(user) ?? -1)) + 1);
      else if (!open.has(box)) {
        open.add(box);
        pending.push([box, true], ...users.get(box).filter(user => !open.has(user)).map(user => [user, false]));
      }
    }
  }
  return depth;
}

function referFarLeaves(depth) {
  for (const edge of edges) {
    const leaf = edge.constant === undefined && edge.tail.members.every(member => !graph.nodes[member].op);
    if (!leaf || depth.get(edge.tail) - depth.get(edge.head) <= FAR) continue;
    const chip = {constant: cut(graph.name(edge.from), 12), members: [], slots: [], key: "b" + boxes.length, chipOf: edge.tail};
    measure(chip);
    boxes.push(chip);
    depth.set(chip, depth.get(edge.head) + 1);
    edge.tail = chip;
  }
}

const median = list => {
  const sorted = list.sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

function untangle(rows) {
  const renumber = row => row.forEach((stop, place) => { stop.place = place; });
  rows.forEach(renumber);
  let best = rows.map(row => row.slice()), fewest = crossings(rows);
  for (let sweep = 0; sweep < SWEEPS && fewest; sweep++) {
    const side = sweep % 2 ? "before" : "after";
    for (const row of sweep % 2 ? rows : rows.slice().reverse()) {
      for (const stop of row)
        stop.wish = stop[side].length ? median(stop[side].map(({stop: other, share}) => other.place + share)) : stop.place;
      row.sort((a, b) => a.wish - b.wish);
      renumber(row);
    }
    const count = crossings(rows);
    if (count < fewest) [best, fewest] = [rows.map(row => row.slice()), count];
  }
  best.forEach((row, i) => { rows[i] = row; renumber(row); });
}

function crossings(rows) {
  let count = 0;
  for (const row of rows) {
    const seen = [];
    for (const stop of row) {
      const reached = stop.after.map(({stop: other, share}) => other.place + share);
      for (const later of reached) for (const earlier of seen) if (earlier > later) count++;
      seen.push(...reached);
    }
  }
  return count;
}

function settle(rows) {
  rows.forEach(row => spread(row, row.map(() => 0)));
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    for (const row of sweep % 2 ? rows : rows.slice().reverse())
      spread(row, row.map(stop => {
        const near = sweep % 2 ? stop.before.map(({stop: other, offset}) => other.y - offset)
          : stop.after.map(({stop: other, offset}) => other.y + offset);
        return near.length ? near.reduce((a, b) => a + b) / near.length : stop.y;
      }));
}

// Least squares in a fixed order with room for everything: neighbours that push each other move as one block.
function spread(row, wishes) {
  const blocks = [], offsets = [];
  let offset = 0;
  row.forEach((stop, i) => {
    offset += stop.room;
    offsets.push(offset);
    blocks.push({start: wishes[i] - offset, size: 1});
    offset += stop.room;
    while (blocks.length > 1 && blocks.at(-2).start > blocks.at(-1).start) {
      const b = blocks.pop(), a = blocks.pop(), size = a.size + b.size;
      blocks.push({start: (a.start * a.size + b.start * b.size) / size, size});
    }
  });
  const starts = blocks.flatMap(({start, size}) => Array(size).fill(start));
  row.forEach((stop, i) => { stop.y = starts[i] + offsets[i]; });
}

function trace(rows, port) {
  let left = 0;
  for (const row of rows) {
    const width = Math.max(0, ...row.map(stop => stop.width));
    row.forEach(stop => { stop.x = left + width / 2; stop.level = row.some(other => other.box) ? width / 2 : 0; });
    left += width + GAP;
  }
  const all = rows.flat(), top = Math.min(...all.map(stop => stop.y - stop.room));
  const height = Math.max(...all.map(stop => stop.y + stop.room)) - top;
  const stretch = Math.min(STRETCH, Math.max(1, left / height * stage.clientHeight / stage.clientWidth));
  for (const stop of all) {
    stop.y = (stop.y - top) * stretch;
    if (stop.box) Object.assign(stop.box, {x: stop.x, y: stop.y});
  }
  for (const edge of edges) {
    const {tail, head} = edge, between = edge.stops.slice(1, -1);
    const points = [[tail.x + tail.width / 2, tail.y],
                    ...between.flatMap(({x, y, level}) => level ? [[x - level, y], [x + level, y]] : [[x, y]]),
                    [head.x - head.width / 2, head.y + port(edge)]];
    edge.path = points.map(([x, y], i) => {
      if (i === 0) return `M${x.toFixed(1)} ${y.toFixed(1)}`;
      const [px, py] = points[i - 1], middle = ((px + x) / 2).toFixed(1);
      return `C${middle} ${py.toFixed(1)} ${middle} ${y.toFixed(1)} ${x.toFixed(1)} ${y.toFixed(1)}`;
    }).join("");
    [edge.labelX, edge.labelY] = between.length ? [between.at(-1).x, between.at(-1).y - 5] : [tail.x, tail.y];
  }
  extent = [-16, -16, left - GAP + 32, Math.max(...all.map(stop => stop.y + stop.room)) + 32];
}
