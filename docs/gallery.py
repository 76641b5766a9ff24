"""Draws the pictures of docs/gallery.md and writes the page: run `python docs/gallery.py`.

Each picture is a function below, and the page shows its code. The pictures are the same bytes every time, as long as
Graphviz is the same.
"""

from __future__ import annotations

import inspect
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

import autograd_mini as am
from autograd_mini import Value, draw
from autograd_mini.models import descent, load_breast_cancer, scaling

HEAD = """# Gallery

Every picture is drawn by the code above it; `python docs/gallery.py` draws them all again. Pictures follow their reader
from light to dark; opened by themselves, they show every digit and the formula of the node under the mouse. What the
options mean is in [drawing.md](drawing.md).
"""


def logistic_loss():
    """The worked example: the loss of one example, and every gradient that back-propagation finds"""
    w1, x1, w2, x2 = Value(0.5, "w1"), Value(2.0, "x1"), Value(-1.0, "w2"), Value(0.3, "x2")
    b, y = Value(0.1, "b"), Value(1.0, "y")
    z = w1 * x1 + w2 * x2 + b
    a = 1 / (1 + am.exp(-z))
    L = -y * am.ln(a) - (1 - y) * am.ln(1 - a)
    z.name, a.name, L.name = "z", "a", "L"
    L.backward()
    return draw(L)


def chain_rule():
    """The chain rule on the picture: local derivatives as formulas, and the paths from w1 to the loss"""
    w1, x1, b, y = Value(0.5, "w1"), Value(2.0, "x1"), Value(0.1, "b"), Value(1.0, "y")
    z = w1 * x1 + b
    a = am.sigmoid(z)
    L = -y * am.ln(a) - (1 - y) * am.ln(1 - a)
    z.name, a.name, L.name = "z", "a", "L"
    L.backward()
    return draw(L, labels="formula", highlight=w1)


def used_twice():
    """A node used twice has two edges, and its gradient is the sum over both"""
    x = Value(3.0, "x")
    y = x * x + x
    y.backward()
    return draw(y)


def second_derivative():
    """A derivative is a graph too: sin(x²), differentiated, drawn"""
    x = Value(1.2, "x")
    y = am.gradient(am.sin(x * x), x)
    y.backward()
    return draw(y)


def gradient_sizes():
    """Where the gradient is large: colour by its size, on a chain of tanh that makes it vanish"""
    h = x = Value(0.8, "x")
    w = Value(0.6, "w")
    for step in range(1, 5):
        h = am.tanh(w * h)
        h.name = f"h{step}"
    h.backward()
    return draw(h, color="grad", highlight=x)


def saturated():
    """A saturated sigmoid: 1 - a is 0, its logarithm infinite, and the loss nan; what broke is red"""
    z, y = Value(40.0, "z"), Value(1.0, "y")
    a = am.sigmoid(z)
    L = -y * am.ln(a) - (1 - y) * am.ln(1 - a)
    a.name, L.name = "a", "L"
    L.backward()
    return draw(L)


def lost_digits():
    """Where the digits go: (1 - cos x) / x² near 0, coloured by how many digits each value has lost"""
    x = Value(1e-5, "x")
    f = (1 - am.cos(x)) / (x * x)
    f.name = "f"
    f.backward()
    return draw(f, color=am.diagnose(f).digits_lost)


def two_layers():
    """A network of two layers: scopes fold into boxes"""
    signal = [Value(0.5, "x1"), Value(-0.25, "x2")]
    for layer in ("hidden", "output"):
        with am.scope(layer):
            signal = [am.tanh(sum(Value(0.1 * (i - j), f"{layer}_w{i}{j}") * s for j, s in enumerate(signal))
                              + Value(0.1, f"{layer}_b{i}")) for i in range(2)]
    L = am.square(signal[0] - 1) + am.square(signal[1] + 1)
    L.name = "L"
    L.backward()
    return draw(L)


def two_layers_open():
    """The same network, unfolded"""
    signal = [Value(0.5, "x1"), Value(-0.25, "x2")]
    for layer in ("hidden", "output"):
        with am.scope(layer):
            signal = [am.tanh(sum(Value(0.1 * (i - j), f"{layer}_w{i}{j}") * s for j, s in enumerate(signal))
                              + Value(0.1, f"{layer}_b{i}")) for i in range(2)]
    L = am.square(signal[0] - 1) + am.square(signal[1] + 1)
    L.name = "L"
    L.backward()
    return draw(L, fold=False, color="grad")


