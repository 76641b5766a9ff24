// Exercises: da, da/dz, dz, dw, db in turn, judged at fifty points against the graph's own derivatives, offline.

const TOLERANCE = 1e-7;

// From the root down: the gradient of each named part, and the local derivatives of the parts it is made of.
function questions() {
  const {nodes, root, named} = graph, asked = [];
  if (data.exercises) return data.exercises.map(([of, by]) => ({kind: of === root ? "chain" : "local", of, by}));
  const places = [...named.values()].filter(place => place !== root && !nodes[place].toggle).sort((a, b) => b - a);
  const reaches = graph.backward(root, new Float64Array(nodes.length), graph.room().map(p => p?.fill(1)));
  const parts = places.filter(place => nodes[place].op && reaches[place]), all = places.filter(place => !nodes[place].op && reaches[place]);
  const weights = all.filter(place => !/^x_?\d*$/.test(nodes[place].name)), leaves = weights.length ? weights : all;
  for (const by of [...parts, ...leaves.sort((a, b) => a - b)]) {
    for (const of of parts) if (of > by && directly(of, by)) asked.push({kind: "local", of, by});
    asked.push({kind: "chain", of: root, by});
  }
  return asked;
}

// Whether one named node is made of another without a named one between.
function directly(of, by) {
  const pending = [of];
  while (pending.length)
    for (const operand of graph.nodes[pending.pop()].in ?? []) {
      if (operand === by) return true;
      if (typeof operand === "number" && !graph.nodes[operand].name) pending.push(operand);
    }
  return false;
}

function uses(formula, of, by) {
  return (formula.slope?.[0] === of && formula.slope[1] === by) || !!formula.in?.some(operand => uses(operand, of, by));
}

const agree = (got, want) => Number.isFinite(got) && Math.abs(got - want) <= TOLERANCE * Math.max(1e-3, Math.abs(got), Math.abs(want));

// An answer may be written with what it is the answer to, dz = a − y, and with a full stop.
function withoutClaim(text, of, by) {
  const [, left, right] = /^([^=]*)=(.*)$/.exec(text) ?? [], names = [graph.name(of), graph.name(by)];
  const claims = [`d${names[0]}/d${names[1]}`, ...(of === graph.root ? [`d${names[1]}`] : [])];
  return (claims.includes(left?.trim()) ? right : text).replace(/[\s.;,。]+$/, "");
}

// {right, hints}: a point where it fails first, then the kind of slip.
function judge(text, of, by) {
  const formula = parse(withoutClaim(plain(text), of, by));
  if (uses(formula, of, by)) return {right: false, hints: [say("itself", `d${graph.name(by)}`)]};
  const tried = graph.points().map(point => ({point, got: compute(formula, point), want: point.slope(of, by)}))
    .filter(({want}) => Number.isFinite(want));
  const wrong = tried.find(({got, want}) => !agree(got, want));
  if (tried.length < 10) return {right: false, hints: [say("nowhere")]};
  if (!wrong) return {right: true, hints: []};
  const where = graph.leaves.filter(leaf => graph.nodes[leaf].name).map(leaf => `${graph.name(leaf)} = ${short(wrong.point.values[leaf])}`);
  return {right: false, hints: [say("wrong", where.join(", "), short(wrong.got), short(wrong.want)), slip(tried)].filter(Boolean)};
}

function slip(tried) {
  const everywhere = repaired => tried.every(({got, want, point}) => agree(repaired(got, point), want));
  if (everywhere(got => -got)) return say("sign");
  if (everywhere(got => 1 / got)) return say("upsideDown");
  if (everywhere(got => got * Math.LN10) || everywhere(got => got / Math.LN10)) return say("log10");
  for (const [name, place] of graph.named) {
    const factors = [[name, point => point.values[place]], [`1 − ${name}`, point => 1 - point.values[place]]];
    for (const [factor, of] of factors) for (const sense of [1, -1]) {
      const shown = sense > 0 ? factor : factor === name ? `−${name}` : `−(${factor})`;
      if (everywhere((got, point) => got * sense * of(point))) return say("missing", shown);
      if (everywhere((got, point) => got / (sense * of(point)))) return say("tooMany", shown);
      if (everywhere((got, point) => got + sense * of(point))) return say("term", shown);
    }
  }
  const {got, want} = tried.find(t => t.got && t.want) ?? {};
  if (got && everywhere(x => x * want / got)) return say("scaled", short(got / want));
  return got !== undefined && everywhere(x => x + (want - got)) ? say("shifted", short(got - want)) : null;
}

