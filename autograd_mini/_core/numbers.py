"""What counts as a number: everything that is exactly one real number, and a clear error for all else."""

from __future__ import annotations

import math
import numbers
import sys
from typing import Any

from autograd_mini._core import registry
from autograd_mini._core.errors import TracedBranchError, TracedValueError

_ADVICE = {
    "str": "convert the text with float(...) first",
    "bytes": "convert the text with float(...) first",
    "NoneType": "give a number",
    "list": "make one Value for each element: [Value(x) for x in data]",
    "tuple": "make one Value for each element: [Value(x) for x in data]",
    "set": "make one Value for each element: [Value(x) for x in data]",
    "dict": "make one Value for each entry: {key: Value(x) for key, x in data.items()}",
    "complex": "only real numbers have gradients here; use .real, .imag or abs()",
    "Value": "it is a Value already; use it as it is, or its .data",
}


def real(data: Any, role: str = "data") -> float:
    """`data` as a float64: any real number, a NumPy scalar or an array of one element.

    Raises TypeError for what is not one real number, OverflowError for one beyond the range of float64.
    """
    if type(data) is float:
        return data
    if type(data) is TracedNumber:
        raise frozen("its data")
    kind = type(data).__name__
    if hasattr(data, "shape") and hasattr(data, "item") and not isinstance(data, numbers.Number):
        if math.prod(data.shape) != 1:
            raise TypeError(f"{role} cannot be an array of shape {tuple(data.shape)}: make one Value for each element, "
                            "or use autograd_mini.grad, which takes whole arrays")
        if getattr(data, "mask", False):
            raise TypeError(f"{role} cannot be masked: give a number")
        data = data.item()
        kind = type(data).__name__
    is_complex = isinstance(data, numbers.Complex) and not isinstance(data, numbers.Real)
    if kind in _ADVICE or is_complex or isinstance(data, (str, bytes)) or not hasattr(type(data), "__float__"):
        advice = _ADVICE["complex" if is_complex else kind] if is_complex or kind in _ADVICE else "give a real number"
        asking = _asking()
        if is_complex and asking.rpartition(".")[2] in _TWINS:
            advice = f"{asking} makes them on the way, use {_TWINS[asking.rpartition('.')[2]]}"
        raise TypeError(f"{role} cannot be of type {kind}: {advice}")
    try:
        number = float(data)
    except OverflowError:
        number = math.inf
    except (TypeError, ValueError) as error:
        raise TypeError(f"{role} of type {kind} is not a real number: {error}") from None
    if math.isinf(number) and data not in (math.inf, -math.inf):
        raise OverflowError(f"{role} of type {kind} is beyond the range of float64 (about 1.8e308)")
    return number


def value_or_real(data: Any, role: str) -> Any:
    """A Value as it is, and anything else as a float64; see `real`."""
    return data if registry.is_value(data) else real(data, role)


def is_foreign(operand: Any) -> bool:
    """Whether arithmetic with this operand is its own affair: arrays, and types that define operators of their own."""
    if hasattr(operand, "__array_ufunc__"):
        return getattr(operand, "ndim", 1) != 0 or str(getattr(operand, "dtype", "")) == "object"
    return not isinstance(operand, (numbers.Number, str, bytes, list, tuple, dict, set, type(None))) \
        and not hasattr(type(operand), "__float__")


def no_seed_or_parameters(parameters: Any, seed: Any) -> tuple[Any, float]:
    """`backward(2.0)` gives a seed, `backward(parameters)` parameters."""
    holds_values = isinstance(parameters, (list, tuple, dict)) or hasattr(parameters, "backward") \
        or hasattr(parameters, "parameters") or getattr(getattr(parameters, "dtype", None), "kind", "") == "O"
    if parameters is not None and not holds_values:
        parameters, seed = None, parameters
    return parameters, real(seed, "seed")


