"""Every error of the package's own, as one tree: `except AutogradError` catches them all.

    AutogradError
    ├── MissingColumnError      (TypeError)           a row lacks a column that a use of it needs
    ├── TracedValueError        (TypeError)           something would freeze the number of a traced Value
    │   └── TracedBranchError                         ... by deciding by it
    ├── LoopError               (TypeError)           a recorded loop where single operations are needed
    ├── StaleGraphError         (RuntimeError)        a leaf was assigned after its graph was built
    ├── NonFiniteError          (FloatingPointError)  under `strict()`, a nan or an infinity came up
    ├── NoSolutionError         (ArithmeticError)     a root, an integral or a path that is not found, or not there
    ├── UnknownRowError         (LookupError)         a saved row is missing here, or is another one
    ├── SavedFileError          (ValueError)          a file of a Program or a graph that does not fit
    ├── MissingExtraError       (ImportError)         a library is not installed; an extra of the package brings it
    ├── NoLayoutError           (RuntimeError)        a picture cannot be laid out
    ├── ExpressionError         (ValueError)          a text that is no expression
    ├── DataError               (ValueError)          a table of data that cannot be used
    └── InputError              (ValueError)          a command cannot do what it was told

Each is also the built-in error in brackets, so code that catches that goes on working.
"""


class AutogradError(Exception):
    """The base of the package's own errors."""


class MissingColumnError(AutogradError, TypeError):
    """A primitive is used in a way that needs a column its row does not have."""


class TracedValueError(AutogradError, TypeError):
    """Code would freeze the number of a traced Value, which differs from call to call, into a program."""


class TracedBranchError(TracedValueError):
    """Python code tried to decide something by the number of a traced Value."""


class LoopError(AutogradError, TypeError):
    """A recorded loop meets what works on single operations only."""


class StaleGraphError(AutogradError, RuntimeError):
    """A leaf was assigned after the graph that uses it was built, so values and derivatives belong to two points."""


class NonFiniteError(AutogradError, FloatingPointError):
    """Under `strict()`, a primitive made a nan or an infinity out of finite operands."""


class NoSolutionError(AutogradError, ArithmeticError):
    """A root, a fixed point, an integral or the path of a differential equation is not found to full accuracy."""


class UnknownRowError(AutogradError, LookupError):
    """A saved graph or Program names a row that is not here, or is not the one it was saved with."""


class SavedFileError(AutogradError, ValueError):
    """A file of a Program or a graph that is damaged, of another version, or needs what is not here."""


class MissingExtraError(AutogradError, ImportError):
    """Something needs a library that is not installed; the text says which extra of the package brings it."""


class NoLayoutError(AutogradError, RuntimeError):
    """There is no Graphviz to lay a picture out, or the picture cannot be laid out."""


class DataError(AutogradError, ValueError):
    """A table that cannot be used, in one line that names file, row and column."""


class InputError(AutogradError, ValueError):
    """Bad input of a command, in one line that says what is wrong, where, and what to do."""


class ExpressionError(AutogradError, ValueError):
    """An expression that cannot be read; its text shows the expression with a caret under the place."""

    WIDTH = 72
    """How many characters of the expression are shown."""

    def __init__(self, message: str, source: str = "", position: int = 0) -> None:
        start = max(0, min(position - self.WIDTH // 2, len(source) - self.WIDTH))
        shown = source[start:start + self.WIDTH]
        before, after = "... " * (start > 0), " ..." * (start + self.WIDTH < len(source))
        place = f"\n  {before}{shown}{after}\n  {' ' * (len(before) + position - start)}^"
        super().__init__(message + (place if source else ""))
