"""Neurons, layers, perceptrons and optimisers: their formulas, their gradients, and the two moons."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import make_moons

import autograd_mini as ag
from autograd_mini import Value, check_gradients, draw, topological_order, value_and_grad
from autograd_mini.models import MLP, Adam, AdamW, GradientDescent, Layer, Neuron, lbfgs, minimise
from autograd_mini.models._networks import ACTIVATIONS
from autograd_mini.program import trace


def cross_entropy(z, y):
    return ag.softplus(z) - y * z


def as_torch(net):
    """The same perceptron in PyTorch, with the same parameters."""
    torch = pytest.importorskip("torch")
    modules = []
    for layer in net.layers:
        linear = torch.nn.Linear(layer.inputs, len(layer.neurons), dtype=torch.float64)
        table = np.reshape([p.data for p in layer.parameters()], (len(layer.neurons), layer.inputs + 1))
        linear.weight.data, linear.bias.data = torch.tensor(table[:, :-1]), torch.tensor(table[:, -1])
        modules += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*modules[:-1])


class TestNetworks:
    def test_a_neuron_is_its_formula(self):
        neuron = Neuron(3, "sigmoid", seed=4)
        w, b, x = neuron.numbers[:3], neuron.numbers[3], np.array([0.3, -2.0, 1.0])
        assert neuron(x).data == pytest.approx(1 / (1 + np.exp(-(w @ x + b))), rel=1e-15)
        assert [p.name for p in neuron.parameters()] == ["w1", "w2", "w3", "b"]

    def test_a_perceptron_has_pytorchs_outputs_and_gradients(self):
        net, x = MLP(3, [5, 4, 2], seed=7), np.array([0.3, -0.8, 1.2])
        theirs = as_torch(net)
        outputs = net(x)
        expected = theirs(pytest.importorskip("torch").tensor(x))
        np.testing.assert_allclose([y.data for y in outputs], expected.detach(), rtol=1e-12)
        (outputs[0] * outputs[1]).backward()
        (expected[0] * expected[1]).backward()
        slopes = np.concatenate([np.column_stack([m.weight.grad, m.bias.grad]).ravel()
                                 for m in theirs if hasattr(m, "weight")])
        np.testing.assert_allclose([p.grad for p in net.parameters()], slopes, rtol=1e-12, atol=1e-16)

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_every_activation_has_right_derivatives(self, activation):
        net = MLP(2, [3, 1], activation, seed=2)
        x = np.array([0.4, -0.7])
        assert check_gradients(lambda parameters: net.apply(parameters, x), net.numbers, points=1).ok

    def test_an_activation_of_ones_own(self):
        neuron = Neuron(1, lambda z: z * ag.sigmoid(z))
        neuron.numbers = [2.0, 0.0]
        assert neuron([1.0]).data == pytest.approx(2 / (1 + np.exp(-2)), rel=1e-15)

    def test_the_seed_makes_it_repeatable_and_layers_differ(self):
        np.testing.assert_array_equal(MLP(2, [3, 1], seed=5).numbers, MLP(2, [3, 1], seed=5).numbers)
        assert not np.array_equal(MLP(2, [3, 1], seed=5).numbers, MLP(2, [3, 1], seed=6).numbers)
        rows = Layer(4, 6, "relu", seed=0).numbers.reshape(6, 5)
        assert len({*rows[:, 0]}) == 6 and not rows[:, 4].any()

    def test_a_trained_network_pickles(self):
        net = MLP(2, [3, 1], seed=5)
        copy = pickle.loads(pickle.dumps(net))
        assert copy([1.0, 2.0]).data == net([1.0, 2.0]).data

    def test_layers_and_neurons_are_scopes_that_pictures_fold(self):
        net = MLP(2, [3, 2], seed=1)
        root = sum(net([Value(0.5, "x1"), Value(-0.5, "x2")]))
        scopes = {node.note.scope for node in topological_order(root) if node.note}
        assert scopes == {("layer1", f"neuron{i}") for i in (1, 2, 3)} | {("layer2", f"neuron{i}") for i in (1, 2)}
        folded, everything = draw(root).svg(), draw(root, fold=False).svg()
        assert ">layer1<" in folded and ">layer2<" in folded and ">tanh<" not in folded and ">tanh<" in everything
        assert not any(node.note for node in topological_order(sum(net.apply(net.parameters(), [0.5, -0.5]))))

    @pytest.mark.parametrize("call, words", [
        (lambda: MLP(2, []), "at least one layer"),
        (lambda: MLP(2, 3), r"sizes is a list .* not 3"),
        (lambda: MLP(0, [1]), "inputs"),
        (lambda: MLP(2, [1.5]), "outputs"),
        (lambda: MLP(2, [1], output="softmax"), "one of linear, relu"),
        (lambda: MLP(2, [1])([1.0]), "takes 2 inputs, and the example has 1"),
        (lambda: setattr(MLP(2, [1]), "numbers", [1.0]), "3 parameters"),
    ])
    def test_mistakes_are_named(self, call, words):
        with pytest.raises(ValueError, match=words):
            call()


class TestOptimisers:
    @pytest.mark.parametrize("ours, theirs", [
        (GradientDescent(0.01), ("SGD", {"lr": 0.01})),
        (GradientDescent(0.01, momentum=0.9), ("SGD", {"lr": 0.01, "momentum": 0.9})),
        (Adam(0.02), ("Adam", {"lr": 0.02})),
        (Adam(0.02, decay=(0.8, 0.95), epsilon=1e-3), ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3})),
        (GradientDescent(0.01, weight_decay=0.3), ("SGD", {"lr": 0.01, "weight_decay": 0.3})),
        (Adam(0.02, weight_decay=0.3), ("Adam", {"lr": 0.02, "weight_decay": 0.3})),
        (AdamW(0.02, weight_decay=0.3), ("AdamW", {"lr": 0.02, "weight_decay": 0.3})),
    ])
    def test_they_walk_the_way_of_pytorchs(self, ours, theirs):
        torch = pytest.importorskip("torch")

        def f(x, y):
            return (1 - x) ** 2 + 10 * (y - x ** 2) ** 2

        x, y = Value(-1.2), Value(1.0)
        point = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
        other = getattr(torch.optim, theirs[0])([point], **theirs[1])
        for _ in range(50):
            f(x, y).backward()
            ours.step([x, y])
            other.zero_grad()
            f(point[0], point[1]).backward()
            other.step()
        np.testing.assert_allclose([x.data, y.data], point.detach(), rtol=1e-10)

    def test_only_the_last_backward_pass_moves(self, engine):
        """Gradients of an earlier pass, also ones that no step used up, are not those of the last loss."""
        a, b, optimiser = engine.Value(1.0), engine.Value(1.0), GradientDescent(0.1)
        (a + 5 * b).backward()
        (a * a).backward()
        optimiser.step([a, b])
        assert (a.data, b.data) == (0.8, 1.0)
        (a + 5 * b).backward()
        b.grad *= 2                                        # as clipping by hand does: still this pass
        optimiser.step([a, b])
        assert (a.data, b.data) == (pytest.approx(0.7), 0.0)
        (a * 3).backward()
        b.grad = 1.0                                       # by hand, after the pass
        optimiser.step([a, b])
        assert (a.data, b.data) == (pytest.approx(0.4), -0.1)
        a.grad, b.grad = 1.0, 2.0                          # all by hand
        optimiser.step([a, b])
        assert (a.data, b.data) == (pytest.approx(0.3), pytest.approx(-0.3))

    def test_a_gradient_moves_a_parameter_once(self):
        a, b = Value(1.0), Value(1.0)
        optimiser = GradientDescent(0.1)
        (a + 5 * b).backward()
        optimiser.step([a, b])
        for _ in range(3):
            (a * a).backward()
            optimiser.step([a, b])
        assert b.data == 0.5 and a.data == pytest.approx(0.9 * 0.8 ** 3, rel=1e-15)
        with pytest.raises(ValueError, match="no gradient"):
            optimiser.step([a, b])

    @pytest.mark.parametrize("take", [
        lambda optimiser, loss, table: (loss.backward(), optimiser.step(table)),
        lambda optimiser, loss, table: (loss.backward(table), optimiser.step(table)),
        lambda optimiser, loss, table: optimiser.step(loss, table),
    ], ids=["backward", "backward(parameters)", "step(loss, parameters)"])
    def test_rows_of_an_embedding_that_a_minibatch_leaves_out(self, take):
        torch = pytest.importorskip("torch")
        table = [Value(0.5 * i, f"row{i}") for i in range(4)]
        theirs = torch.tensor([0.5 * i for i in range(4)], dtype=torch.float64, requires_grad=True)
        ours, other = Adam(0.1), torch.optim.Adam([theirs], lr=0.1)
        for used in ((1, 2), (2,), (0, 2), (3,)):
            take(ours, sum((table[i] - 3) ** 2 for i in used), table)
            other.zero_grad()
            sum((theirs[i] - 3) ** 2 for i in used).backward()
            other.step()
        np.testing.assert_allclose([row.data for row in table], theirs.detach(), rtol=1e-13)

    def test_step_of_a_loss_finds_its_leaves_and_remembers_them(self):
        a, b = Value(1.0), Value(1.0)
        optimiser = GradientDescent(0.1, momentum=0.5)
        optimiser.step(a * a)
        optimiser.step(5 * b)
        assert (a.data, b.data) == (pytest.approx(0.8 - 0.1), 0.5)                 # the momentum of a goes on
        assert a.grad is None and b.grad is None

    def test_a_loss_that_is_a_number_is_named(self):
        with pytest.raises(TypeError, match="the loss must be a Value, not float"):
            GradientDescent(0.1).step(3.0, [Value(1.0)])

    def test_parameters_that_are_stepped_in_turn_keep_their_own_means(self):
        a, b, together = Value(1.0), Value(5.0), Adam(0.1)
        alone = {a: (Value(1.0), Adam(0.1)), b: (Value(5.0), Adam(0.1))}
        for x in (a, b, b, a):
            together.step(x ** 3, [x])
            copy, own = alone[x]
            own.step(copy ** 3)
        assert all(x.data == copy.data for x, (copy, _) in alone.items())

    def test_clipping_is_pytorchs(self):
        torch = pytest.importorskip("torch")
        x, y = Value(3.0), Value(-4.0)
        point = torch.tensor([3.0, -4.0], dtype=torch.float64, requires_grad=True)
        (point ** 2).sum().backward()
        torch.nn.utils.clip_grad_norm_([point], 2.0)
        GradientDescent(1.0, clip=2.0).step(x * x + y * y)
        np.testing.assert_allclose([3 - x.data, -4 - y.data], point.grad, rtol=1e-6)
        GradientDescent(1.0, clip=100.0).step(2 * x)
        assert x.data == pytest.approx(3 - 1.2 - 2, rel=1e-15)

    def test_a_rate_may_follow_a_schedule_or_be_assigned(self):
        x, optimiser = Value(0.0), GradientDescent(rate=lambda steps: 0.5 ** steps)
        for _ in range(3):
            optimiser.step(-x)
        assert x.data == 1.75
        optimiser.rate = 2.0
        optimiser.step(-x)
        assert x.data == 3.75

    def test_nothing_moves_by_a_gradient_that_is_not_finite(self):
        x, y = Value(0.0, "x"), Value(1.0, "y")
        with pytest.raises(FloatingPointError, match="gradient of 'x' is inf"):
            Adam(0.1).step(ag.sqrt(x) + y, [y, x])
        assert (x.data, y.data) == (0.0, 1.0)

    def test_on_a_slope_that_stays_adam_steps_by_its_rate_and_momentum_sums_up(self):
        slope = value_and_grad(lambda x: 3.0 * x)
        assert minimise(slope, 1.0, Adam(0.1, epsilon=1e-30), steps=7).x == pytest.approx(0.3, rel=1e-12)
        assert minimise(slope, 1.0, GradientDescent(0.1), steps=2).x == pytest.approx(1 - 0.6, rel=1e-12)
        end = 1 - 0.3 * (1 + 1.5 + 1.75)
        assert minimise(slope, 1.0, GradientDescent(0.1, momentum=0.5), steps=3).x == pytest.approx(end, rel=1e-12)

    def test_minimise_and_step_are_the_same_walk(self):
        x = Value(3.0)
        stepping = Adam(0.1)
        for _ in range(20):
            (x ** 4).backward()
            stepping.step([x])
        found = minimise(value_and_grad(lambda x: x ** 4), 3.0, Adam(0.1), steps=20)
        assert found.x == x.data and len(found.history) == 21 and found.value == found.history[-1]

    def test_structures_stay(self):
        start = {"a": np.ones((2, 2)), "b": [3.0]}
        for found in (minimise(value_and_grad(lambda p: (p["a"] ** 2).sum() + p["b"][0] ** 2), start,
                               GradientDescent(0.4), tolerance=1e-12),
                      lbfgs(value_and_grad(lambda p: (p["a"] ** 2).sum() + p["b"][0] ** 2), start)):
            np.testing.assert_allclose(found.x["a"], np.zeros((2, 2)), atol=1e-9)
            assert found.x["b"] == pytest.approx([0.0], abs=1e-9)
            assert len(found.history) < 100

    @pytest.mark.parametrize("call, error, words", [
        (lambda: GradientDescent(0), ValueError, "rate"),
        (lambda: GradientDescent("fast"), TypeError, "rate"),
        (lambda: Adam(0.1, decay=(1.0, 0.9)), ValueError, "decay"),
        (lambda: Adam(0.1, weight_decay=-1), ValueError, "weight_decay"),
        (lambda: Adam(0.1, clip=0), ValueError, "clip"),
        (lambda: Adam().step(Value(1.0) * 2, [1.0]), TypeError, "a parameter must be a Value"),
        (lambda: Adam().step([Value(1.0) * 2]), TypeError, "not the result of 'mul'"),
        (lambda: Adam().step([Value(1.0, "w")]), ValueError, "'w' has no gradient"),
        (lambda: minimise(value_and_grad(lambda x: x ** 4), 9.0, GradientDescent(1.0)), FloatingPointError, "rate"),
        (lambda: minimise(value_and_grad(lambda x: x), "a", Adam()), TypeError, "element of start"),
    ])
    def test_mistakes_are_named(self, call, error, words):
        with pytest.raises(error, match=words):
            call()


class TestTwoMoons:
    X, y = make_moons(100, noise=0.1, random_state=0)

    def accuracy(self, net):
        return np.mean([(net(x).data > 0) == label for x, label in zip(self.X.tolist(), self.y)])

    def test_through_a_program_and_lbfgs(self):
        net = MLP(2, [8, 8, 1], seed=1)
        step = trace(value_and_grad(lambda p, x, y: cross_entropy(net.apply(p, x), y)), net.numbers, self.X[0], 1.0)
        found = lbfgs(lambda parameters: step.mean(parameters, self.X, self.y), net.numbers, steps=60)
        net.numbers = found.x
        assert self.accuracy(net) == 1.0 and found.value < 1e-3

    def test_through_values_and_adam(self):
        net, optimiser = MLP(2, [6, 1], seed=3), Adam(0.2)
        rows, labels = self.X.tolist(), self.y.tolist()
        for _ in range(60):
            loss = sum(cross_entropy(net(x), y) for x, y in zip(rows, labels)) / len(rows)
            loss.backward()
            optimiser.step(net.parameters())
        assert self.accuracy(net) == 1.0
