"""Looks for what crashes the process, hangs, or ends in an error that no page documents.

    python tools/fuzz                               each target in turn, for a minute in all
    python tools/fuzz --target pickles --seconds 600 --seed 7
    python tools/fuzz --target methods --case 3,0,17 one case again, with what it does

Cases are lists of choices (`choices.py`), drawn at random and from the neighbourhood of those that did something new:
a new error, or a new line of the package that raised it. Each target (`targets.py`) runs in a forked process, which
notes what it is about to do; when that dies or says no more, the case is run again, made smaller and printed. It needs
fork.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from choices import Choices, changed, fresh, smallest
from targets import TARGETS, Undocumented

MOST_MEMORY = 4 << 30
HANGS = 10
"""Seconds after which a case counts as one that hangs."""


def outcome(target: str, case: Sequence[int], show: bool = False) -> tuple[object, list[int]]:
    """What a case did, as something that can be compared, and the choices it took."""
    choices = Choices(case)
    return TARGETS[target](choices, show), choices.taken


def in_child(target: str, case: Sequence[int], show: bool = False) -> str:
    """How a case fails in a process of its own; empty where it does not."""
    with tempfile.TemporaryFile() as note:
        child = os.fork()
        if child == 0:
            signal.alarm(HANGS)
            limit_memory()
            try:
                outcome(target, case, show=show)
                os._exit(0)
            except Undocumented as error:
                os.write(note.fileno(), str(error).encode(errors="replace"))
            finally:
                os._exit(1)
        return verdict(os.waitpid(child, 0)[1], note)


def verdict(status: int, note: BinaryIO) -> str:
    """How a child failed, by its end and its note; empty where it ended well."""
    note.seek(0)
    said = note.read().decode(errors="replace")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"hangs for {HANGS} s" if number == signal.SIGALRM else f"dies by {signal.Signals(number).name}"
    return (said or "ends the process") if os.WEXITSTATUS(status) else ""


def limit_memory() -> None:
    """A case that asks for more is refused, as on a smaller machine; the sanitizer has a limit of its own."""
    if "asan" not in os.environ.get("LD_PRELOAD", ""):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def hunt(target: str, seed: int, seconds: float) -> tuple[int, list[tuple[str, list[int]]]]:
    """How many cases were run, and what failed, each made smaller."""
    until, done, tries, found = time.monotonic() + seconds, 0, 0, {}
    while time.monotonic() < until and len(found) < 5:
        tries += 1
        with tempfile.NamedTemporaryFile() as log, tempfile.TemporaryFile() as note:
            child = os.fork()
            if child == 0:
                work(target, seed + tries, until, log.name, note.fileno())
            status = os.waitpid(child, 0)[1]
            count, _, case = Path(log.name).read_text().strip().partition(" ")
            done += int(count or 0)
            failed = verdict(status, note)
        if failed:
            case = [int(choice) for choice in case.split(",") if choice]
            kind = in_child(target, case)
            if kind and kind not in found:
                case = smallest(case, lambda smaller, kind=kind: same_kind(in_child(target, smaller), kind))
            found.setdefault(kind or f"{failed} (not when it is run alone)", case)
    return done, list(found.items())


def same_kind(one: str, other: str) -> bool:
    return one.split(":", maxsplit=1)[0] == other.split(":", maxsplit=1)[0]


def work(target: str, seed: int, until: float, log: str, note: int) -> None:
    """Run cases until the time is over or one fails; the log holds how many, and the case at hand."""
    limit_memory()
    source, kept, seen, count = random.Random(seed), [[]], set(), 0
    with open(log, "r+b", buffering=0) as file:
        try:
            while time.monotonic() < until:
                case = fresh(changed(source.choice(kept), source) if source.randrange(3) else [], source)
                count += 1
                file.seek(0)
                file.write(f"{count} {','.join(map(str, case))}".encode().ljust(8192))
                signal.alarm(HANGS)
                what, taken = outcome(target, case)
                if what not in seen:
                    seen.add(what)
                    kept.append(taken)
            os._exit(0)
        except Undocumented as error:
            os.write(note, str(error).encode(errors="replace"))
        except BaseException as error:
            os.write(note, f"the fuzzer itself: {error!r}".encode())
        finally:
            os._exit(1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--target", choices=[*TARGETS], action="append", help="what to try; all of them by default")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long in all (default: 60)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of chance (default: the time)")
    parser.add_argument("--case", help="run one case, given as its choices")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    targets = arguments.target or [*TARGETS]
    if arguments.case is not None:
        failed = in_child(targets[0], [int(choice) for choice in arguments.case.split(",") if choice], show=True)
        print(failed or "nothing wrong")
        return bool(failed)
    failures = 0
    for target in targets:
        done, found = hunt(target, arguments.seed, arguments.seconds / len(targets))
        print(f"{target}: {done} cases, {len(found)} failures (seed {arguments.seed})", flush=True)
        for failed, case in found:
            print(f"  {failed}\n    python tools/fuzz --target {target} --case {','.join(map(str, case)) or ','}")
        failures += len(found)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
