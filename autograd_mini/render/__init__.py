"""Looking at a graph: pictures, pages, formulas and trees. Importing this wing gives `Value` its looks."""

from autograd_mini import hooks
from autograd_mini.render.drawing import Drawing, draw, mimebundle
from autograd_mini.render.formulas import latex, represent, text, tree
from autograd_mini.render.placing import NoLayoutError

__all__ = ["Drawing", "NoLayoutError", "draw", "latex", "text", "tree"]

hooks.represent = represent
hooks.mimebundle = mimebundle
