"""Drawings: what is on them, that nothing covers anything, and that names can do no harm."""

import base64
import itertools
import json
import math
import random
import re
import sys
import zlib
from xml.etree import ElementTree

import pytest

import autograd_mini as am
from autograd_mini import StaleGraphError, Value, draw, gradient, softplus
from autograd_mini._core.registry import engines
from autograd_mini.render._folding import grouped
from autograd_mini.render._numbers import pretty
from autograd_mini.render._picture import Span, span_width
from autograd_mini.render._placing import NoLayoutError

SVG = "{http://www.w3.org/2000/svg}"
ODD_NAMES = ['<b>&"x', "n" * 1000, "温度の平均", "a\nb\t\x00\x0b\ud800", "</svg><script>alert(1)</script>", "]]>--!>",
             "\\N\\G"]


def logistic(kind=Value):
    w1, x1, w2, x2, b, y = (kind(v, n) for v, n in zip((.5, 2., -1., .3, .1, 1.), ("w1", "x1", "w2", "x2", "b", "y")))
    z = w1 * x1 + w2 * x2 + b
    z.name = "z"
    a = z.sigmoid()
    a.name = "a"
    loss = -y * a.ln() - (1 - y) * (1 - a).ln()
    loss.name = "L"
    loss.backward()
    return loss


def two_layers():
    generator = random.Random(1)
    signal = [Value(0.5, "x1"), Value(-0.25, "x2")]
    for layer in ("layer1", "layer2"):
        with am.scope(layer):
            weights = [[Value(generator.uniform(-1, 1), f"{layer}_w{i}{j}") for j in range(len(signal))]
                       for i in range(3)]
            signal = [am.tanh(sum((w * s for w, s in zip(row, signal)), Value(0.1, f"{layer}_b{i}")))
                      for i, row in enumerate(weights)]
    loss = am.square(sum(signal) - 1)
    loss.backward()
    return loss


def many(count):
    generator = random.Random(0)
    pool = [Value(generator.random(), f"x{i}") for i in range(5)]
    for _ in range(count - 9):
        a, b = generator.sample(pool[-8:], 2)
        pool.append(generator.choice([a + b, a * b, a.tanh()]))
    root = pool[-1] + pool[-2] + pool[-3] + pool[-4] + pool[-5]
    root.backward()
    return root


def broken():
    x = Value(-1.0, "x")
    y = am.ln(x) * 2 + 1 / (x - x) + am.exp(x * -1000) + 0 * x
    y.backward()
    return y


def odd():
    return sum(Value(float(i), name) * 2 for i, name in enumerate(ODD_NAMES))


GRAPHS = {"logistic": logistic, "two layers": two_layers, "500 nodes": lambda: many(500), "nan": broken,
          "odd names": odd, "leaf": lambda: Value(3.0)}


@pytest.fixture(params=["dot", "pygraphviz", "own"])
def layout(request, monkeypatch):
    import graphviz

    if request.param == "dot":
        import shutil
        if shutil.which("dot") is None:
            pytest.skip("needs Graphviz' dot")
    else:
        def missing(*args, **options):
            raise graphviz.ExecutableNotFound(["dot"])
        monkeypatch.setattr(graphviz, "pipe", missing)
    if request.param == "pygraphviz":
        pytest.importorskip("pygraphviz")
    if request.param == "own":
        monkeypatch.setitem(sys.modules, "pygraphviz", None)
    return request.param


