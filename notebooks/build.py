"""Writes the first notebook from docs/start.md, its Chinese twin from docs/start_zh.md, and runs all of them.

Run `python notebooks/build.py` from the root: every notebook is kept with the outputs of a run from top to bottom.
"""

from __future__ import annotations

import pathlib
import re

import nbformat
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = {"start.md": "1_logistic_regression", "start_zh.md": "1_logistic_regression_zh"}
BLOCK = re.compile(r"```python\n(.*?)```\n", re.S)


def notebook_of(page: pathlib.Path) -> nbformat.NotebookNode:
    """A page as a notebook: its text as markdown cells, its examples as code cells, its pictures live."""
    parts = BLOCK.split(page.read_text("utf-8"))
    cells = []
    for place, part in enumerate(parts):
        if place % 2 == 0 and part.strip():
            cells.append(nbformat.v4.new_markdown_cell(_told(part)))
        elif place % 2:
            code = _code(part).replace('draw(L).save("loss.html")', _live(page))
            cells.append(nbformat.v4.new_code_cell(code))
    for count, cell in enumerate(cells):
        cell.id = f"cell-{count}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _live(page: pathlib.Path) -> str:
    return 'draw(L, language="zh")' if page.stem.endswith("_zh") else "draw(L)"


def _told(text: str) -> str:
    """Markdown as notebooks read it: formulas between plain dollars, links as seen from their folder, no pictures.

    A paragraph that leads to the notebooks is left out.
    """
    text = "\n\n".join(paragraph for paragraph in text.split("\n\n") if "../notebooks/" not in paragraph)
    text = re.sub(r"!\[[^]]*\]\([^)]*\)\n?", "", text.strip())
    text = re.sub(r"\$`(.*?)`\$", r"$\1$", text)
    for name, notebook in PAGES.items():
        text = text.replace(f"({name})", f"({notebook}.ipynb)")
    return re.sub(r"\]\((?!\d)([\w]+\.md[^)]*)\)", r"](../docs/\1)", text)


def _code(block: str) -> str:
    """The statements of a doctest, without prompts and outputs; blank lines as the style of imports wants them."""
    lines = [line[4:] for line in block.splitlines() if line.startswith((">>> ", "... "))]
    imports = [line for line in lines if re.match(r"(import|from) ", line)]
    ours = [line for line in imports if "autograd_mini" in line]
    others = [line for line in imports if line not in ours]
    groups = [others, ours, lines[len(imports):]]
    return "\n\n".join("\n".join(group) for group in groups if group)


def main() -> None:
    """Write, run and keep."""
    for name, notebook in PAGES.items():
        nbformat.write(notebook_of(ROOT / "docs" / name), ROOT / "notebooks" / f"{notebook}.ipynb")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, 4)
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
