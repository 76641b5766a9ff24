// The derivation: each line lights its path in the picture; its algebra opens; the numbers below follow the sliders.

let chosen = null;

function claimMath({kind, of, by}) {
  if (kind === "definition") return [nameMath(graph.name(by))];
  return of === graph.root ? [slopeMath(of, by), mo("="), ratio(of, by)] : [ratio(of, by)];
}

function showDerivation(_, fresh) {
  if (fresh && !graph.derivation.length) panel.append(make("p", {}, say("underived")));
  if (fresh) panel.append(...graph.derivation.map(lineElement));
  graph.derivation.forEach((line, k) => {
    const element = byId("line" + k), formula = parse(line.forms.at(-1)), last = numberMath(compute(formula));
    put(element, "aria-expanded", String(chosen === k));
    element.lastChild.replaceChildren(math(mo("="), ...chainOfEquals(mathOf(formula, {numbers: true}), last)));
  });
}

// Closed, a line is its claim and its result; open, everything between them.
function lineElement(line, k) {
  const open = chosen === k, sides = [...(line.product ? [line.product] : []), ...line.forms];
  const shown = open ? sides : line.kind === "chain" && line.product ? [line.product, line.forms.at(-1)] : [line.forms.at(-1)];
  const formulas = chainOfEquals(...shown.map(side => mathOf(parse(side))));
  const algebra = open ? (line.algebra ?? []).map(algebraLine) : [];
  const pickIt = () => pick(k);
  return make("div", {class: "line", id: "line" + k, role: "button", tabindex: 0, on: {click: pickIt, keydown: event => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    pickIt();
  }}}, make("div", {class: "kind"}, say(line.kind) + (line.note ? ` · ${line.note}` : "")),
    equation(...claimMath(line), mo("="), ...formulas), ...algebra, make("div", {class: "equation live"}));
}

// A line of the algebra between, with the rule it was taken by; letters such as u stand for what the rule says.
function algebraLine([text, ...rules]) {
  const known = name => { try { return meaning(name); } catch { return {letter: name}; } };
  return make("div", {class: "equation algebra"}, math(mo("="), mathOf(parse(text, known))), " ", make("small", {}, rules[language === "zh" ? 1 : 0]));
}

function pick(k) {
  chosen = chosen === k ? null : k;
  const line = graph.derivation[chosen];
  stop();
  now = steps.length - 1;
  lit = !line ? new Set() : line.kind === "definition" ? new Set([boxOf[line.by]]) : between(line.of, line.by);
  built = null;
  update();
  byId("line" + k).focus({preventScroll: true});
  byId("line" + k).scrollIntoView({block: "nearest"});
  if (follow) look(extent);
}

// The boxes on the paths from one node down to another.
function between(of, by) {
  const above = new Set([by]), below = new Set([of]), operands = place => graph.nodes[place].in ?? [];
  for (let place = by + 1; place <= of; place++) if (operands(place).some(o => above.has(o))) above.add(place);
  for (let place = of; place >= 0; place--) if (below.has(place)) operands(place).forEach(o => below.add(o));
  return new Set([...above].filter(place => below.has(place)).map(place => boxOf[place]));
}
