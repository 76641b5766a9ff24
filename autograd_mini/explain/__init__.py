"""Explaining and checking: derivations as formulas, claims tested, lost digits found.

Everything here works on a recorded graph. `_ball` reads the table in balls, numbers with a proven error bound, and is
the arbiter of all that is claimed elsewhere; SymPy is imported when something here is first used.
"""

from autograd_mini.explain._bound import Bound, bound
from autograd_mini.explain._check import DerivationReport, check_derivation
from autograd_mini.explain._derivation import Derivation, Step
from autograd_mini.explain._deriving import derive
from autograd_mini.explain._diagnosis import Diagnosis, diagnose
from autograd_mini.explain._exercise import Exercise, exercise
from autograd_mini.explain._gradients import check_gradients
from autograd_mini.explain._report import Report
from autograd_mini.explain._stabilize import stabilize

__all__ = ["Bound", "Derivation", "DerivationReport", "Diagnosis", "Exercise", "Report", "Step", "bound",
           "check_derivation", "check_gradients", "derive", "diagnose", "exercise", "stabilize"]
