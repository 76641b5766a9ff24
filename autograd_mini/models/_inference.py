"""What maximum likelihood says of parameters: standard errors, z, p-values and confidence intervals, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from autograd_mini.functions import erfc


@dataclass(frozen=True, repr=False)
class Summary:
    """One entry for each parameter, the intercept last; each array of shape (n + 1,), `interval` of (n + 1, 2)."""

    names: list[str]
    estimate: np.ndarray
    standard_error: np.ndarray
    z: np.ndarray
    """The estimate in standard errors."""
    p: np.ndarray
    """The probability of so large a |z| if the parameter were 0."""
    interval: np.ndarray
    level: float

    def __repr__(self) -> str:
        width = max(len("intercept"), *map(len, self.names))
        low, high = (f"{100 * share:g}%" for share in ((1 - self.level) / 2, (1 + self.level) / 2))
        lines = [f"{'':{width}} {'coef':>12} {'std err':>12} {'z':>9} {'P>|z|':>9} {low:>12} {high:>12}"]
        for i, name in enumerate(self.names):
            lines.append(f"{name:{width}} {self.estimate[i]:12.6g} {self.standard_error[i]:12.6g} {self.z[i]:9.3f} "
                         f"{self.p[i]:9.3g} {self.interval[i, 0]:12.6g} {self.interval[i, 1]:12.6g}")
        return "\n".join(lines)


def inference(names: list[str], estimate: np.ndarray, standard_error: np.ndarray, level: float) -> Summary:
    """The table of estimates that are normal around the true parameters with these standard errors."""
    if not 0 < level < 1:
        raise ValueError(f"level is a share between 0 and 1, not {level!r}")
    z = estimate / standard_error
    reach = NormalDist().inv_cdf((1 + level) / 2) * standard_error
    return Summary(names, estimate, standard_error, z, erfc(np.abs(z) / 2 ** 0.5),
                   np.column_stack([estimate - reach, estimate + reach]), level)
