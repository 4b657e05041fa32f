"""The command `headframe` over a network that fails: all of it arrives, or an error says why not.

The law of this module: whatever happened on the way, what stands under a final name is a whole
file. A seed and an operation decide the faults; both are in the name of the test and in what it
says when it fails, so `pytest -m '' -k 'put_large-17]'` does the same again.

Nothing is known here of how a client goes about it, but which faults it gets over by itself.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from headframe import ErrorCode
from headframe.conformance.faults import DOWN, UP, Bodies, Fault, FaultKind, Plan
from headframe.conformance.proxying import Proxy
from headframe_client.command.exits import ExitCode
from headframe_server import DirectoryStore, Server

TOP = Path(__file__).parents[2]
PATHS = os.pathsep.join(str(TOP / source) for source in ("protocol", "servers", "clients"))
COMMAND = [sys.executable, "-m", "headframe_client"]
HANGS_S = 60
"""Longer than all timeouts and waits of a run together."""
FAILURES = {
    ExitCode.NETWORK,
    ExitCode.PROTOCOL,
    ExitCode.DIGEST,
    ExitCode.SOME_FAILED,
    ExitCode.BUSY,
}
HARMLESS = {"split", "stall"}
LOSING = {"cut", "reset", "hang"}

Files = dict[str, bytes]
_random = random.Random("files")
SMALL = {"a.txt": _random.randbytes(700)}
LARGE = {"a.bin": _random.randbytes(3 << 20)}
TREE = {f"d{n % 3}/f{n:02}": _random.randbytes(n * 40) for n in range(30)} | {
    "d1/large": LARGE["a.bin"]
}
NAMES = "".join(f"t/{name}\n" for name in sorted(TREE)).encode()
OLD = b"an older file"


@dataclass(frozen=True)
class Operation:
    """What the command is asked to do; PUT, GET and URL stand for places."""

    arguments: tuple[str, ...]
    files: Files
    upward: bool = True
    """Whether files go to the server."""
    output: bytes = b""
    """What standard output is to hold in the end; if anything, no local file is made."""
    retried: bool = False
    """Whether the command tries again until the faulty connections are over."""


OPERATIONS = {
    "put_small": Operation(("put", "LOCAL/a.txt", "URL/t/a.txt"), SMALL, retried=True),
    "put_large": Operation(("put", "LOCAL/a.bin", "URL/t/a.bin"), LARGE, retried=True),
    "get_small": Operation(("get", "URL/t/a.txt", "LOCAL/a.txt"), SMALL, False, retried=True),
    "get_large": Operation(("get", "URL/t/a.bin", "LOCAL/a.bin"), LARGE, False, retried=True),
    "put_tree": Operation(("put", "-r", "LOCAL", "URL/t"), TREE, retried=True),
    "get_tree": Operation(("get", "-r", "URL/t", "LOCAL"), TREE, False, retried=True),
    "get_all": Operation(
        ("get", "-r", "URL/", "LOCAL"), {f"t/{n}": TREE[n] for n in TREE}, False, retried=True
    ),
    "put_stream": Operation(("put", "-", "URL/t/a.bin"), LARGE),
    "get_stream": Operation(("get", "URL/t/a.bin", "-"), LARGE, False, LARGE["a.bin"]),
    "ls": Operation(("ls", "-r", "URL/t"), TREE, False, NAMES, retried=True),
}


def write(folder, files):
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def read(folder, out_of_sight):
    """Return the files of a folder but for the unfinished ones."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not out_of_sight(path.relative_to(folder))
    }


def is_private(path):
    return ".headframe" == path.parts[0]


def is_part(path):
    return re.fullmatch(r"\..+\.headframe-(part|rev)", path.name)