def loses_gradient(kind: str) -> TypeError:
    """The error for `float(v)`, which is also what `math.exp(v)` asks for."""
    return TypeError(f"{kind}(v) would lose the gradient of a Value: use a function of autograd_mini, such as "
                     "autograd_mini.exp(v) for math.exp(v), or v.data for the bare number")


def branch_on_traced(test: str) -> TypeError:
    """The error for a Python decision about a number that will differ from call to call."""
    asking = _asking()
    what = f"{asking} decides by the numbers of its argument, which" if asking else f"{test} of a traced Value"
    twin = _TWINS.get(asking.rpartition(".")[2],
                      "autograd_mini.where(condition, a, b) with autograd_mini.less, less_equal or equal")
    return TracedBranchError(f"{what} would freeze one branch into the program: use {twin}")


_TWINS = {
    "logsumexp": "autograd_mini.logsumexp", "softmax": "autograd_mini.softmax",
    "log_softmax": "autograd_mini.log_softmax", "argmax": "np.max for the largest, or autograd_mini.where",
    "argmin": "np.min for the smallest, or autograd_mini.where", "argsort": "np.sort for the entries in order",
    "allclose": "np.isclose, which gives conditions", "average": "np.sum(a * weights) / np.sum(weights)",
    **dict.fromkeys(["max", "min", "amax", "amin", "sort", "median"],
                    "np.stack of the Values first, an array whose maximum and order are rows of the table"),
}
"""What to write for a function of NumPy or SciPy that decides by numbers."""


def _asking() -> str:
    """The function of NumPy or SciPy that the user called and that asks for a number now; "" where it is none."""
    found, frame = "", sys._getframe(1)
    while frame is not None:
        package, name = frame.f_globals.get("__name__", "").partition(".")[0], frame.f_code.co_name
        home = {"numpy": "np", "scipy": "scipy.special"}.get(package)
        if home is None and package != "autograd_mini":
            break
        if home is not None and hasattr(sys.modules.get({"np": "numpy"}.get(home, home)), name):
            found = f"{home}.{name}"
        frame = frame.f_back  # type: ignore[assignment]
    return found


def frozen(what: str) -> TracedValueError:
    """The error for a number of a traced Value that would become a constant."""
    return TracedValueError(f"{what} is the number of the example, which differs from call to call of the program that "
                            "is being traced: compute with the Value itself, and show it by format(v.data, '.3f')")


def _refused(*operands: Any, **keywords: Any) -> Any:
    raise frozen("data of a traced Value")


class TracedText(str):
    """A traced Value as it is shown, by itself or in the middle of a text; it is not to be read as a number again."""

    __slots__ = ()
    __int__ = __float__ = _refused


class TracedNumber:
    """The data of a traced Value: it can be shown, but arithmetic and decisions would freeze it into the program.

    No float, for of a float the functions of C (`math.exp`, NumPy's arrays) would take the number without asking.
    """

    __slots__ = ("_number",)

    def __init__(self, number: float) -> None:
        self._number = number

    def __repr__(self) -> str:
        return repr(self._number)

    def __format__(self, spec: str) -> str:
        return TracedText(format(self._number, spec))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise frozen("data of a traced Value")


def as_shown(data: Any) -> float:
    """The number behind `data`, to be shown."""
    return data._number if type(data) is TracedNumber else data


_ARITHMETIC = ("add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod divmod rdivmod pow rpow neg "
               "pos abs lt le gt ge eq ne hash bool int float index complex round trunc floor ceil array_ufunc")
for _name in _ARITHMETIC.split():
    setattr(TracedNumber, f"__{_name}__", _refused)


def no_digits(digits: Any) -> None:
    """TypeError where round() is asked for decimals: only round(v) is a row of the table."""
    if digits is not None:
        raise TypeError(f"round(v, {digits!r}) is no function of calculus: use round(v * 10**n) / 10**n, "
                        "or format v.data")
