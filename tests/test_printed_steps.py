"""What a derivation prints is read back by the expression language, and is the same number in balls."""

import pytest
from derivations import DERIVATIONS

from autograd_mini import Value, derive
from autograd_mini._core.expression import evaluate, names
from autograd_mini._core.graph import topological_order
from autograd_mini.explain._replay import derivatives, replay

TITLES = ["logistic regression", "hidden layer", "softmax cross-entropy", "least squares", "quotient",
          "gaussian likelihood", "cosine similarity", "general power", "polar radius", "hyperbolic tangent"]


@pytest.mark.parametrize("title", TITLES)
def test_every_printed_line_is_the_derivative_that_it_stands_for(title):
    source, numbers, claims, _ = DERIVATIONS[title]
    point = dict(pair.split("=") for pair in numbers.split())
    loss = evaluate(source, {name: Value(float(point[name]), name) for name in names(source)})
    loss.name = loss.name or "L"
    known = {node.name: node for node in topological_order(loss) if node.name}
    slopes = derivatives(loss)[1]
    gradients = {f"d{name}": float(slopes[id(node)]) for name, node in known.items()}
    steps = [step for step in derive(loss, [known[name] for name in claims], steps=True) if step.kind == "chain"]
    assert len(steps) >= len(claims)
    for step in steps:
        for text in [*step.texts, *[line.text for line in step.lines if "chain rule" not in line.rule]]:
            read = evaluate(text, {**gradients, **known})
            found = replay(read)[id(read)] if hasattr(read, "operands") else read
            assert float(found) == pytest.approx(float(slopes[id(step.node)]), rel=1e-13), (step.claim, text)
