"""A server that answers as it is told, and the command line run against it in a sandbox.

The law of this module: nothing here depends on how many requests or connections a client makes or
in which order. Each command has a behaviour; what has none is answered honestly.

    HostileServer({"get": says(b'{"id":ID,"ok":"yes"}')})
    "connect"    before anything is read       "begin put"  when the first header is there
    "put"        when the request is whole

A behaviour gets the talk, the request and its body. It answers the request, or holds: then it ends
when the client or the server does.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headframe import (
    NEED_DATA,
    UNSET,
    BodyChunk,
    Connection,
    ConnectionClosed,
    Delete,
    DeleteReply,
    Get,
    GetReply,
    Hello,
    HelloReply,
    Limits,
    List,
    ListReply,
    MessageAborted,
    MessageFinished,
    Move,
    MoveReply,
    Put,
    PutReply,
    Refusal,
    RemoteError,
    Request,
    RequestRefused,
    Role,
    Stat,
    StatReply,
)

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

TOP = Path(__file__).parents[1]
PATHS = os.pathsep.join(str(TOP / source) for source in ("protocol", "servers", "clients"))
COMMAND = (sys.executable, "-m", "headframe_client")

TIMEOUT_S = 20.0
"""How long a command may take that waits for nothing."""
MEMORY_BYTES = 160 << 20
"""What a command may allocate, where the system can tell it so."""
TARGET = "target"
"""The one folder of the sandbox that a command may write to."""
SOURCE = "source"
MTIME = 1_500_000_000_000_000

Behaviour = Callable[["Talk", Any, bytes], None]
"""Called with the talk, the request (None: there is none yet) and its body."""


def digest_of(data: bytes) -> str:
    return f"sha-256:{hashlib.sha256(data).hexdigest()}"


def rev_of(data: bytes) -> str:
    return f"r{hashlib.sha256(data).hexdigest()[:12]}"


# --- the server --------------------------------------------------------------------------------


class HostileServer:
    """Any number of connections, each in a thread, all ended with it."""

    def __init__(
        self, behaviours: dict[str, Behaviour], files: dict[str, bytes], any_file: bytes | None
    ) -> None:
        """`any_file` is what a file holds that is not among `files`; None: there is none."""
        self.behaviours = behaviours
        self.files = dict(files)
        self.any_file = any_file
        self.uploads: dict[str, bytes] = {}
        self.stored: dict[str, str] = {}
        """Names of finished uploads."""
        self.asked: list[tuple[str, str]] = []
        """Commands, and the names they were about."""
        self.reached = threading.Event()
        """A behaviour has come to where the client may be interrupted."""
        self.over = threading.Event()
        self.client_pid = 0
        self.peaks: list[int] = []
        """Bytes of memory the client had at most, whenever a behaviour looked."""
        self.error: BaseException | None = None
        self.lock = threading.Lock()
        self._socks: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    def look(self, name: str) -> bytes | None:
        return self.files.get(name, self.any_file)

    def note_peak(self) -> None:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.client_pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.peaks.append(int(line.split()[1]) * 1024)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self.over.is_set():
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._talk, args=(sock,))
            self._socks.append(sock)
            self._threads.append(thread)
            thread.start()

    def _talk(self, sock: socket.socket) -> None:
        with sock:
            try:
                Talk(self, sock).run()
            except (OSError, RemoteError):  # the client has gone
                return
            except BaseException as error:
                self.error = error

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):  # wakes the acceptor on every system
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._acceptor.join(TIMEOUT_S)
        self._listener.close()
        for sock in self._socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(TIMEOUT_S)
        assert not any(thread.is_alive() for thread in [self._acceptor, *self._threads])
        if self.error is not None:
            raise self.error


class Talk:
    """The server's end of one connection."""

    def __init__(self, server: HostileServer, sock: socket.socket) -> None:
        self.server = server
        self.dripping = False
        """Send one byte at a time."""
        self._sock = sock
        self._connection = Connection(Role.SERVER, Limits(discard_bytes=1 << 40))

    def run(self) -> None:
        behaviours = self.server.behaviours
        if "connect" in behaviours:
            behaviours["connect"](self, None, b"")
        request: Request | None = None
        body = bytearray()
        while True:
            event = self._connection.next_event()
            if event is NEED_DATA:
                self._connection.receive_data(self._sock.recv(1 << 16))
            elif isinstance(event, Request):
                request, body = event, bytearray()
                cmd = cmd_of(request)
                self.server.asked.append((cmd, str(getattr(request, "filename", ""))))
                if f"begin {cmd}" in behaviours:
                    behaviours[f"begin {cmd}"](self, request, b"")
            elif isinstance(event, BodyChunk):
                body += event.data
            elif isinstance(event, MessageFinished):
                assert request is not None
                behaviours.get(cmd_of(request), honest)(self, request, bytes(body))
            elif isinstance(event, MessageAborted):
                self.send(Refusal(code="aborted"))
            elif isinstance(event, RequestRefused):
                self.send(event.refusal)
            elif isinstance(event, ConnectionClosed):
                return

    def send(self, *events: Any) -> None:
        """Send what is legal."""
        for event in events:
            self._write(bytes(self._connection.send(event)))

    def send_raw(self, data: bytes) -> None:
        """Send anything, and take it for the answer to the request that is due."""
        if self._connection.outstanding:
            self._connection.send(Refusal(code="not-found"))
        self.blurt(data)

    def blurt(self, data: bytes) -> None:
        """Send anything beside the answers."""
        self._write(data)

    def _write(self, data: bytes) -> None:
        if not self.dripping:
            self._sock.sendall(data)
            return
        for byte in data:
            self._sock.sendall(bytes([byte]))

    def hang_up(self) -> None:
        """End the connection in an orderly way, whatever the client still says."""
        self._sock.shutdown(socket.SHUT_WR)
        self.hold()

    def hold(self) -> None:
        """Do nothing more but read, until the client has gone."""
        while self._sock.recv(1 << 16):
            pass
        raise ConnectionError("the client has closed")

    def freeze(self) -> None:
        """Do nothing more, not even read."""
        self.server.over.wait(TIMEOUT_S * 2)
        raise ConnectionError("the server is closed")


