"""The live page, driven in a real browser: what it computes is what the engine computes, and every control works."""

import importlib.util
import json
import math
import pathlib
import random
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from browser import CHROMIUM, browser
from points import points
from reference import derivative, ulps, value as true_value, within_reach
from rounding import bound
from test_drawing import ODD_NAMES, broken, logistic, many, two_layers

import autograd_mini as am
from autograd_mini import Value, draw
from autograd_mini._core import registry
from autograd_mini.primitives import BUILT_IN
from autograd_mini.program._llvm import special
from autograd_mini.render._javascript import function, row as row_of_page
from autograd_mini.render._words import stored, words

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium")
TABS = ("inputs", "step", "derivation", "exercises")
PORTED = re.compile(r"\b(cbrt|erf|erfc|hypot)\(")  # not in JavaScript with the bits of the C library


@pytest.fixture(scope="module")
def tab():
    with browser() as page:
        yield page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


def sigmoid_loss():
    """The loss of one example with its names, as the course writes it: a by exp, and no row for the sigmoid."""
    numbers = {"w1": .5, "x1": 1.5, "w2": -1., "x2": -.5, "b": .25, "y": 1.}
    w1, x1, w2, x2, b, y = (Value(number, name) for name, number in numbers.items())
    z = w1 * x1 + w2 * x2 + b
    a = 1 / (1 + am.exp(-z))
    loss = -y * am.ln(a) - (1 - y) * am.ln(1 - a)
    z.name, a.name, loss.name = "z", "a", "L"
    return loss


def show(tab, folder, value, **options):
    path = folder / "page.html"
    draw(value, layout="own", language=options.pop("language", "en")).save(path)
    tab.open(path, **options)
    assert tab.troubles() == []
    return path


def js(number):
    return repr(number).replace("nan", "NaN").replace("inf", "Infinity")


def bits(number):
    """What two doubles share exactly when they are the same; a nan is a nan."""
    return "nan" if math.isnan(number) else float(number).hex()


def floats(tab, expression):
    """An array of numbers from the page, every bit of them."""
    texts = tab.run(f"Array.from({expression}, x => Object.is(x, -0) ? '-0' : String(x))")
    return [float(text.replace("Infinity", "inf")) for text in texts]


def every_row():
    """A graph that uses every row of the table."""
    return sum(getattr(am, name)(*map(Value, row.at[0])) for name, row in BUILT_IN.items())


def test_a_page_brings_a_special_function_where_it_is_used_and_what_its_derivative_calls(tab, folder):
    show(tab, folder, am.xlog1py(Value(2.0, "x"), Value(0.5, "y")))
    assert tab.run("'xlog1py' in ROWS && 'log1p' in ROWS && !('clip' in ROWS)")


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_row_computes_what_the_engine_computes(tab, folder, name):
    if tab.run("typeof ROWS === 'undefined' || !('clip' in ROWS)"):
        show(tab, folder, every_row())
    row, count = BUILT_IN[name], len(BUILT_IN[name].partials)
    tried = [*row.at, *points(count, 60, seed=5)]
    asked = f"""[{", ".join(f"[{', '.join(map(js, point))}]" for point in tried)}].flatMap(operands => {{
        const row = ROWS[{name!r}], y = row.value(...operands);
        return [y, ...row.partials.map(partial => partial(y, ...operands))]; }})"""
    got, codes = floats(tab, asked), [function(row, "abc"[:count]), *row_of_page(row)[1]]
    for place, point in enumerate(tried):
        y, *partials = got[place * (count + 1):(place + 1) * (count + 1)]
        expected = [row.number(*point), *(row.partial(i, y, *point) for i in range(count))]
        for k, (number, engine) in enumerate(zip([y, *partials], expected)):
            if bits(number) != bits(engine):
                assert PORTED.search(codes[k]), point
                orders = [i == k - 1 for i in range(count)]
                exact = (true_value(name, point) if k == 0 else derivative(name, point, orders)) \
                    if within_reach(name, point) else None
                assert exact is None or ulps(number, exact) <= bound(row.ulps[k > 0], point), point


