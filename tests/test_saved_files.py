"""Files of Programs and graphs: what comes back is what went in, and what does not fit is one error with the reason."""

import copy
import dataclasses
import json
import math
import random
from collections import namedtuple

import numpy as np
import pytest

import autograd_mini as am
from autograd_mini import SavedFileError, Value, gradient, load, save, trace

Point = namedtuple("Point", "x y")
EDGES = [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan, -math.nan, 1 / 3]
cubed = am.custom_gradient(lambda x: x * x * x, lambda y, x: 3.0 * x * x)


def everything(w, points, extra):
    z = w @ w + am.softplus(points[0].x) * points[1].y
    z.name = "z"
    last, path = am.scan(lambda carry, x: (am.tanh(carry * w[0] + x), carry), 0.5, np.array([z, w[1], extra.k]))
    edges = [z * number for number in EDGES]
    return {"loop": (last, path), "z": z, "edges": edges, "w": (w / extra.k, 2.0), "c": cubed(z)}


@dataclasses.dataclass(frozen=True)
class Sizes:
    k: float
    name: str
    unused: np.ndarray


EXAMPLE = (np.array([0.1, -0.5]), [Point(1.0, 2.0), Point(3.0, 4.0)], Sizes(0.7, "sizes", np.zeros((2, 0, 3))))


@pytest.fixture
def program():
    return trace(everything, *EXAMPLE[:2], extra=EXAMPLE[2])


def test_a_program_comes_back_as_it_was(program, tmp_path):
    program.save(tmp_path / "p.json")
    again = load(tmp_path / "p.json")
    assert again == program and hash(again) == hash(program) and repr(again) == repr(program)
    assert again.example == program.example and again.name == program.name and again.input_names == program.input_names
    assert repr(again(*EXAMPLE)) == repr(program(*EXAMPLE)) and am.Program.load(tmp_path / "p.json") == program
    derived = trace(lambda x: am.exp(x @ x), np.ones(3)).hessian()
    save(derived, tmp_path / "h.json")
    assert load(tmp_path / "h.json") == derived


def test_every_primitive_of_the_package_comes_back(tmp_path):
    for row in am.primitives.ROWS:
        program = trace(lambda *operands, row=row: row(*operands), *[0.5] * len(row.partials), simplify=False)
        program.save(tmp_path / "p.json")
        assert load(tmp_path / "p.json") == program


def test_a_graph_comes_back_with_names_scopes_gradients_and_sharing(tmp_path):
    x, y = Value(0.1, "x"), Value(-math.inf)
    with am.scope("outer"), am.scope("inner"):
        z = am.tanh(x) * 0.3
    z.name = "z"
    loss = z * z + cubed(x) * y
    loss.backward()
    save({"loss": loss, "parts": [z, y, z]}, tmp_path / "g.json")
    with pytest.raises(SavedFileError, match="holds a graph"):
        am.Program.load(tmp_path / "g.json")
    again = load(tmp_path / "g.json")
    first, _, last = again["parts"]
    assert first is last and first.name == "z" and first.note.scope == ("outer", "inner") and first.data == z.data
    assert repr(again["loss"].data) == repr(loss.data)
    order, expected = am.topological_order(again["loss"]), am.topological_order(loss)
    assert [repr((node.name, node.data, node.grad, node.operation)) for node in order] == \
        [repr((node.name, node.data, node.grad, node.operation)) for node in expected]
    found = gradient(again["loss"], order[0])
    assert repr(found.data) == repr(gradient(loss, expected[0]).data)


def test_a_deep_graph_comes_back(tmp_path):
    x = Value(1.0, "x")
    y = x
    for _ in range(50_000):
        y = y * 0.999
    save(y, tmp_path / "g.json")
    assert load(tmp_path / "g.json").data == y.data


