"""Looking at a graph: pictures, pages, formulas and trees. Importing this wing gives `Value` its `repr`."""

from autograd_mini import hooks
from autograd_mini.render.formulas import latex, represent, text, tree

__all__ = ["latex", "text", "tree"]

hooks.represent = represent
