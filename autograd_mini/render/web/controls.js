// Buttons, keys, language, and starting over with an expression that was typed.

// Definitions before semicolons or line ends, and the expression itself at the end; names that are new are leaves, and so
// is what is defined as a number.
function compile(text) {
  const nodes = [], named = new Map();
  const leaf = (name, called) => {
    if (called && !named.has(name)) throw Error(say("unknown", name));
    if (name === "pi" || name === "e") return {number: name === "pi" ? Math.PI : Math.E};
    if (!named.has(name)) named.set(name, nodes.push({name, x: graph.named.has(name) ? graph.values[graph.named.get(name)] : 1}) - 1);
    return {place: named.get(name)};
  };
  const add = formula => {
    if (formula.number !== undefined) return {c: formula.number};
    if (formula.place !== undefined) return formula.place;
    if (formula.op === "neg" && formula.in[0].number !== undefined) return {c: -formula.in[0].number};
    return nodes.push({op: formula.op, in: formula.in.map(add)}) - 1;
  };
  const lines = text.split(/[;\n]/).filter(line => line.trim() && !line.trim().startsWith("#"));
  lines.forEach((line, i) => {
    const [, name, formula] = /^\s*([\p{L}_][\p{L}\p{N}_]*)\s*=(.*)$/u.exec(line) ?? [null, null, line];
    const place = add(parse(formula, leaf));
    if (typeof place !== "number" && name && i < lines.length - 1)
      return named.set(name, nodes.push({name, x: place.c}) - 1);
    if (typeof place !== "number") throw Error(say("nothing"));
    if (name) { nodes[place].name = name; named.set(name, place); }
    if (i === lines.length - 1 && !nodes[place].op) throw Error(say("nothing"));
  });
  if (!lines.length) throw Error(say("nothing"));
  return nodes;
}

function startOver(text) {
  const nodes = compile(text);
  graph = new Graph(nodes, [nodes.length - 1]);
  data.expression = text;
  data.exercises = null;
  data.repeats = [];
  data.cut = null;
  data.derivations = [[]];
  begin();
}

function begin() {
  findGroups();
  byId("parts").hidden = !groups.some(group => group.kind === "part");
  byId("output").replaceChildren(...graph.roots.map((root, i) => make("option", {value: i}, graph.name(root))));
  byId("outputs").hidden = graph.roots.length < 2;
  differentiate(graph.roots.length - 1);
}

// One of the outputs becomes the one whose gradients, derivation and exercises are shown.
function differentiate(output) {
  byId("output").value = output;
  graph.root = graph.roots[output];
  graph.derivation = data.derivations[output].filter(readable);
  [chosen, solved, cards, built] = [null, new Set(), [], null];
  document.title = graph.name(graph.root);
  for (const name of ["derivation", "exercises"])
    byId("tab-" + name).hidden = !(name === "derivation" ? graph.derivation : graph.exercises = questions()).length;
  if (byId("tab-" + tab).hidden) tab = "inputs";
  rebuild();
}

// A line in names that the page does not know, because two nodes share one, is left out.
function readable({product, forms}) {
  try { return [product || "0", ...forms].every(form => parse(form)); } catch { return false; }
}

const actions = {
  first: () => go(0), back: () => go(now - 1), step: () => go(now + 1), last: () => go(steps.length - 1), play,
  fit: () => look(extent),
  follow: () => { follow = !follow; put(byId("follow"), "aria-pressed", String(follow)); },
  reset: () => { graph.values.set(graph.start); lit = new Set(); refresh(); },
  parts: () => {
    const parts = groups.filter(group => group.kind === "part"), open = parts.every(group => !group.open);
    for (const group of groups) if (group.kind !== "scope") group.open = open && group.kind === "part";
    put(byId("parts"), "aria-pressed", String(!open));
    rebuild();
  },
  language: () => { language = language === "en" ? "zh" : "en"; speak(); built = null; cards = []; drawBoxes(); findSteps(); go(now, {travelling: false}); },
};
const MOVES = ["first", "back", "step", "last"];
for (const [id, action] of Object.entries(actions))
  byId(id).addEventListener("click", () => { if (MOVES.includes(id)) stop(); action(); });
byId("output").addEventListener("change", event => differentiate(Number(event.target.value)));
byId("slider").addEventListener("input", event => { stop(); go(Number(event.target.value)); });
for (const name of TABS) byId("tab-" + name).addEventListener("click", () => { tab = name; update(); });

const KEYS = {ArrowLeft: "back", ArrowRight: "step", Home: "first", End: "last", " ": "play", 0: "fit"};
addEventListener("keydown", event => {
  const {target, key} = event;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, select")) return;
  if (target.getAttribute("role") === "tab" && key.startsWith("Arrow")) return turnTab(event);
  if ((key === " " || key === "Enter") && target.closest("button, [role=button]")) return;
  if (!KEYS[key]) return;
  event.preventDefault();
  if (MOVES.includes(KEYS[key])) stop();
  actions[KEYS[key]]();
});

function turnTab(event) {
  const shown = TABS.filter(name => !byId("tab-" + name).hidden), turn = event.key === "ArrowRight" ? 1 : shown.length - 1;
  event.preventDefault();
  tab = shown[(shown.indexOf(tab) + turn) % shown.length];
  update();
  byId("tab-" + tab).focus();
}

addEventListener("resize", () => { if (follow) { camera = null; look(frameOf(steps[now].box)); } });

speak();
begin();
if (data.exercises) { tab = "exercises"; update(); }
if (location.hash) go(Number(location.hash.slice(1)), {travelling: false});
if (stageScale(extent) < 0.4) { camera = null; look(frameOf(boxOf[graph.root])); }
