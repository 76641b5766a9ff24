"""The worked example: its derivatives against 50 digits, its optimum against scikit-learn, its data read strictly."""

import gzip
import json
import math
import os
from xml.etree import ElementTree

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st

import autograd_mini as am
from autograd_mini import Value
from autograd_mini.cli import _cost_curve as cost_curve, main
from autograd_mini.models import (
    DataError,
    LogisticRegression,
    _closed_forms as closed_forms,
    _logistic as logistic,
    cost,
    descend,
    load_breast_cancer,
    logit,
    loss,
    loss_from_logit,
    read_csv,
    scaling,
    split,
)

LOGITS = [-20.0, -7.3, -2.0, -0.25, -1e-9, 0.0, 0.4, 1.0, 3.7, 12.5, 20.0]


def ulps(found, exact):
    """The distance of a float from a number of 50 digits, in units in the last place of that number."""
    return float(abs(mpmath.mpf(found) - exact) / mpmath.mpf(math.ulp(float(exact))))


# The derivation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("z_data", LOGITS)
def test_the_chain_rule_through_the_sigmoid_spelled_out(z_data, y):
    """a.grad ... b.grad against -y/a + (1-y)/(1-a), a - y, x (a - y) at 50 digits, from the same z.

    For y = 0 the subtraction 1 - a costs e^z ulps.
    """
    w, b, x = Value(0.5), Value(0.0), 1.75
    b.data = z_data - (w * x).data
    z = w * x + b
    a = 1 / (1 + am.exp(-z))
    loss(a, y).backward()
    with mpmath.workdps(50):
        exact_a = 1 / (1 + mpmath.exp(-mpmath.mpf(z.data)))
        exact = {a: -y / exact_a + (1 - y) / (1 - exact_a), z: exact_a - y, w: x * (exact_a - y), b: exact_a - y}
        bound = 4 if y else 4 + 2 * math.exp(z.data)
        assert all(ulps(node.grad, number) <= bound for node, number in exact.items())


@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("z_data", [*LOGITS, -745.0, -100.0, 40.0, 700.0])
def test_the_loss_from_the_logit_is_exact_everywhere(z_data, y):
    z = Value(z_data)
    L = loss_from_logit(z, y)
    L.backward()
    with mpmath.workdps(400):
        exact_z = mpmath.mpf(z_data)
        if y == 0 or z_data < 0.5:  # beyond, softplus(z) - z cancels, and what is left is near the rounding of z
            assert ulps(L.data, mpmath.log1p(mpmath.exp(exact_z)) - y * exact_z) <= 4
        exact = 1 / (1 + mpmath.exp(-exact_z)) - y
        assert abs(mpmath.mpf(z.grad) - exact) <= 4 * mpmath.mpf(math.ulp(max(abs(float(exact)), y)))
    assert am.gradient(am.sigmoid(z), z).data > 0 or z_data > 700


@given(z=st.floats(-30, 30), y=st.sampled_from([0.0, 1.0]))
def test_the_two_forms_of_the_loss_agree_where_both_are_finite(z, y):
    taught, stable = loss(am.sigmoid(z), y), loss_from_logit(z, y)
    # 1 - a is off by up to half an ulp of 1, and the logarithm divides that by 1 - a itself
    assert abs(taught - stable) <= 4e-16 * (2 + abs(z) + math.exp(abs(z)))


def test_the_taught_loss_has_no_gradient_once_the_sigmoid_saturates():
    z = Value(40.0)
    taught, stable = loss(am.sigmoid(z), 1.0), loss_from_logit(z, 0.0)
    assert am.sigmoid(z).data == 1.0 and math.isnan(taught.data) and stable.data == 40.0


@given(a=st.floats(0.01, 0.99), x=st.floats(-3, 3), y=st.sampled_from([0.0, 1.0]))
def test_the_closed_forms_multiply_as_the_chain_rule_says(a, x, y):
    assert closed_forms.da(a, y) * closed_forms.da_dz(a) == pytest.approx(closed_forms.dz(a, y), rel=1e-13)
    assert closed_forms.dw(x, a, y) == x * closed_forms.dz(a, y)
    assert closed_forms.db(a, y) == closed_forms.dz(a, y)