def cmd_of(request: Request) -> str:
    return str(type(request).__struct_config__.tag)


# --- honesty -----------------------------------------------------------------------------------


def honest(talk: Talk, request: Any, body: bytes) -> None:
    """Answer as a server should."""
    with talk.server.lock:
        answer = _HONEST[type(request)](talk.server, request, body)
    talk.send(*answer)


def _refused(code: str, **members: Any) -> list[Any]:
    return [Refusal(code=code, **members)]


def _trouble(server: HostileServer, request: Any) -> list[Any] | None:
    """Return the refusal that is due because of the file or of `if`."""
    data = server.look(request.filename)
    if data is None and not isinstance(request, Put):
        return _refused("not-found", message=f"{request.filename} does not exist")
    rev = None if data is None else rev_of(data)
    if request.if_ is not UNSET and request.if_ != rev:
        return _refused("precondition-failed", rev=rev)
    return None


def _hello(server: HostileServer, request: Hello, body: bytes) -> list[Any]:
    return [HelloReply(hf=[1], server="honest 1.0", limits={"list": 1000}, features=[])]


def _put(server: HostileServer, request: Put, body: bytes) -> list[Any]:
    if (trouble := _trouble(server, request)) is not None:
        return trouble
    if isinstance(request.upload, str) and request.upload not in server.stored:
        begun = server.uploads.get(request.upload, b"")
        if (request.offset or 0) != len(begun):
            return _refused("offset-mismatch", offset=len(begun))
        server.uploads[request.upload] = body = begun + body
        if isinstance(request.total, int) and len(body) < request.total:
            return [PutReply(offset=len(body))]
        server.stored[request.upload] = request.filename
    server.files[request.filename] = body
    return [PutReply(rev=rev_of(body), total=len(body), digest=digest_of(body))]