def test_the_error_functions_have_the_numbers_of_the_machine_code():
    written = re.findall(r"const ERFC? = \[([^]]*)\]", stored("web/functions.js"))
    assert [tuple(map(float, found.split(","))) for found in written] == [special._ERF, special._ERFC]


@pytest.mark.parametrize("graph", [sigmoid_loss, two_layers, lambda: many(60)], ids=["loss", "network", "random"])
def test_values_and_gradients_follow_the_leaves_to_the_bit(tab, folder, graph):
    value, generator = graph(), random.Random(3)
    show(tab, folder, value)
    order = am.topological_order(value)
    place_of = {id(node): place for place, node in enumerate(order)}
    leaves = [place for place, node in enumerate(order) if not node.operands]
    for _ in range(12):
        numbers = {place: generator.uniform(-2, 2) for place in leaves}
        now = []
        for place, node in enumerate(order):
            operands = [o if type(o) is float else now[place_of[id(o)]] for o in node.operands]
            now.append(getattr(am, node.operation.name)(*operands) if operands else Value(numbers[place]))
        now[-1].backward()
        tab.run(f"for (const [leaf, x] of Object.entries({json.dumps(numbers)})) graph.values[leaf] = x; update()")
        assert list(map(bits, floats(tab, "graph.values"))) == [bits(node.data) for node in now]
        assert list(map(bits, floats(tab, "graph.gradients"))) == [bits(node.grad) for node in now]


def test_the_backward_pass_adds_up_step_by_step_and_live_in_the_middle(tab, folder):
    show(tab, folder, sigmoid_loss())
    tab.run("go(steps.findIndex(step => step.kind === 'begin'))")
    shown = """Object.fromEntries(boxes.filter(box => box.gradient).map(
        box => [box.title || box.sign, box.gradient.textContent]))"""
    begun = tab.run(shown)
    assert begun["L"] == "1" and begun["a"] == begun["z"] == begun["w1"] == "–"
    tab.run("go(steps.findIndex(step => step.kind === 'backward' && step.box.title === 'a'))")
    here = tab.run(shown)
    assert here["a"] == "−1.223" and here["z"] == "–"
    assert "− 1.223" in tab.run("panel.textContent").replace("−1", "− 1")
    tab.run("setLeaf(graph.named.get('b'), -2)")
    tab.frame()
    a = 1 / (1 + math.exp(0.75))
    assert tab.run(shown)["a"] == "−" + f"{1 / a:.3f}" and tab.run(shown)["z"] == "–"
    tab.run("go(steps.length - 1)")
    assert tab.run(shown)["z"] == "−0.6792" and f"{a - 1:.4f}" == "-0.6792"


def test_gradients_meet_in_words(tab, folder):
    x = Value(3.0, "x")
    show(tab, folder, am.sin(x) * x)
    tab.run("go(steps.length - 2)")
    assert "they" not in tab.run("panel.textContent") and "add up: " in tab.run("panel.textContent")
    assert "ddu" in tab.run("panel.textContent") and "cos" in tab.run("panel.textContent")


def test_a_forward_step_shows_the_values_that_travel(tab, folder):
    show(tab, folder, sigmoid_loss(), calm=False)
    tab.run("go(steps.findIndex(step => step.kind === 'forward' && step.box.title === 'z'))")
    assert sorted(tab.run("[...document.querySelectorAll('.traveller')].map(text => text.textContent)")) == \
        sorted(["0.5", "1.5", "−1", "−0.5", "0.25"])
    tab.run("new Promise(done => setTimeout(done, 800))")
    assert tab.run("document.querySelectorAll('.traveller').length") == 0