def test_gradient_of_an_inner_node():
    z = Value(0.3)
    a = am.sigmoid(z)
    assert am.gradient(a, z).data == pytest.approx(closed_forms.da_dz(a.data), rel=1e-15)


# Cost, descent, model ------------------------------------------------------------------------------------------------


def test_cost_and_its_gradient_against_numpy():
    generator = np.random.default_rng(3)
    X, y = generator.normal(size=(40, 5)), (generator.random(40) < 0.4).astype(float)
    w, b = [Value(number) for number in generator.normal(size=5)], Value(0.2)
    J = cost(w, b, X, y, ridge=0.3)
    J.backward()
    expected, dw, db = closed_forms.cost_and_gradient([w_i.data for w_i in w], b.data, X, y, ridge=0.3)
    assert J.data == pytest.approx(expected, rel=1e-14)
    assert [w_i.grad for w_i in w] == pytest.approx(dw, rel=1e-12) and b.grad == pytest.approx(db, rel=1e-12)


def test_cost_is_the_mean_of_the_taught_loss():
    X, y, w, b = [[1.0, 2.0], [0.5, -1.0], [3.0, 0.1]], [1.0, 0.0, 1.0], [0.4, -0.2], 0.1
    taught = sum(loss(am.sigmoid(logit(w, b, x)), label) for x, label in zip(X, y)) / 3
    assert cost(w, b, X, y) == pytest.approx(taught, rel=1e-15)


def test_one_step_of_descent():
    w = Value(2.0, "w")
    (3 * w).backward()
    descend([w], 0.5)
    assert w.data == 2.0 - 0.5 * 3
    with pytest.raises(ValueError, match="'v' has no gradient"):
        descend([Value(1.0, "v")], 0.5)


@pytest.mark.parametrize("arguments, message", [
    (([1.0], 0.0, [[1.0, 2.0]], [1.0]), "2 features, but there are 1 weights"),
    (([1.0], 0.0, [], []), "there is none"), (([1.0], 0.0, [[1.0]], [1.0, 0.0]), "X has 1 rows, but y has 2"),
])
def test_costs_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        cost(*arguments)


@pytest.fixture(scope="module")
def breast_cancer():
    train, test = split(load_breast_cancer(["worst_area", "worst_smoothness"]))
    scale = scaling(train.X)
    return scale.apply(train.X), train.y, scale.apply(test.X), test.y


def test_the_optimum_is_scikit_learns(breast_cancer):
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y, X_test, y_test = breast_cancer
    model = LogisticRegression(steps=80, learning_rate=2.5, ridge=0.1, solver="gd").fit(X, y)
    peer = linear_model.LogisticRegression(C=1 / (0.1 * len(y)), solver="newton-cholesky", tol=1e-12).fit(X, y)
    assert model.coefficients == pytest.approx(peer.coef_[0], rel=1e-7)
    assert model.intercept == pytest.approx(peer.intercept_[0], rel=1e-7)
    assert model.predict_proba(X_test) == pytest.approx(peer.predict_proba(X_test), rel=1e-7)
    assert model.score(X_test, y_test) == peer.score(X_test, y_test) > 0.85


def test_scikit_learns_optimum_of_all_30_features_has_gradient_0():
    linear_model = pytest.importorskip("sklearn.linear_model")
    table = load_breast_cancer()
    X = scaling(table.X).apply(table.X)
    peer = linear_model.LogisticRegression(C=1 / (0.01 * len(X)), solver="newton-cholesky", tol=1e-12).fit(X, table.y)
    w, b = [Value(number) for number in peer.coef_[0]], Value(peer.intercept_[0])
    cost(w, b, X, table.y, ridge=0.01).backward()
    assert max(abs(parameter.grad) for parameter in (*w, b)) < 1e-9


