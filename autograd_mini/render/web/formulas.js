// Formulas: one parser for what is typed and derived, one printer that reads the LaTeX of the table's rows.
//
// A formula is {number}, {place} of a node, {slope: [of, by]}, {letter} or {op, in}.

const LINKS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow", "^": "pow"};
const TOKENS = /\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|d[\p{L}_][\p{L}\p{N}_]*\/d[\p{L}_][\p{L}\p{N}_]*|[\p{L}_][\p{L}\p{M}\p{N}_]*|\*\*|\S/giu;

// What people type for the signs of the language; powers before NFKC, which would make a² the name a2. The sign of a
// product may be left out, as in 2a(1 − a).
function plain(text) {
  return text.replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+/g, "^($&)").normalize("NFKC")
    .replace(/[−–—]/g, "-").replace(/[×·⋅∙∗]/g, "*").replace(/÷/g, "/").replaceAll("π", "pi")
    .replace(/√\s*([\p{L}\p{N}_.]*)/gu, (_, one) => one ? `sqrt(${one})` : "sqrt");
}

function parse(text, known = meaning) {
  const tokens = plain(text).match(TOKENS) ?? [];
  let at = 0;
  const wrong = token => Error(say("unreadable", token ?? "…"));
  const take = wanted => { if (tokens[at++] !== wanted) throw wrong(tokens[at - 1]); };
  const joined = () => tokens[at] === "(" || /^[\p{L}_]/u.test(tokens[at] ?? "");
  const level = (links, below) => () => {
    let formula = below();
    while (links.includes(tokens[at]) || (below === unary && joined()))
      formula = {op: joined() ? "mul" : LINKS[tokens[at++]], in: [formula, below()]};
    return formula;
  };
  const product = level(["*", "/"], unary), sum = level(["+", "-"], product);
  function unary() {
    if (tokens[at] === "+") at++;
    else if (tokens[at] === "-") { at++; return {op: "neg", in: [unary()]}; }
    const base = atom();
    return LINKS[tokens[at]] === "pow" ? {op: LINKS[tokens[at++]], in: [base, unary()]} : base;
  }
  function atom() {
    const token = tokens[at++];
    if (token === "(") { const inner = sum(); take(")"); return inner; }
    if (/^[\d.]/.test(token)) return {number: Number(token)};
    if (!/^[\p{L}_]/u.test(token ?? "")) throw wrong(token);
    const called = tokens[at] === "(", sigma = token === "σ" && !graph.named.has(token);
    const op = sigma ? "sigmoid" : data.aliases[token] ?? token;
    if (called && token === "lg") throw Error(say("lg"));
    if (!called || !Object.hasOwn(ROWS, op)) return known(token, called);
    at++;
    const operands = [sum()];
    while (tokens[at] === ",") { at++; operands.push(sum()); }
    take(")");
    if (ROWS[op].partials.length !== operands.length) throw Error(say("unknown", token));
    return {op, in: operands};
  }
  const formula = sum();
  if (at < tokens.length) throw wrong(tokens[at]);
  return formula;
}

// A name is a node; da/dz and dz are derivatives; pi and e are numbers.
function meaning(name) {
  const {named, root} = graph, [, of, by] = /^d(.+)\/d(.+)$/.exec(name) ?? [];
  if (named.has(name)) return {place: named.get(name)};
  if (named.has(of) && named.has(by)) return {slope: [named.get(of), named.get(by)]};
  if (name[0] === "d" && named.has(name.slice(1))) return {slope: [root, named.get(name.slice(1))]};
  if (name === "pi" || name === "e") return {number: name === "pi" ? Math.PI : Math.E, letter: name};
  throw Error(say("unknown", name));
}

const here = {get values() { return graph.values; }, slope: (of, by) => graph.slope(of, by)};
function compute(formula, at = here) {
  if (formula.number !== undefined) return formula.number;
  if (formula.place !== undefined) return at.values[formula.place];
  if (formula.slope) return at.slope(...formula.slope);
  return ROWS[formula.op].value(...formula.in.map(operand => compute(operand, at)));
}

