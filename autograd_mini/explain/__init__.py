"""Explaining and checking: derivations as formulas, claims tested, lost digits found.

Everything here works on a recorded graph. `exact` reads the table at any number of digits and is the arbiter of all
that is claimed elsewhere.
"""
