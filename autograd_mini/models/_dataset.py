"""Data for the models: the table that ships with the package, and CSV files, read strictly.

A cell that is no finite number, a column that is not there, a target that has not exactly two classes: each is one
DataError that names file, row and column. Rows are counted as an editor or a spreadsheet does: the header is row 1.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
import os
import pathlib
from typing import Iterable, NamedTuple, Optional, Sequence, Union

import numpy as np

from autograd_mini._core.errors import DataError

LARGEST = 1e150
BREAST_CANCER = pathlib.Path(__file__).parent / "data" / "breast_cancer.csv"


class Dataset(NamedTuple):
    """A table of numbers and two classes."""

    features: tuple[str, ...]
    X: np.ndarray
    """(m, n): one row for each example, one column for each feature."""
    y: np.ndarray
    """(m,): the class of each example, 0.0 or 1.0."""
    target: str
    classes: tuple[str, str]
    """What the file calls class 0 and class 1."""


class Scaling(NamedTuple):
    """How columns were standardised: x becomes (x - mean) / deviation."""

    mean: np.ndarray
    deviation: np.ndarray

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Rows of raw features, standardised; shape (m, n) in and out."""
        return (X - self.mean) / self.deviation


def load_breast_cancer(features: Optional[Sequence[str]] = None) -> Dataset:
    """The Wisconsin diagnostic breast-cancer table: 569 tumours, 30 features, class 1 is malignant.

    Source: W. Wolberg, N. Street, O. Mangasarian, UCI Machine Learning Repository, 1995, https://doi.org/10.24432/C5DW2B,
    CC BY 4.0. `features` chooses columns.

    >>> table = load_breast_cancer()
    >>> table.X.shape, int(table.y.sum()), table.features[20]
    ((569, 30), 212, 'worst_radius')
    """
    return read_csv(BREAST_CANCER, "malignant", features)


def read_csv(path: Union[str, os.PathLike[str]], target: str, features: Optional[Sequence[str]] = None) -> Dataset:
    """Read a table with a header from a file of comma-, semicolon- or tab-separated values, in UTF-8.

    `target` is the column of the class, of two different entries: numbers (the larger is class 1) or texts (the later
    in the alphabet is class 1). `features` are the columns to learn from, by default all others. Raises DataError for
    what cannot be used, OSError for a file that cannot be opened.
    """
    source = os.fspath(path)
    header, rows = _read(source)
    for name in (target, *(features or ())):
        if name not in header:
            close = difflib.get_close_matches(name, header, n=1)
            advice = f"did you mean {close[0]!r}?" if close else f"it has {_listed(header)}"
            raise DataError(f"{source}: there is no column {name!r}: {advice}")
    chosen = tuple(features) if features is not None else tuple(name for name in header if name != target)
    if not chosen:
        raise DataError(f"{source}: there is no column to learn from beside the target {target!r}")
    if target in chosen:
        raise DataError(f"{source}: the target {target!r} cannot be a feature too")
    if len(set(chosen)) < len(chosen):
        raise DataError(f"{source}: a feature is chosen twice: {_listed(chosen)}")
    if not rows:
        raise DataError(f"{source}: there are no rows below the header")
    columns = [header.index(name) for name in chosen]
    X = np.array([[_number(source, place, header[j], cells[j]) for j in columns] for place, cells in rows])
    y, classes = _classes(source, target, [(place, cells[header.index(target)].strip()) for place, cells in rows])
    return Dataset(chosen, X, y, target, classes)