def test_controls_move_numbers(tab, folder):
    show(tab, folder, sigmoid_loss())
    at = "graph.values[graph.named.get('{}')]"
    put = """(control => { control.value = '%s'; control.dispatchEvent(new Event('input')); })(
        byId('%s' + graph.named.get('%s')))"""
    tab.run(put % ("0.75", "number", "w1"))
    assert tab.run(at.format("w1")) == 0.75
    tab.run(put % ("2", "leaf", "w2"))
    assert tab.run(at.format("w2")) == 2
    tab.run("byId('leaf' + graph.named.get('y')).click()")
    assert tab.run(at.format("y")) == 0
    x, y = tab.run("(box => [box.x + 20, box.y + 10])(boxOf[graph.named.get('b')].element.getBoundingClientRect())")
    tab.mouse("Pressed", x, y)
    tab.mouse("Moved", x + 40, y)
    tab.mouse("Released", x + 40, y)
    assert tab.run(at.format("b")) == pytest.approx(1.25)
    tab.run("byId('reset').click()")
    assert [tab.run(at.format(name)) for name in ("w1", "w2", "y", "b")] == [0.5, -1, 1, 0.25]
    tab.run("boxOf[graph.named.get('y')].element.focus()")
    tab.key("Enter", 13)
    tab.run("boxOf[graph.named.get('w1')].element.focus()")
    tab.key("ArrowUp", 38)
    assert tab.run(at.format("y")) == 0 and tab.run(at.format("w1")) == 0.6


def test_keys_step_and_a_button_in_focus_is_pressed_by_space(tab, folder):
    show(tab, folder, sigmoid_loss())
    last = tab.run("steps.length - 1")
    tab.run("document.activeElement.blur()")
    for key, code, expected in (("Home", 36, 0), ("ArrowRight", 39, 1), ("ArrowRight", 39, 2), ("ArrowLeft", 37, 1),
                                ("End", 35, last)):
        tab.key(key, code)
        assert tab.run("now") == expected
    tab.run("byId('follow').focus()")
    tab.key(" ", 32, " ")
    assert tab.run("follow") is False and tab.run("timer") is None
    tab.run("byId('tab-inputs').click(); byId('tab-inputs').focus()")
    tab.key("ArrowRight", 39)
    assert tab.run("document.activeElement.id") == "tab-step" and tab.run("now") == last


def test_sums_are_one_box_with_its_local_derivatives_until_they_are_opened(tab, folder):
    show(tab, folder, sigmoid_loss())
    into = """edges.filter(edge => edge.head.title === 'z').map(
        edge => [edge.tail.title, edge.local, edge.head.slots[edge.slot]])"""
    assert tab.run(into) == [["w1", 1.5, "+"], ["x1", 0.5, "·"], ["w2", -0.5, "+"], ["x2", -1, "·"], ["b", 1, "+"]]
    closed = tab.run("boxes.length")
    tab.run("openOrFold(boxOf[graph.named.get('z')])")
    assert tab.run("boxes.length") == closed + 3
    tab.run("byId('parts').click()")
    assert sorted(tab.run("boxes.filter(box => box.group).map(box => box.title)")) == ["L", "a", "z"]
    local = dict(tab.run("edges.map(edge => [edge.tail.title + '>' + edge.head.title, edge.local])"))
    a = 1 / (1 + math.exp(-1.5))
    assert local["z>a"] == pytest.approx(a * (1 - a), rel=1e-14) and local["a>L"] == pytest.approx(-1 / a, rel=1e-14)


def test_scopes_fold_and_many_terms_stay_few_boxes(tab, folder):
    show(tab, folder, two_layers())
    assert tab.run("boxes.filter(box => box.group?.kind === 'scope').map(box => box.sign)") == ["layer1", "layer2"]
    show(tab, folder, sum(Value(float(i), f"x{i}") * Value(0.5, f"w{i}") for i in range(50)))
    assert tab.run("boxes.length") == 2 and "100" in tab.run("svg.textContent")


def test_slots_tell_the_operands_apart(tab, folder):
    show(tab, folder, Value(3.0, "p") / Value(2.0, "q"))
    assert tab.run("edges.map(edge => [edge.tail.title, edge.head.slots[edge.slot]])") == [["p", "1"], ["q", "2"]]
    show(tab, folder, Value(3.0, "p") * Value(2.0, "q"))
    assert tab.run("edges.map(edge => edge.head.slots[edge.slot])") == ["", ""]


