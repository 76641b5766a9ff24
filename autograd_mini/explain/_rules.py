"""The rewrites that `stabilize` tries, one a line: why | what is found | what is written instead.

Letters stand for anything, m and n for numbers only. Sums and products are found in any order and among other parts.
A line is a suggestion, no theorem: it may hold on a part of the line only (the logarithm of a sum of exponentials) or
lose digits elsewhere. Balls decide whether the form is the same function where it was asked for, and measured bits
whether it is any better.
"""

SPELLINGS = """
a - (-b)       | a + b
a + (-b)       | a - b
(-a) + b       | b - a
-(-a)          | a
-(a - b)       | b - a
(-a) * b       | -(a * b)
a * (-b)       | -(a * b)
(-a) / b       | -(a / b)
a / (-b)       | -(a / b)
-1 * a         | -a
a * -1         | -a
a / -1         | -a
1 * a          | a
a * 1          | a
a / 1          | a
a + 0          | a
0 + a          | a
a - 0          | a
0 - a          | -a
a * a          | square(a)
a ** 2         | square(a)
a ** 1         | a
a ** -1        | 1 / a
a ** 0.5       | sqrt(a)
reciprocal(a)  | 1 / a
-1 / a         | -(1 / a)
1 / (1 / a)    | a
a / (1 / b)    | a * b
square(-a)     | square(a)
logaddexp(0, a) | softplus(a)
logaddexp(a, 0) | softplus(a)
logsubexp(0, log_sigmoid(a)) | log_sigmoid(-a)
"""
"""How every form is spelled, so that a rule has to be said once."""

