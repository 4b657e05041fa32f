"""What a store is asked to do while its disk is recorded; `crashing` says what it is held to.

python tests/crash_scripts.py                          every prefix of every script
python tests/crash_scripts.py --mixtures 30 --only upload
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import random
import sys
import time
from collections.abc import Callable

from crashing import (
    ALL_KEPT,
    DATA_LOST,
    TEXT,
    UNSYNCED_LOST,
    Figures,
    Run,
    check,
    digest_of,
    workplace,
)
from headframe import UNSET
from headframe_server import StoreError


def over_losses_of_power(state: str, run: Run) -> None:
    run.put("d/b", b"one")
    run.rest("t", 3)
    run.cut("t", 3, 5)  # of this nobody was told
    run.lose_power(state)
    run.rest("t", 2)
    run.lose_power(state)
    run.ask("t")
    run.lose_power(state)
    run.rest("t", refused="*")
    run.lose_power(state)
    run.rest("t", refused="*")
    run.delete("d/b")


def at_random(seed: int, run: Run) -> None:
    rng = random.Random(seed)
    names = ["a", "b", "d", "d/a", "d/e/a", "d/e/b", "f/a"]
    kinds = ["put", "batch", "delete", "move", "part", "part", "last", "restart", "power"]
    for token in run.bodies:
        run.bodies[token] = rng.choice(names), rng.randbytes(rng.choice((0, 5, 300)))
    for _ in range(10):
        kind, token, other = rng.choice(kinds), rng.choice("tu"), rng.choice(names)
        name = rng.choice([name for name, file in run.files.items() if file] or [other])
        if kind in ("put", "batch"):
            count = 1 if kind == "put" else 3
            puts = [(rng.choice(names), rng.randbytes(3), {}) for _ in range(count)]
            run.batch(*puts, refused="*" * count)
        elif kind == "delete" and name != other:
            run.delete(name)
        elif kind == "move" and name != other:
            with contextlib.suppress(StoreError):
                run.move(name, other)
        elif kind in ("part", "last"):
            run.rest(token, rng.choice((1, 2, 100)) if kind == "part" else None, refused="*")
        elif kind == "restart":
            run.restart()
        elif kind == "power":
            run.lose_power(rng.choice((UNSYNCED_LOST, DATA_LOST, ALL_KEPT)))


FAILED, CONFLICT = "precondition-failed", "conflict"
NEW = {"if_": None}
SCRIPTS: dict[str, Callable[[Run], object]] = {
    "a put": lambda run: [run.put("a", b"one")],
    "overwrites": lambda run: [run.put("a", data) for data in (b"one", b"number two", b"", b"x")],
    "puts into new directories": lambda run: [
        run.put("d/e/f/a", b"one"),
        run.put("d/e/b", b"two"),
    ],
    "a batch": lambda run: [
        run.batch(*((name, name.encode(), {}) for name in ("a", "d/a", "d/b", "e/a", "e/f/a"))),
        run.batch(("a", b"two", {}), ("a", b"three", {}), ("e/f/a", b"four", {})),
    ],
    "a batch that is refused in part": lambda run: run.batch(
        *(("d/a", b"1", NEW), ("d/a", b"2", NEW), ("d/a/b", b"3", {}), ("b", b"4", {})),
        refused=["", FAILED, CONFLICT, ""],
    ),
    "puts of what must not be there": lambda run: [
        run.put("d/a", b"one", **NEW),
        run.put("d/a", b"two", **NEW, refused=FAILED),
        run.put("b", b"three", **NEW, then=lambda: run.put("b", b"four"), refused=FAILED),
        run.put("b", b"five", if_=run.files["b"][1]),
    ],
    "deletes that prune": lambda run: [
        run.batch(("d/e/a", b"one", {}), ("d/b", b"two", {})),
        run.delete("d/e/a"),
        run.delete("d/b"),
        run.put("d", b"three"),
        run.delete("d"),
        run.put("d/e/a", b"four"),
    ],
    "a move onto a file": lambda run: [
        run.batch(("a", b"one", {}), ("b", b"two", {})),
        run.move("a", "b"),
        run.put("a", b"three"),
    ],
    "moves across new directories": lambda run: [
        run.put("d/e/a", b"one"),
        run.move("d/e/a", "f/g/a"),
        run.move("f/g/a", "f/a"),
        run.move("f/a", "d"),
        run.move("d", "h/a"),
    ],
    "two files that change places": lambda run: [
        run.batch(("d/a", b"one", {}), ("e/b", b"two", {})),
        run.move("d/a", "x"),
        run.move("e/b", "d/a"),
        run.move("x", "e/b"),
    ],
    "puts into directories that are not safe yet": lambda run: [
        run.put("d/e/a", b"one", settling=lambda: run.put("d/e/b", b"two")),
        run.put("f/a", b"three", settling=lambda: run.put("f/g/b", b"four")),
        run.put("h/a", b"five", settling=lambda: run.move("d/e/a", "h/b")),
    ],
    "an upload into a directory that is not safe yet": lambda run: [
        run.put("d/b", b"one", settling=lambda: run.part("t")),
    ],
    "a put onto an empty directory": lambda run: [run.empty_directory("a"), run.put("a", b"one")],
    "an upload in parts": lambda run: [run.part("t", 0, 5), run.part("t", 5, 7), run.part("t", 7)],
    "an upload in one part": lambda run: [
        run.put("d/a", b"before"),
        run.part("t", digest=digest_of(TEXT)),
        run.part("t"),
    ],
    "an upload of nothing": lambda run: [run.bodies.update(t=("a", b"")), run.part("t")],
    "an upload whose total comes last": lambda run: [
        run.part("t", 0, 5, total=UNSET),
        run.part("t", 5, 7, total=UNSET),
        run.part("t", 7, total=UNSET, trailer=len(TEXT)),
    ],
    "an upload whose total comes on the way": lambda run: [
        run.part("t", 0, 5, total=UNSET),
        run.part("t", 5, 7, total=UNSET, trailer=len(TEXT)),
        run.part("t", 7),
    ],
    "an upload that is cut": lambda run: [
        run.cut("t", 0, 5),
        run.ask("t"),
        run.cut("t", 5, 7),
        run.part("t", 5, refused="offset-mismatch"),
        run.part("t", 7),
    ],
    "an upload over restarts": lambda run: [
        run.cut("t", 0, 5),
        run.restart(),
        run.cut("t", 5, 7),
        run.restart(),
        run.ask("t"),
        run.restart(),
        run.part("t", 7),
    ],
    "an upload whose condition fails at the commit": lambda run: [
        run.part("t", 0, 5),
        run.part("t", 5, **NEW, then=lambda: run.put("d/a", b"theirs"), refused=FAILED),
        run.part("t", 12, if_="something", refused=FAILED),
        run.part("t", 12, if_=run.files["d/a"][1]),
    ],
    "an upload in one part whose condition fails at the commit": lambda run: [
        run.part("t", **NEW, then=lambda: run.put("d/a", b"theirs"), refused=FAILED),
        run.ask("t"),
        run.part("t", 12),
    ],
    "an upload with a file in its way": lambda run: [
        run.part("t", 0, 5),
        run.put("d", b"one"),
        run.part("t", 5, refused=CONFLICT),
        run.delete("d"),
        run.part("t", 5, then=lambda: run.put("d", b"two"), refused=CONFLICT),
        run.delete("d"),
        run.part("t", 12),
    ],
    "an upload with another digest": lambda run: [
        run.part("t", 0, 5),
        run.part("t", 5, digest=digest_of(b""), refused="digest-mismatch"),
        run.part("t", 0, 7),
        run.part("t", 7),
    ],
    "an upload of more than its total": lambda run: [
        run.part("t", 0, 5),
        run.batch(
            ("d/a", TEXT[5:] + b"!", {"upload": "t", "offset": 5}), refused=["size-mismatch"]
        ),
        run.part("t"),
    ],
    "an upload that a stat takes over": lambda run: [
        run.part("t", 0, 5, then=lambda: run.ask("t"), refused="superseded"),
        run.part("t", 5),
    ],
    "an upload that a put takes over": lambda run: [
        run.part("t", 0, 5),
        run.part("t", 5, 7, then=lambda: run.part("t", 7), refused="superseded"),
    ],
    "an upload that is forgotten": lambda run: [
        run.part("t", 0, 5),
        run.forget("t"),
        run.part("t", 5, refused="upload-gone"),
        run.part("t", 0, 7, then=lambda: run.forget("t"), refused="superseded"),
        run.part("t"),
        run.forget("t"),
        run.part("t", 0, 7),
    ],
    "a finished upload whose file is replaced": lambda run: [
        run.part("t", 0, 5),
        run.part("t", 5),
        run.put("d/a", b"others"),
        run.move("d/a", "b"),
        run.restart(),
        run.part("t", 5),
        run.part("t", 5, 7, refused=CONFLICT),
    ],
    "a batch of puts and uploads": lambda run: [
        run.part("u", 0, 5),
        run.batch(
            ("d/a", TEXT, {"upload": "t", "offset": 0, "total": len(TEXT)}),
            ("c", b"one", {}),
            ("b", TEXT[::-1][5:], {"upload": "u", "offset": 5}),
        ),
        run.delete("d/a"),
    ],
    "two uploads of one file": lambda run: [
        run.bodies.update(u=("d/a", TEXT[::-1])),
        run.part("t", 0, 5),
        run.part("u", 0, 7),
        run.part("u", 7),
        run.part("t", 5),
    ],
    **{
        f"an upload over losses of power, {state}": functools.partial(over_losses_of_power, state)
        for state in (UNSYNCED_LOST, DATA_LOST, ALL_KEPT)
    },
    **{f"at random, {seed}": functools.partial(at_random, seed) for seed in range(6)},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mixtures", type=int, default=8, help="at each prefix")
    parser.add_argument("--only", default="", help="scripts with this in their name")
    arguments = parser.parse_args()
    figures, begun = Figures(), time.monotonic()
    for name, script in SCRIPTS.items():
        if arguments.only in name:
            with workplace() as folder:
                assert folder is not None, "no file system here keeps extended attributes"
                check(name, script, folder, figures, mixtures=arguments.mixtures)
    print(*figures.violations, sep="\n")
    print(f"{figures}, {time.monotonic() - begun:.0f} s")
    return bool(figures.violations)


if __name__ == "__main__":
    sys.exit(main())