def test_the_derivation_lights_its_path_and_its_numbers_follow(tab, folder):
    pytest.importorskip("sympy")
    show(tab, folder, sigmoid_loss())
    tab.run("byId('tab-derivation').click()")
    claims = tab.run("graph.derivation.map(line => [line.kind, line.forms.at(-1)])")
    assert ["chain", "a - y"] in claims and ["local", "a - a**2"] in claims and ["chain", "x1*(a - y)"] in claims
    k = claims.index(["chain", "a - y"])
    assert tab.run(f"byId('line{k}').textContent").endswith("=0.8176−1=−0.1824")
    tab.run(f"setLeaf(graph.named.get('y'), 0); byId('line{k}').click()")
    tab.frame()
    assert tab.run(f"byId('line{k}').textContent").endswith("=0.8176−0=0.8176")
    lit = set(tab.run("[...lit].map(box => box.title)"))
    assert {"z", "a", "L"} <= lit and "w1" not in lit
    assert "multiplied out" in tab.run(f"byId('line{k}').textContent")
    assert tab.run("[...document.querySelectorAll('.edge.lit')].length") >= 8
    assert tab.run("document.querySelectorAll('#panel math mfrac').length") > 8


RIGHT = ["a - y", "a−y", "da * da/dz", "da·(a − a²)", "da × (a - a^2)", "（a－y）", "a*(1-y) - (1-a)*y",
         "1/(1+exp(-z)) - y", "da*(a-a**2)", "da a(1 - a)", "-(y-a)", "(1-y)a - y(1-a)", "a·y⁰ − y", "da (a² a⁻¹ − a²)",
         "√(a)√a - y", "dz = a − y", "dL/dz＝a-y。", "σ(z) - y;"]
WRONG = {"y - a": "sign", "(a - y)*x1": "factor", "1/0": "Not yet", "dz": "is what is asked for", "lg(a)": "log10(x)",
         "dL/dz": "is what is asked for", "a": "The term −y is missing", "2*(a - y)": "2 times", "a2": "not known",
         "a - y + 1": "off by 1", "(a - y": "cannot be read", "1/(a-y)": "upside down", "": "cannot be read",
         "dz*1": "is what is asked for",
         "frob(a)": "frob", "a 2": "2", "2(a - y)": "2 times", "exp": "exp"}


@pytest.mark.parametrize("width", [360, 1280])
def test_one_of_several_outputs_is_differentiated_by_choice(tab, folder, width):
    loss = sigmoid_loss()
    outputs = [next(node for node in am.topological_order(loss) if node.name == name) for name in "zaL"]
    order = am.topological_order(*outputs)
    show(tab, folder, outputs, width=width)
    assert tab.run("document.documentElement.scrollWidth") <= width
    tab.run("byId('output').focus()")
    for key, code, output in (("Home", 36, outputs[0]), ("ArrowDown", 40, outputs[1]), ("ArrowDown", 40, loss)):
        tab.key(key, code)
        tab.frame()
        output.backward()
        below = set(map(id, am.topological_order(output)))
        engine = [node.grad if id(node) in below else 0.0 for node in order]
        assert [*map(bits, floats(tab, "graph.gradients"))] == [*map(bits, engine)]
        assert tab.run("document.title") == output.name
        assert tab.run("result.textContent").startswith(output.name + " = ")
        tab.run("go(steps.findIndex(step => step.kind === 'begin'))")
        assert tab.run("steps[now].box.title") == output.name
        assert tab.run("graph.name(graph.exercises.at(-1).of)") == output.name
        derived = tab.run("graph.derivation.flatMap(line => line.kind === 'chain' ? [graph.name(line.of)] : [])")
        assert set(derived) == {output.name} or not registry.derive
    show(tab, folder, loss)
    assert tab.run("byId('outputs').hidden")