@pytest.mark.parametrize("ridge", [0.0, 0.01])
def test_training_over_a_lot_of_data_gives_the_same_numbers(breast_cancer, monkeypatch, ridge):
    X, y, _, _ = breast_cancer
    by_graph = LogisticRegression(steps=20, ridge=ridge, solver="gd").fit(X, y)
    monkeypatch.setattr(logistic, "LARGE", 0)
    monkeypatch.setattr(logistic, "cost", None)
    by_program = LogisticRegression(steps=20, ridge=ridge, solver="gd").fit(X, y)
    np.testing.assert_allclose(by_program.history, by_graph.history, rtol=1e-13)
    np.testing.assert_allclose(by_program.coefficients, by_graph.coefficients, rtol=1e-12)
    np.testing.assert_allclose(by_program.gradient, by_graph.gradient, rtol=1e-9, atol=1e-15)


def test_training_follows_its_history(breast_cancer):
    X, y, _, _ = breast_cancer
    seen = []
    model = LogisticRegression(steps=6, solver="gd").fit(X, y, watch=lambda step, J: seen.append((step, J)))
    assert seen == list(enumerate(model.history)) and len(seen) == 7
    assert model.history == sorted(model.history, reverse=True) and model.history[0] == pytest.approx(math.log(2))
    assert model.cost(X, y).data == model.history[-1]
    _, dw, db = closed_forms.cost_and_gradient(model.coefficients, model.intercept, X, y)
    assert model.gradient == pytest.approx([*dw, db], rel=1e-12)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (len(y), 2) and probabilities.sum(axis=1) == pytest.approx(np.ones(len(y)))
    assert (model.predict(X) == (probabilities[:, 1] > 0.5)).all()


@pytest.mark.parametrize("X, y, message", [
    ([[1.0]], [2.0], "1 class"), ([[1.0], [2.0]], [1.0], "has 2 rows"),
    ([1.0, 2.0], [1.0, 0.0], r"shape \(m, n\)"),
    ([[math.nan]], [1.0], r"X\[0, 0\] is nan"), ([], [], r"shape \(m, n\)"),
])
def test_data_that_cannot_be_fitted(X, y, message):
    with pytest.raises(ValueError, match=message):
        LogisticRegression(steps=1).fit(X, y)


def test_a_model_that_was_not_fitted_or_diverges():
    with pytest.raises(ValueError, match="call fit"):
        LogisticRegression().predict([[1.0]])
    with pytest.raises(FloatingPointError, match="smaller learning rate"):
        LogisticRegression(learning_rate=1e308, solver="gd").fit([[1e5], [-1e5], [3.0]], [0.0, 1.0, 1.0])


# Data ----------------------------------------------------------------------------------------------------------------


def test_the_table_that_ships_is_scikit_learns_copy():
    datasets = pytest.importorskip("sklearn.datasets")
    table, peer = load_breast_cancer(), datasets.load_breast_cancer()
    assert (peer.data == table.X).all() and (table.y == 1 - peer.target).all()
    assert [name.replace("_", " ") for name in table.features] == peer.feature_names.tolist()


def test_split_keeps_shares_and_depends_on_the_seed_only():
    table = load_breast_cancer()
    train, test = split(table, 0.25, seed=5)
    assert abs(train.y.mean() - test.y.mean()) < 0.01
    assert sorted(map(tuple, np.vstack([train.X, test.X]))) == sorted(map(tuple, table.X))
    assert (split(table, 0.25, seed=5)[1].X == test.X).all() and (split(table, 0.25, seed=6)[1].X != test.X).any()
    assert len(split(table, 0.0)[1].y) == 0
    with pytest.raises(ValueError, match="share of rows"):
        split(table, 1.0)


def test_standardised_columns():
    X = np.array([[1.0, 5.0], [3.0, 5.0]])
    assert scaling(X).apply(X).tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    tenths = np.full((10, 1), 0.1)  # whose mean is not quite 0.1
    assert abs(scaling(tenths).apply(tenths)).max() < 1e-15


