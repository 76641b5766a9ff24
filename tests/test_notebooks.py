"""The notebooks: every cell runs, and they are kept with the outputs of a run from top to bottom."""

import importlib.util
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs(path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    notebook = nbformat.read(path, 4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_with_its_outputs_and_asserts_what_it_says(path):
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "run it from top to bottom"
    outputs = [output for cell in cells for output in cell.outputs]
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)
    assert sum("assert" in cell.source for cell in cells) >= 5
    assert all(cell.outputs for cell in cells if "assert" not in cell.source), "a cell shows something, or checks it"
    assert path.stat().st_size < 300_000
    live = [output for output in outputs if "<iframe srcdoc=" in output.get("data", {}).get("text/html", "")]
    assert live or not path.stem.startswith("1_"), "the first notebook shows the live page"


def test_the_first_notebook_is_the_first_page_of_the_docs():
    nbformat = pytest.importorskip("nbformat")
    spec = importlib.util.spec_from_file_location("build", ROOT / "notebooks" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    for page, name in build.PAGES.items():
        kept = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4)
        made = build.notebook_of(ROOT / "docs" / page)
        assert [cell.source for cell in kept.cells] == [cell.source for cell in made.cells], "python notebooks/build.py"


def test_the_notebooks_are_there():
    names = [path.stem for path in NOTEBOOKS]
    assert {"1_logistic_regression", "2_building_and_drawing"} <= set(names)