def test_derivatives_have_one_notation(tab, folder):
    show(tab, folder, sigmoid_loss())
    assert tab.run("boxOf[graph.named.get('w1')].element.querySelector('.caption').textContent").startswith("dw1")
    for name in ("inputs", "derivation", "exercises"):
        tab.run(f"byId('tab-{name}').click()")
        assert "∂" not in tab.run("panel.textContent") and "dw" in tab.run("panel.textContent")
    for step in range(tab.run("steps.length")):
        tab.run(f"go({step})")
        assert "∂" not in tab.run("panel.textContent")


def test_exercises_take_what_is_right_and_say_what_is_wrong(tab, folder):
    show(tab, folder, sigmoid_loss())
    tab.run("byId('tab-exercises').click()")
    asked = [tuple(pair) for pair in tab.run("graph.exercises.map(({of, by}) => [graph.name(of), graph.name(by)])")]
    assert asked[:5] == [("L", "a"), ("a", "z"), ("L", "z"), ("z", "w1"), ("L", "w1")] and asked[-1] == ("L", "b")
    card = f"panel.querySelectorAll('.card')[{asked.index(('L', 'z'))}]"
    typed = card + ".querySelector('input').value = {}; " + card + ".querySelector('form').requestSubmit()"
    for text in RIGHT:
        tab.run(typed.format(json.dumps(text)))
        assert tab.run(f"{card}.className") == "card right", text
    for text, told in WRONG.items():
        tab.run(typed.format(json.dumps(text)))
        assert tab.run(f"{card}.className") == "card wrong", text
        for _ in range(2):
            if told not in tab.run(f"{card}.textContent"):
                tab.run(f"{card}.querySelector('button[type=button]').click()")
        assert told in tab.run(f"{card}.textContent"), text
    for _ in range(4):
        tab.run(f"{card}.querySelector('button[type=button]').click()")
    assert "The answer: dz=a−y" in tab.run(f"{card}.textContent")


def test_an_expression_starts_over(tab, folder):
    show(tab, folder, sigmoid_loss())
    tab.run("startOver('u = x² ; lg2 = log(u); sin(lg2) × 2')")
    assert tab.run("[...graph.named.keys()].sort().join()") == "lg2,u,x" and tab.run("graph.nodes.length") == 5
    tab.run("setLeaf(graph.named.get('x'), 2)")
    tab.frame()
    assert tab.run("graph.values[graph.root]") == 2 * math.sin(math.log(4))
    assert tab.run("graph.gradients[graph.named.get('x')]") == pytest.approx(2 * math.cos(math.log(4)), rel=1e-14)
    tab.run("startOver('u = x; 2u(1 − u)')")
    assert tab.run("[graph.values[graph.root], graph.values[graph.named.get('u')]].join()") == "-4,2"
    tab.run("startOver('权重 = −0.5; x = ２\\n z = 权重·x; σ(z)')")
    assert tab.run("[...graph.leaves].map(leaf => graph.name(leaf) + graph.values[leaf]).join()") == "权重-0.5,x2"
    assert tab.run("graph.values[graph.root]") == pytest.approx(1 / (1 + math.e), rel=1e-15)
    for wrong in ("x +", "3", "x = 3", "lg(x)", "frob(x)", "sin(x, x)", ""):
        with pytest.raises(AssertionError):
            tab.run(f"startOver({wrong!r})")


def test_a_row_without_c_keeps_its_numbers_as_long_as_its_operands(tab, folder):
    opaque = am.custom_gradient(lambda a: a ** 3, lambda y, a: 3 * a * a, name="cubed_in_python")
    x = Value(2.0, "x")
    show(tab, folder, opaque(x) + x)
    assert floats(tab, "graph.values")[-1] == 10 and floats(tab, "graph.gradients")[0] == 13
    tab.run("setLeaf(0, 3)")
    tab.frame()
    assert math.isnan(floats(tab, "graph.values")[-1]) and tab.troubles() == []