def option_price():
    """The price of a call option by Black and Scholes: its gradients are the Greeks, and the one by d1 is 0 indeed"""
    S, K, r = Value(100.0, "spot"), Value(105.0, "strike"), Value(0.03, "rate")
    sigma, T = Value(0.2, "volatility"), Value(0.5, "time")
    spread = sigma * am.sqrt(T)
    d1 = (am.ln(S / K) + (r + sigma * sigma / 2) * T) / spread
    d2 = d1 - spread
    price = S * am.norm_cdf(d1) - K * am.exp(-r * T) * am.norm_cdf(d2)
    spread.name, d1.name, d2.name, price.name = "spread", "d1", "d2", "price"
    price.backward()
    return draw(price)


def top_down():
    """From top to bottom, and the formula of each step on its edge: the entropy of a coin"""
    p = Value(0.3, "p")
    H = -p * am.log2(p) - (1 - p) * am.log2(1 - p)
    H.name = "H"
    H.backward()
    return draw(H, rankdir="TB", labels="formula")


def piecewise():
    """Where the derivative is chosen: max, where and a comparison; what is not taken has gradient 0"""
    x, y = Value(-2.0, "x"), Value(1.5, "y")
    v = am.where(x < y, am.maximum(x, y), am.sqrt(x)) * am.relu(x)
    v.backward()
    return draw(v)


def without_graphviz():
    """The layout of our own, for machines without Graphviz"""
    x, y = Value(0.6, "x"), Value(0.8, "y")
    r = am.hypot(x, y)
    phi = am.atan2(y, x)
    r.name, phi.name = "r", "phi"
    f = r * r * am.cos(2 * phi) + am.exp(-r)
    f.name = "f"
    f.backward()
    return draw(f, layout="own")


def a_hundred_thousand():
    """Of 100,000 nodes the nearest to the root are drawn, the rest is counted"""
    x = Value(0.5, "x")
    y = x
    for _ in range(50_000):
        y = am.sin(y) + 1e-3
    return draw(y, limit=8)


PICTURES = (logistic_loss, chain_rule, used_twice, second_derivative, gradient_sizes, saturated, lost_digits,
            two_layers, two_layers_open, option_price, top_down, piecewise, without_graphviz, a_hundred_thousand)


def code(picture) -> str:
    """The body of a function, its docstring left out, with `return draw(...)` as a last line `draw(...)`."""
    body = inspect.getsource(picture).split('"""', 2)[2]
    return re.sub(r"return (draw\()", r"\1", textwrap.dedent(body).strip("\n"))


def page() -> str:
    """docs/gallery.md."""
    parts = [HEAD]
    for picture in PICTURES:
        title = inspect.getdoc(picture)
        parts.append(f"## {title}\n\n```python\n{code(picture)}\n```\n\n![{title}](pictures/{picture.__name__}.svg)\n")
    return "\n".join(parts)


def photograph(page: str, target: pathlib.Path, size: str = "1440,720", dark: bool = False) -> None:
    """A picture of a page at one of its steps, by Chromium where there is one."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser:
        with tempfile.TemporaryDirectory() as profile:
            shown = pathlib.Path(profile, "page.html")
            shown.write_text(page, "utf-8")
            subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
                            "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
                            "--force-prefers-reduced-motion", f"--user-data-dir={profile}", f"--window-size={size}",
                            *["--blink-settings=preferredColorScheme=0"] * dark, f"--screenshot={target}",
                            f"{shown.as_uri()}#22"], check=True, capture_output=True)


def main(folder: pathlib.Path) -> None:
    """Write the page and all its pictures below a folder."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        picture().save(folder / "pictures" / f"{picture.__name__}.svg")
    live = folder.resolve() / "pictures" / "logistic_loss.html"
    drawing = logistic_loss().save(live)
    photograph(drawing.html(), live.with_name("live.png"))
    drawing.language = "zh"
    photograph(drawing.html(), live.with_name("live_zh_dark.png"), dark=True)
    photograph(drawing.html(), live.with_name("live_zh_phone.png"), "390,844")
    table = load_breast_cancer(["worst_area", "worst_smoothness"])
    X, features = scaling(table.X).apply(table.X), [f"{name}, standardised" for name in table.features]
    photograph(descent(X, table.y, features=features), live.with_name("descent.png"), "1440,960")
    photograph(descent(X, table.y, language="zh"), live.with_name("descent_zh_dark.png"), "1440,960", dark=True)
    (folder / "gallery.md").write_text(page(), "utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent)
