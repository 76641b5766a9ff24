"""Types of the functions that the table makes; a test holds this list against the table."""

from typing import Any, Union, overload

import numpy as np

from autograd_mini._core.value import Value

Number = Union[float, np.floating[Any]]

class _Unary:
    @overload
    def __call__(self, a: Value, /) -> Value: ...
    @overload
    def __call__(self, a: Number, /) -> float: ...
    @overload
    def __call__(self, a: np.ndarray, /) -> np.ndarray: ...

class _Binary:
    @overload
    def __call__(self, a: Value, b: Union[Value, Number], /) -> Value: ...
    @overload
    def __call__(self, a: Number, b: Value, /) -> Value: ...
    @overload
    def __call__(self, a: Number, b: Number, /) -> float: ...
    @overload
    def __call__(self, a: Any, b: np.ndarray, /) -> np.ndarray: ...
    @overload
    def __call__(self, a: np.ndarray, b: Any, /) -> np.ndarray: ...

class _Ternary:
    def __call__(self, c: Any, a: Any, b: Any, /) -> Any: ...

abs: _Unary
acos: _Unary
acosh: _Unary
add: _Binary
asin: _Unary
asinh: _Unary
atan2: _Binary
atan: _Unary
atanh: _Unary
away: _Unary
beta: _Binary
cbrt: _Unary
ceil: _Unary
chain: _Binary
clip: _Ternary
cos: _Unary
cosh: _Unary
decay: _Unary
defined: _Binary
digamma: _Unary
div: _Binary
entr: _Unary
equal: _Binary
erf: _Unary
erfc: _Unary
erfcx: _Unary
erfcx_slope: _Unary
erfinv: _Unary
exp2: _Unary
exp: _Unary
expm1: _Unary
exprel: _Unary
floor: _Unary
floordiv: _Binary
fmod: _Binary
gamma: _Unary
hypot: _Binary
lbeta: _Binary
less: _Binary
less_equal: _Binary
lgamma: _Unary
ln: _Unary
log10: _Unary
log1mexp: _Unary
log1p: _Unary
log1p_decay: _Unary
log2: _Unary
log: _Unary
log_norm_cdf: _Unary
log_sigmoid: _Unary
logaddexp: _Binary
logistic_pdf: _Unary
logit: _Unary
logsubexp: _Binary
maximum: _Binary
minimum: _Binary
mod: _Binary
mul: _Binary
neg: _Unary
norm_cdf: _Unary
norm_pdf: _Unary
norm_ppf: _Unary
one_minus_square: _Unary
polygamma: _Binary
pow: _Binary
reciprocal: _Unary
relu: _Unary
round: _Unary
sigmoid: _Unary
sign: _Unary
sin: _Unary
sinc: _Unary
sinh: _Unary
softplus: _Unary
sqrt: _Unary
square: _Unary
stop_gradient: _Unary
sub: _Binary
tan: _Unary
tanh: _Unary
trigamma: _Unary
trunc: _Unary
where: _Ternary
xlog1py: _Binary
xlogy: _Binary
