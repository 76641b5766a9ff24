"""Values and NumPy, in both engines: every ufunc is right or refused, and no path loses a gradient silently."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import ENGINES

from autograd_mini import gradient

UFUNCS = sorted({f.__name__: f for f in vars(np).values() if isinstance(f, np.ufunc)}.items())
PREDICATES = {"isnan", "isinf", "isfinite", "signbit", "not_equal", "equal"}
REALS = [np.float16, np.float32, np.float64, np.longdouble, np.int8, np.int32, np.int64, np.uint8, np.uint64, np.bool_]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def holds(entry, kind):
    return isinstance(entry, kind) or (isinstance(entry, np.ndarray) and entry.dtype == object
                                       and all(isinstance(x, kind) for x in entry.ravel()))


def numbers(result):
    return np.vectorize(lambda v: v.data, otypes=[float])(result)


@pytest.mark.parametrize("name, ufunc", UFUNCS, ids=[name for name, _ in UFUNCS])
def test_every_ufunc_of_a_value_is_right_or_refused(Value, name, ufunc):
    """With a Value in each place, floats, Values and an array in the others."""
    if ufunc.nin > 2 or ufunc.signature:
        return
    for fill in (0.5, 2.0, Value(0.75), np.array([0.25, 0.5])):
        for place in range(ufunc.nin):
            operands = [fill] * ufunc.nin
            operands[place] = Value(0.3)
            bare = [numbers(np.array([x], dtype=object))[0] if isinstance(x, Value) else x for x in operands]
            try:
                found = ufunc(*operands)
            except TypeError:
                continue
            expected = ufunc(*bare)
            if name in PREDICATES:
                assert np.array_equal(np.asarray(found, dtype=bool), expected)
                continue
            assert holds(found, Value), f"np.{name} lost the Value: {found!r}"
            found = numbers(np.asarray(found, dtype=object))
            np.testing.assert_allclose(found, np.asarray(expected, dtype=float), rtol=1e-15)


REQUIRED = ["add", "subtract", "multiply", "divide", "power", "negative", "positive", "absolute", "fabs", "sign", "exp",
            "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "square", "reciprocal", "sin", "cos",
            "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arctanh", "hypot",
            "floor", "maximum", "minimum", "logaddexp", "less", "less_equal", "greater", "greater_equal", "deg2rad",
            "rad2deg", "radians", "degrees", "float_power"]


@pytest.mark.parametrize("name", REQUIRED)
def test_the_ufuncs_that_can_be_right_are(Value, name):
    ufunc = getattr(np, name)
    others = [0.6] * (ufunc.nin - 1)
    x = Value(0.4)
    result = ufunc(x, *others)
    assert isinstance(result, Value) and result.data == pytest.approx(float(ufunc(0.4, *others)), rel=1e-15)
    many = ufunc(*np.broadcast_arrays(np.array([0.4, 0.5]), *others)[:1], *[Value(y) for y in others] or [x][:0]) \
        if others else None
    if many is not None:
        assert many.shape == (2,) and holds(many, Value)
        assert numbers(many)[0] == result.data


def test_arccosh(Value):
    assert np.arccosh(Value(1.5)).data == pytest.approx(math.acosh(1.5), rel=1e-15)


@pytest.mark.parametrize("name", ["spacing", "nextafter", "copysign", "heaviside", "frexp", "modf", "divmod",
                                  "gcd", "bitwise_and", "invert", "ldexp"])
def test_the_others_are_refused_by_name(Value, name):
    ufunc = getattr(np, name)
    with pytest.raises(TypeError, match=name):
        ufunc(*[Value(0.5)] * ufunc.nin)


@pytest.mark.parametrize("dtype", REALS, ids=lambda d: np.dtype(d).name)
def test_scalars_and_arrays_of_every_real_dtype_on_either_side(Value, dtype):
    one, many = dtype(1), np.ones(3, dtype=dtype)
    x = Value(2.0)
    for result in (one + x, x + one, one * x, x / one, one - x, x ** one, one ** x):
        assert type(result) is Value
    for result in (many + x, x + many, many * x, x / many, many - x, x ** many, many ** x, np.maximum(many, x)):
        assert result.shape == (3,) and holds(result, Value)
    total = (many * x).sum()
    total.backward()
    assert x.grad == 3.0
    assert all(type(o) in (Value, float) for o in (one * x).operands)


@pytest.mark.parametrize("other", [np.array(["a"]), np.array([1j]), np.array([None]), np.complex64(1j), np.str_("a")],
                         ids=lambda a: repr(a)[:18])
def test_arrays_of_what_is_no_real_number(Value, other):
    with pytest.raises(TypeError):
        other * Value(1.0)
    with pytest.raises(TypeError):
        Value(1.0) * other


def test_shapes_broadcast(Value):
    x = Value(2.0)
    for shape in ((), (0,), (1,), (2, 3), (2, 1, 4)):
        result = x * np.ones(shape)
        assert np.shape(result) == shape
        assert isinstance(result, Value) or holds(result, Value)
    columns = np.array([[Value(1.0)], [Value(2.0)]])
    assert (columns * np.ones(3)).shape == (2, 3)
    assert np.exp(np.array(x, dtype=object)).data == math.exp(2)


def test_an_array_is_taken_as_it_is(Value):
    backwards = np.arange(6.0).reshape(2, 3).T[::-1]
    result = backwards * Value(1.0)
    assert np.array_equal(numbers(result), backwards)


def test_masked_arrays(Value):
    """They take the attribute `_data` of an operand for its array: a Value has none."""
    assert not hasattr(Value(2.0), "_data")
    masked = np.ma.array([1.0, 2.0], mask=[False, True]) * Value(2.0)
    assert isinstance(masked[0], Value) and masked[0].data == 2.0 and masked.mask.tolist() == [False, True]


@pytest.mark.skipif(len(ENGINES) < 2, reason="there is one engine only")
@pytest.mark.parametrize("here, there", [(ENGINES[0], ENGINES[-1]), (ENGINES[-1], ENGINES[0])])
def test_the_function_of_one_engine_passes_values_of_the_other_on(here, there):
    x, own = there.Value(0.5), here.Value(1.0)
    assert type(here.f.exp(x)) is there.Value and here.f.hypot(x, 1.0).data == math.hypot(0.5, 1.0)
    assert holds(here.f.exp(np.array([x, x])), there.Value)
    for mix in (lambda: here.f.hypot(own, x), lambda: x + own, lambda: own * x):
        with pytest.raises(TypeError):
            mix()


def test_out_and_in_place(Value):
    x = Value(2.0)
    room = np.empty(2, dtype=object)
    assert np.multiply(np.array([1.0, 3.0]), x, out=room) is room
    assert [v.data for v in room] == [2.0, 6.0]
    room += x
    assert [v.data for v in room] == [4.0, 8.0]
    floats = np.array([1.0, 3.0])
    with pytest.raises(TypeError):
        floats += x
    with pytest.raises(TypeError):
        np.multiply(floats, x, out=np.empty(2))
    assert floats.tolist() == [1.0, 3.0]
    with pytest.raises(TypeError, match="where"):
        np.add(floats, x, where=[True, False])
    y = x
    y += 1
    assert x.data == 2.0 and y.data == 3.0


def test_outer(Value):
    x = Value(2.0)
    table = np.multiply.outer(np.array([1.0, 2.0]), np.array([x, x]))
    assert table.shape == (2, 2) and numbers(table).tolist() == [[2.0, 2.0], [4.0, 4.0]]
    assert np.multiply.outer(x, np.array([1.0, 2.0])).shape == (2,)
    assert np.add.outer(np.array([1.0, 2.0]), x).shape == (2,)


def test_reductions(Value):
    x, y = Value(2.0), Value(3.0)
    values = np.array([x, y])
    assert np.sum(values).data == 5.0 and np.prod(values).data == 6.0 and np.sum(x).data == 2.0
    assert [v.data for v in np.cumsum(values)] == [2.0, 5.0] and np.mean(values).data == 2.5
    assert np.add.reduce(values).data == 5.0 and np.max(values).data == 3.0
    assert np.sum(np.array([], dtype=object)) == 0
    for refused in (np.add.at, np.add.reduceat, np.add.accumulate):
        with pytest.raises((TypeError, ValueError)):
            refused(x, [0], 1.0) if refused is np.add.at else refused(x, [0])


def test_matrices(Value):
    X, w = np.arange(6.0).reshape(2, 3), [Value(1.0), Value(-1.0), Value(0.5)]
    column = np.array(w)
    for product in (X @ column, np.dot(X, column), np.matmul(X, column), X.dot(column), column @ X.T):
        assert numbers(product).tolist() == [0.0, 1.5] and holds(product, Value)
    loss = ((X @ column) ** 2).sum()
    loss.backward()
    assert [v.grad for v in w] == (2 * X.T @ np.array([0.0, 1.5])).tolist()
    assert numbers(np.outer(column, column)).shape == (3, 3) and np.inner(column, column).data == 2.25
    assert numbers(np.einsum("ij,j->i", X, column)).tolist() == [0.0, 1.5]
    with pytest.raises((TypeError, ValueError)):
        X @ w[0]


def test_functions_of_the_table_over_arrays(engine):
    floats = np.array([[0.5, 1.0], [2.0, 4.0]])
    result = engine.f.ln(floats)
    assert result.dtype == float and np.array_equal(result, np.vectorize(math.log)(floats))
    x = engine.Value(2.0)
    mixed = engine.f.maximum(floats, x)
    assert numbers(mixed).tolist() == [[2.0, 2.0], [2.0, 4.0]]
    chosen = engine.f.where(floats > 1, x, 0.0)
    assert numbers(chosen).tolist() == [[0.0, 0.0], [2.0, 2.0]]
    assert engine.f.exp(np.float64(0.0)) == 1.0 and engine.f.exp(np.array([])).shape == (0,)
    assert [v.data for v in engine.f.hypot(np.array([x, x]), np.array([0.0, 1.5]))] == [2.0, 2.5]
    with pytest.raises(TypeError):
        engine.f.exp(np.array(["a"]))
    with pytest.raises(ValueError, match="broadcast"):
        engine.f.maximum(np.ones(2), np.ones(3))


def test_comparisons_over_arrays(Value):
    values = np.array([Value(1.0), Value(3.0)])
    assert [bool(b) for b in values < 2.0] == [True, False] and [bool(b) for b in values > 2.0] == [False, True]
    assert (values == np.array([1.0, 2.0])).tolist() == [True, False]
    assert [v.data for v in values[[bool(b) for b in values > 2]]] == [3.0]
    assert sorted(values, key=lambda v: -v.data)[0].data == 3.0 and np.sort(values)[0].data == 1.0


def test_a_value_is_never_taken_for_a_sequence_or_a_float(Value):
    x = Value(2.0)
    assert np.array([x, x]).dtype == object and np.array(x, dtype=object).shape == ()
    assert np.asarray([[x], [x]]).shape == (2, 1)
    for convert in (lambda: np.array([x], dtype=float), lambda: np.float64(x), lambda: np.array([x, x]).astype(float),
                    lambda: np.zeros(2) + np.array([x, x], float), lambda: math.fsum([x]),
                    lambda: np.full(2, x, dtype=float)):
        with pytest.raises(TypeError, match=r"v\.data"):
            convert()
    floats = np.zeros(2)
    with pytest.raises(TypeError, match=r"v\.data"):
        floats[0] = x


def test_gradients_through_numpy(Value):
    x = Value(0.5)
    y = np.sum(np.exp(np.array([1.0, 2.0]) * x) / np.sqrt(x))
    expected = sum(math.exp(k * 0.5) * (k / math.sqrt(0.5) - 0.5 * 0.5 ** -1.5) for k in (1, 2))
    assert gradient(y, x).data == pytest.approx(expected, rel=1e-14)
    array = np.array([x, x])
    assert gradient(np.sum(array * array), array)[0].data == 2.0


class ArrayLike:
    """An object of another library that answers to NumPy's protocol itself."""

    __array_ufunc__ = None

    def __mul__(self, other): return "answered"

    __rmul__ = __mul__


def test_other_libraries_answer_for_themselves(Value):
    assert Value(1.0) * ArrayLike() == "answered" and ArrayLike() * Value(1.0) == "answered"


class OneNumber:
    """Like a tensor of one element: a shape, item() and float()."""

    shape = ()

    def item(self): return 2.5

    def __float__(self): return 2.5


def test_what_is_one_number_is_a_number(Value):
    assert Value(OneNumber()).data == 2.5 and (Value(2.0) * OneNumber()).data == 5.0
