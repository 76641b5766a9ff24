"""Data for the models: the table that ships with the package, and CSV files, read strictly.

A cell that is no finite number, a column that is not there, a target that has not exactly two classes: each is one
DataError that names file, row and column. Rows are counted as an editor or a spreadsheet does: the header is row 1.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import math
import os
import pathlib
import re
from typing import Iterable, NamedTuple, Optional, Sequence, Union

import numpy as np

from autograd_mini._core.errors import DataError

LARGEST = 1e150
_CATEGORIES = 20
_DECIMAL = re.compile(r"[+-]?\d+,\d+")
_NUMERIC = re.compile(r"[+-]?(\d.*|\.\d.*|inf.*|nan|na|n/a|null|none|\?|-)")
"""What is meant as a number, or as none, and is no category."""
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


def read_csv(path: Union[str, os.PathLike[str]], target: str, features: Optional[Sequence[str]] = None, *,
             positive: Optional[str] = None, encoding: str = "utf-8-sig", drop_missing: bool = False) -> Dataset:
    """Read a table with a header from a file of comma-, semicolon- or tab-separated values; .gz is unpacked.

    `target` is the column of the class, of two different entries; `positive` says which is class 1, by default the
    larger number, or of texts the later in the alphabet. `features` are the columns to learn from, by default all
    others; a column of texts becomes a column of 0 and 1 for each text but the first. `drop_missing` leaves rows with
    empty cells out. Raises DataError for what cannot be used, OSError for a file that cannot be opened.
    """
    source = os.fspath(path)
    header, rows = _read(source, encoding)
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
    used = [header.index(name) for name in (*chosen, target)]
    if drop_missing:
        rows = [(place, cells) for place, cells in rows if all(cells[j].strip() for j in used)]
        if not rows:
            raise DataError(f"{source}: every row has an empty cell among {_listed((*chosen, target))}")
    names: list[str] = []
    columns: list[list[float]] = []
    for name, j in zip(chosen, used):
        found, numbers = _column(source, name, [(place, cells[j]) for place, cells in rows])
        names += found
        columns += numbers
    y, classes = _classes(source, target, [(place, cells[used[-1]].strip()) for place, cells in rows])
    if positive is not None and positive not in classes:
        raise DataError(f"{source}, column {target!r}: no row is of the class {positive!r}: there are "
                        f"{' and '.join(map(repr, classes))}")
    if positive == classes[0]:
        y, classes = 1.0 - y, (classes[1], classes[0])
    return Dataset(tuple(names), np.array(columns).T, y, target, classes)


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


def _read(source: str, encoding: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the row number and cells of every row that is not blank."""
    try:
        opened = gzip.open if source.endswith(".gz") else open
        with opened(source, "rt", newline="", encoding=encoding) as file:
            content = file.read()
        reader = csv.reader(io.StringIO(content, newline=""), strict=True,
                            delimiter=max(",;\t", key=content.partition("\n")[0].count))
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except LookupError:
        raise DataError(f"there is no encoding {encoding!r}: utf-8, gbk and utf-16 are some") from None
    except UnicodeError:
        raise DataError(f"{source}: this is not a text in {'UTF-8' if encoding == 'utf-8-sig' else encoding}: name its "
                        f"encoding with --encoding, {_likely(source)}, or save the table as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{source}: this is not a CSV file: {error}") from None
    if not lines:
        raise DataError(f"{source}: the file is empty: its first row names the columns")
    header = [name.strip() for name in lines[0][1]]
    if header and all(math.isfinite(_as_number(name)) for name in header):
        raise DataError(f"{source}, row {lines[0][0]}: there is no header: put a row with the columns' names first")
    for name in header:
        if header.count(name) > 1 or not name:
            problem = f"the column {name!r} stands there twice" if name else "a column has no name"
            raise DataError(f"{source}, row {lines[0][0]}: {problem}")
    for place, cells in lines[1:]:
        if len(cells) != len(header):
            raise DataError(f"{source}, row {place}: {len(cells)} cells where the header has {len(header)} columns"
                            + (f": column {header[len(cells)]!r} is missing" if len(cells) < len(header) else ""))
    return header, lines[1:]


def _likely(source: str) -> str:
    """The encodings that a file which is no UTF-8 is likely to be in."""
    with open(source, "rb") as file:
        head = file.read(4096)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head.count(0) > len(head) // 4:
        return "such as utf-16"
    if head.startswith(b"\x1f\x8b"):
        return "unpack it first (only names that end in .gz are unpacked)"
    if head.startswith(b"PK"):
        return "but a spreadsheet such as .xlsx has none: save it as CSV"
    return "such as gbk or latin-1"


def _column(source: str, name: str, cells: list[tuple[int, str]]) -> tuple[list[str], list[list[float]]]:
    """A column of numbers as it is; one of texts as a column of 0 and 1 for each text but the first in the alphabet."""
    texts = sorted({cell.strip() for _, cell in cells})
    plain_texts = all(text and not _NUMERIC.fullmatch(text.lower()) for text in texts)
    if not plain_texts or not 1 < len(texts) <= _CATEGORIES:
        return [name], [[_number(source, place, name, cell) for place, cell in cells]]
    return ([f"{name}={text}" for text in texts[1:]],
            [[float(cell.strip() == text) for _, cell in cells] for text in texts[1:]])


def _number(source: str, place: int, column: str, cell: str) -> float:
    where = f"{source}, row {place}, column {column!r}"
    if not cell.strip():
        raise DataError(f"{where}: the cell is empty: fill it in, leave such rows out with --drop-missing, "
                        "or choose columns with --features")
    try:
        number = float(cell)
    except ValueError:
        if _DECIMAL.fullmatch(cell.strip()):
            point = cell.strip().replace(",", ".")
            raise DataError(f"{where}: {_short(cell)} has a decimal comma: write {point}") from None
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
