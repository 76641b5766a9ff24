"""A GPT of 4,000 numbers that learns to make up names: lists of lists of `Value`s, one name a step.

    python examples/gpt.py              every step builds a graph of single numbers and goes back through it
    python examples/gpt.py --trace      the same steps as Programs, one for each length of a name

It has the shape of Andrej Karpathy's microgpt (February 2026): rmsnorm, attention with the keys and values of earlier
letters in lists, an MLP, Adam whose rate falls to 0. A program written for the `Value` of that one, which has data,
grad, exp(), log(), relu() and backward(), runs unchanged with `from autograd_mini import Value` in place of its class;
and what is above the line here runs with that class.
"""

import argparse
import functools
import itertools
import random
from pathlib import Path

import numpy as np

from autograd_mini import Value, maximum, ravel, stop_gradient, trace

WIDTH, HEADS, LAYERS, CONTEXT = 16, 4, 1, 16
RATE, MEAN, SQUARE, TINY = 0.01, 0.85, 0.99, 1e-8


class Letters:
    """The letters of some names as numbers; the last number begins and ends a name."""

    def __init__(self, names):
        self.letters = sorted(set("".join(names)))
        self.end = len(self.letters)
        self.count = self.end + 1

    def encode(self, name):
        return [self.end, *map(self.letters.index, name), self.end][:CONTEXT + 1]


def parameters(count, kind=Value, seed=42):
    """The matrices, by name, of numbers that are drawn at random."""
    draw = random.Random(seed)

    def matrix(rows, columns):
        return [[kind(draw.gauss(0, 0.08)) for _ in range(columns)] for _ in range(rows)]

    found = {"letters": matrix(count, WIDTH), "places": matrix(CONTEXT, WIDTH), "scores": matrix(count, WIDTH)}
    for layer in range(LAYERS):
        for name in ("query", "key", "value", "mix"):
            found[f"{name}{layer}"] = matrix(WIDTH, WIDTH)
        found[f"widen{layer}"], found[f"narrow{layer}"] = matrix(4 * WIDTH, WIDTH), matrix(WIDTH, 4 * WIDTH)
    return found


def linear(x, weights):
    return [sum(w * entry for w, entry in zip(row, x)) for row in weights]


def softmax(scores):
    top = max(score.data for score in scores)
    raised = [(score - top).exp() for score in scores]
    total = sum(raised)
    return [entry / total for entry in raised]


def rmsnorm(x):
    scale = (sum(entry * entry for entry in x) / len(x) + 1e-5) ** -0.5
    return [entry * scale for entry in x]


