"""The page that plays the backward pass, in a real browser: every click, and every number read from the page."""

import json
import re
import shutil
import subprocess

import pytest
from test_drawing import broken, logistic, many, two_layers

import autograd_mini as am
from autograd_mini import Value, draw
from autograd_mini._body.calculus import gradients

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
READ = """
<script>
const log = [];
function read() {
  const shown = {};
  for (const box of document.querySelectorAll(".box")) {
    const grad = box.querySelector(".grad");
    if (grad) shown[box.id.split("-n")[1]] = [grad.textContent, box.dataset.grad ?? null];
  }
  log.push({here: +slider.value, count: document.getElementById("count").textContent, grads: shown,
            now: document.querySelector(".box.now")?.id.split("-n")[1] ?? null,
            words: document.getElementById("now").textContent,
            labels: [...document.querySelectorAll(".edge.now text")].map(text => text.textContent)});
}
function key(name) { dispatchEvent(new KeyboardEvent("keydown", {key: name})); }
read();
for (let i = 1; i < steps.length; i++) { document.getElementById("step").click(); read(); }
key("ArrowLeft"); read();
key("Home"); read();
slider.value = 3; slider.dispatchEvent(new Event("input")); read();
document.getElementById("last").click(); read();
document.querySelectorAll("#steps li")[2].click(); read();
const before = svg.getAttribute("viewBox");
stage.dispatchEvent(new WheelEvent("wheel", {deltaY: -50, clientX: 300, clientY: 300}));
const zoomed = svg.getAttribute("viewBox");
key("0");
const fitted = svg.getAttribute("viewBox");
svg.style.cssText = `width: ${whole[2]}px; height: ${whole[3]}px`;  // at its own size, so that fonts are not rounded
const fits = [...document.querySelectorAll("g.box")].flatMap(box => {
  const frame = box.querySelector("rect").getBBox();
  return [...box.querySelectorAll("text")].map(text => text.getBBox())
    .filter(text => text.x < frame.x || text.x + text.width > frame.x + frame.width + 1 ||
                    text.y + text.height > frame.y + frame.height + 2)
    .map(() => box.textContent);
});
key("Home");
document.getElementById("play").click();
const playing = document.getElementById("play").textContent;
setTimeout(() => {
  const played = here;
  key(" ");
  const report = document.createElement("pre");
  report.id = "report";
  report.textContent = JSON.stringify({log, zoom: [before, zoomed, fitted], fits, played, playing,
                                       stopped: document.getElementById("play").textContent});
  document.body.append(report);
}, 3500);
</script>
"""


def browse(html, tmp_path):
    """What the script above read from the page."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    page = tmp_path / "page.html"
    page.write_text(html + READ, encoding="utf-8")
    done = subprocess.run([CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}",
                           "--virtual-time-budget=8000", "--dump-dom", page.as_uri()],
                          capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="report">(.*?)</pre>', done.stdout, re.S)
    return json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def test_a_whole_backward_pass_is_clicked_through(tmp_path):
    loss = logistic()
    drawing = draw(loss)
    report = browse(drawing.html(), tmp_path)
    *clicks, back, home, slid, last, chosen = report["log"]
    boxes = drawing.picture.boxes
    order = [node for node in reversed(am.topological_order(loss)) if node.operands]
    assert len(clicks) == 1 + len(order) + 1 + len(order), "start, forward, seed, backward"
    assert [step["here"] for step in clicks] == list(range(len(clicks)))
    assert all(text == "–" for text, _ in clicks[len(order)]["grads"].values()), "no gradient before the backward pass"

    by_place = {str(place): box.nodes[0] for place, box in enumerate(boxes) if box.nodes}
    assert [by_place[step["now"]] is node for step, node in zip(clicks[-len(order):], order)] == [True] * len(order)

    known = {id(loss): 1.0}
    for step, node in zip(clicks[-len(order):], order):
        for operand, partial in zip(node.operands, node.partials):
            if type(operand) is not float:
                known[id(operand)] = known.get(id(operand), 0.0) + known[id(node)] * partial
        shown = {place: exact for place, (_, exact) in step["grads"].items() if exact is not None}
        assert {place: known[id(by_place[place])] for place in shown} == {p: float(g) for p, g in shown.items()}
        assert len(shown) == len(known)
        products = [label.split(" × ")[0].strip("()") for label in step["labels"]]
        assert products and len(set(products)) == 1
    for place, (_, exact) in clicks[-1]["grads"].items():
        assert float(exact) == by_place[place].grad, "the last step shows what backward() sets"
    meetings = [step["words"] for step in clicks if "they meet" in step["words"]]
    assert len(meetings) == 2 and "y += 1.171 × (−1) = −1.171" in "".join(step["words"] for step in clicks)

    assert back["here"] == len(clicks) - 2 and back["grads"] == clicks[-2]["grads"]
    assert home["here"] == 0 and home["grads"] == clicks[0]["grads"] and slid["here"] == 3
    assert last["grads"] == clicks[-1]["grads"] and chosen["here"] == 2
    before, zoomed, fitted = report["zoom"]
    assert zoomed != before and fitted == before
    assert report["fits"] == [], "texts stay inside their boxes"
    assert (report["playing"], report["played"], report["stopped"]) == ("Pause", 3, "Play"), "a step each 1.1 s"


def in_and_out():
    """Scopes that begin early and go on late, so that edges between folds run against the order of the boxes."""
    x, y = Value(0.3, "x"), Value(0.7, "y")
    with am.scope("outer"):
        u = am.sin(x) * y
    v = am.exp(u) * x
    with am.scope("inner"):
        w = am.cos(v) * u
    with am.scope("outer"):
        z = w * v + am.sin(w)
    loss = z * y
    loss.backward()
    return loss


@pytest.mark.parametrize("graph", [two_layers, in_and_out, broken, lambda: many(400)],
                         ids=["folded", "folds in circles", "nan", "beyond the limit"])
def test_other_graphs_play_to_the_end(graph, tmp_path):
    loss = graph()
    drawing = draw(loss, limit=40)
    report = browse(drawing.html(), tmp_path)
    last = max(report["log"], key=lambda step: step["here"])
    shown = {str(place): box.shown for place, box in enumerate(drawing.picture.boxes) if box.shown is not None}
    assert set(shown) == set(last["grads"])
    for place, node in shown.items():
        assert str(float(last["grads"][place][1])) == str(node.grad)
    assert report["fits"] == []


def test_the_address_says_where_to_begin(tmp_path):
    html = draw(logistic()).html().replace("location.hash", '"#5"')
    assert browse(html, tmp_path)["log"][0]["here"] == 5


def test_the_page_is_self_contained_and_readable_without_a_script():
    loss = logistic()
    html = draw(loss).html()
    assert not re.search(r"(src|href|@import|url)\s*[=(]", html)
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    still = re.sub(r"<script.*?</script>", "", html, flags=re.S)
    assert "−0.6201" in still and still.count("<li>") == html.count("<li>") == 2 * 13 + 2
    assert ">b</b> += (−0.31) × 1 = " in still


def test_what_the_page_says_is_what_backward_sets():
    for loss in (logistic(), two_layers(), broken(), many(300)):
        found = gradients(loss)
        assert all(str(found[id(node)]) == str(node.grad) for node in am.topological_order(loss))
    x = Value(2.0, "x")
    draw(x * x).html()
    assert x.grad is None, "playing changes nothing"
