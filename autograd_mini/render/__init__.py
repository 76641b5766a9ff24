"""Looking at a graph: pictures, pages, formulas and trees. Importing this wing gives `Value` its looks."""

from autograd_mini._core import registry
from autograd_mini._core.value import functions
from autograd_mini.render._drawing import Drawing, draw, mimebundle
from autograd_mini.render._formulas import latex, represent, text, tree
from autograd_mini.render._help import documentation
from autograd_mini.render._placing import NoLayoutError

__all__ = ["Drawing", "NoLayoutError", "draw", "latex", "text", "tree"]

registry.document = documentation
for _name, _function in functions.items():
    _text = documentation(registry.row_of(_function), _function)
    for _engine in registry.engines.values():
        _engine.describe(_engine.functions[_name], _text)
registry.represent = represent
registry.mimebundle = mimebundle
