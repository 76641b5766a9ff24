"""A row of one's own says everything in one place: value, derivatives, every way of running and of writing it."""

import math

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Value, custom_gradient, grad, gradient, primitive, trace
from autograd_mini.primitives import TABLE


@pytest.fixture
def gaussian():
    """exp(-a^2) as a row with every column."""
    called = []

    def lanes(code, a):
        from autograd_mini.program._llvm import direct, exponential

        called.append(code)
        return direct.outlined(code, "exp", exponential.exp, [-(a * a)])

    yield primitive(
        "gaussian", lambda a: math.exp(-a * a), [lambda y, a: -2 * a * y], c="exp(-({0} * {0}))",
        text="gaussian({0})", latex=r"g\left({0}\right)", arrays="exp(-(a * a))", at=(0.3, -1.5),
        formula=lambda a: ag.exp(-a * a), course=("-2*a*y",), domain="", ulps=(2, 4), lanes=lanes), called
    TABLE.pop("gaussian")


def test_it_is_differentiated_to_any_order(gaussian):
    g, _ = gaussian
    x = 0.3
    assert grad(grad(g))(x) == pytest.approx((4 * x * x - 2) * math.exp(-x * x), rel=1e-14)
    assert Value(x).gaussian().data == math.exp(-x * x)


def test_every_executor_runs_it(gaussian):
    g, called = gaussian
    program = trace(lambda x: g(x) * 2.0, 0.3)
    data = np.linspace(-2, 2, 5000)
    expected = 2 * np.exp(-data * data)
    for executor in ("python", "native", "numpy", *(["llvm"] if _has_llvmlite() else [])):
        if executor == "native" and ag.engine != "native":
            continue
        np.testing.assert_allclose(program.map(data, executor=executor), expected, rtol=4e-16)
    assert bool(called) == _has_llvmlite()   # the machine code is the row's own
    assert "exp(-(" in program.c_source()


def test_it_is_written_and_read(gaussian):
    g, _ = gaussian
    x = Value(0.3, "x")
    assert ag.text(g(x)) == "gaussian(x)" and ag.latex(g(x)) == r"g\left(x\right)"
    labels = {edge.label for edge in ag.draw(g(x), labels="formula", layout="own").picture.edges}
    assert labels == {"−2 x gaussian(x)"}
    pytest.importorskip("sympy")
    assert "exp(-x**2)" in str(ag.derive(g(x), wrt=[x]))


def test_a_column_that_does_not_fit_is_named():
    for columns, words in [({"course": ("1", "2")}, "'course'"), ({"shortcut": (1,)}, "'shortcut'"),
                           ({"js": "{4}"}, "'js'")]:
        with pytest.raises((ValueError, TypeError), match=words):
            primitive("misfit", lambda a: a, [lambda y, a: 1.0], **columns)
        assert "misfit" not in TABLE


def test_columns_go_to_black_boxes_too():
    twice = custom_gradient(lambda a: 2 * a, lambda y, a: 2.0, name="twice_in_c", c="2 * {0}")
    assert "2 * " in trace(lambda x: twice(x), 1.0).c_source()  # noqa: PLW0108
    x = Value(3.0)
    assert gradient(twice(x), x).data == 2.0


def _has_llvmlite():
    try:
        import llvmlite  # noqa: F401
    except ImportError:
        return False
    return True