RULES = """
an exponential overflows before its logarithm | ln(exp(a))                 | a
a logarithm undone                           | exp(ln(a))                 | a
a root undone                                | square(sqrt(a))            | a
a difference of roots cancels                | sqrt(a) - sqrt(b)          | (a - b) / (sqrt(a) + sqrt(b))
a root cancels with what is added            | sqrt(a) - b                | (a - square(b)) / (sqrt(a) + b)
a difference of cube roots cancels           | cbrt(a) - cbrt(b)          | (a - b) / (square(cbrt(a)) + cbrt(a) \
                                                                            * cbrt(b) + square(cbrt(b)))
a difference of powers cancels               | a ** c - b ** c            | b ** c * expm1(c * log1p((a - b) / b))
a difference of squares cancels              | square(a) - square(b)      | (a - b) * (a + b)
a square minus a number cancels              | square(a) - 1              | (a - 1) * (a + 1)
squares overflow under a root                | sqrt(square(a) + square(b)) | hypot(a, b)
squares overflow under a root                | sqrt(square(a) + n)        | hypot(a, sqrt(n))
a square overflows under a root              | sqrt(square(a) - b)        | abs(a) * sqrt(1 - b / a / a)
a square overflows under a root              | sqrt(square(a) - b * c)    | abs(a) * sqrt(1 - b / a * (c / a))
squares and products overflow under a root   | sqrt(square(a) - b * c)    | hypot(a, sqrt(abs(b)) * sqrt(abs(c)))
squares and products overflow under a root   | sqrt(square(a) - b * c)    | sqrt(abs(a) - sqrt(abs(b)) \
    * sqrt(abs(c))) * sqrt(abs(a) + sqrt(abs(b)) * sqrt(abs(c)))
1 - cos(x) cancels for a small x             | 1 - cos(a)                 | 2 * square(sin(a / 2))
a quotient of half angles                    | (1 - cos(a)) / sin(a)      | tan(a / 2)
a difference of cosines cancels              | cos(a + b) - cos(a)        | -(sin(a) * sin(b) + 2 * cos(a) \
                                                                            * square(sin(b / 2)))
a difference of sines cancels                | sin(a + b) - sin(a)        | cos(a) * sin(b) - 2 * sin(a) \
                                                                            * square(sin(b / 2))
a difference of cosines cancels              | cos(a) - cos(b)            | -2 * sin((a - b) / 2) * sin((a + b) / 2)
a difference of sines cancels                | sin(a) - sin(b)            | 2 * sin((a - b) / 2) * cos((a + b) / 2)
a difference of tangents cancels             | tan(a) - tan(b)            | sin(a - b) / (cos(a) * cos(b))
a difference of angles cancels               | atan(a) - atan(b)          | atan2(a - b, 1 + a * b)
a difference of exponentials cancels         | exp(a) - exp(b)            | exp(b) * expm1(a - b)
a difference of exponentials cancels         | exp(a) - exp(-a)           | 2 * sinh(a)
exponentials that meet                       | exp(a) + exp(-a)           | 2 * cosh(a)
a slope near 0 cancels                       | expm1(a)                   | a * exprel(a)
exp(x) - 2 + exp(-x) cancels for a small x   | exp(a) - 2 + exp(-a)       | square(2 * sinh(a / 2))
exp(x) - 1 cancels for a small x             | exp(a) - 1                 | expm1(a)
a quotient of exponentials overflows         | (exp(a) - 1) / (exp(a) + 1) | tanh(a / 2)
a quotient of exponentials overflows         | exp(a) / (exp(a) + b)      | sigmoid(a - ln(b))
a quotient of exponentials overflows         | 1 / (exp(a) + 1)           | sigmoid(-a)
a quotient of exponentials overflows         | exp(a) / (exp(a) - 1)      | -1 / expm1(-a)
a quotient of exponentials overflows         | exp(a) / exp(b)            | exp(a - b)
a quotient of hyperbolic functions overflows | sinh(a) / cosh(a)          | tanh(a)
a square of a sigmoid spelled out overflows  | exp(a) / square(1 + exp(a)) | logistic_pdf(a)
the slope of a sigmoid                       | sigmoid(a) * sigmoid(-a)   | logistic_pdf(a)
1 minus a saturated sigmoid cancels          | 1 - sigmoid(a)             | sigmoid(-a)
the logarithm of a sigmoid underflows        | ln(sigmoid(a))             | log_sigmoid(a)
ln(1 + exp(x)) overflows                     | ln(1 + exp(a))             | softplus(a)
a sum of exponentials overflows              | ln(exp(a) + b)             | logaddexp(a, ln(b))
ln(exp(x) - 1) overflows                     | ln(exp(a) - 1)             | a + log1mexp(-a)
ln(1 + x) loses the digits of a small x      | ln(1 + a)                  | log1p(a)
a difference of logarithms cancels           | ln(a) - ln(b)              | log1p((a - b) / b)
a difference of logarithms                   | ln(a) - ln(b)              | ln(a / b)
a share of a sum of exponentials cancels     | a - logaddexp(a, b)        | log_sigmoid(a - b)
a sum of exponentials in another order       | logaddexp(logaddexp(a, b), c) | logaddexp(a, logaddexp(b, c))
a logarithm of a sum of exponentials cancels | softplus(a) - a            | softplus(-a)
the logarithm of a norm_cdf underflows       | ln(norm_cdf(a))            | log_norm_cdf(a)
ln(1 - exp(x)) loses the digits of both      | ln(1 - exp(a))             | log1mexp(a)
expm1(x) / x has a slope that cancels        | expm1(a) / a               | exprel(a)
1 minus a saturated norm_cdf cancels         | 1 - norm_cdf(a)            | norm_cdf(-a)
1 minus a saturated erf cancels              | 1 - erf(a)                 | erfc(a)
1 plus a saturated erf cancels               | 1 + erf(a)                 | erfc(-a)
saturated values cancel                      | norm_cdf(a) - norm_cdf(b)  | norm_cdf(-b) - norm_cdf(-a)
saturated values cancel                      | erf(a) - erf(b)            | erfc(b) - erfc(a)
1 minus a saturated tanh cancels             | 1 - tanh(a)                | 2 * sigmoid(-2 * a)
1 plus a saturated tanh cancels              | 1 + tanh(a)                | 2 * sigmoid(2 * a)
cosh(x) - 1 cancels for a small x            | cosh(a) - 1                | 2 * square(sinh(a / 2))
hyperbolic functions that meet cancel        | cosh(a) - sinh(a)          | exp(-a)
a cosh overflows before its logarithm        | ln(cosh(a))                | abs(a) + log1p(expm1(-2 * abs(a)) / 2)
a sinh overflows before its logarithm        | ln(sinh(a))                | a + ln(expm1(-2 * a) / -2)
a tail that is scaled back underflows        | exp(square(a)) * erfc(a)   | erfcx(a)
a tail that is scaled underflows             | exp(a) * erfc(b)           | exp(a - square(b)) * erfcx(b)
the logarithm of an erfc underflows          | ln(erfc(a))                | ln(erfcx(a)) - square(a)
the logarithm of a gamma overflows           | ln(gamma(a))               | lgamma(a)
a quotient of gammas overflows               | gamma(a) / gamma(b)        | exp(lgamma(a) - lgamma(b))
a quotient of gammas overflows               | gamma(a) * gamma(b) / gamma(a + b) | beta(a, b)
an angle near 0 has lost its digits          | acos(1 - a)                | 2 * asin(sqrt(a / 2))
a logit near 1/2                             | ln(a / (1 - a))            | logit(a)
a logit near 1/2                             | ln(a) - ln(1 - a)          | logit(a)
1 minus a square of a sine cancels           | 1 - square(sin(a))         | square(cos(a))
1 minus a square of a cosine cancels         | 1 - square(cos(a))         | square(sin(a))
1 minus a square of a tanh cancels           | 1 - square(tanh(a))        | 1 / square(cosh(a))
a logarithm near 0 has lost its digits       | ln(a / b)                  | log1p((a - b) / b)
a logarithm near 0 has lost its digits       | ln(a)                      | log1p(a - 1)
an inverse hyperbolic tangent                | ln((1 + a) / (1 - a))      | 2 * atanh(a)
an inverse hyperbolic tangent                | ln((1 - a) / (1 + a))      | -2 * atanh(a)
squares overflow under a logarithm           | ln(square(a) + square(b))  | 2 * ln(hypot(a, b))
a power of 1 + a small number loses it       | (1 + a) ** c               | exp(c * log1p(a))
a quotient of what overflows                 | a / (a + b)                | 1 / (1 + b / a)
"""
"""Why, the pattern, and what is tried in its place."""