def run(arguments, stdin):
    """Run the command; return its exit code, output and error output, or None if it hangs."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HEADFRAME")}
    try:
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            timeout=HANGS_S,
            env=environment | {"PYTHONPATH": PATHS, "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode, done.stdout, done.stderr.decode()


def plan_of(name, seed):
    """Return the faults of a run, and how often the command is to try again."""
    operation = OPERATIONS[name]
    rng = random.Random(f"{name}/{seed}")
    kinds = rng.sample(tuple(FaultKind), rng.choice((1, 1, 2, 3)))
    size = sum(map(len, operation.files.values()))
    headers = 100 * len(operation.files)
    if name == "ls":
        spans = {UP: 50, DOWN: headers}
    else:
        spans = {UP: 300 + headers, DOWN: 300 + 2 * headers}
        spans[UP if operation.upward else DOWN] += size
    connections = rng.choice((1, 1, 2, None))
    bodies_up = size if operation.upward else 0
    return Plan(seed, tuple(kinds), connections, spans, bodies_up), (connections or 0) + 1


@dataclass(frozen=True)
class Given(Plan):
    """Faults that were chosen by hand."""

    given: tuple[tuple[Fault, ...], ...] = ()

    def faults(self, number):
        return [*self.given[number]] if number < len(self.given) else []


def check(tmp_path, name, seed, *given):
    """Do it, and judge what is there afterwards and what was said."""
    operation = OPERATIONS[name]
    plan, retries = plan_of(name, seed)
    plan = Given(seed, plan.kinds, len(given), plan.spans, 0, given) if given else plan
    root, local = tmp_path / "root", tmp_path / "local"
    old = dict.fromkeys(operation.files, OLD) if seed % 2 and not operation.output else {}
    root.mkdir()
    served = root if name == "get_all" else root / "t"
    write(served, old if operation.upward else operation.files)
    local.mkdir()
    write(local, operation.files if operation.upward else old)
    options = ("--timeout", "1", "--retries", str(retries))
    with (
        DirectoryStore(root, durability="rename", free_bytes=0) as store,
        Server(("127.0.0.1", 0), store) as server,
        Proxy(server.address, plan) as proxy,
    ):
        arguments = [
            word.replace("URL", proxy.url).replace("LOCAL", str(local))
            for word in operation.arguments
        ]
        stdin = LARGE["a.bin"] if "-" in arguments and operation.upward else b""
        outcome = run([arguments[0], *options, *arguments[1:]], stdin)
    if operation.upward:
        found = {k.removeprefix("t/"): v for k, v in read(root, is_private).items()}
    else:
        found = read(local, is_part)
    wrong = judge(operation, plan, proxy.struck, old, found, outcome)
    told = outcome and (outcome[0], len(outcome[1]), outcome[2])
    assert [] == wrong, f"{name}, seed {seed}, {plan}, struck {proxy.struck}: {told}"
    return proxy.struck, outcome


def is_garbled(code, err):
    """Return whether a refusal was read whose code nobody has registered: a bit of it flipped."""
    word = re.search(r"\(([^()]*)\)\n\Z", err)
    return code == ExitCode.OTHER and word is not None and word[1] not in set(ErrorCode)


def judge(operation, plan, struck, old, found, outcome):
    """Return what is wrong, in words."""
    if outcome is None:
        return ["it hangs"]
    return [
        *judge_words(operation, plan, struck, outcome),
        *judge_files(operation, old, found, failed=outcome[0] != 0),
        *judge_output(operation, struck, outcome),
    ]


def judge_words(operation, plan, struck, outcome):
    code, _, err = outcome
    for line in err.splitlines():
        if not line.startswith("headframe: "):
            yield f"line {line!r}"
    if "Traceback" in err:
        yield "traceback"
    if not code:
        return
    if not (code in FAILURES or (is_flipped(struck) and is_garbled(code, err))):
        yield f"exit code {code}"
    if not err:
        yield "no word"
    kinds = {fault.kind for _, fault in struck}
    if kinds <= HARMLESS:
        yield "failed for nothing"
    elif operation.retried and plan.connections and kinds <= HARMLESS | LOSING:
        yield "given up too early"


def judge_files(operation, old, found, *, failed):
    for name, body in found.items():
        if body != operation.files.get(name) and not (failed and body == old.get(name)):
            yield f"{name} has {len(body)} bytes, not those of the source"
    due = old if failed or operation.output else operation.files
    if due.keys() - found.keys():
        yield f"missing: {sorted(due.keys() - found.keys())}"


def judge_output(operation, struck, outcome):
    """What goes to standard output cannot be taken back; and a listing has no checksum."""
    code, out, _ = outcome
    if not is_flipped(struck) and not operation.output.startswith(out):
        yield "the output is not the beginning of what it should be"
    listed = operation.arguments[0] == "ls"
    if not code and not (listed and is_flipped(struck)) and out != operation.output:
        yield f"the output is {len(out)} bytes, not those of the source"


def is_flipped(struck):
    return any(fault.kind == "flip" and fault.way == DOWN for _, fault in struck)


@pytest.mark.parametrize("name", OPERATIONS)
def test_all_arrives_or_an_error_says_why_not(tmp_path, name):
    check(tmp_path, name, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 41))
@pytest.mark.parametrize("name", OPERATIONS)
def test_all_arrives_or_an_error_says_why_not_over_many_seeds(tmp_path, name, seed):
    check(tmp_path, name, seed)


# --- what was found, pinned


def flip(at, bit):
    return (Fault("flip", DOWN, at, bit=bit),)


CUT_LATE = (Fault("cut", UP, 2_900_000),)


@pytest.mark.parametrize("name", ["get_tree", "get_all"])
def test_a_listing_that_lost_its_body_is_no_empty_folder(tmp_path, name):
    check(tmp_path, name, 0, flip(at=8, bit=6))


def test_an_upload_that_stands_beyond_the_file_is_the_servers_fault(tmp_path):
    check(tmp_path, "put_large", 0, CUT_LATE, flip(at=47, bit=2))


def test_an_upload_that_stands_elsewhere_has_an_exit_code(tmp_path):
    check(tmp_path, "put_large", 0, CUT_LATE, flip(at=40, bit=2))


# --- who judges is judged


def test_bodies_are_found_however_a_stream_is_cut():
    frames = b"".join(
        len(header).to_bytes(4, "little") + header + body
        for header, body in [(b'{"id":1}', b""), (b'{"filesize":3}', b"BBB"), (b"{}", b"")] * 2
    )
    for size in (1, 2, 5, len(frames)):
        bodies, found = Bodies(), b""
        for start in range(0, len(frames), size):
            piece = bytearray(frames[start : start + size])
            found += b"".join(piece[begin:end] for begin, end in bodies.find(piece))
        assert b"BBBBBB" == found


GOOD = (0, b"", "")
BAD = (6, b"", "headframe: lost\n")


@pytest.mark.parametrize(
    ("kind", "found", "outcome", "blamed"),
    [
        ("cut", SMALL, GOOD, ""),
        ("flip", {"a.txt": OLD}, (8, b"", "headframe: mismatch\n"), ""),
        ("flip", SMALL, (1, b"", "headframe: no (upload-goje)\n"), ""),
        ("flip", SMALL, (1, b"", "headframe: no (upload-gone)\n"), "exit code 1"),
        ("cut", SMALL, BAD, "given up too early"),
        ("split", SMALL, BAD, "failed for nothing"),
        ("cut", SMALL, None, "it hangs"),
        ("cut", {}, GOOD, "missing: ['a.txt']"),
        ("flip", {}, BAD, "missing: ['a.txt']"),
        ("cut", {"a.txt": OLD}, GOOD, "a.txt has"),
        ("flip", {"a.txt": b"half"}, BAD, "a.txt has 4 bytes"),
        ("flip", SMALL | {"b.txt": b""}, BAD, "b.txt has 0 bytes"),
        ("flip", SMALL, (8, b"", ""), "no word"),
        ("flip", SMALL, (3, b"", "headframe: not found\n"), "exit code 3"),
        ("flip", SMALL, (6, b"", "Traceback (most recent call last)\n"), "traceback"),
        ("flip", SMALL, (6, b"", "oh\n"), "line 'oh'"),
    ],
)
def test_every_other_outcome_is_blamed(kind, found, outcome, blamed):
    plan = Plan(0, (kind,), 1, {UP: 1, DOWN: 1})
    struck = [(0, Fault(kind, DOWN, 0))]
    wrong = judge(OPERATIONS["get_small"], plan, struck, {"a.txt": OLD}, found, outcome)
    assert blamed in "; ".join(wrong)
    assert bool(blamed) == bool(wrong)


def test_every_kind_of_fault_is_planned_both_ways_and_at_both_ends():
    planned = {}
    for seed in range(300):
        plan, _ = plan_of("put_large", seed)
        for fault in plan.faults(0):
            planned.setdefault((fault.kind, fault.way), []).append(fault.at)
    assert {(kind, way) for kind in FaultKind for way in (UP, DOWN)} == planned.keys()
    assert all(min(places) < 100 for places in planned.values())
    assert all(1_000_000 < max(places) for (_, way), places in planned.items() if way == UP)


def test_a_stream_that_goes_on_behind_wrong_bytes_is_known_to_be_wrong(tmp_path):
    wrong = Fault(FaultKind.FLIP, DOWN, 884_566, bit=1)
    cut = Fault(FaultKind.CUT, DOWN, 1_754_452)  # in order, so that what came before has come
    _, (code, out, err) = check(tmp_path, "get_stream", 4, (wrong, cut))
    assert (ExitCode.DIGEST, len(LARGE["a.bin"])) == (code, len(out))
    assert "digest" in err
