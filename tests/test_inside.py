"""The engine in its smallest form, as docs/inside.md has it, passes what the real one passes."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import autograd_mini as ag

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "inside.md").read_text(encoding="utf-8")
CODE = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[:3])


@pytest.fixture(scope="module")
def small():
    known = {}
    exec(compile(CODE, "inside.md", "exec"), known)
    return SimpleNamespace(**known)


def random_graph(engine, seed):
    """The same expression over the rows that both have, and its leaves."""
    draw = random.Random(seed)
    leaves = [engine.Value(draw.uniform(0.5, 2.0)) for _ in range(4)]
    nodes = list(leaves)
    steps = [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: -a, lambda a, b: a / (b * b + 1.0),
             lambda a, b: engine.ln(a * a + 1.0), lambda a, b: engine.exp(-(a * a)), lambda a, b: 2.0 * a - b,
             lambda a, b: 1.0 / (b * b + 0.5)]
    for _ in range(25):
        nodes.append(draw.choice(steps)(draw.choice(nodes), draw.choice(nodes)))
    return sum(nodes[1:], nodes[0]), leaves


@pytest.mark.parametrize("seed", range(40))
def test_it_agrees_with_the_engine_on_random_graphs(small, seed):
    y, leaves = random_graph(small, seed)
    expected, same_leaves = random_graph(ag, seed)
    y.backward()
    expected.backward()
    assert y.data == pytest.approx(expected.data, rel=1e-14)
    for leaf, twin in zip(leaves, same_leaves):
        assert (leaf.grad or 0.0) == pytest.approx(twin.grad or 0.0, rel=1e-11, abs=1e-11)
        second = small.gradient(small.gradient(y, leaf), leaf)
        second = getattr(second, "data", second)
        assert second == pytest.approx(ag.gradient(ag.gradient(expected, twin), twin).data, rel=1e-9, abs=1e-9)


def test_closed_forms(small):
    x = small.Value(0.7)
    assert small.gradient(small.exp(small.ln(x)), x).data == pytest.approx(1.0)
    assert small.gradient(small.gradient(1.0 / x, x), x).data == pytest.approx(2 / 0.7 ** 3)
    y = x * x * x
    y.backward()
    assert x.grad == pytest.approx(3 * 0.7 ** 2) and not math.isnan(y.data)


def test_the_page_is_short():
    assert len(PAGE.splitlines()) <= 150


def test_every_place_it_names_is_there():
    package = Path(ag.__file__).parent
    named = re.findall(r"`((?:_core|_body|program|render)/[\w/.]*|primitives.py)`", PAGE)
    if not (package / "_core" / "_native.pyx").exists():  # an installed wheel leaves sources out
        named = [name for name in named if not name.endswith((".pyx", ".pxi"))]
    assert named and [name for name in named if not (package / name).exists()] == []