GOOD = "age,dose,ill\n31,0.5,yes\n44,1.5,no\n\n27,2.5,yes\n63,0.1,no\n"


@pytest.fixture
def csv_file(tmp_path):
    def write(content):
        path = tmp_path / "trial.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("content", [GOOD, GOOD.replace(",", ";"), GOOD.replace(",", "\t"), "\ufeff" + GOOD,
                                     GOOD.replace("\n", "\r\n"), GOOD.replace("31", '" 31 "')])
def test_every_common_way_to_write_a_table(csv_file, content):
    data = read_csv(csv_file(content), "ill")
    assert data.features == ("age", "dose") and data.classes == ("no", "yes") and data.y.tolist() == [1, 0, 1, 0]
    assert data.X.tolist() == [[31, 0.5], [44, 1.5], [27, 2.5], [63, 0.1]]
    assert read_csv(csv_file(content), "ill", ["dose"]).X.shape == (4, 1)


def test_classes_that_are_numbers(csv_file):
    data = read_csv(csv_file("x,y\n1,10\n2,2\n3,2.0\n4,10\n"), "y")
    assert data.y.tolist() == [1, 0, 0, 1] and data.classes == ("2", "10")


BAD_TABLES = [
    (GOOD.replace("44", ""), r"row 3, column 'age': the cell is empty"),
    (GOOD.replace("2.5", "high"), r"row 5, column 'dose': 'high' is not a number"),
    (GOOD.replace("2.5", "inf"), r"row 5, column 'dose': 'inf' is not a finite number"),
    (GOOD.replace("2.5", "-1e200"), r"row 5, column 'dose': '-1e200' is too large"),
    (GOOD.replace("63,0.1,no", "63,0.1"), r"row 6: 2 cells where the header has 3 columns: column 'ill' is missing"),
    (GOOD.replace("63,0.1,no", "63,0.1,no,no"), r"row 6: 4 cells"),
    (GOOD.replace("no", "yes"), r"rows 2 to 6, column 'ill': every row is of the class 'yes'"),
    (GOOD.replace("27,2.5,yes", "27,2.5,maybe"), r"row 5, column 'ill': 'maybe' is a third class"),
    (GOOD.replace("27,2.5,yes", "27,2.5,"), r"row 5, column 'ill': the class is missing"),
    (GOOD.replace("ill", "sick"), r"no column 'ill': it has age, dose, sick"),
    (GOOD.replace("ill", "ills"), r"no column 'ill': did you mean 'ills'"),
    (GOOD.replace("dose", "age"), r"row 1: the column 'age' stands there twice"),
    (GOOD.replace("dose", ""), r"row 1: a column has no name"),
    ("age,dose,ill\n", r"no rows below the header"), ("", r"the file is empty"), ("\n\n", r"the file is empty"),
    ("ill\nyes\nno\n", r"no column to learn from"), (b"\xff\xfe\x00x", r"not a text in UTF-8"),
    ('a,ill\n"1,yes\n', r"not a CSV file"),
]


