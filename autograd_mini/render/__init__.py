"""Looking at a graph: pictures, pages, formulas and trees. Importing this wing gives `Value` its looks."""

from autograd_mini._core import registry
from autograd_mini.render._drawing import Drawing, draw, mimebundle
from autograd_mini.render._formulas import latex, represent, text, tree
from autograd_mini.render._help import documentation
from autograd_mini.render._placing import NoLayoutError

__all__ = ["Drawing", "NoLayoutError", "draw", "latex", "text", "tree"]

registry.document = documentation
for _engine in registry.engines.values():
    for _function in _engine.functions.values():
        _engine.describe(_function, documentation(registry.row_of(_function), _function))
registry.represent = represent
registry.mimebundle = mimebundle