def _get(server: HostileServer, request: Get, body: bytes) -> list[Any]:
    if (trouble := _trouble(server, request)) is not None:
        return trouble
    data = server.look(request.filename)
    assert data is not None
    offset = request.offset or 0
    if offset > len(data):
        return _refused("bad-range", total=len(data))
    length = request.length if isinstance(request.length, int) else len(data)
    part = data[offset : offset + length]
    reply = GetReply(
        filesize=len(part),
        rev=rev_of(data),
        total=len(data),
        offset=offset,
        mtime=MTIME,
        digest=digest_of(data),
    )
    return [reply, BodyChunk(part)] if part else [reply]


def _stat(server: HostileServer, request: Stat, body: bytes) -> list[Any]:
    if isinstance(request.upload, str):
        if request.upload in server.stored:
            data = server.files[server.stored[request.upload]]
            return [
                StatReply(
                    rev=rev_of(data), total=len(data), digest=digest_of(data), offset=len(data)
                )
            ]
        if request.upload in server.uploads:
            return [StatReply(offset=len(server.uploads[request.upload]))]
        return _refused("upload-gone")
    if (trouble := _trouble(server, request)) is not None:
        return trouble
    data = server.look(str(request.filename))
    assert data is not None
    return [StatReply(rev=rev_of(data), total=len(data), mtime=MTIME, digest=digest_of(data))]


def _list(server: HostileServer, request: List, body: bytes) -> list[Any]:
    prefix, after = request.prefix or "", request.after or ""
    lines: dict[bytes, bytes] = {}
    for name, data in server.files.items():
        if not name.startswith(prefix):
            continue
        cut = name.find("/", len(prefix)) if request.delimiter else -1
        text = name if cut < 0 else name[: cut + 1]
        if text.encode() > str(after).encode():
            lines[text.encode()] = (
                entry(name, len(data), rev_of(data))
                if cut < 0
                else line(json.dumps({"prefix": text}))
            )
    found = [lines[text] for text in sorted(lines)]
    limit = request.limit if isinstance(request.limit, int) else 1000
    return page_of(*found[:limit], end=len(found) <= limit)


def _delete(server: HostileServer, request: Delete, body: bytes) -> list[Any]:
    if isinstance(request.upload, str):
        known = server.uploads.pop(request.upload, None)
        return _refused("upload-gone") if known is None else [DeleteReply()]
    if (trouble := _trouble(server, request)) is not None:
        return trouble
    server.files.pop(str(request.filename), None)
    return [DeleteReply()]


def _move(server: HostileServer, request: Move, body: bytes) -> list[Any]:
    if (trouble := _trouble(server, request)) is not None:
        return trouble
    data = server.look(request.filename)
    assert data is not None
    server.files.pop(request.filename, None)
    server.files[request.to] = data
    return [MoveReply(rev=rev_of(data))]


_HONEST: dict[type, Callable[[HostileServer, Any, bytes], list[Any]]] = {
    Hello: _hello,
    Put: _put,
    Get: _get,
    Stat: _stat,
    List: _list,
    Delete: _delete,
    Move: _move,
}


# --- what behaviours are made of ---------------------------------------------------------------


def frame(header: bytes | str, body: bytes = b"") -> bytes:
    """Return a frame with exactly this header and body, whatever the header says."""
    raw = header.encode() if isinstance(header, str) else header
    return struct.pack("<I", len(raw)) + raw + body


def line(text: str | bytes) -> bytes:
    return (text.encode() if isinstance(text, str) else text) + b"\n"


def entry(name: str, total: int = 4, rev: str = "r1") -> bytes:
    """Return a line of a listing."""
    return line(json.dumps({"filename": name, "total": total, "rev": rev, "mtime": MTIME}))


def page_of(*lines: bytes, end: bool = True) -> list[Any]:
    """Return the events of a page of a listing."""
    body = b"".join(lines)
    reply = ListReply(end=end, filesize=len(body))
    return [reply, BodyChunk(body)] if body else [reply]


