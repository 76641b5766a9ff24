"""The gallery: its page shows the code that draws its pictures, and the pictures are those that the code draws."""

import doctest
import importlib.util
import pathlib
import re
import shutil

import pytest

DOCS = pathlib.Path(__file__).parent.parent / "docs"
SPEC = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
gallery = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gallery)


def words(svg):
    """What is written in a picture, hover texts included, wherever it stands."""
    return sorted(re.findall(r">([^<>]+)<", re.sub(r"<style>.*?</style>", "", svg)))


def test_the_page_is_up_to_date():
    assert (DOCS / "gallery.md").read_text("utf-8") == gallery.page(), "run: python docs/gallery.py"
    assert len(gallery.PICTURES) >= 12


@pytest.mark.parametrize("picture", gallery.PICTURES, ids=lambda picture: picture.__name__)
def test_the_pictures_are_up_to_date(picture):
    kept = (DOCS / "pictures" / f"{picture.__name__}.svg").read_text("utf-8")
    assert words(kept) == words(picture().svg()), "run: python docs/gallery.py"


def test_the_live_page_is_up_to_date():
    pytest.importorskip("sympy")
    kept = (DOCS / "pictures" / "logistic_loss.html").read_text("utf-8")
    made = gallery.logistic_loss().html()
    others = re.compile(r"const ROWS = .*?};|\"derivation\":.*?,\"language\"", re.S)  # what other wings say there
    assert others.sub("", kept) == others.sub("", made), "run: python docs/gallery.py"


def test_all_is_written_below_the_folder_given(tmp_path):
    if shutil.which("dot") is None:
        pytest.skip("needs Graphviz' dot")
    gallery.main(tmp_path)
    assert len(list(tmp_path.glob("pictures/*.svg"))) == len(gallery.PICTURES)


def test_the_code_on_the_page_runs():
    page = (DOCS / "gallery.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) == len(gallery.PICTURES)
    for block in blocks[:4]:
        exec(block, {"am": gallery.am, "Value": gallery.Value, "draw": gallery.draw})


def test_the_page_on_drawing_is_true():
    assert doctest.testfile(str(DOCS / "drawing.md"), module_relative=False).failed == 0
