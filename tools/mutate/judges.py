"""Which test files judge a file of the package: those of the longest beginning of its path, the most telling first."""

from __future__ import annotations

_EXPLAIN = "explain/_"
JUDGES = {
    "": "value calculus program",
    "_body/": "calculus gradient never_silent trees scan program",
    **dict.fromkeys(("_body/scan", "_body/loop"), "scan streams composition"),
    "_core/": "value never_silent hostile gradient contract",
    "_core/c_text": "composition program_executors primitives",
    "_core/custom": "custom user_primitives",
    "_core/errors": "never_silent hostile value",
    "_core/expression": "expression cli_expressions hostile",
    "_core/numpy_protocol": "numpy numpy_page trees",
    "_core/persistence": "value never_silent saved_files hostile",
    "_core/progress": "package logistic cli",
    "_core/registry": "value user_primitives custom",
    "_core/rows": "one_row user_primitives hostile never_silent",
    "_core/trees": "trees calculus",
    **dict.fromkeys(("_core/gamma", "_core/special", "primitives"), "special contract special_values primitives"),
    "cli/": "cli_expressions cli_explaining cli readme",
    "cli/_cost_curve": "cost_curve logistic",
    "cli/_logistic": "logistic cli readme",
    "cli/_practising": "exercise words cli_explaining",
    "cli/_table": "table cli_expressions",
    "explain/": "check_derivation derive check_gradients diagnose",
    **dict.fromkeys((f"{_EXPLAIN}{name}" for name in ("arbs", "ball", "replay", "witnesses")),
                    "ball check_gradients diagnose bound"),
    **dict.fromkeys((f"{_EXPLAIN}{name}" for name in ("gradients", "wrong_rules")), "check_gradients"),
    f"{_EXPLAIN}differences": "differences check_gradients",
    **dict.fromkeys((f"{_EXPLAIN}{name}" for name in ("draws", "points")), "points derive check_derivation"),
    **dict.fromkeys((f"{_EXPLAIN}{name}" for name in ("bound", "splitting")), "bound stabilize"),
    **dict.fromkeys((f"{_EXPLAIN}{name}" for name in ("stabilize", "searching", "rewriting", "polynomials")),
                    "stabilize diagnose"),
    f"{_EXPLAIN}diagnosis": "diagnose cli_explaining",
    f"{_EXPLAIN}exercise": "exercise cli_explaining",
    **dict.fromkeys((f"{_EXPLAIN}{name}" for name in ("derivation", "deriving", "elimination", "expanding", "known",
                                                      "lines", "notions", "rules", "symbolic")),
                    "derive printed_steps exercise check_derivation"),
    "models/": "logistic estimator known_optima",
    **dict.fromkeys(("models/_networks", "models/_optimisers"), "models_networks known_optima"),
    "models/_newton": "estimator known_optima",
    "program/": "program program_executors batch_calls composition streams",
    "program/_dask": "dask",
    "program/_file": "saved_files hostile",
    "program/_llvm/": "llvm_functions llvm_rows batch_calls",
    "program/_llvm/looping": "scan streams",
    "program/_sparse": "sparse",
    "program/_spans": "saved_files streams scan",
    "render/": "drawing formulas table gallery",
    **dict.fromkeys(("render/_page", "render/_javascript", "render/web/"), "page words"),
    "render/_descent": "descent",
    "render/_words": "words page",
    "render/_course": "table exercise",
    "testing": "check_gradients check_derivation",
}


def judges_of(path: str) -> list[str]:
    """The test files for a path below the package.

    >>> judges_of("explain/_differences.py")
    ['tests/test_differences.py', 'tests/test_check_gradients.py']
    """
    longest = max((beginning for beginning in JUDGES if path.startswith(beginning)), key=len)
    return [f"tests/test_{name}.py" for name in JUDGES[longest].split()]