def gpt(state, letter, place, keys, values, softmax=softmax):
    """The scores of what may come next, given the vectors of a letter and its place; keys and values are added to."""
    x = rmsnorm([a + b for a, b in zip(letter, place)])
    for layer in range(LAYERS):
        before, x = x, rmsnorm(x)
        query = linear(x, state[f"query{layer}"])
        keys[layer].append(linear(x, state[f"key{layer}"]))
        values[layer].append(linear(x, state[f"value{layer}"]))
        seen = []
        for start in range(0, WIDTH, WIDTH // HEADS):
            head = range(start, start + WIDTH // HEADS)
            weights = softmax([sum(query[i] * key[i] for i in head) / len(head) ** 0.5 for key in keys[layer]])
            seen += [sum(w * value[i] for w, value in zip(weights, values[layer])) for i in head]
        x = before = [a + b for a, b in zip(linear(seen, state[f"mix{layer}"]), before)]
        wide = [entry.relu() for entry in linear(rmsnorm(x), state[f"widen{layer}"])]
        x = [a + b for a, b in zip(linear(wide, state[f"narrow{layer}"]), before)]
    return linear(x, state["scores"])


def no_memory():
    return [[] for _ in range(LAYERS)], [[] for _ in range(LAYERS)]


def loss(state, tokens):
    """The mean over the letters of a name of -log(the probability that they were given)."""
    keys, values = no_memory()
    losses = []
    for place, (token, following) in enumerate(itertools.pairwise(tokens)):
        scores = gpt(state, state["letters"][token], state["places"][place], keys, values)
        losses.append(-softmax(scores)[following].log())
    return sum(losses) / len(losses)


def train(state, documents, steps, report=lambda step, loss: None):
    """Adam on Values, a document a step; returns the losses."""
    numbers = [entry for matrix in state.values() for row in matrix for entry in row]
    mean, square = [0.0] * len(numbers), [0.0] * len(numbers)
    losses = []
    for step in range(steps):
        found = loss(state, documents[step % len(documents)])
        found.backward()
        rate = RATE * (1 - step / steps)
        for i, number in enumerate(numbers):
            mean[i] = MEAN * mean[i] + (1 - MEAN) * number.grad
            square[i] = SQUARE * square[i] + (1 - SQUARE) * number.grad ** 2
            tall, wide = mean[i] / (1 - MEAN ** (step + 1)), square[i] / (1 - SQUARE ** (step + 1))
            number.data -= rate * tall / (wide ** 0.5 + TINY)
            number.grad = 0
        losses.append(found.data)
        report(step, found.data)
    return losses


def made_up(state, alphabet, draw, temperature):
    """A name of the model's own."""
    keys, values = no_memory()
    token, name = alphabet.end, ""
    for place in state["places"]:
        scores = gpt(state, state["letters"][token], place, keys, values)
        weights = [entry.data for entry in softmax([score / temperature for score in scores])]
        token = draw.choices(range(alphabet.count), weights)[0]
        if token == alphabet.end:
            break
        name += alphabet.letters[token]
    return name


# Here the line is: what follows knows Programs ------------------------------------------------------------------------

def traced_softmax(scores):
    top = functools.reduce(maximum, map(stop_gradient, scores))
    raised = [(score - top).exp() for score in scores]
    total = sum(raised)
    return [entry / total for entry in raised]


def traced_loss(state, letters, chosen):
    """The same of the vectors of the letters, and of rows that are 1 at what follows and else 0."""
    keys, values = no_memory()
    losses = []
    for place, letter in enumerate(letters):
        probabilities = traced_softmax(gpt(state, letter, state["places"][place], keys, values, traced_softmax))
        losses.append(-sum(p * is_next for p, is_next in zip(probabilities, chosen[place])).log())
    return sum(losses) / len(losses)


class Steps:
    """Loss and gradient of a document, by a Program for documents of its length, which is made when one is met."""

    def __init__(self):
        self.programs = {}

    def __call__(self, state, tokens):
        others = {name: matrix for name, matrix in state.items() if name != "letters"}
        letters, chosen = state["letters"][tokens[:-1]], np.eye(len(state["letters"]))[tokens[1:]]
        if len(tokens) not in self.programs:
            program = trace(traced_loss, others, letters, chosen)
            self.programs[len(tokens)] = program.value_and_gradient(argnums=(0, 1))
        found, (slopes, by_letter) = self.programs[len(tokens)](others, letters, chosen)
        slopes["letters"] = np.zeros_like(state["letters"])
        np.add.at(slopes["letters"], tokens[:-1], by_letter)
        return found, {name: slopes[name] for name in state}


def train_traced(state, documents, steps, report=lambda step, loss: None):
    """The same Adam on arrays; returns the losses and the arrays that were found."""
    numbers, back = ravel({name: np.array([[entry.data for entry in row] for row in matrix])
                           for name, matrix in state.items()})
    mean, square = np.zeros_like(numbers), np.zeros_like(numbers)
    both, losses = Steps(), []
    for step in range(steps):
        found, slopes = both(back(numbers), documents[step % len(documents)])
        slopes = ravel(slopes)[0]
        mean = MEAN * mean + (1 - MEAN) * slopes
        square = SQUARE * square + (1 - SQUARE) * slopes ** 2
        tall, wide = mean / (1 - MEAN ** (step + 1)), square / (1 - SQUARE ** (step + 1))
        numbers = numbers - RATE * (1 - step / steps) * tall / (wide ** 0.5 + TINY)
        losses.append(found)
        report(step, found)
    return losses, back(numbers)


def documents_of(path, seed=42):
    """The alphabet of the names in a file, and the names as numbers, shuffled."""
    names = path.read_text().split()
    random.Random(seed).shuffle(names)
    alphabet = Letters(names)
    return alphabet, [*map(alphabet.encode, names)]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--trace", action="store_true", help="take the steps as Programs")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--temperature", type=float, default=0.5)
    parser.add_argument("--names", type=Path, default=Path(__file__).with_name("names.txt"))
    chosen = parser.parse_args(arguments)
    alphabet, documents = documents_of(chosen.names)
    state = parameters(alphabet.count)
    print(f"{len(documents)} names of {alphabet.count - 1} letters, "
          f"{sum(len(row) for matrix in state.values() for row in matrix):,} parameters")
    recent = []

    def report(step, found):
        recent.append(found)
        if (step + 1) % 100 == 0 or step + 1 == chosen.steps:
            print(f"step {step + 1}: mean loss {sum(recent) / len(recent):.4f}")
            recent.clear()

    if chosen.trace:
        _, arrays = train_traced(state, documents, chosen.steps, report)
        state = {name: [[*map(Value, row)] for row in matrix.tolist()] for name, matrix in arrays.items()}
    else:
        train(state, documents, chosen.steps, report)
    draw = random.Random(0)
    for _ in range(chosen.samples):
        print(made_up(state, alphabet, draw, chosen.temperature))


if __name__ == "__main__":
    main()