// The rule: the definition to be differentiated, or the product of what is known.
function ruleHint({kind, of, by}) {
  if (kind === "local") return [say("differentiate"), math(nameMath(graph.name(of)), mo("="), mathOf(definition(of)))];
  const above = [...graph.named.values()].filter(place => place !== by && place !== of && graph.nodes[place].op && directly(place, by));
  if (!above.length || directly(of, by)) return [say("differentiate"), math(nameMath(graph.name(of)), mo("="), mathOf(definition(of)))];
  const product = place => mathOf({op: "mul", in: [{slope: [of, place]}, {slope: [place, by]}]});
  return [say("chainRule"), math(slopeMath(of, by), mo("="), ...above.flatMap((place, i) => i ? [mo("+"), product(place)] : [product(place)]))];
}

function answer({of, by}) {
  const line = graph.derivation.find(entry => entry.kind !== "definition" && entry.of === of && entry.by === by);
  return math(slopeMath(of, by), mo("="), line ? mathOf(parse(line.forms.at(-1))) : numberMath(graph.slope(of, by)));
}

let solved = new Set(), cards = [];
function showExercises(_, fresh) {
  if (!fresh) return;
  graph.exercises ??= questions();
  if (!cards.length) cards = graph.exercises.map(card);
  panel.append(make("p", {class: "soft"}, say("exercise")), make("p", {id: "score", "aria-live": "polite"}), ...cards);
  showScore();
}
const showScore = () => write(byId("score"), say("score", solved.size, graph.exercises.length));

function card(question, k) {
  const {of, by} = question, name = by === undefined ? "" : `d${graph.name(of)}/d${graph.name(by)}`;
  const field = make("input", {type: "text", "aria-label": name, autocapitalize: "off", autocomplete: "off", spellcheck: "false"});
  const preview = make("div", {class: "equation soft"}), said = make("div", {"aria-live": "polite"});
  const hintButton = make("button", {type: "button"}, say("hint"));
  const element = make("div", {class: "card"}, equation(slopeMath(of, by), mo("="), make("mi", {}, "?")));
  let verdict = null, level = 0;
  const tell = () => {
    element.classList.toggle("right", !!verdict?.right);
    element.classList.toggle("wrong", verdict?.right === false);
    if (verdict?.right) { solved.add(k); showScore(); return said.replaceChildren(make("p", {class: "good"}, "✓ ", say("right"))); }
    const hints = (verdict?.hints ?? []).slice(0, 1 + level).map(hint => make("p", {}, hint)), given = verdict?.hints.length ?? 0;
    if (level >= given) hints.push(make("p", {}, ...ruleHint(question)));
    if (level > given) hints.push(make("p", {}, say("answer"), " ", answer(question)));
    said.replaceChildren(...hints);
    write(hintButton, say(level >= given ? "reveal" : "hint"));
    hintButton.disabled = level > given;
  };
  field.addEventListener("input", () => {
    try { preview.replaceChildren(field.value ? math(mathOf(parse(field.value))) : ""); } catch { preview.replaceChildren("…"); }
  });
  hintButton.addEventListener("click", () => { level += verdict || level ? 1 : 0; verdict ??= {right: false, hints: []}; tell(); });
  const check = event => {
    event.preventDefault();
    level = 0;
    try { verdict = judge(field.value, of, by); } catch (error) { verdict = {right: false, hints: [error.message]}; }
    tell();
  };
  element.append(make("form", {on: {submit: check}}, field, make("button", {}, say("check")), hintButton), preview, said);
  return element;
}
