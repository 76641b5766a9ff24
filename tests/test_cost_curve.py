"""The cost curve tells the costs: its points, grid and bars are measured and read back as numbers."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from autograd_mini.cli._cost_curve import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, bars, svg, ticks

SPACE = "{http://www.w3.org/2000/svg}"
HISTORIES = [[0.7, 0.5, 0.4, 0.35], [8.0, 2.0], [1e-9, 3e-9, 2e-9], [250.0 / (1 + k) for k in range(120)]]


def scales(picture):
    """What a grid line's place means, read from its label: functions from places to a step and to a cost."""
    texts = {(float(t.get("x")), float(t.get("y"))): t for t in picture.iter(f"{SPACE}text") if t.get("class") is None}
    across = {x: float(t.text) for (x, y), t in texts.items() if t.text != "steps" and t.get("text-anchor") == "middle"}
    upward = {y: float(t.text) for (x, y), t in texts.items() if t.get("text-anchor") == "end"}

    def line(marks):
        (first, a), (last, b) = min(marks.items()), max(marks.items())
        return lambda place: a + (place - first) / (last - first) * (b - a)

    return line(across), line(upward), across, upward


@pytest.mark.parametrize("costs", HISTORIES, ids=len)
def test_points_are_where_the_grid_says(costs):
    picture = ElementTree.fromstring(svg(costs, "Cost"))
    step_at, cost_at, across, upward = scales(picture)
    points = [tuple(map(float, p.split(","))) for p in picture.find(f"{SPACE}polyline").get("points").split()]
    assert [round(step_at(x), 1) for x, _ in points] == list(range(len(costs)))
    assert [cost_at(y) for _, y in points] == pytest.approx(costs, abs=max(costs) / 400)
    assert points[0][0] == LEFT and points[-1][0] == WIDTH - RIGHT
    assert min(y for _, y in points) == pytest.approx(TOP) and upward[HEIGHT - BOTTOM] == 0.0
    dot = picture.find(f"{SPACE}circle")
    assert (float(dot.get("cx")), float(dot.get("cy"))) == points[-1]
    paths = [path.get("d") for path in picture.iter(f"{SPACE}path")]
    level = {f"M{LEFT} {y:.2f}H{WIDTH - RIGHT}" for y in upward}
    assert level | {f"M{x:.2f} {TOP}V{HEIGHT - BOTTOM}" for x in across} == set(paths)
    assert f"from {costs[0]:.6g} to {costs[-1]:.6g}" in picture.find(f"{SPACE}title").text


def test_one_cost_is_a_picture_too():
    picture = ElementTree.fromstring(svg([0.25], "Cost"))
    assert picture.find(f"{SPACE}polyline").get("points") == f"{LEFT:.2f},{TOP:.2f}"


@pytest.mark.parametrize("highest", [1e-300, 3e-9, 0.11, 0.7, 1.0, 3.2, 7.4, 7.6, 40.0, 123.0, 9e4, 1e300])
def test_ticks_are_round_and_four_to_eight(highest):
    found = ticks(highest)
    step = found[1]
    assert 4 <= len(found) <= 8 and found[0] == 0.0 and float(f"{step:.3e}".split("e")[0]) in (1, 2, 2.5, 5)
    assert found[-1] <= highest * (1 + 1e-9) < found[-1] + step * (1 + 1e-6)
    assert found == pytest.approx([i * step for i in range(len(found))], rel=1e-9)


@pytest.mark.parametrize("count, steps", [(1, [0]), (2, [0, 1]), (4, [0, 1, 2, 3]), (12, [0, 1, 2, 5, 11]),
                                          (101, [0, 1, 2, 5, 10, 20, 50, 100]), (60, [0, 1, 2, 5, 10, 20, 59])])
def test_bars_stand_at_round_steps_and_at_the_last(count, steps):
    costs = [1000.0 - k for k in range(count)]
    lines = [line.split() for line in bars(costs, 40)]
    assert [int(line[0]) for line in lines] == steps
    assert [float(line[1]) for line in lines] == [costs[step] for step in steps]


def test_bars_are_as_long_as_their_costs_to_an_eighth():
    costs = [1.0, 0.8, 0.505, 0.26, 0.001]
    for line, cost in zip(bars(costs, 10), (1.0, 0.8, 0.505, 0.001)):
        bar = [*line.split(), ""][2]
        assert sum(8 if c == "█" else " ▏▎▍▌▋▊▉".index(c) for c in bar) == round(cost * 80)
