// The panel beside the picture: inputs, the step in turn, the derivation, exercises.

const TABS = ["inputs", "step", "derivation", "exercises"];
const ROWS_SHOWN = 100;
let tab = "inputs", built = null;
const panel = byId("panel");
const heading = (...content) => make("h2", {}, ...content);
const equation = (...parts) => make("div", {class: "equation"}, math(...parts));

function showPanel(moment) {
  const fresh = built !== tab;
  if (fresh) {
    for (const name of TABS) {
      put(byId("tab-" + name), "aria-selected", String(name === tab));
      put(byId("tab-" + name), "tabindex", name === tab ? "0" : "-1");
    }
    panel.setAttribute("aria-labelledby", "tab-" + tab);
    panel.replaceChildren();
    panel.scrollTop = 0;
    built = tab;
  }
  ({inputs: showInputs, step: showStep, derivation: showDerivation, exercises: showExercises})[tab](moment, fresh);
}

// Inputs ---------------------------------------------------------------------------------------------------------------

function showInputs(_, fresh) {
  const shown = graph.leaves.slice(0, ROWS_SHOWN), more = graph.leaves.length - shown.length;
  if (fresh) panel.append(make("p", {class: "soft"}, say("drag")), data.cut ? make("p", {class: "soft"}, say("cut", ...data.cut)) : "",
    ...shown.map(leafRow), more > 0 ? make("p", {class: "soft"}, say("more", more)) : "", expressionForm());
  for (const leaf of shown) {
    const x = graph.values[leaf], slider = byId("leaf" + leaf), field = byId("number" + leaf);
    if (slider.type === "checkbox") slider.checked = !!x;
    else if (Number(slider.value) !== x) slider.value = Math.max(slider.min, Math.min(slider.max, x)) || 0;
    if (document.activeElement !== field) field.value = Number.isFinite(x) ? x : "";
    put(field, "placeholder", exact(x));
    write(byId("slope" + leaf), short(graph.gradients[leaf]));
  }
}

function leafRow(leaf) {
  const [min, max] = graph.bounds(leaf), {toggle, name} = graph.nodes[leaf], label = graph.name(leaf), id = "leaf" + leaf;
  const slider = toggle
    ? make("input", {type: "checkbox", role: "switch", id, "aria-label": label, on: {change: event => setLeaf(leaf, +event.target.checked)}})
    : make("input", {type: "range", id, min, max, step: "any", "aria-label": label,
                      on: {input: event => setLeaf(leaf, Number(event.target.value))}});
  const take = event => { if (event.target.value !== "") setLeaf(leaf, Number(event.target.value)); };
  return make("div", {class: "leaf-row"}, make("label", {for: id}, math(name ? nameMath(name) : make("mn", {}, label))), slider,
    make("input", {type: "number", step: "any", id: "number" + leaf, "aria-label": say("number", label), on: {input: take}}),
    make("span", {class: "slope"}, math(slopeMath(graph.root, leaf), mo("=")), make("b", {class: "gradient", id: "slope" + leaf})));
}

function expressionForm() {
  const said = make("p", {class: "bad", role: "alert"});
  const field = make("textarea", {rows: 3, id: "expression", "aria-label": say("expression"), spellcheck: "false", autocapitalize: "off"});
  field.value = data.expression;
  return make("form", {class: "expression", on: {submit: event => {
    event.preventDefault();
    try { startOver(field.value); } catch (error) { said.textContent = error.message; }
  }}}, make("label", {for: "expression"}, say("expression")), field, make("button", {}, say("draw")), said);
}

// The step in turn -----------------------------------------------------------------------------------------------------