def split(data: Dataset, held_out: float = 0.25, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Rows to train on and rows held out, drawn by the seed: of each class the same share, in the table's order.

    >>> train, test = split(load_breast_cancer(), held_out=0.25, seed=0)
    >>> len(train.y), len(test.y), int(test.y.sum())
    (427, 142, 53)
    """
    if not 0 <= held_out < 1:
        raise ValueError(f"the share of rows to hold out is at least 0 and below 1, not {held_out!r}")
    generator = np.random.default_rng(seed)
    is_held_out = np.zeros(len(data.y), dtype=bool)
    for label in (0.0, 1.0):
        members = generator.permutation(np.flatnonzero(data.y == label))
        is_held_out[members[:min(round(held_out * len(members)), len(members) - 1)]] = True
    return (data._replace(X=data.X[~is_held_out], y=data.y[~is_held_out]),
            data._replace(X=data.X[is_held_out], y=data.y[is_held_out]))


def scaling(X: np.ndarray) -> Scaling:
    """The standardisation by these rows: mean 0 and standard deviation 1 in every column that is not constant."""
    deviation = np.where(np.ptp(X, axis=0) > 0, X.std(axis=0), 1.0)
    return Scaling(X.mean(axis=0), np.where(deviation > 0, deviation, 1.0))


def _read(source: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the row number and cells of every row that is not blank."""
    try:
        with open(source, newline="", encoding="utf-8-sig") as file:
            content = file.read()
        reader = csv.reader(io.StringIO(content, newline=""), strict=True,
                            delimiter=max(",;\t", key=content.partition("\n")[0].count))
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except UnicodeDecodeError:
        raise DataError(f"{source}: this is not a text in UTF-8: save the table as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{source}: this is not a CSV file: {error}") from None
    if not lines:
        raise DataError(f"{source}: the file is empty: its first row names the columns")
    header = [name.strip() for name in lines[0][1]]
    for name in header:
        if header.count(name) > 1 or not name:
            problem = f"the column {name!r} stands there twice" if name else "a column has no name"
            raise DataError(f"{source}, row {lines[0][0]}: {problem}")
    for place, cells in lines[1:]:
        if len(cells) != len(header):
            raise DataError(f"{source}, row {place}: {len(cells)} cells where the header has {len(header)} columns"
                            + (f": column {header[len(cells)]!r} is missing" if len(cells) < len(header) else ""))
    return header, lines[1:]


def _number(source: str, place: int, column: str, cell: str) -> float:
    where = f"{source}, row {place}, column {column!r}"
    if not cell.strip():
        raise DataError(f"{where}: the cell is empty: fill it in, or choose columns with --features")
    try:
        number = float(cell)
    except ValueError:
        raise DataError(f"{where}: {_short(cell)} is not a number: "
                        "correct it, or choose columns with --features") from None
    if not math.isfinite(number):
        raise DataError(f"{where}: {_short(cell)} is not a finite number")
    if abs(number) > LARGEST:
        raise DataError(f"{where}: {_short(cell)} is too large: its square is beyond the range of float64")
    return number


def _classes(source: str, target: str, cells: list[tuple[int, str]]) -> tuple[np.ndarray, tuple[str, str]]:
    for place, cell in cells:
        if not cell:
            raise DataError(f"{source}, row {place}, column {target!r}: the class is missing")
    labels = list(dict.fromkeys(cell for _, cell in cells))
    numbers = {label: _as_number(label) for label in labels}
    is_numeric = all(map(math.isfinite, numbers.values()))
    keys = {label: (numbers[label], "") if is_numeric else (0.0, label) for label in labels}
    found: dict[tuple[float, str], str] = {}
    for place, cell in cells:
        found.setdefault(keys[cell], cell)
        if len(found) > 2:
            raise DataError(f"{source}, row {place}, column {target!r}: {_short(cell)} is a third class beside "
                            f"{' and '.join(map(_short, list(found.values())[:2]))}: logistic regression has two")
    if len(found) < 2:
        raise DataError(f"{source}, rows {cells[0][0]} to {cells[-1][0]}, column {target!r}: every row is of the class "
                        f"{_short(cells[0][1])}, but logistic regression needs two")
    first, second = sorted(found)
    return np.array([float(keys[cell] == second) for _, cell in cells]), (found[first], found[second])


def _as_number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 30 else cell[:30] + "...")


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