@pytest.mark.parametrize("width", [360, 390, 414])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_phone_sees_all_of_it(tab, folder, width, language):
    show(tab, folder, sigmoid_loss(), width=width, height=780, touch=True, language=language)
    for name in ("inputs", "step", "exercises"):
        tab.run(f"byId('tab-{name}').click()")
        assert tab.run("document.documentElement.scrollWidth") == width
        wide = """[...document.querySelectorAll('button, input, h1, p')].filter(
            e => e.getBoundingClientRect().right > innerWidth + 1)"""
        assert tab.run(f"{wide}.map(e => e.outerHTML)") == []
    small = "[...document.querySelectorAll('button')].filter(e => e.offsetHeight && e.offsetHeight < 36).length"
    assert tab.run(small) == 0


def test_a_finger_turns_a_number(tab, folder):
    show(tab, folder, sigmoid_loss(), width=390, height=780, touch=True)
    tab.run("follow = false; look(frameOf(boxOf[graph.named.get('z')]))")
    x, y = tab.run("(box => [box.x + 20, box.y + 10])(boxOf[graph.named.get('x1')].element.getBoundingClientRect())")
    tab.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
    tab.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": x - 60, "y": y}])
    tab.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    assert tab.run("graph.values[graph.named.get('x1')]") == pytest.approx(0)


def test_every_control_has_a_name(tab, folder):
    show(tab, folder, sigmoid_loss())
    roles = {"button", "slider", "switch", "tab", "textbox", "checkbox", "spinbutton"}
    for name in TABS:
        tab.run(f"byId('tab-{name}').click()")
        tree = tab.call("Accessibility.getFullAXTree")["nodes"]
        controls = [node for node in tree if node.get("role", {}).get("value") in roles and not node["ignored"]]
        assert len(controls) > 20 and [node for node in controls if not node.get("name", {}).get("value")] == []