def says(header: bytes | str, body: bytes = b"", *later: bytes) -> Behaviour:
    """Answer with this header, where ID stands for that of the request, and with what follows."""
    raw = header.encode() if isinstance(header, str) else header

    def answer(talk: Talk, request: Any, _: bytes) -> None:
        known = raw.replace(b"ID", b"%d" % (request.id or 0))
        talk.send_raw(frame(known, body) + b"".join(later))

    return answer


def sends(data: bytes, *, then: Callable[[Talk], None] = Talk.hold) -> Behaviour:
    """Write these bytes and hold, or do something else."""

    def answer(talk: Talk, request: Any, _: bytes) -> None:
        talk.blurt(data)
        then(talk)

    return answer


def first(lie: Behaviour | None, then: Callable[[Talk], None]) -> Behaviour:
    """Do one thing, or nothing, and then another."""

    def answer(talk: Talk, request: Any, body: bytes) -> None:
        if lie is not None:
            lie(talk, request, body)
        then(talk)

    return answer


def refuses(code: str, **members: Any) -> Behaviour:
    """Refuse in the right form."""
    return lambda talk, request, body: talk.send(Refusal(code=code, **members))


def lists(*lines: bytes | str, end: bool = True) -> Behaviour:
    """Answer any list with these lines; a string stands for the entry of that name."""
    made = [entry(given) if isinstance(given, str) else given for given in lines]
    return lambda talk, request, body: talk.send(*page_of(*made, end=end))


def only_for(name: str, lie: Behaviour) -> Behaviour:
    """Lie about one file and be honest about the others."""

    def answer(talk: Talk, request: Any, body: bytes) -> None:
        (lie if request.filename == name else honest)(talk, request, body)

    return answer


# --- the command line --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command line, a server, and what may come of it."""

    run: str
    """The arguments; URL stands for the server's, with neither name nor / at the end."""
    code: int | tuple[int, ...]
    server: dict[str, Behaviour] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=lambda: {"a.txt": b"hello"})
    any_file: bytes | None = None
    options: str = "--timeout 10 --retries 0"
    kept: dict[str, bytes] = field(default_factory=dict)
    """What has to stand in the target afterwards."""
    may_keep: dict[str, bytes] = field(default_factory=dict)
    """What may, too; "*" stands for any other name."""
    told: str = ""
    """What standard error has to say, among other things."""
    lines: int | None = None
    """Of standard error; None: one for each file that fails
    and one that sums up, one for a command that fails as a whole, none if it does not. -1: any."""
    out: str | None = None
    """What standard output has to be."""
    plant: Callable[[Path], None] | None = None
    """Prepares the sandbox."""
    never: tuple[tuple[str, str], ...] = ()
    """Requests that must not be made."""
    interrupt: str = ""
    """`reached` or `told`: interrupt the command when the server says so, or when it says so."""
    terminal: bool = False
    """Both outputs are a terminal."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What came of a command."""

    code: int
    out: str
    err: str
    before: dict[str, object]
    """The sandbox without the target."""
    after: dict[str, object]
    target: dict[str, object]
    planted: dict[str, object]
    """The target before."""
    server: HostileServer