@pytest.mark.parametrize("content, message", BAD_TABLES)
def test_a_table_that_cannot_be_used_is_one_line_with_its_place(csv_file, content, message, capsys, tmp_path):
    path = csv_file(content)
    with pytest.raises(DataError, match=message) as caught:
        read_csv(path, "ill")
    assert main(["logistic", "--data", str(path), "--target", "ill", "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err == f"autograd-mini: error: {caught.value}\n" and str(path) in printed.err
    assert os.listdir(tmp_path) == ["trial.csv"]


# The command ---------------------------------------------------------------------------------------------------------


def result_of(capsys, *arguments):
    assert main(["logistic", "--steps", "20", "--json", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return json.loads(printed.out, parse_constant=pytest.fail)


def test_the_result_as_json(capsys):
    result = result_of(capsys)
    assert result["training"]["cost"][0] == pytest.approx(math.log(2)) and len(result["training"]["cost"]) == 21
    assert result["held_out_accuracy"] > 0.9 and result["data"]["held_out_rows"] == 142
    assert [entry["name"] for entry in result["example"]["derivatives"]] == ["da", "da/dz", "dz", "dw1", "dw2", "db"]
    assert max(entry["relative_error"] for entry in result["example"]["derivatives"]) < 1e-14
    assert [entry["name"] for entry in result["all_rows"]["comparisons"]] == ["J", "dJ/dw1", "dJ/dw2", "dJ/db"]
    assert result["all_rows"]["largest_relative_error"] < 1e-12


def test_the_same_seed_gives_the_same_result(capsys):
    first, again, other = (result_of(capsys, "--seed", seed) for seed in "778")
    for result in (first, again, other):
        del result["training"]["seconds"]
    assert first == again != other


def test_the_page_fits_a_terminal_and_shows_the_derivation(capsys):
    assert main(["logistic", "--steps", "20", "--ridge", "0.1", "--example", "3"]) == 0
    page = capsys.readouterr().out
    assert max(map(len, page.split("\n"))) <= 80
    for expected in ("L = -y ln(a) - (1-y) ln(1-a)", "training row 3", "a - a^2", "x2 (a - y)", "NumPy's closed form",
                     "held-out accuracy", "ridge = 0.1", "█"):
        assert expected in page


def test_a_saturated_example_is_explained(csv_file, capsys):
    rows = "".join(f"{x},{int(x > 0)}\n" for x in (-3, -2, -1, 1, 2, 3, 4000))
    path = str(csv_file("x,y\n" + rows))
    assert main(["logistic", "--data", path, "--target", "y", "--held-out", "0", "--steps", "300",
                 "--learning-rate", "50", "--example", "7"]) == 0
    page = capsys.readouterr().out
    assert "L(a, y) is not finite" in page and "no row held out" in page


def test_all_features_and_a_table_of_ones_own(csv_file, capsys):
    assert len(result_of(capsys, "--features", "all", "--steps", "2")["model"]["w"]) == 30
    result = result_of(capsys, "--data", str(csv_file(GOOD)), "--target", "ill", "--held-out", "0")
    assert list(result["model"]["w"]) == ["age", "dose"] and result["held_out_accuracy"] == "nan"


def test_pictures_are_written_whole(tmp_path, capsys):
    folder = tmp_path / "new" / "out"
    result = result_of(capsys, "--out", str(folder))
    assert sorted(os.listdir(folder)) == ["cost.svg", "descent.html", "loss.html", "loss.svg", "result.json"]
    assert json.loads((folder / "result.json").read_text()) == result
    for name in ("cost.svg", "loss.svg"):
        assert ElementTree.parse(folder / name).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert "sigmoid" in (folder / "loss.svg").read_text(encoding="utf-8")


def test_training_that_diverges_leaves_nothing_behind(tmp_path, capsys):
    arguments = ["--learning-rate", "1e308", "--features", "all", "--out", str(tmp_path / "out")]
    assert main(["logistic", *arguments]) == 2
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("arguments, message", [
    (["--data", "x.csv"], "--target COLUMN is missing"), (["--target", "y"], "--data FILE is missing"),
    (["--data", "absent.csv", "--target", "y"], "absent.csv: No such file or directory"),
    (["--features", "worst_aria"], "no column 'worst_aria': did you mean 'worst_area'"),
    (["--features", "worst_area,worst_area"], "chosen twice"), (["--features", "malignant"], "cannot be a feature"),
    (["--example", "0"], "the training rows are 1 to 427"), (["--held-out", "1"], "below 1"),
    (["--held-out", "nan"], "below 1"), (["--learning-rate", "1e308", "--features", "all"], "smaller learning rate"),
    (["--steps", "-3"], "argument --steps: '-3' is not a whole number"), (["--ridge", "inf"], "not a finite number"),
    (["--learning-rate", "0"], "not a finite number above 0"), (["--seed", "x"], "not a whole number"),
    (["--out", "/dev/null/x", "--steps", "1"], "/dev/null/x: Not a directory"),
    (["--out", "/dev/null"], "this is a file"),
    (["--wrong"], "unrecognized arguments: --wrong"),
])
def test_bad_options_are_one_line_and_exit_status_2(arguments, message, capsys):
    assert main(["logistic", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and message in printed.err


@pytest.mark.parametrize("costs", [[0.7], [0.7, 0.3, 0.1], [1e-5] * 300, [0.0, 0.0]])
def test_the_curve_is_well_formed_for_any_history(costs):
    root = ElementTree.fromstring(cost_curve.svg(costs, "Cost"))
    points = root.find("{http://www.w3.org/2000/svg}polyline").get("points").split()
    assert len(points) == len(costs)
    assert all(0 <= float(part) <= cost_curve.WIDTH for point in points for part in point.split(","))


def test_coefficients_are_printed_in_both_units_and_counts_beside_accuracy(capsys):
    """In original units the same logit: scikit-learn's own pipeline of scaling and coefficients is undone."""
    assert main(["logistic", "--steps", "30", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    table = load_breast_cancer(result["data"]["features"])
    fitted, original = result["model"], result["model"]["original_units"]
    mean, deviation = (np.array(list(fitted[key].values())) for key in ("mean", "deviation"))
    standardised = (table.X - mean) / deviation @ np.array(list(fitted["w"].values())) + fitted["b"]
    plain = table.X @ np.array(list(original["w"].values())) + original["b"]
    assert plain == pytest.approx(standardised, rel=1e-9, abs=1e-9)
    assert result["class_counts"] == [357, 212] and result["baseline_accuracy"] == pytest.approx(357 / 569)
    assert main(["logistic", "--steps", "30"]) == 0
    page = capsys.readouterr().out
    assert "357 rows of y = 0, 212 of y = 1" in page and "original units" in page and "62.7%" in page


def test_a_derivative_that_is_zero_is_judged_by_its_terms(tmp_path, capsys):
    path = tmp_path / "even.csv"
    path.write_text("x,y\n-1,0\n1,0\n-1,1\n1,1\n-3,0\n3,1\n3,0\n-3,1\n")
    assert main(["logistic", "--data", str(path), "--target", "y", "--held-out", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["all_rows"]["largest_relative_error"] < 1e-14


def test_a_table_of_ones_own_in_any_encoding_with_gaps_and_texts(tmp_path, capsys):
    content = "x,色,类\n1,红,好\n2,蓝,坏\n,红,好\n3,绿,坏\n0.5,红,好\n"
    packed = tmp_path / "data.csv.gz"
    packed.write_bytes(gzip.compress(content.encode()))
    for name, encoding in (("a.csv", "gbk"), ("b.csv", "utf-16")):
        (tmp_path / name).write_bytes(content.encode(encoding))
        table = read_csv(tmp_path / name, "类", encoding=encoding, drop_missing=True, positive="坏")
        assert table.features == ("x", "色=绿", "色=蓝")
        assert table.y.tolist() == [0, 1, 1, 0] and table.classes == ("好", "坏") and table.X.shape == (4, 3)
        assert main(["logistic", "--data", str(tmp_path / name), "--target", "类"]) == 2
        assert f"--encoding, such as {encoding}" in capsys.readouterr().err
    assert read_csv(packed, "类", drop_missing=True, positive="好").y.tolist() == [1, 0, 0, 1]
    for wrong, message in (({"positive": "中"}, "no row is of the class '中'"),
                           ({"encoding": "klingon"}, "no encoding")):
        with pytest.raises(DataError, match=message):
            read_csv(packed, "类", drop_missing=True, **wrong)
    for text, message in (("1,2\n3,4\n", "there is no header"), ("x;y\n1,5;0\n2,5;1\n", "decimal comma: write 1.5"),
                          ("x,y\n,0\n1,1\n", "--drop-missing")):
        (tmp_path / "c.csv").write_text(text)
        with pytest.raises(DataError, match=message):
            read_csv(tmp_path / "c.csv", "y")
