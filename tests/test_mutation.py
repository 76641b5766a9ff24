"""The tests of the table notice every partial that is off by a millionth; tests/mutation.py runs the long form."""

import mutation

from autograd_mini.primitives import TABLE, number


def test_no_spoiled_partial_goes_unnoticed():
    tried, passed = mutation.survivors(mutation.sample_points)
    assert tried > 100
    assert passed == []


def test_the_test_that_pytest_runs_notices_too():
    assert mutation.survivors(mutation.whole_test, lambda count: count % 70 == 5)[1] == []


def test_the_tests_pass_where_nothing_is_spoiled():
    for name in ("tanh", "pow", "where", "chain", "floor"):
        mutation.sample_points(TABLE[name])


def test_a_survivor_is_reported():
    assert len(mutation.survivors(lambda row: None, lambda count: count < 3)[1]) == 3


def test_what_was_spoiled_is_whole_again():
    row = TABLE["sin"]
    with mutation.spoiled(row, 0, mutation.scaled):
        assert number(row.partials[0], 0.0, 0.0) == 1 + 1e-6
    assert number(row.partials[0], 0.0, 0.0) == 1.0