def snapshot(folder: Path) -> dict[str, object]:
    """Return all that is below a folder: bytes of files, targets of links, kinds of others."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            found[name] = f"-> {os.readlink(path)}"
        elif stat.S_ISREG(mode):
            found[name] = path.read_bytes()
        else:
            found[name] = stat.filemode(mode)[0]
    return found


def run_case(case: Case, sandbox: Path) -> Seen:
    """Run a command against a server of its own, in a sandbox of its own."""
    for name in (TARGET, SOURCE, "elsewhere", "home", "state", "output"):
        (sandbox / name).mkdir()
    (sandbox / SOURCE / "a.txt").write_bytes(b"hello")
    (sandbox / "elsewhere/file").write_bytes(b"not yours")
    (sandbox / "outside").write_bytes(b"not yours")
    if case.plant is not None:
        case.plant(sandbox)
    planted, before = snapshot(sandbox / TARGET), _rest_of(sandbox)
    server = HostileServer(case.server, case.files, case.any_file)
    try:
        code, out, err = _run(case, server, sandbox)
    finally:
        server.close()
    return Seen(
        code=code,
        out=out,
        err=err,
        before=before,
        after=_rest_of(sandbox),
        target=snapshot(sandbox / TARGET),
        planted=planted,
        server=server,
    )


def _rest_of(sandbox: Path) -> dict[str, object]:
    found = snapshot(sandbox)
    ours = (f"{TARGET}/", "state/", "output/")
    return {name: what for name, what in found.items() if not name.startswith(ours)}


def _run(case: Case, server: HostileServer, sandbox: Path) -> tuple[int, str, str]:
    verb, _, rest = case.run.partition(" ")
    url = f"://127.0.0.1:{server.port}"
    words = f"{verb} {case.options} {rest}".replace("URL", f"headframe{url}")
    words = words.replace("TLS", f"headframes{url}")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HEADFRAME", "XDG_", "PYTHON"))
    } | {
        "PYTHONPATH": PATHS,
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPYCACHEPREFIX": str(sandbox.parent / "pycache"),
        "HOME": str(sandbox / "home"),
        "XDG_STATE_HOME": str(sandbox / "state"),
        "XDG_CACHE_HOME": str(sandbox / "state"),
        "TERM": "dumb",
        "COLUMNS": "200",
    }
    arguments = [*COMMAND, *words.split()]
    if case.terminal:
        return _run_on_terminal(arguments, server, sandbox / TARGET, environment)
    paths = [sandbox / "output" / name for name in ("out", "err")]
    with paths[0].open("wb") as out, paths[1].open("wb") as err:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment,
            cwd=sandbox / TARGET,
        )
        _bound(process, server)
        try:
            if case.interrupt:
                _interrupt(case, process, server, paths[1])
            code = process.wait(TIMEOUT_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return code, paths[0].read_bytes().decode(), paths[1].read_bytes().decode()


def _bound(process: subprocess.Popen[bytes], server: HostileServer) -> None:
    """Bound the memory of a command that has just begun."""
    server.client_pid = process.pid
    if hasattr(resource, "prlimit"):
        with contextlib.suppress(ProcessLookupError):
            limits = (MEMORY_BYTES, MEMORY_BYTES)
            resource.prlimit(process.pid, resource.RLIMIT_DATA, limits)


def _interrupt(
    case: Case, process: subprocess.Popen[bytes], server: HostileServer, err: Path
) -> None:
    """Wait until it is time, and interrupt the command."""
    until = time.monotonic() + TIMEOUT_S
    while not (server.reached.is_set() if case.interrupt == "reached" else err.stat().st_size):
        assert time.monotonic() < until, "it did not come so far"
        assert process.poll() is None, err.read_text()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)


def _run_on_terminal(
    arguments: list[str], server: HostileServer, folder: Path, environment: dict[str, str]
) -> tuple[int, str, str]:
    """Run a command on a terminal; what that shows is its output."""
    import pty

    leader, follower = pty.openpty()
    try:
        with subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=follower,
            stderr=follower,
            env=environment,
            cwd=folder,
        ) as process:
            _bound(process, server)
            os.close(follower)
            follower = -1
            shown = bytearray()
            until = time.monotonic() + TIMEOUT_S
            while select.select([leader], [], [], max(0, until - time.monotonic()))[0]:
                try:
                    piece = os.read(leader, 1 << 16)
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise
                    break
                if not piece:
                    break
                shown += piece
            else:
                process.kill()
            return process.wait(TIMEOUT_S), bytes(shown).decode().replace("\r\n", "\n"), ""
    finally:
        os.close(leader)
        if follower >= 0:
            os.close(follower)