def geometry(svg):
    """The page, the boxes, and the labels of the edges, each as left, top, right, bottom."""
    root = ElementTree.fromstring(svg)
    page = tuple(map(float, root.get("viewBox").split()))
    boxes, labels = {}, {}
    for group in root.iter(f"{SVG}g"):
        if "box" in group.get("class", ""):
            rect = group.find(f"{SVG}rect")
            x, y, w, h = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
            boxes[group.get("id")] = (x, y, x + w, y + h)
            for text in group.iter(f"{SVG}text"):
                width = sum(span_width(Span(t.text, t.get("class"))) + float(t.get("dx", 0)) for t in text)
                left = float(text.get("x")) - (width / 2 if text.get("text-anchor") else 0)
                assert x <= left and left + width <= x + w + 0.5 and y < float(text.get("y")) < y + h
        elif group.get("class") == "edge" and (text := group.find(f"{SVG}text[@font-size='10']")) is not None:
            x, y, half = float(text.get("x")), float(text.get("y")), span_width(Span(text.text, "label")) / 2
            labels[group.get("id")] = (x - half, y - 8, x + half, y + 2)
    return page, boxes, labels


def overlaps(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_a_cost_of_fifty_examples_is_one_box_with_its_slopes():
    w, b = Value(0.5, "w"), Value(0.25, "b")
    losses = [softplus(w*x + b) - y*(w*x + b) for x, y in [(Value(i / 7 - 3), Value(i % 2)) for i in range(50)]]
    J = sum(losses) / 50
    J.name = "J"
    drawing = draw(J)
    folded = next(box for box in drawing.picture.boxes if box.rows[0][0].text == "Σ ×50")
    assert len(drawing.picture.boxes) < 10 and drawing._placed.height < 500
    assert folded.shown.data == pytest.approx(50 * J.data) and len(folded.nodes) > 250
    boxes = drawing.picture.boxes
    slopes = {boxes[edge.tail].shown: edge.label for edge in drawing.picture.edges if boxes[edge.head] is folded}
    assert slopes[w] == pretty(gradient(folded.shown, w).data) and slopes[b] == pretty(gradient(folded.shown, b).data)
    assert len(draw(J, fold=False).picture.boxes) > 60
    assert not any("×" in box.rows[0][0].text for box in draw(sum(losses[:3])).picture.boxes if box.kind == "fold")


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("name", GRAPHS)
def test_no_boxes_and_labels_overlap_or_leave_the_page(name, fold, rankdir, layout):
    if (not fold and name != "two layers") or (rankdir == "TB" and name in ("odd names", "leaf")):
        pytest.skip("says nothing new")
    drawing = draw(GRAPHS[name](), fold=fold, limit=500, rankdir=rankdir)
    page, boxes, labels = geometry(drawing.svg())
    assert len(boxes) == len(drawing.picture.boxes) and len(labels) == sum(bool(e.label) for e in drawing.picture.edges)
    for left, top, right, bottom in [*boxes.values(), *labels.values()]:
        assert left >= 0 and top >= 0 and right <= page[2] and bottom <= page[3]
    clashes = [pair for pair in itertools.combinations(boxes.items(), 2) if overlaps(pair[0][1], pair[1][1])]
    clashes += [pair for pair in itertools.product(boxes.items(), labels.items()) if overlaps(pair[0][1], pair[1][1])]
    clashes += [pair for pair in itertools.combinations(labels.items(), 2) if overlaps(pair[0][1], pair[1][1])]
    assert clashes == []


def texts(drawing, kind):
    """The texts of every box of a kind, line by line."""
    return [[span.text for row in box.rows for span in row] for box in drawing.picture.boxes if box.kind == kind]


@pytest.mark.parametrize("engine", [engine.kind for engine in engines.values()], ids=engines)
def test_a_node_shows_name_operation_value_and_gradient(engine):
    drawing = draw(logistic(engine), layout="own")
    assert ["a", "sigmoid", "0.69", "grad", "−1.449"] in texts(drawing, "operation")
    assert ["w1", "0.5", "grad", "−0.6201"] in texts(drawing, "leaf")
    assert texts(drawing, "root") == [["L", "−", "0.3711", "grad", "1"]]
    assert texts(drawing, "constant") == [["1"], ["1"]]
    for word in ("sigmoid", "−1.449", "w1"):
        assert word in drawing.svg() and word in drawing.dot


def test_a_gradient_that_was_not_computed_is_a_dash_and_never_zero():
    x = Value(2.0, "x")
    assert texts(draw(x * 3, layout="own"), "leaf") == [["x", "2", "grad", "–"]]


def test_uses_are_edges_and_shared_nodes_are_drawn_once():
    x = Value(3.0, "x")
    square = x * x
    drawing = draw(square + square, layout="own")
    assert len(drawing.picture.boxes) == 3 and [edge.label for edge in drawing.picture.edges] == ["3", "3", "1", "1"]


def test_edges_show_the_local_derivative_as_number_or_formula():
    x, y = Value(2.0, "x"), Value(5.0, "y")
    value = am.sin(x * y) + am.ln(y) + y ** 3
    by_formula = {edge.label for edge in draw(value, labels="formula", layout="own").picture.edges}
    assert {"y", "x", "cos(x y)", "1 / y", "3 y ** 2"} <= by_formula
    by_number = {edge.label for edge in draw(value, layout="own").picture.edges}
    assert {"5", "2", "−0.8391", "0.2", "75"} <= by_number
    assert not any(edge.label for edge in draw(value, labels="none", layout="own").picture.edges)


def test_a_rule_of_the_users_own_is_drawn():
    half = am.custom_gradient(lambda a: a / 2, lambda y, a: math.copysign(0.5, a) * math.copysign(1, a), name="half_of")
    drawing = draw(half(Value(4.0, "x")), labels="formula", layout="own")
    assert [edge.label for edge in drawing.picture.edges] == ["0.5"]


def test_nan_infinity_and_zero_stand_out():
    picture = draw(broken(), layout="own").picture
    marked = {span.text: span.mark for box in picture.boxes for row in box.rows for span in row if span.mark}
    assert marked["nan"] == "nan" and marked["∞"] == "nan"
    assert {"nan"} <= {edge.mark for edge in picture.edges}
    zero = draw(logistic(), layout="own").picture
    assert [box.rows[0][0].text for box in zero.boxes if box.mark == "zero"] == ["−", "ln"]
    assert "stroke-dasharray" in draw(logistic(), layout="own").svg()


def test_paths_to_a_leaf_are_highlighted():
    loss = logistic()
    leaf = next(node for node in am.leaves(loss) if node.name == "w1")
    picture = draw(loss, highlight=leaf, layout="own").picture
    lit = {box.rows[0][0].text for box in picture.boxes if box.lit}
    assert {"w1", "z", "a", "L"} <= lit and not lit & {"x1", "w2", "y", "b"}
    assert sum(edge.lit for edge in picture.edges) == 11


def test_color_by_gradient_or_by_any_number():
    loss = logistic()
    by_gradient = draw(loss, color="grad", layout="own")
    tints = {box.rows[0][0].text: box.tint for box in by_gradient.picture.boxes}
    assert tints["a"] == 1.0 and tints["w2"] == 0.0 and 0 < tints["z"] < 1
    assert "size of the gradient: 0.09301 to 1.449" in by_gradient.svg()
    assert "size of the gradient: 0.09301 to 1.449" in by_gradient.dot

    def lost_digits(node):
        return 3.0 if node.name == "a" else 1.0 if node.name == "z" else None

    by_number = draw(loss, color=lost_digits, layout="own")
    assert by_number.picture.scale == ("lost digits", "1", "3")
    assert {b.rows[0][0].text: b.tint for b in by_number.picture.boxes if b.tint is not None} == {"a": 1, "z": 0}
    assert draw(loss, color={loss: 2.0}, layout="own").picture.scale is not None
    infinite = draw(loss, color={loss: math.inf, am.leaves(loss)[0]: 1.0, am.leaves(loss)[1]: math.nan}, layout="own")
    assert infinite.picture.scale == ("colour", "1", "∞")
    assert [box.tint for box in infinite.picture.boxes if box.tint is not None] == [1.0, 1.0]


def test_scopes_fold_and_unfold():
    loss = two_layers()
    whole, folded = draw(loss, fold=False, layout="own"), draw(loss, layout="own")
    titles = [box.rows[0][0].text for box in folded.picture.boxes if box.kind == "fold"]
    assert "layer1" in titles and "layer2" in titles and len(folded.picture.boxes) < 12 < len(whole.picture.boxes)
    counted = sum(int(re.match(r"\d+", box.rows[1][0].text)[0]) for box in folded.picture.boxes if box.kind == "fold")
    single = sum(box.kind not in ("fold", "constant") for box in folded.picture.boxes)
    assert counted + single == len(am.topological_order(loss))
    some = draw(loss, fold=["layer1"], layout="own")
    assert [box.rows[0][0].text for box in some.picture.boxes if "layer" in box.rows[0][0].text and box.kind == "fold"
            and "_" not in box.rows[0][0].text] == ["layer1"]
    with pytest.raises(ValueError, match="no scope of this graph is called 'layer9': there are layer1, layer2"):
        draw(loss, fold="layer9")


def test_a_sum_of_many_terms_is_one_box_with_its_local_derivatives(layout):
    value = sum(Value(float(i), f"x{i}") * Value(0.5, f"w{i}") for i in range(50))
    value.backward()
    boxes = draw(value).picture.boxes
    assert [box.rows[0][0].text for box in boxes] == ["x0, w0, x1, …", "Σ"]
    assert not any(box.shown and len(box.nodes) > 1 for box in draw(value, fold=False, layout="own").picture.boxes[:60])
    x = Value(2.0, "x")
    total = sum(x * float(i) for i in range(20)) * x
    total.backward()
    edges = {(e.tail, e.head): e.label for e in draw(total, layout="own").picture.edges}
    assert sorted(edges.values()) == ["190", "2", "380"]


def test_an_edge_into_a_folded_scope_keeps_its_derivative():
    x = Value(0.5, "x")
    with am.scope("block"):
        y = am.exp(am.sin(x) * 2)
    z = y + 1
    edges = draw(z, layout="own", fold=["block"]).picture.edges
    slope = 2 * math.cos(0.5) * math.exp(2 * math.sin(0.5))
    assert next(edge for edge in edges if edge.slot < 0).label == f"{slope:.3f}"


def test_slots_stand_where_operands_cannot_change_places():
    x, y = Value(3.0, "x"), Value(2.0, "y")
    for value, slots in ((x / y, ["1", "2"]), (x - y, ["1", "2"]), (2 ** x, ["2", "1"]), (x + y, []), (x * y, []),
                         (-x, [])):
        root = ElementTree.fromstring(draw(value, layout="own").svg())
        assert sorted(t.text for t in root.iter(f"{SVG}text") if t.get("class") == "slot") == sorted(slots)


def test_several_outputs_are_drawn_together():
    loss = logistic()
    z, a = (next(node for node in am.topological_order(loss) if node.name == name) for name in "za")
    drawing = draw([z, a, loss], layout="own")
    assert [row[0][0] for row in texts(drawing, "root")] == ["z", "a", "L"] or len(texts(drawing, "root")) == 3
    assert '"roots":[' in drawing.html()
    with pytest.raises(ValueError, match="nothing to draw"):
        draw([])


def test_frames_are_the_two_passes(tmp_path):
    loss = logistic()
    files = draw(loss, layout="own").frames(tmp_path / "slides")
    assert [file.name for file in files][:2] == ["frame_000.svg", "frame_001.svg"] and len(files) == 28
    gradients = []
    for file in files:
        root = ElementTree.fromstring(file.read_text("utf-8"))
        last = next(group for group in root.iter(f"{SVG}g") if "root" in group.get("class", ""))
        gradients.append(next(span.text for span in last.iter(f"{SVG}tspan") if span.get("class") == "grad"))
    assert gradients[:14] == ["–"] * 14 and gradients[14:] == ["1"] * 14
    assert all(f">{text}<" in files[-1].read_text("utf-8") for text in ("−0.6201", "−0.09301"))
    with pytest.raises(ValueError, match="svg, png or gif"):
        draw(loss, layout="own").frames(tmp_path, "bmp")


def test_minus_zero_is_shown():
    assert texts(draw(-Value(0.0, "x"), layout="own"), "root")[0][1] == "−0"


def test_a_scope_around_everything_is_looked_into():
    with am.scope("model"):
        with am.scope("inner"):
            y = am.sin(Value(1.0, "x") * 2)
        z = y * 2 + 1
    assert [box.rows[0][0].text for box in draw(z, layout="own").picture.boxes if box.kind == "fold"] == ["inner"]


def test_scopes_that_feed_each_other_in_circles_are_drawn(layout):
    signal = Value(1.0, "x")
    for _ in range(3):
        for name in ("there", "back"):
            with am.scope(name):
                signal = am.sin(signal) * 2
    _, boxes, _ = geometry(draw(signal).svg())
    assert len(boxes) == 3


def test_beyond_the_limit_the_rest_is_folded_and_counted(layout):
    chain = Value(0.5, "x")
    for _ in range(20_000):
        chain = chain.sin() + 1e-3
    drawing = draw(chain)
    folds = [box for box in drawing.picture.boxes if box.kind == "fold"]
    single = sum(box.kind not in ("fold", "constant") for box in drawing.picture.boxes)
    assert len(folds) == 1 and folds[0].rows[1][0].text == f"{40_001 - single:,} more nodes"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_are_drawn_as_they_are_and_inject_nothing(name, layout):
    value = Value(1.0, name) * 2
    value.name = name
    drawing = draw(value)
    root = ElementTree.fromstring(drawing.svg())
    drawn = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert drawn <= {"svg", "title", "g", "rect", "path", "text", "tspan"}
    shown = "".join(text for box in drawing.picture.boxes if box.kind == "leaf" for row in box.rows for text in
                    [span.text for span in row if span.role == "title"])
    assert shown.replace(" ", "") == re.sub(r"[\n ]", "", re.sub(r"[\t\x00\x0b\ud800]", "\ufffd", name))
    assert "<script>alert" not in drawing.html() and "<script>alert" not in drawing.svg()
    if layout == "dot":
        assert drawing.png().startswith(b"\x89PNG")


def test_a_name_beside_a_scope_is_no_dot():
    """Graphviz takes what begins with < and ends with > for markup."""
    import graphviz

    with am.scope("s>"):
        y = Value(1.0) * 1.5
        y.name = '<i>] evil [label=pwned URL="javascript:alert(1)"] q [tooltip=<'
        source = draw(y * 2, fold=False, layout="own").dot
    nodes = [line.split()[1] for line in graphviz.pipe("dot", "plain", source.encode()).decode().splitlines()
             if line.startswith("node")]
    assert sorted(nodes) == ["n0", "n1", "n2", "n3", "n4"]


def test_every_ending_is_saved(layout, tmp_path):
    drawing = draw(logistic())
    for ending, start in ((".svg", b"<svg"), (".html", b"<!doctype html>"), (".gv", b"digraph")):
        drawing.save(tmp_path / f"loss{ending}")
        assert (tmp_path / f"loss{ending}").read_bytes().startswith(start)
    for ending, start in ((".png", b"\x89PNG"), (".pdf", b"%PDF")):
        if layout == "own":
            with pytest.raises(NoLayoutError, match=r"autograd_mini\[viz\]"):
                drawing.save(tmp_path / f"loss{ending}")
            assert not (tmp_path / f"loss{ending}").exists()
        else:
            assert drawing.save(tmp_path / f"loss{ending}") is drawing
            assert (tmp_path / f"loss{ending}").read_bytes().startswith(start)
    with pytest.raises(ValueError, match=r"\.svg, \.png, \.pdf, \.html or \.gv, not \.jpg"):
        drawing.save(tmp_path / "loss.jpg")


def test_a_dot_that_fails_is_no_reason_to_draw_nothing(monkeypatch, tmp_path):
    import subprocess

    import graphviz

    def fails(*arguments, **options):
        raise subprocess.CalledProcessError(1, ["dot"])

    monkeypatch.setattr(graphviz, "pipe", fails)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    drawing = draw(logistic())
    assert drawing.svg() == draw(logistic(), layout="own").svg()
    with pytest.raises(NoLayoutError, match="Graphviz' dot fails"):
        drawing.save(tmp_path / "loss.png")


def test_the_same_graph_gives_the_same_bytes(layout):
    one, other = draw(logistic()), draw(logistic())
    assert one.svg() == other.svg() and one.html() == other.html() and one.dot == other.dot


def test_two_drawings_on_a_page_do_not_share_ids():
    ids = [set(re.findall(r'id="([^"]+)"', draw(value, layout="own").svg())) for value in (logistic(), broken())]
    assert ids[0] and not ids[0] & ids[1]


def test_the_ink_is_the_page_s():
    svg = draw(logistic(), layout="own").svg()
    assert "currentColor" in svg and "#000" not in svg and "black" not in svg and "white" not in svg


def test_dark_is_for_what_cannot_follow_the_page():
    light, dark = draw(logistic(), layout="own"), draw(logistic(), layout="own", dark=True)
    assert light.svg() == dark.svg() and 'bgcolor="#ffffff"' in light.dot and 'bgcolor="#14181d"' in dark.dot


def test_hover_texts_have_every_digit_and_the_formula():
    svg = draw(logistic(), layout="own").svg()
    loss = logistic()
    assert f"L = {loss.data!r}" in svg and "formula: sigmoid(z)" in svg
    with am.record_source():
        value = Value(1.0) + 1
    assert "test_drawing.py" in draw(value, layout="own").svg()


def unpacked(framed):
    """The page in a notebook's frame."""
    return zlib.decompress(base64.b64decode(framed.split("atob('")[1].split("')")[0])).decode()


def test_what_a_notebook_shows():
    small = logistic()._repr_mimebundle_()
    assert small["text/html"].startswith("<iframe srcdoc=") and small["text/plain"] == repr(logistic())
    assert small["image/svg+xml"].startswith("<svg") and "data:image/svg+xml;base64," in small["text/html"]
    assert unpacked(small["text/html"]) == draw(logistic()).html()
    large = many(100)._repr_mimebundle_()
    assert "text/html" not in large and large["text/latex"].startswith("$$")
    x = Value(1.0, "x")
    stale = x * 2
    x.data = 5.0
    greyed = stale._repr_mimebundle_()["text/html"]
    assert "was assigned after" in greyed and "opacity:.45" in greyed and "<svg" in greyed
    assert Value(2.0)._repr_mimebundle_() == {"text/plain": "Value(2)"}
    chain = Value(0.5, "x")
    for _ in range(400):
        chain = am.sin(chain)
    assert draw(logistic())._repr_html_() == small["text/html"] and draw(chain)._repr_html_().startswith("<svg")
    json.dumps({kind: str(content) for kind, content in small.items()})


def test_bad_requests_are_named():
    x = Value(1.0, "x")
    for wrong in ({"labels": "all"}, {"rankdir": "up"}, {"layout": "neato"}, {"color": "red"}, {"limit": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            draw(x, **wrong)
    with pytest.raises(TypeError, match="only a Value can be drawn, not float"):
        draw(1.0)
    with pytest.raises(TypeError, match="highlight takes Values, not str"):
        draw(x, highlight=["x"])
    y = x * 2
    x.data = 2.0
    with pytest.raises(StaleGraphError):
        draw(y)


def test_sums_inside_sums_are_looked_through_once():
    """Three thousand levels, in a blink; a minute where each sum looks at all below it."""
    leaves, value = [Value(0.1, f"x{i}") for i in range(4)], Value(1.0, "y")
    for _ in range(3000):
        value = am.tanh(value) + am.tanh(leaves[0]) + am.tanh(leaves[1]) + am.tanh(leaves[2]) + leaves[3]
    order = am.topological_order(value)
    assert len(set(grouped(order, True, len(order)).values())) > 3000