def test_what_cannot_be_saved_says_so(tmp_path):
    path = tmp_path / "x.json"
    private = am.custom_gradient(lambda x: x, lambda y, x: 1.0)
    x = Value(2.0)
    stale = x * x
    x.data = 3.0
    for thing, error, words in [(3.0, TypeError, "a Program, or the graph of a Value"),
                                ([x, 1.0], TypeError, "float"), ([], TypeError, "list"),
                                (trace(lambda x: private(x) + 1, 1.0), TypeError, "could not be found again by import"),
                                (trace(lambda d: d[1.5], {1.5: 1.0}), TypeError, "1.5"),
                                (stale, am.StaleGraphError, "assigned after")]:
        with pytest.raises(error, match=words):
            save(thing, path)
    with pytest.raises(am.TracedValueError):
        trace(lambda x: save(x, path), 1.0)
    assert not list(tmp_path.iterdir())
    with pytest.raises(OSError, match="no folder"):
        trace(lambda x: x, 1.0).save(tmp_path / "no folder" / "x.json")


def test_a_file_is_whole_or_not_there(program, tmp_path, monkeypatch):
    path = tmp_path / "p.json"
    program.save(path)
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "disk full")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match=r"disk full.*p\.json"):
        program.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def content_of(thing, path):
    save(thing, path)
    return json.loads(path.read_text())


def changed(content, *place, to):
    content = copy.deepcopy(content)
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = to
    return content


WRONG = [
    (("version",), 2, "version 2, and this package reads version 1"), (("format",), "x", "no Program and no graph"),
    (("kind",), "picture", "neither a program nor a graph"),
    (("body", "rows", 0, "name"), "nonsense", "no primitive is called"),
    (("body", "rows", 0, "value"), "00000000", "computes its value in another way"),
    (("body", "operations", 0), [99, 0], "an operation has row 99"), (("body", "operations", 0), [], "empty"),
    (("body", "operations", 0, 1), 10 ** 6, "is applied to the slots"),
    (("body", "operations", 0), [0, 1], "applied to 1 operands"),
    (("body", "operations", 0), [0, 1, 1, 1], "applied to 3 operands"),
    (("body", "operations", 0, 1), 40, "is applied"),                     # itself or a later one: a cycle
    (("body", "operations", 0, 1), True, "no slot"), (("body", "operations", 0, 1), 1.0, "no slot"),
    (("body", "operations", 0, 1), -1, "no slot"), (("body", "outputs", 0), 10 ** 9, "outputs"),
    (("body", "constants", 0), 0.5, "hexadecimal"), (("body", "constants", 0), "zero", "hexadecimal"),
    (("body", "constants", 0), "0x1p99999", "hexadecimal"), (("body", "inputs"), 10 ** 12, "inputs"),
    (("body", "inputs"), 3, "this is no body|slots"), (("example",), [], "its example has 0 numbers"),
    (("arguments", 0, 2), 1, "its arguments do not lie"), (("arguments", 0, 3), [3], "do not lie"),
    (("positional",), 9, "9 of them positional"), (("parameters",), ["w"], "1 names"),
    (("arguments", 2, 2), "Size", "import the module first"), (("arguments", 2, 1), 3, "import the module first"),
    (("arguments", 2, 3), [], "other fields"), (("arguments", 2, 3, 1), ["fixed", 3], "no layout"),
    (("arguments", 0, 0), "object", "no layout"), (("result",), "x", "not of type list"),
    (("names",), {"999": "x"}, "no slot"),
    (("names",), {"8": 1}, "no slot"), (("name",), None, "'name'"),
]


@pytest.mark.parametrize(("place", "to", "words"), WRONG, ids=lambda entry: str(entry)[:40])
def test_what_does_not_fit_is_refused_with_the_reason(program, tmp_path, place, to, words):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(changed(content_of(program, path), *place, to=to)))
    with pytest.raises(SavedFileError, match=words) as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("key", "to", "words"), [
    ("trips", -1, "does not fit its step"), ("carry", 9, "does not fit its step"), ("shared", None, "'shared'"),
    ("trips", 2, "is applied to|no body"), ("trips", 2 ** 40, "too long"), ("reversed", 1, "'reversed'"),
    ("step", [], "'step'")])