CONTRAST = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d");
  const channels = color => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map(c => c / 255);
  };
  const linear = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const shares = [0.2126, 0.7152, 0.0722];
  const light = color => shares.reduce((sum, share, i) => sum + linear(channels(color)[i]) * share, 0.05);
  const ratio = (a, b) => Math.max(light(a), light(b)) / Math.min(light(a), light(b));
  const behind = e => {
    while (e && channels(getComputedStyle(e).backgroundColor)[3] < 0.5) e = e.parentElement;
    return e ? getComputedStyle(e).backgroundColor : "#fff";
  };
  return [...document.querySelectorAll("body *")].filter(e => {
    const written = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!written || !e.getClientRects().length || e.closest("script, style, :disabled")) return false;
    const ink = getComputedStyle(e)[e.closest("svg") ? "fill" : "color"], card = e.closest(".box:not(.constant)");
    return ratio(ink, card ? getComputedStyle(card.querySelector("rect:not(.behind)")).fill : behind(e)) < 4.5;
  }).map(e => e.outerHTML);
})()
"""


@pytest.mark.parametrize("dark", [False, True])
def test_contrast(tab, folder, dark):
    show(tab, folder, sigmoid_loss(), dark=dark)
    for name in TABS:
        tab.run(f"byId('tab-{name}').click(); if ('{name}' === 'step') go(22)")
        assert tab.run(CONTRAST) == []


def test_less_motion_is_no_motion(tab, folder):
    show(tab, folder, sigmoid_loss(), calm=True)
    tab.run("go(5)")
    assert tab.run("document.querySelectorAll('.traveller').length") == 0


def test_it_is_light_and_asks_the_network_for_nothing(tab, folder):
    path = show(tab, folder, many(300))
    assert path.stat().st_size < 100_000
    assert "http" not in re.sub(r"http://www\.w3\.org/[\w/.]*", "", path.read_text("utf-8"))


def test_of_a_large_graph_the_nodes_nearest_to_the_root_live(tab, folder):
    x = Value(0.5, "x")
    value = x
    for _ in range(20_000):
        value = am.sin(value) + 1e-3
    path = show(tab, folder, value)
    assert path.stat().st_size < 100_000 and tab.run("graph.nodes.length") == 300
    assert floats(tab, "graph.values")[-1] == value.data
    tab.run("setLeaf(0, 0.25)")
    tab.frame()
    expected = 0.25
    for op in tab.run("graph.nodes.slice(1).map(node => node.op)"):
        expected = math.sin(expected) if op == "sin" else expected + 1e-3
    assert floats(tab, "graph.values")[-1] == pytest.approx(expected, rel=1e-14)


def test_a_notebook_unpacks_the_page_in_its_frame(tab, folder):
    path = folder / "notebook.html"
    path.write_text("<!doctype html>" + draw(sigmoid_loss())._repr_html_(), "utf-8")
    tab.open(path)
    inside = "document.querySelector('iframe').contentDocument"
    tab.run("new Promise(done => (function wait() { "
            f"{inside}.querySelector('.box.root') ? done() : setTimeout(wait, 20) }})())")
    assert tab.run(f"{inside}.querySelector('h1').textContent").startswith("L = ") and tab.troubles() == []


def test_both_languages_say_everything(tab, folder):
    assert all(len(entry) == 2 and all(entry) for entry in words().values())
    package = pathlib.Path(am.__file__).parent
    code = "".join(path.read_text("utf-8") for path in [*package.rglob("*.py"), *package.glob("render/web/*.[jh]*")])
    said = set(re.findall(r"""(?:say\(|data-say=|data-name=|_say\()["'](\w+)["']""", code))
    assert len(said) > 60 and said <= set(words()), "a word is missing in words.json"
    assert not any(re.search("[一-鿿]", english) for english, _ in words().values())
    assert all(re.search("[一-鿿∂]", chinese) for _, chinese in words().values())
    places = [[sorted(re.findall(r"{\d}", text)) for text in entry] for entry in words().values()]
    assert all(english == chinese for english, chinese in places)
    show(tab, folder, sigmoid_loss(), language="zh")
    assert tab.run("document.documentElement.lang") == "zh-Hans"
    assert tab.run("byId('tab-derivation').textContent") == "推导"
    carried = set(tab.run("Object.keys(data.words)"))
    assert {"start", "forward", "backward", "definition", "local", "chain", "live", *TABS} <= carried
    tab.run("byId('language').click()")
    assert tab.run("byId('tab-derivation').textContent") == "Derivation"


def test_parts_that_are_built_alike_are_one_box_until_it_is_opened(tab, folder):
    w, b = Value(0.5, "w"), Value(0.25, "b")
    J = sum(am.softplus(w*i/7 + b) for i in range(1, 31)) / 30
    show(tab, folder, J)
    few = tab.run("boxes.length")
    assert few < 10 and tab.run("boxes.filter(box => box.group).map(box => box.sign)") == ["Σ ×30"]
    slope = am.gradient(J * 30, w).data
    edge = "edges.find(edge => edge.tail.title === 'w' && edge.head.group)"
    assert tab.run(f"{edge}.local") == pytest.approx(slope, rel=1e-12)
    tab.run("openOrFold(boxes.find(box => box.group))")
    assert tab.run("boxes.length") > 90 and tab.troubles() == []


def test_a_cost_over_a_thousand_examples_is_one_box(tab, folder):
    generator, (w, b) = random.Random(1), (Value(0.5, "w"), Value(0.25, "b"))
    J = 0
    for _ in range(1000):
        x, y = generator.gauss(0, 1), float(generator.random() < 0.5)
        a = 1 / (1 + am.exp(-(w*x + b)))
        J = J - y*am.ln(a) - (1 - y)*am.ln(1 - a)
    J = J / 1000
    J.name = "J"
    J.backward()
    path = show(tab, folder, J)
    assert path.stat().st_size < 1_000_000 and tab.run("boxes.length") == 5
    assert floats(tab, "['w', 'b'].map(leaf => graph.gradients[graph.named.get(leaf)])") == [w.grad, b.grad]
    tab.run("choose(boxes.find(box => box.group))")
    assert "too many to be shown" in tab.run("panel.textContent") and "Σ ×1000" in tab.run("panel.textContent")
    tab.run("openOrFold(boxes.find(box => box.group))")
    assert tab.run("boxes.length") == 5


def test_what_a_page_leaves_out_it_says(tab, folder):
    x = total = Value(0.5, "x")
    for place in range(1500):
        total = am.sin(total) * Value(1.0, f"w{place}")
    show(tab, folder, total)
    assert "Of 4501 nodes the 300 nearest" in tab.run("panel.textContent")
    assert "more inputs" in tab.run("panel.textContent")
    assert tab.run("panel.querySelectorAll('.leaf-row').length") == 100
    assert floats(tab, "[graph.values[graph.root]]") == [total.data] and x.data == 0.5


def test_names_can_do_no_harm(tab, folder):
    names = [*ODD_NAMES, "</script><script>window.harmed = 1</script>", "<img src=x onerror=window.harmed=1>",
             "${window.harmed=1}", "__proto__", "constructor"]
    value = sum(Value(float(i), name) * 2 for i, name in enumerate(names))
    value.name = "<i>"
    path = show(tab, folder, value)
    assert tab.run("window.harmed ?? null") is None and tab.run("document.scripts.length") == 2
    assert tab.run("graph.leaves.map(leaf => graph.name(leaf))")[2] == "温度の平均" and path.exists()
    tab.run("for (const name of TABS) byId('tab-' + name).click(); go(3)")
    assert tab.troubles() == [] and tab.run("window.harmed ?? null") is None


def test_broken_numbers_are_red_and_readable(tab, folder):
    show(tab, folder, broken())
    assert tab.run("document.querySelectorAll('.box.bad').length") >= 3
    shown = tab.run("svg.textContent")
    assert "nan" in shown and "∞" in shown
    x = Value(0.0, "x")
    show(tab, folder, -x)
    assert "−0" in tab.run("svg.textContent")


def test_a_logistic_graph_of_rows_is_drawn_too(tab, folder):
    show(tab, folder, logistic())
    assert tab.run("boxes.some(box => box.title === 'a' && box.sign === 'sigmoid')")


PAINTERS = {
    "rsvg-convert": ["rsvg-convert", "{svg}", "-o", "{png}"],
    "cairosvg": [sys.executable, "-m", "cairosvg", "{svg}", "-o", "{png}"],
    "inkscape": ["inkscape", "{svg}", "--export-type=png", "--export-filename={png}"],
}


@pytest.mark.parametrize("painter", PAINTERS)
def test_a_saved_picture_looks_everywhere_as_in_a_browser(tab, tmp_path, painter):
    """Squares of 8 pixels are as dark as in the browser, up to the faces that are there."""
    image = pytest.importorskip("PIL.Image")
    if not (shutil.which(painter) or importlib.util.find_spec(painter)):
        pytest.skip(f"needs {painter}")

    def darkness(path):
        painted = image.open(path).convert("RGBA")
        page = image.new("RGBA", painted.size, "white")
        page.alpha_composite(painted)
        squares = page.convert("L").resize((painted.width // 8, painted.height // 8), image.Resampling.BOX)
        return 255 - np.asarray(squares, float)

    price = Value(2.0, "面积") * Value(3.0, "θ_1") + Value(-0.0, "b")
    price.backward()
    coloured = {"color": "grad", "labels": "formula"}
    for value, options in ((logistic(), coloured), (two_layers(), {}), (broken(), {}), (price, {})):
        svg, png = tmp_path / "picture.svg", tmp_path / "picture.png"
        placed = draw(value, layout="own", **options).save(svg)._placed
        command = [part.format(svg=svg, png=png) for part in PAINTERS[painter]]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        tab.open(svg, width=math.ceil(placed.width), height=math.ceil(placed.height) + 26 * ("color" in options))
        tab.picture(tmp_path / "browser.png")
        seen, browsers = darkness(png), darkness(tmp_path / "browser.png")
        seen, browsers = (array[:min(len(seen), len(browsers))] for array in (seen, browsers))
        assert np.corrcoef(seen.ravel(), browsers.ravel())[0, 1] > 0.95
        assert seen.sum() == pytest.approx(browsers.sum(), rel=0.1)
