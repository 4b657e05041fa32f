"""Kill a server in the middle of its work, again and again, and look at what it has kept.

    python tests/killing.py                         100 kills, half of them with each durability
    python tests/killing.py --kills 1000 --seed 7

Spec: 9.2 and chapter 10. The law of this module: what may be found after a kill follows from what
was sent and what was answered, and never from what the server did. Each client has names of its
own and one connection, so the requests that took effect are those that were answered and the
first few of the others: `Client.settle` knows no other outcome.

A seed decides what is sent and how long a server lives; how far it gets in that time differs.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

TOP = Path(__file__).parents[1]
PATHS = os.pathsep.join(str(TOP / source) for source in ("protocol", "servers", "clients"))
PRIVATE = ".headframe"
LEAVES = ["a", "b", "c", "d/e", "d/f", "g/h/i", "g/j"]
CLIENTS = 4
LIFE_S = 0.08
PATIENCE_S = 20
Files = dict[str, str]  # digests by name


def digest_of(data: bytes) -> str:
    return f"sha-256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Figures:
    """What was done, and what was wrong."""

    kills: int = 0
    acknowledged_puts: int = 0  # that made a file
    lost_replies: int = 0  # to requests that were sent whole
    uploads_finished: int = 0
    uploads_resumed: int = 0  # finished after a kill that found them unfinished
    repeated_puts: int = 0  # that had completed an upload, or might have
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Request:
    """A request, and what it makes of the files."""

    members: dict[str, object]
    body: bytes = b""
    stores: str | None = None  # the digest of the file that it makes, if it makes one
    trailers: dict[str, object] = field(default_factory=dict)
    frame_bytes: int = 1 << 20

    def frames(self) -> list[bytes]:
        starts = range(0, max(1, len(self.body)), self.frame_bytes)
        frames = []
        for start in starts:
            piece = self.body[start : start + self.frame_bytes]
            header = {"id": 1, **self.members} if start == 0 else {}
            header |= self.trailers if start == starts[-1] else {"more": True}
            text = json.dumps(header | {"filesize": len(piece)}).encode()
            frames.append(struct.pack("<I", len(text)) + text + piece)
        return frames

    def carried_out(self, files: Files) -> tuple[Files, str | None]:
        """Return the files after this request, and the code of its refusal."""
        name, to = self.members.get("filename"), self.members.get("to")
        match self.members["cmd"]:
            case "put" if self.stores is not None:
                if name in files and "if" in self.members:
                    return files, "precondition-failed"
                return files | {name: self.stores}, None
            case "delete" | "move" if name is not None and name not in files:
                return files, "not-found"
            case "move" if to in files and "to_if" not in self.members:
                return files, "precondition-failed"
            case "delete" | "move" if name is not None:
                rest = {other: digest for other, digest in files.items() if other != name}
                return (rest if to is None else rest | {to: files[name]}), None
        return files, None


@dataclass
class Upload:
    """What a client knows of an upload."""

    filename: str
    token: str
    content: bytes
    told: int | None = None  # the last offset that the server told: it holds that for ever
    offset: int = 0  # where the client goes on
    sent: int = 0  # the server cannot hold more
    last: Request | None = None  # the put that completes it, once it was sent whole
    finished: bool = False
    rev: str | None = None
    interrupted: bool = False
    forgetting: bool = False  # a delete of it was sent

    def __post_init__(self) -> None:
        self.digest = digest_of(self.content)
        # Every part gives `total`, or only the last one, as a trailer.
        self.announced = len(self.content) % 2 == 0
        self.key = hashlib.sha256(f"\0{self.token}".encode()).hexdigest()[:40]

    def ask(self, cmd: str) -> Request:
        return Request({"cmd": cmd, "upload": self.token})

    def part(self, end: int, frame_bytes: int, *, abort: bool = False) -> Request:
        total = {"total": len(self.content)}
        members = {"cmd": "put", "upload": self.token, "filename": self.filename}
        members |= {"offset": self.offset} | (total if self.announced else {})
        body = self.content[self.offset : end]
        if end < len(self.content):
            return Request(members, body, None, {"abort": True} if abort else {}, frame_bytes)
        return Request(members, body, self.digest, total | {"digest": self.digest}, frame_bytes)


class Client:
    """Loads the server from one connection, with names of its own, and keeps the model."""

    def __init__(self, number: int, seed: str, figures: Figures) -> None:
        self.rng = random.Random(f"{seed}/{number}")
        self.names = [f"c{number}/{leaf}" for leaf in LEAVES]
        self.figures = figures
        self.files: Files = {}  # after all requests that were answered
        self.pending: list[Request] = []  # sent whole and not answered
        self.whole: set[str] = set()  # digests of all that was ever sent whole
        self.uploads: list[Upload] = []

    def blame(self, text: str) -> None:
        self.figures.violations.append(f"after {self.figures.kills} kills: {text}")

    # --- the wire: an OSError or EOFError is its end -------------------------------------

    @contextlib.contextmanager
    def connected(self, address: tuple[str, int]) -> Iterator[None]:
        with socket.create_connection(address, timeout=PATIENCE_S) as self.socket:
            with self.socket.makefile("rb") as self.stream:
                yield

    def exactly(self, count: int) -> bytes:
        data = self.stream.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def ask(self, *requests: Request) -> list[dict]:
        """Send requests in one go and take their replies."""
        written = b""
        for request in requests:
            *before, last = request.frames()
            if before:
                self.socket.sendall(written + b"".join(before))
                written = b""
            # Only from here on can it be carried out: without its last frame it is nothing.
            self.pending.append(request)
            self.whole |= {request.stores} - {None}
            written += last
        self.socket.sendall(written)
        return [self.answer() for _ in requests]

    def answer(self) -> dict:
        """Read the reply to the oldest request, and change the model as it says."""
        (count,) = struct.unpack("<I", self.exactly(4))
        reply = json.loads(self.exactly(count))
        reply["body"] = self.exactly(reply.get("filesize", 0))
        request = self.pending.pop(0)
        files, code = request.carried_out(self.files)
        if reply["ok"]:
            self.files = files
            self.figures.acknowledged_puts += request.stores is not None
        if "upload" not in request.members:
            wanted = (code, request.stores if code is None else None)
            if wanted != (reply.get("code"), reply.get("digest")):
                self.blame(f"{request.members} should end with {wanted}, not with {reply}")
        return reply

    # --- load ----------------------------------------------------------------------------

    def load(self, dead: threading.Event, ready: threading.Barrier) -> None:
        """Send requests until the server is killed; `ready` when the first are answered."""
        self.burst()
        ready.wait(PATIENCE_S)
        steps = [self.burst, self.upload_some, self.forget_old]
        try:
            while True:
                self.rng.choices(steps, [6, 6, 1])[0]()
        except (OSError, EOFError) as error:
            if not dead.is_set() or isinstance(error, TimeoutError):
                self.blame(f"the connection ended while the server lived: {error!r}")

    def put(self) -> Request:
        body = self.rng.randbytes(self.rng.randint(0, self.rng.choice([3000] * 30 + [600_000])))
        members = {"cmd": "put", "filename": self.rng.choice(self.names)}
        members |= self.rng.choice([{}, {}, {"if": None}])
        frame_bytes = self.rng.randint(30_000, 300_000)
        return Request(members, body, digest_of(body), frame_bytes=frame_bytes)

    def one(self) -> Request:
        name, to = self.rng.sample(self.names, 2)
        delete = {"cmd": "delete", "filename": name}
        move = {"cmd": "move", "filename": name, "to": to}
        members = self.rng.choice([None, None, None, None, delete, move, move | {"to_if": True}])
        return Request(members) if members else self.put()

    def burst(self) -> None:
        self.ask(*(self.one() for _ in range(self.rng.randint(1, 24))))

    def forget_old(self) -> None:
        """Have the server forget the uploads that are finished, but for the newest two."""
        for upload in [upload for upload in self.uploads if upload.finished][:-2]:
            upload.forgetting = True
            (reply,) = self.ask(upload.ask("delete"))
            self.uploads.remove(upload)
            if not reply["ok"]:
                self.blame(f"a finished upload cannot be forgotten: {reply}")

    def upload_some(self) -> None:
        """Begin an upload, or go on with one."""
        unfinished = [upload for upload in self.uploads if not upload.finished]
        if len(unfinished) < 2:
            content = self.rng.randbytes(self.rng.randint(1, 400_000))
            token = self.rng.randbytes(16).hex()
            unfinished = [Upload(self.rng.choice(self.names), token, content)]
            self.uploads += unfinished
        self.go_on(self.rng.choice(unfinished))

    def go_on(self, upload: Upload, *, to_the_end: bool = False) -> None:
        """Send the next part of an upload: perhaps the last one, perhaps one that is aborted."""
        rng, size = self.rng, len(upload.content)
        end = size if to_the_end or rng.random() < 0.4 else rng.randint(upload.offset, size)
        abort = end < size and rng.random() < 0.3
        request = upload.part(end, rng.randint(10_000, 200_000), abort=abort)
        upload.sent = end
        upload.last = request if end == size else upload.last
        (reply,) = self.ask(request)
        wanted = ("aborted" if abort else None, end, end == size)
        if wanted != (reply.get("code"), reply.get("offset", end), "rev" in reply):
            self.blame(f"a part that ends at {end} of {size} is answered by {reply}")
        self.learn(upload, *(self.ask(upload.ask("stat")) if abort else [reply]))

    def learn(self, upload: Upload, reply: dict) -> None:
        """Compare what the server says of an upload with what it may say, and remember it."""
        code, held = reply.get("code"), upload.told or 0
        if reply["ok"] and "rev" in reply:
            found = (reply["total"], reply.get("digest", upload.digest), reply["rev"])
            if found != (len(upload.content), upload.digest, upload.rev or reply["rev"]):
                self.blame(f"an upload of {upload.rev}, {upload.digest} ended as {found}")
            if upload.last is None:
                self.blame(f"an upload that was never sent whole is finished: {reply}")
            upload.rev = reply["rev"]
            self.finish(upload)
        elif upload.finished:
            if not (upload.forgetting and code == "upload-gone"):
                self.blame(f"a finished upload is no longer known as such: {reply}")
        elif code == "upload-gone" and upload.told is None:
            upload.offset = upload.sent = 0
        elif "offset" in reply and code in (None, "offset-mismatch"):
            if not held <= reply["offset"] <= upload.sent:
                self.blame(f"an upload stands between {held} and {upload.sent}, told is {reply}")
            upload.told = upload.offset = upload.sent = reply["offset"]
        else:
            self.blame(f"an upload of which {held} bytes are held is answered by {reply}")

    def finish(self, upload: Upload) -> None:
        if not upload.finished:
            upload.finished = True
            self.figures.uploads_finished += 1
            self.figures.uploads_resumed += upload.interrupted

    # --- after a kill --------------------------------------------------------------------

    def settle(self, found: Files) -> None:
        """Judge what was found with no server running, and go on from there."""
        states = [self.files]
        for request in self.pending:
            states.append(request.carried_out(states[-1])[0])
        if found not in states:
            for name, digest in found.items():
                if digest not in self.whole:
                    self.blame(f"{name} has bytes that nobody sent whole")
            possible = {name: {state.get(name) for state in states} for name in self.names}
            alone = [name for name in self.names if found.get(name) not in possible[name]]
            self.blame(f"none of {len(states)} states is {found}; wrong by themselves: {alone}")
        self.figures.lost_replies += len(self.pending)
        self.files, self.pending = found, []
        for upload in self.uploads:
            # The bytes of each upload are its own: where they are found it is finished.
            if upload.last is not None and found.get(upload.filename) == upload.digest:
                self.finish(upload)
            upload.interrupted |= not upload.finished and upload.sent > 0

    def recover(self) -> None:
        """Ask a new server about every upload; put again what may have completed one."""
        for upload in list(self.uploads):
            reply_lost = upload.finished and upload.rev is None
            if upload.last is not None and not upload.forgetting and self.rng.random() < 0.5:
                self.figures.repeated_puts += 1
                stores = None if upload.finished else upload.digest
                self.learn(upload, *self.ask(replace(upload.last, stores=stores)))
            (reply,) = self.ask(upload.ask("stat"))
            self.learn(upload, reply)
            if reply.get("code") == "upload-gone" and upload.finished:
                self.uploads.remove(upload)
            elif reply_lost:
                (file,) = self.ask(Request({"cmd": "stat", "filename": upload.filename}))
                if file.get("rev") != upload.rev:
                    self.blame(f"an upload ended with {upload.rev}, the file has {file}")


class Killing:
    """One folder, and the servers that serve it one after the other."""

    def __init__(self, root: Path, durability: str, seed: int) -> None:
        self.root, self.durability, self.figures = root, durability, Figures()
        self.rng = random.Random(f"{durability}/{seed}")
        self.clients = [Client(n, f"{durability}/{seed}", self.figures) for n in range(CLIENTS)]
        self.blame = self.clients[0].blame

    def run(self, kills: int) -> Figures:
        """Kill so many servers under load, and one more when all uploads are finished."""
        for _ in range(kills):
            self.serve(self.load)
            self.look()
        self.serve(self.finish)
        self.look()
        return self.figures

    def serve(self, task) -> None:
        """Start a server, judge what it makes of what the last one left, do `task`, kill it."""
        process = subprocess.Popen(
            [sys.executable, "-m", "headframe_server", self.root, "--bind", "127.0.0.1:0"]
            + ["--durability", self.durability, "--log-level", "error"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONPATH": PATHS},
        )
        try:
            line = process.stdout.readline()
            found = re.fullmatch(r"listening on headframe://([\d.]+):(\d+)\n", line)
            assert found, line
            self.check_leftovers()
            with contextlib.ExitStack() as stack:
                for client in self.clients:
                    stack.enter_context(client.connected((found[1], int(found[2]))))
                    client.recover()
                task(process)
        finally:
            process.kill()
            errors, _ = process.communicate(timeout=PATIENCE_S)
        if errors:
            self.blame(f"the server logs an error: {errors}")

    def load(self, process: subprocess.Popen[str]) -> None:
        """Let all clients loose, and kill the server after a while."""
        dead, ready = threading.Event(), threading.Barrier(1 + len(self.clients))
        with ThreadPoolExecutor(len(self.clients)) as pool:
            loads = [pool.submit(client.load, dead, ready) for client in self.clients]
            ready.wait(PATIENCE_S)
            time.sleep(self.rng.uniform(0, LIFE_S))  # the moment of the kill is what is varied
            dead.set()
            process.kill()
            self.figures.kills += 1
            for load in loads:
                load.result()

    def finish(self, process: subprocess.Popen[str]) -> None:
        """See that all uploads come to their end, and that the server knows all files."""
        for client in self.clients:
            for upload in client.uploads:
                if not upload.finished:
                    client.go_on(upload, to_the_end=True)
                if not upload.finished:
                    self.blame(f"{upload.filename} cannot be finished")
        (reply,) = self.clients[0].ask(Request({"cmd": "list"}))
        listed = [json.loads(line)["filename"] for line in reply["body"].splitlines()]
        if listed != sorted(name for client in self.clients for name in client.files):
            self.blame(f"the server lists {listed}")

    def look(self) -> None:
        """Give each client what is visible of its names."""
        found = {
            path.relative_to(self.root).as_posix(): digest_of(path.read_bytes())
            for path in self.root.rglob("*")
            if path.is_file() and PRIVATE not in path.parts
        }
        for client in self.clients:
            client.settle({name: found.pop(name) for name in client.names if name in found})
        if found:
            self.blame(f"nobody has put {found}")

    def check_leftovers(self) -> None:
        """Out of sight there are uploads, begun or remembered, and nothing else."""
        uploads = [upload for client in self.clients for upload in client.uploads]
        allowed = {f"uploads/{upload.key}.json" for upload in uploads} | {"uploads"}
        allowed |= {f"uploads/{upload.key}.data" for upload in uploads if not upload.finished}
        private = self.root / PRIVATE
        found = {path.relative_to(private).as_posix() for path in private.rglob("*")}
        if found - allowed:
            self.blame(f"the new server leaves {sorted(found - allowed)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    half = arguments.kills // 2
    wrong = 0
    for durability, kills in {"fsync": arguments.kills - half, "rename": half}.items():
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as root:
            figures = Killing(Path(root), durability, arguments.seed).run(kills)
        counts = vars(figures) | {"violations": len(figures.violations)}
        told = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())
        print(f"{durability}: {told}; {time.monotonic() - began:.0f} s, seed {arguments.seed}")
        for violation in figures.violations[:20]:
            print(" ", violation)
        wrong += len(figures.violations)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
