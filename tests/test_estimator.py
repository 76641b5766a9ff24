"""LogisticRegression keeps the promise of an estimator: judged by scikit-learn's own checks, and by statsmodels."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

from autograd_mini.models import FitWarning, LogisticRegression

pytest.importorskip("sklearn")
from sklearn import datasets, linear_model, model_selection, pipeline, preprocessing
from sklearn.base import clone
from sklearn.utils import estimator_checks

sm = pytest.importorskip("statsmodels.api")
pd = pytest.importorskip("pandas")


@pytest.mark.filterwarnings("ignore")
@estimator_checks.parametrize_with_checks([LogisticRegression(), LogisticRegression(C=1.0),
                                           LogisticRegression(20, solver="gd")])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def tables():
    """Twelve tables that ship with scikit-learn and statsmodels, as they are, and two that are made."""
    cancer, wine, iris = datasets.load_breast_cancer(), datasets.load_wine(), datasets.load_iris()
    digits, diabetes, linnerud = datasets.load_digits(), datasets.load_diabetes(), datasets.load_linnerud()
    yield "cancer", cancer.data[:, [0, 1, 4]], cancer.target
    yield "wine", wine.data[:, :3], wine.target == 1
    yield "iris", iris.data[50:], iris.target[50:] - 1
    yield "digits", digits.data[:, [10, 20, 21, 28, 36, 42]], digits.target % 2
    yield "diabetes", diabetes.data, diabetes.target > np.median(diabetes.target)
    yield "linnerud", linnerud.data, linnerud.target[:, 0] > 175
    for name, column in [("spector", "GRADE"), ("anes96", "vote"), ("fair", "affairs"), ("modechoice", "choice"),
                         ("ccard", "OWNRENT"), ("heart", "censors")]:
        table = getattr(sm.datasets, name).load_pandas().data.astype(float)
        features = table.drop(columns=[column, *(["AVGEXP"] if name == "ccard" else [])])
        yield name, features.loc[:, np.ptp(features, axis=0) > 0], table[column] > 0
    for seed in (0, 1):
        X, y = datasets.make_classification(500, 8, n_informative=4, n_redundant=0, flip_y=0.2, random_state=seed)
        yield f"made {seed}", 10.0 ** np.arange(-2, 2).repeat(2) * X + 5, y


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::statsmodels.tools.sm_exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name, X, y", list(tables()), ids=[name for name, _, _ in tables()])
def test_the_optimum_on_raw_columns_is_theirs(name, X, y):
    y, array = np.asarray(y).astype(int), np.asarray(X, dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FitWarning)
        model, penalised = LogisticRegression().fit(X, y), LogisticRegression(C=0.7).fit(X, y)
    peer = sm.Logit(y, np.column_stack([array, np.ones(len(y))])).fit(disp=0, method="newton", maxiter=100, tol=1e-14)
    table = model.summary()
    assert table.estimate == pytest.approx(peer.params, rel=1e-8)
    assert table.standard_error == pytest.approx(peer.bse, rel=1e-8)
    assert table.p == pytest.approx(peer.pvalues, rel=1e-6)
    assert table.interval == pytest.approx(peer.conf_int(), rel=1e-7)
    assert model.history[-1] == pytest.approx(-peer.llf / len(y), rel=1e-12)
    assert model.n_iter_ <= 13 and penalised.n_iter_ <= 13
    their = linear_model.LogisticRegression(C=0.7, solver="newton-cholesky", tol=1e-13, max_iter=1000).fit(array, y)
    assert penalised.coef_ == pytest.approx(their.coef_, rel=1e-6)
    assert penalised.intercept_ == pytest.approx(their.intercept_, rel=1e-6)


def test_weights_count_rows():
    _, X, y = next(iter(tables()))
    generator = np.random.default_rng(0)
    weights = generator.integers(0, 4, len(y))
    model = LogisticRegression().fit(X, y, sample_weight=weights)
    peer = sm.GLM(y, np.column_stack([X, np.ones(len(y))]), family=sm.families.Binomial(), freq_weights=weights)
    found = peer.fit(tol=1e-14)
    assert model.summary().estimate == pytest.approx(found.params, rel=1e-8)
    assert model.summary().standard_error == pytest.approx(found.bse, rel=1e-8)
    scaled = preprocessing.scale(X)
    by_descent = LogisticRegression(3, solver="gd").fit(scaled, y, weights)
    repeated = LogisticRegression(3, solver="gd").fit(np.repeat(scaled, weights, axis=0), np.repeat(y, weights))
    assert by_descent.coef_ == pytest.approx(repeated.coef_, rel=1e-12)


def test_pipelines_searches_and_clones():
    X, y = datasets.load_breast_cancer(return_X_y=True)
    model = pipeline.make_pipeline(preprocessing.StandardScaler(), LogisticRegression(C=1.0))
    search = model_selection.GridSearchCV(model, {"logisticregression__C": [0.01, 1.0]}, cv=3).fit(X, y)
    peer = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression(tol=1e-10))
    theirs = model_selection.GridSearchCV(peer, {"logisticregression__C": [0.01, 1.0]}, cv=3).fit(X, y)
    assert search.best_params_ == theirs.best_params_ and search.best_score_ == theirs.best_score_
    copy = clone(LogisticRegression(ridge=0.5, steps=7))
    assert repr(copy) == "LogisticRegression(steps=7, ridge=0.5)" and not hasattr(copy, "coef_")
    fitted = pickle.loads(pickle.dumps(search.best_estimator_))
    assert (fitted.predict_log_proba(X) == search.predict_log_proba(X)).all()


@pytest.mark.parametrize("labels", [("no", "yes"), (-1, 1), (False, True), (7, 3)])
def test_any_two_labels(labels):
    X = [[0.0], [1.0], [2.0], [3.0], [1.5]]
    y = [labels[i] for i in (0, 0, 1, 1, 1)]
    model = LogisticRegression(ridge=0.1).fit(X, y)
    assert model.classes_.tolist() == sorted(labels) and model.predict([[9.0]])[0] == labels[1]
    assert model.predict_proba([[9.0]])[0, sorted(labels).index(labels[1])] > 0.9 and model.score(X, y) == 1.0


def test_tables_with_names():
    X = pd.DataFrame({"age": [31, 44, 27, 63.0], "dose": [0.5, 1.5, 2.5, 0.1]})
    model = LogisticRegression(ridge=1.0).fit(X, ["a", "a", "b", "b"])
    assert model.feature_names_in_.tolist() == ["age", "dose"]
    with pytest.raises(ValueError, match="same order"):
        model.predict(X[["dose", "age"]])


TWENTY = np.random.default_rng(1).normal(size=(20, 2))
CLASSES = (TWENTY @ [1.0, 1.0] + np.random.default_rng(2).normal(size=20) > 0).astype(int)
QUASI = np.array([[-2.0], [-1.0], [0.0], [0.0], [1.0], [2.0]])


@pytest.mark.parametrize("X, y, parameters, message", [
    (TWENTY, TWENTY[:, 0] > 0, {}, "^complete separation"),
    (QUASI, [0, 0, 0, 1, 1, 1], {}, "^quasi-complete separation"),
    (np.column_stack([TWENTY, TWENTY[:, 0]]), CLASSES, {}, "column 0, column 2 make each other up"),
    (np.column_stack([TWENTY, TWENTY.sum(axis=1)]), CLASSES, {}, "column 0, column 1, column 2 make each other up"),
    (pd.DataFrame(TWENTY, columns=["a", "b"]).assign(c=0.1), CLASSES, {}, "apart, c is constant"),
    (np.column_stack([TWENTY, TWENTY, np.ones(20)]), CLASSES, {}, "column 4 is constant.*column 0.*smallest"),
    (np.random.default_rng(3).normal(size=(6, 9)), [0, 1, 0, 1, 1, 0], {}, "^complete separation"),
    (1e6 * TWENTY, CLASSES, {"steps": 2}, "not converged after 2 steps"),
])
def test_what_has_no_optimum_is_one_warning(X, y, parameters, message):
    with pytest.warns(FitWarning, match=message) as caught:
        model = LogisticRegression(**parameters).fit(X, y)
    assert len(caught) == 1 and np.isfinite(model.predict_proba(X)).all()
    with pytest.raises(ValueError, match="no standard errors"):
        model.summary()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LogisticRegression(ridge=0.1).fit(X, y)


def test_gradient_descent_that_overshoots_is_one_warning():
    with pytest.warns(FitWarning, match="overshoots, the cost was 0.6931 and is .* standardise the columns") as caught:
        model = LogisticRegression(solver="gd").fit(1e3 * TWENTY, CLASSES)
    assert len(caught) == 1 and model.history[-1] > model.history[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LogisticRegression(solver="gd").fit(TWENTY, CLASSES)


def test_columns_that_make_each_other_up_predict_as_without_them():
    with pytest.warns(FitWarning):
        model = LogisticRegression().fit(np.column_stack([TWENTY, TWENTY[:, 0], np.full(20, 7.0)]), CLASSES)
    alone = LogisticRegression().fit(TWENTY, CLASSES)
    assert model.coef_[0, [0, 2]] == pytest.approx([alone.coef_[0, 0] / 2] * 2, rel=1e-8)
    assert abs(model.coef_[0, 3]) < 1e-12
    assert model.history[-1] == pytest.approx(alone.history[-1], rel=1e-12)


@pytest.mark.parametrize("X, y, parameters, message", [
    ([[1.0], [2.0]], [1, 1], {}, "y has 1 class, 1:"), ([[1.0], [2.0], [3.0]], [0, 1, 2], {}, "Only binary"),
    ([[1.0], [np.nan]], [0, 1], {}, r"X\[1, 0\] is nan"), ([[1.0], [2.0]], [0.0, np.nan], {}, r"y\[1\] is nan"),
    ([[1.0], [2.0]], ["a", None], {}, "missing class"), ([[1.0], [2.0]], [0.5, 1.0], {}, "continuous"),
    ([[1.0], [2.0]], [0, 1], {"solver": "lbfgs"}, "solver is 'newton' or 'gd'"),
    ([[1.0], [2.0]], [0, 1], {"learning_rate": 1.0}, "solver='gd'"),
    ([[1.0], [2.0]], [0, 1], {"C": 0.0}, "C is a positive number"),
    ([[1.0], [2.0]], [0, 1], {"C": 1.0, "ridge": 1.0}, "not both"),
    ([[1.0], [2.0]], [0, 1], {"ridge": -1.0}, "ridge is"), ([[1.0], [2.0]], [0, 1], {"steps": 1.5}, "steps is"),
])
def test_what_cannot_be_fitted_is_one_error(X, y, parameters, message):
    with pytest.raises(ValueError, match=message):
        LogisticRegression(**parameters).fit(X, y)


def test_it_is_an_estimator_without_scikit_learn():
    code = """if True:
        import sys
        sys.modules['sklearn'] = None
        from autograd_mini.models import LogisticRegression
        model = LogisticRegression().set_params(ridge=0.1).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
        try:
            LogisticRegression().predict([[1.0]])
        except ValueError as error:
            print(model, error)
        """
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == ("LogisticRegression(ridge=0.1) this LogisticRegression is not fitted yet: "
                            "call fit(X, y) first\n")
