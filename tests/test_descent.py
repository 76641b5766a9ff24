"""The descent page in a real browser: its numbers are those of NumPy's closed form, and everything can be moved."""

import json

import numpy as np
import pytest
from browser import CHROMIUM, browser
from test_page import CONTRAST

from autograd_mini.cli import main
from autograd_mini.models import closed_forms, descent

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium")
GENERATOR = np.random.default_rng(1)
X1, Y = np.concatenate([GENERATOR.normal(-1, 1, 12), GENERATOR.normal(1, 1, 12)])[:, None], np.repeat([0.0, 1.0], 12)
X3 = np.column_stack([X1, GENERATOR.normal(size=(24, 2))])


@pytest.fixture(scope="module")
def tab():
    with browser() as page:
        yield page


def show(tab, folder, X, **options):
    path = folder / "descent.html"
    path.write_text(descent(X, Y, language=options.pop("language", "en")), "utf-8")
    tab.open(path, **options)
    assert tab.troubles() == [] and path.stat().st_size < 60_000


@pytest.mark.parametrize("X", [X1, X3], ids=["w and b", "three weights"])
def test_cost_and_gradient_are_the_closed_form(tab, tmp_path, X):
    show(tab, tmp_path, X)
    for point in ([0.3] * (X.shape[1] + 1), [-2.0] * X.shape[1] + [5.0]):
        J, dw, db = closed_forms.cost_and_gradient(np.array(point[:-1]), point[-1], X, Y, 0.0)
        assert tab.run(f"Array.from(cost({json.dumps(point)}))") == pytest.approx([J, *dw, db], rel=1e-12)


def test_descending_is_gradient_descent_and_diverges_in_words(tab, tmp_path):
    show(tab, tmp_path, X1)
    point = np.array(tab.run("at"))
    for _ in range(5):
        tab.run("byId('step').click()")
        _, dw, db = closed_forms.cost_and_gradient(point[:-1], point[-1], X1, Y, 0.0)
        point = point - np.array([*dw, db])
    assert tab.run("at") == pytest.approx(list(point), rel=1e-12)
    assert "5 steps" in tab.run("byId('curve-told').textContent")
    tab.run("(bar => { bar.value = 3; bar.dispatchEvent(new Event('input')); })(byId('rate'))")
    assert "too large" in tab.run("byId('said').textContent") and tab.run("path.length") == 6
    assert tab.run("byId('rate-shown').textContent") == "1.00e+3"


def test_start_and_points_are_dragged_by_hand_and_by_keys(tab, tmp_path):
    show(tab, tmp_path, X1)
    def middle(name):
        return tab.run(f"(r => [r.x + r.width / 2, r.y + r.height / 2])(byId('{name}').getBoundingClientRect())")

    x, y = middle("map")
    left, top = tab.run("(r => [r.x, r.y])(byId('map').getBoundingClientRect())")
    tab.mouse("Pressed", x, y)
    tab.mouse("Released", x, y, buttons=0)
    frame, window = tab.run("charts.map"), tab.run("data.window")
    shares = [(x - left - frame["left"]) / (frame["right"] - frame["left"]),
              (frame["bottom"] - (y - top)) / (frame["bottom"] - frame["top"])]
    assert tab.run("from") == pytest.approx([a + (b - a) * s for (a, b), s in zip(window, shares)], rel=1e-9)
    dropped = tab.run("from[1]")
    tab.run("byId('map').focus()")
    tab.key("ArrowUp", 38)
    assert tab.run("from[1]") > dropped
    before, (x, y) = tab.run("JSON.stringify(rows)"), middle("plot")
    tab.mouse("Pressed", x, y - 90)
    tab.mouse("Moved", x + 30, y + 90)
    tab.mouse("Released", x + 30, y + 90, buttons=0)
    assert tab.run("JSON.stringify(rows)") != before and tab.run("rows.filter(row => row[1] === 0).length") == 13


WRITTEN = """(() => {
  const kept = {}, original = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    (kept[this.canvas.id] ??= []).push([text, x, y, this.getTransform().b]);
  };
  drawAll();
  CanvasRenderingContext2D.prototype.fillText = original;
  return kept;
})()"""


def test_axes_have_names_and_numbers_where_they_belong(tab, tmp_path):
    path = tmp_path / "descent.html"
    path.write_text(descent(X3, Y, features=["面积", "x" * 10, "third"]), "utf-8")
    tab.open(path)
    written, charts = tab.run(WRITTEN), tab.run("charts")
    named = {"map": ("w1", "w2"), "plot": ("面积", "x" * 10), "curve": ("Step", "J"), "loss": ("a", "L")}
    for name, axes in named.items():
        texts, chart = written[name], charts[name]
        turned = [text for text, _, _, turn in texts if turn]
        assert turned == [axes[1]] and axes[0] in [text for text, *_ in texts]
        below = [(float(text.replace("−", "-")), x) for text, x, y, _ in texts
                 if y == pytest.approx(chart["bottom"] + 17)]
        low, high = chart["x"]
        assert len(below) >= 3
        for number, x in below:
            assert x == pytest.approx(chart["left"] + (number - low) / (high - low) * (chart["right"] - chart["left"]))


def test_the_loss_tells_why_it_pushes(tab, tmp_path):
    show(tab, tmp_path, X1)
    tab.run("byId('label').click(); byId('activation').value = 0.99; drawLoss()")
    told = tab.run("byId('loss-told').textContent")
    assert "y = 0, a = 0.990: L = 4.61, dL/da = 100" in told and "a − y = 0.990" in told and "= 0.00980" in told


@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read_and_named_on_a_phone_in_both_languages(tab, tmp_path, dark):
    show(tab, tmp_path, X1, width=390, height=800, dark=dark, language="zh")
    assert tab.run("document.documentElement.scrollWidth") == 390 and tab.run(CONTRAST) == []
    assert tab.run("document.title") == "代价函数 J 的梯度下降"
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "slider", "checkbox", "image")
    controls = [node for node in nodes if node.get("role", {}).get("value") in roles]
    assert len(controls) >= 9 and all(node["name"]["value"] for node in controls)


def test_the_command_writes_both_pages(tab, tmp_path, capsys):
    assert main(["logistic", "--steps", "3", "--out", str(tmp_path / "out"), "--lang", "zh"]) == 0
    assert "descent.html" in capsys.readouterr().out
    for name in ("loss.html", "descent.html"):
        tab.open(tmp_path / "out" / name)
        assert tab.troubles() == [] and tab.run("document.documentElement.lang") == "zh-Hans"


@pytest.mark.parametrize("X, y", [([[1.0], [2.0]], [1, 2]), ([[1.0], [np.nan]], [0, 1]), ([[1.0], [2.0]], [0])])
def test_data_that_cannot_be_shown_are_an_error(X, y):
    with pytest.raises(ValueError, match="class"):
        descent(X, y)
