"""Makes the package a little wrong, one place at a time, and tells which of that no test notices.

    python tools/mutate                              twelve places of the whole package
    python tools/mutate --count 80 --seed 3 --jobs 2
    python tools/mutate autograd_mini/explain/_points.py --count 1000
    python tools/mutate --only 5ac1256314            one mutant again
    python tools/mutate --native                     Cython and JavaScript too; the former is built anew each time

Every mutant (`mutations.py`) is made in a copy of the checkout, where the test files that judge its file (`judges.py`)
run until one fails. A sample is drawn by the mutants' own fingerprints: code that stays keeps its mutants, so the same
sample tells the same as long as nothing it touches is changed. What survives and is listed in `explained.txt` is no
news; anything else ends with status 1.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from judges import judges_of
from mutations import Mutant, mutants_of

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
EXPLAINED = HERE / "explained.txt"
LEFT_OUT = (".git", ".venv", "build", "dist", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")
PYTEST = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]


def copy_of_the_checkout(target: Path) -> None:
    """What is built in place comes with it."""
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*LEFT_OUT))


def run(command: list[str], copy: Path, seconds: float) -> tuple[int | None, str]:
    """The status of a command in a copy, None where it takes too long, and what it printed."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, timeout=seconds, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout


class Judge:
    """Runs the tests of a mutant in one of several copies of the checkout."""

    def __init__(self, place: Path, jobs: int, most_seconds: float) -> None:
        self._most = most_seconds
        self._copies: queue.Queue[Path] = queue.Queue()
        for job in range(jobs):
            copy_of_the_checkout(place / str(job))
            self._copies.put(place / str(job))

    def survives(self, mutant: Mutant) -> tuple[bool, str, float]:
        """Whether no test notices, the line that tells it otherwise, and the seconds it took."""
        copy, began = self._copies.get(), time.monotonic()
        whole = (copy / mutant.path).read_bytes()
        native = mutant.path.suffix in (".pyx", ".pxi")
        build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace", "--force"]
        try:
            (copy / mutant.path).write_bytes(mutant.spoil(whole))
            if native and run(build, copy, 300)[0] != 0:
                return False, "it does not compile", time.monotonic() - began
            tests = judges_of(mutant.path.relative_to("autograd_mini").as_posix())
            status, said = run([*PYTEST, *tests], copy, self._most)
        finally:
            (copy / mutant.path).write_bytes(whole)
            if native:
                run(build, copy, 300)
            self._copies.put(copy)
        failed = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
        why = "it hangs" if status is None else [*failed, said[-100:]][0]
        return status == 0, why[:100], time.monotonic() - began


def sample(arguments: argparse.Namespace) -> list[Mutant]:
    kinds = (".py", ".pyx", ".pxi", ".js") if arguments.native else (".py",)
    paths = [Path(path).resolve().relative_to(ROOT) for path in arguments.files] or [
        path.relative_to(ROOT) for path in sorted((ROOT / "autograd_mini").rglob("*.*")) if path.suffix in kinds]
    found = [mutant for path in paths for mutant in mutants_of(path, ROOT)]
    if arguments.only:
        return [mutant for mutant in found if mutant.identity in arguments.only]
    drawn = sorted(found, key=lambda m: hashlib.sha256(f"{arguments.seed} {m.identity}".encode()).digest())
    return drawn[:arguments.count]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/mutate", description=__doc__.split("\n\n")[0])
    parser.add_argument("files", nargs="*", help="files of the package; all of them without")
    parser.add_argument("--count", type=int, default=12, help="how many mutants (default 12)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", metavar="ID", help="these mutants")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time (default 1)")
    parser.add_argument("--seconds", type=float, default=600, help="after which a mutant hangs (default 600)")
    parser.add_argument("--native", action="store_true", help="Cython and JavaScript too")
    arguments = parser.parse_args()
    lines = EXPLAINED.read_text(encoding="utf-8").splitlines()
    explained = {line.split()[0] for line in lines if line and line[0] not in "# "}
    drawn, news, known = sample(arguments), [], 0
    with tempfile.TemporaryDirectory() as place, \
            concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        judge = Judge(Path(place), arguments.jobs, arguments.seconds)
        for mutant, (survives, why, took) in zip(drawn, pool.map(judge.survives, drawn)):
            known += survives and mutant.identity in explained
            news += [mutant] if survives and mutant.identity not in explained else []
            print(f"{took:5.1f} s  {mutant}    {'SURVIVES' if survives else why}", flush=True)
    print(f"{len(drawn)} mutants, {len(drawn) - len(news) - known} noticed, {known} explained, {len(news)} unnoticed")
    return bool(news)


if __name__ == "__main__":
    sys.exit(main())