// Names as they are typed, with subscripts and Greek letters.
const GREEK = Object.fromEntries(("alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ iota ι kappa κ lambda λ " +
  "mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ phi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ " +
  "Phi Φ Psi Ψ Omega Ω").split(" ").map((word, i, all) => [word, all[i + 1]]).filter((_, i) => i % 2 === 0));
function nameMath(name) {
  const [, stem, below] = /^(\p{L}+)_?(\d+|(?<=_)\p{L}+)$/u.exec(name) ?? [];
  const word = text => make(/^\d+$/.test(text) ? "mn" : "mi", {}, GREEK[text] ?? text);
  return stem ? make("msub", {}, word(stem), word(below)) : word(name);
}
const mrow = (...parts) => make("mrow", {}, ...parts), mo = text => make("mo", {}, text);
const math = (...parts) => make("math", {}, mrow(...parts));
const numberMath = x => make("mn", {class: "value"}, short(x));
// What stands for a node in a formula: its name, or that of the box it is folded into; what has neither is not told.
function called(place) {
  const {name, op} = graph.nodes[place], folded = closedAround(place);
  return name || !op || place === graph.root ? graph.name(place) : folded?.out === place ? folded.title : "…";
}
const differential = (...name) => mrow(make("mi", {mathvariant: "normal"}, "d"), ...name);
const ratio = (of, by) => make("mfrac", {}, ...[of, by].map(place => differential(nameMath(graph.name(place)))));

// A derivative as the course writes it: dz is that of the output by z, da/dz that of a by z.
const slopeMath = (of, by) => of === graph.root ? differential(nameMath(graph.name(by))) : ratio(of, by);

const SUM = 1, PRODUCT = 2, SIGNED = 1.5, POWER = 4, ATOM = 5;

// MathML of a formula; `numbers` puts the numbers of the point in hand in the places of names. `known` are letters that
// stand for formulas: those of a rule.
function mathOf(formula, {numbers = false, known = {}} = {}) {
  return written(formula, numbers, known).element;
}
function written(formula, numbers, known) {
  const atom = element => ({element, strength: ATOM});
  const live = x => ({element: numberMath(x), strength: x < 0 || Object.is(x, -0) ? SIGNED : ATOM, digit: true});
  if (formula.letter !== undefined && known[formula.letter]) return written(known[formula.letter], numbers, {});
  if (formula.letter !== undefined) return atom(nameMath(formula.letter));
  if (formula.number !== undefined) return {...live(formula.number), element: make("mn", {}, short(formula.number))};
  if (formula.place !== undefined) return numbers ? live(graph.values[formula.place]) : atom(nameMath(called(formula.place)));
  if (formula.slope && numbers) return live(graph.slope(...formula.slope));
  if (formula.slope) return atom(slopeMath(...formula.slope));
  const row = ROWS[formula.op], operands = formula.in.map(operand => written(operand, numbers, known));
  const first = operands[0], dot = operands.at(-1).digit || formula.in.some(operand => operand.slope);
  if (row.latex.startsWith("@0:2@") && first.strength === SIGNED && !first.digit) first.strength = PRODUCT;
  const element = new Latex(dot || numbers ? row.latex.replace("\\,", "\\cdot") : row.latex, operands).all();
  return {element, strength: row.latex.startsWith("-") ? SIGNED : row.binds};
}

// The LaTeX that rows are written in, read as MathML; @0:2@ is operand 0, in brackets where it binds more loosely than 2.
class Latex {
  static SIGNS = {cdot: "·", leq: "≤", infty: "∞", lfloor: "⌊", rfloor: "⌋", "{": "{", "}": "}", "|": "|"};
  static TOKEN = /@\d+:?\d*@|\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|[^\s]/g;

  constructor(text, operands) {
    this.tokens = text.match(Latex.TOKEN) ?? [];
    this.operands = operands;
    this.at = 0;
  }