def test_a_loop_that_does_not_fit_is_refused(program, tmp_path, key, to, words):
    path = tmp_path / "p.json"
    content = content_of(program, path)
    at = next(at for at, row in enumerate(content["body"]["rows"]) if "step" in row)
    path.write_text(json.dumps(changed(content, "body", "rows", at, key, to=to)))
    with pytest.raises(SavedFileError, match=words):
        load(path)


def test_a_shape_without_entries_takes_no_memory(tmp_path):
    path = tmp_path / "p.json"
    content = content_of(trace(lambda x, unused: 2.0 * x, 1.0, np.zeros((2, 0, 3))), path)
    path.write_text(json.dumps(changed(content, "arguments", 1, 3, to=[2 ** 31 - 1, 0, 2 ** 31 - 1])))
    assert load(path).input_names == ["x"]


def test_a_row_of_ones_own_that_is_another_one_is_refused(tmp_path):
    path = tmp_path / "p.json"
    content = content_of(trace(lambda x: cubed(x) + 1.0, 1.0), path)
    at = next(at for at, row in enumerate(content["body"]["rows"]) if "module" in row)
    for key, to, words in [("print", "a-b-c", "not the one"), ("module", "nowhere", "import that first"),
                           ("attribute", "EDGES", "no primitive"), ("print", "", "not the one"),
                           ("module", 3, "'module'")]:
        path.write_text(json.dumps(changed(content, "body", "rows", at, key, to=to)))
        with pytest.raises(SavedFileError, match=words):
            load(path)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"null", b"1e999", b'{"format": NaN}',
                                  b'{"format": "autograd_mini"}', b"9" * 10_000])
def test_what_is_no_file_of_ours_is_refused(text, tmp_path):
    path = tmp_path / "p.json"
    path.write_bytes(text)
    with pytest.raises(SavedFileError):
        load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.json")


def spots(content, found=()):
    """Every place in nested JSON."""
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, entry in entries:
        yield (*found, key)
        yield from spots(entry, (*found, key))


@pytest.mark.parametrize("kind", ["program", "graph"])
def test_a_mutated_file_is_read_or_refused_and_what_is_read_runs(kind, program, tmp_path):
    """Random changes of a file, its numbers, texts and nesting: one class of error, or something that works."""
    path, draw = tmp_path / "p.json", random.Random(7)
    x, y = Value(0.1, "x"), Value(2.0)
    root = am.exp(x * y) + cubed(y) * 0.5 - x
    root.backward()
    original = content_of(program if kind == "program" else {"r": root, "all": [x, root]}, path)
    places = list(spots(original))
    strange = [None, True, -1, 0, 1, 2, 3, 7, 2 ** 31, 10 ** 30, 1.5, "", "x", "nan", "0x1p3", "part", [], [0], [[]],
               {}, ["part", "x", 0, None], {"0": "x"}]
    read = 0
    as_asked = "native" if am.engine == "native" else "python"
    for _ in range(400):
        content = original
        for _ in range(draw.choice([1, 1, 2])):
            place = draw.choice(places)
            kinds = draw.random()
            try:
                inner = content
                for key in place:
                    inner = inner[key]
                to = draw.choice(strange) if kinds < 0.5 else inner + draw.choice([-1, 1]) if type(inner) is int else \
                    inner[:-1] if isinstance(inner, (str, list)) else [inner]
                content = changed(content, *place, to=to)
            except (KeyError, IndexError, TypeError):
                continue
        path.write_text(json.dumps(content))
        try:
            found = load(path)
        except SavedFileError:
            continue
        read += 1
        if kind == "program":
            numbers = np.array(found.example, dtype=float)
            assert len(found._executors.run(numbers, as_asked)) == len(found.body.outputs)
        else:
            assert am.topological_order(*am._core.trees.flatten(found)[0])
    assert read > 10