function showStep({step, gradients, live}) {
  const {kind, box} = step, place = box?.shown, content = [make("div", {class: "kind"}, say(kind === "begin" ? "backward" : kind))];
  if (!box) content.push(heading(say(live ? "live" : "leaves")), ...leafList(live));
  else if (place === null) content.push(heading(box.group?.title ?? box.title), make("p", {}, say("several", box.members.length)), opener(box));
  else {
    content.push(heading(box.title || box.sign), opener(box));
    if (graph.nodes[place].op) content.push(...computed(box, place));
    if (kind === "begin") content.push(make("p", {}, say("begins", graph.name(place))));
    if (kind === "backward") content.push(...handedOn(box, gradients));
  }
  panel.replaceChildren(...content.filter(Boolean));
}

const leafList = live => graph.leaves.filter(leaf => graph.nodes[leaf].name).map(leaf =>
  make("p", {class: "digits"}, math(nameMath(graph.name(leaf))), " = ", make("span", {class: "value"}, exact(graph.values[leaf])),
    live ? make("span", {class: "gradient"}, `, d${graph.name(leaf)} = ${exact(graph.gradients[leaf])}`) : null));

function opener(box) {
  const group = box.group ?? around[box.shown]?.at(-1);
  if (box.group && !opens(group)) return make("p", {class: "soft"}, say("crowded", group.members.length));
  return group ? make("button", {on: {click: () => openOrFold(box)}}, say(box.group ? "open" : "fold")) : null;
}

function computed(box, place) {
  const {name} = graph.nodes[place], left = name ? [nameMath(name)] : [], sides = mathOf(definition(place));
  const numbers = mathOf(definition(place, box.group ? 12 : 0), {numbers: true}), result = numberMath(graph.values[place]);
  const substituted = numbers.textContent === result.textContent ? [] : [mo("="), numbers];
  if (box.group?.kind === "repeat") return [equation(...left, mo("="), make("mn", {class: "value"}, exact(graph.values[place])))];
  return [equation(...left, ...(name ? [mo("=")] : []), sides),
          make("div", {class: "equation"}, math(...substituted, mo("="), make("mn", {class: "value"}, exact(graph.values[place]))))];
}

function handedOn(box, gradients) {
  const g = gradients[box.shown], content = [make("p", {}, say("hands", exact(g)))];
  for (const edge of edges.filter(edge => edge.head === box && edge.local !== null)) {
    const {from} = edge, share = chain(g, edge.local), {op, name} = graph.nodes[from];
    const who = op && !name && called(from) === "…" ? mathOf(definition(from, 4)) : nameMath(called(from));
    content.push(make("p", {class: "share"}, math(who), ` += ${bracketed(g)} × ${bracketed(edge.local)} = `,
      make("b", {class: "gradient"}, short(share))), rule(box, edge));
    const before = gradients[from] - share, meets = edges.filter(other => other.from === from).length > 1;
    if (meets && Math.abs(before) > 1e-12 * Math.abs(share))
      content.push(make("p", {class: "meet"}, say("meet", `${short(before)} + ${bracketed(share)} = ${short(gradients[from])}`)));
  }
  return content;
}

// The rule of a local derivative as a course writes it, in u and v, and with the numbers of this box.
function rule(box, edge) {
  const [place, k] = edge.via[0], {op, in: operands} = graph.nodes[place], text = ROWS[op].rules?.[k];
  if (box.group || !text) return null;
  const letters = operands.length > 1 ? [..."uvwxyz"] : ["u"], whole = {op, in: operands.map((_, j) => ({letter: letters[j]}))};
  const known = {y: {place}}, formula = parse(text, letter => ({letter}));
  operands.forEach((operand, j) => { known[letters[j]] = typeof operand === "number" ? {place: operand} : {number: number(operand.c)}; });
  return make("div", {class: "equation soft"}, math(
    make("mfrac", {}, differential(), differential(make("mi", {}, letters[k]))), mrow(mo("("), mathOf(whole), mo(")")), mo("="),
    ...chainOfEquals(mathOf(formula, {known: {y: whole}}), mathOf(formula, {numbers: true, known}), numberMath(edge.local))));
}