  all(...ends) {
    const parts = [];
    while (this.at < this.tokens.length && !ends.includes(this.tokens[this.at])) {
      const part = this.script(this.one());
      if (part) parts.push(part);
    }
    this.at++;
    return parts.length === 1 ? parts[0] : mrow(...parts);
  }

  script(base) {
    while (this.tokens[this.at] === "^" || this.tokens[this.at] === "_") {
      const kind = this.tokens[this.at++] === "^" ? "msup" : "msub";
      base = make(kind, {}, base, this.one());
    }
    return base;
  }

  group() { this.at++; return this.all("}"); }

  words() {
    let text = "";
    for (this.at++; this.tokens[this.at] !== "}"; this.at++) text += this.tokens[this.at].replace("\\_", "_");
    this.at++;
    return text;
  }

  one() {
    const token = this.tokens[this.at++];
    if (token[0] === "@") return this.operand(...token.slice(1, -1).split(":").map(Number));
    if (token === "{") { this.at--; return this.group(); }
    if (/^\d/.test(token)) return make("mn", {}, token);
    if (/^[a-zA-Z]$/.test(token)) return make("mi", {}, token);
    if (token[0] !== "\\") return mo(token === "-" ? "−" : token);
    const command = token.slice(1);
    if (command === "frac") return make("mfrac", {}, this.group(), this.group());
    if (command === "sqrt" && this.tokens[this.at] === "[") {
      this.at++;
      const degree = this.all("]");
      return make("mroot", {}, this.group(), degree);
    }
    if (command === "sqrt") return make("msqrt", {}, this.group());
    if (command === "left") return this.fence();
    if (command === "operatorname") return make("mi", {mathvariant: "normal"}, this.words());
    if (command === "text") return make("mtext", {}, this.words() + " ");
    if (command === "begin") return this.cases();
    if (command === ",") return make("mspace", {width: ".15em"});
    if (command in Latex.SIGNS) return mo(Latex.SIGNS[command]);
    return make("mi", {mathvariant: "normal"}, GREEK[command] ?? command);
  }

  operand(place, needed = 0) {
    const {element, strength} = this.operands[place], copy = element.cloneNode(true);
    return strength < needed ? mrow(mo("("), copy, mo(")")) : copy;
  }

  fence() {
    const side = () => mo(Latex.SIGNS[this.tokens[this.at].replace("\\", "")] ?? this.tokens[this.at]);
    const open = side();
    this.at++;
    const inner = this.all("\\right"), close = side();
    this.at++;
    return mrow(open, inner, close);
  }

  cases() {
    this.words();
    const rows = [];
    while (this.tokens[this.at - 1] !== "\\end") {
      const value = this.all("&");
      rows.push(make("mtr", {}, make("mtd", {}, value), make("mtd", {}, this.all("\\\\", "\\end"))));
    }
    this.words();
    return mrow(mo("{"), make("mtable", {columnalign: "left left"}, ...rows));
  }
}

// How a node is computed: unnamed parts are written out as deep as a reader follows, folded boxes stand as they are.
const LONG = 40;
function definition(place, deepest = 12) {
  const size = formula => 1 + (formula.in ?? []).reduce((sum, operand) => sum + size(operand), 0);
  for (let depth = deepest; ; depth = depth >> 1) {
    const formula = writtenOut(place, depth);
    if (!depth || size(formula) <= LONG) return formula;
  }
}
function writtenOut(place, depth) {
  const part = operand => {
    if (typeof operand !== "number") return {number: number(operand.c)};
    const node = graph.nodes[operand], folded = closedAround(operand)?.out === operand && operand !== place;
    if (node.op && !node.name && !folded && depth > 0) return writtenOut(operand, depth - 1);
    return node.op || node.name ? {place: operand} : {number: graph.values[operand]};
  };
  return {op: graph.nodes[place].op, in: graph.nodes[place].in.map(part)};
}

// The formulas of a line, each behind an equals sign, what repeats itself left out.
function chainOfEquals(...sides) {
  const shown = sides.filter((side, i) => i === 0 || side.textContent !== sides[i - 1].textContent);
  return shown.flatMap((side, i) => i ? [mo("="), side] : [side]);
}
