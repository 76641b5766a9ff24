"""Functions of SciPy over whole arrays that are no ufuncs, so that Values cannot answer in SciPy's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini._core import registry, trees
from autograd_mini._core.numpy_protocol import entries
from autograd_mini._core.rows import TABLE


def logsumexp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """ln of the sum of exp(a), all of it or along an axis, with the arguments of `scipy.special.logsumexp`.

    A balanced tree of `logaddexp`, which neither overflows nor loses digits; its gradient is softmax(a).

    >>> logsumexp([1000.0, 1000.0])
    1000.6931471805599
    """
    return _numbers(_logsumexp(entries(a), axis, keepdims))


def log_softmax(a: Any, axis: Any = None) -> Any:
    """a - logsumexp(a), along an axis: the logarithms of `softmax`.

    >>> log_softmax([0.0, 1000.0])
    array([-1000.,     0.])
    """
    return _numbers(_log_softmax(entries(a), axis))


def softmax(a: Any, axis: Any = None) -> Any:
    """exp(a) / sum(exp(a)), along an axis, as `scipy.special.softmax`.

    >>> softmax([[0.0, 0.0], [1000.0, 0.0]], axis=1)
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    return _numbers(registry.apply(TABLE["exp"], [_log_softmax(entries(a), axis)]))


def _logsumexp(array: np.ndarray, axis: Any, keepdims: bool) -> Any:
    if not array.ndim:
        return array.item()
    along: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    return np.logaddexp.reduce(array.view(registry.array_kind), **along)


def _log_softmax(array: np.ndarray, axis: Any) -> Any:
    return array - _logsumexp(array, axis, keepdims=True)


def _numbers(result: Any) -> Any:
    """What came out: Values as they are, an array of numbers as one of floats."""
    if isinstance(result, np.ndarray) and result.ndim:
        return trees.array_of(result.ravel().tolist(), result.shape)
    return result.item() if isinstance(result, np.ndarray) else result
