"""What a disk may hold after the machine lost power, and whether the store keeps its word on it.

Killing a server does not test `fsync`: the page cache survives it. So a `RecordingDisk` writes down
what the store does to the file system and when an operation has returned; for every prefix of that
record the states that a disk may be in are rebuilt in a fresh directory, and a store is opened on
each. The law of this module: nothing unsynced is counted on, and nothing that no file system with a
journal does is held against the store:

    a file        its bytes, size, mode, time and mark are safe as of its last sync
    a directory   its entries are safe as of its last sync; they change in order
    a rename      is one step: once either of its directories is synced, both sides are safe
    an rmdir      is safe only together with all that emptied the directory

What the store shows then has to be what every acknowledged operation has made, with or without each
one that had begun; and an upload counts as finished in the same step as its file.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import os
import random
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from headframe import Put, PutReply
from headframe_server import DirectoryStore, StoreError, durable, uploads
from headframe_server.disk import Disk

Tree = tuple[tuple[str, tuple | None], ...]
"""Paths, parents first: None for a directory, else bytes, mode, time (None: now) and mark."""

UNSYNCED_LOST, DATA_LOST, ALL_KEPT = "unsynced lost", "unsynced data lost", "all kept"

# --- the record


@dataclass(eq=False)
class Operation:
    """Something that a client asked for, and what it comes to."""

    files: dict[str, tuple[bytes, str] | None] = field(default_factory=dict)
    """Bytes and revision of each file that it makes; None: it removes it."""
    uploads: dict[str, int | PutReply | None] = field(default_factory=dict)
    """The offset that was told, the reply that ended it, or None: forgotten."""


@dataclass(frozen=True, eq=False)
class Event:
    kind: str
    node: int = -1
    """The file or directory it is about; a number is never used twice."""
    places: tuple[tuple[int, str], ...] = ()
    """Directory and name of each entry that it changes."""
    values: tuple = ()

    def changes(self) -> set[int]:
        """Return the nodes each of which makes it safe when it is synced."""
        if self.kind in ("write", "truncate", "set_time", "set_mark"):
            return {self.node}
        return {directory for directory, _ in self.places}


def _of_content(kind: str):
    def call(self, descriptor, *values):
        with self._lock:
            result = getattr(Disk, kind)(self, descriptor, *values)
            kept = tuple(bytes(v) if isinstance(v, memoryview) else v for v in values)
            self._note(kind, self._node(descriptor), values=kept)
            return result

    return call


def _of_making(kind: str):
    def call(self, name, at, *mode):
        with self._lock:
            result = getattr(Disk, kind)(self, name, at, *mode)
            self._note(kind, self._add(self.status(name, at).st_ino), (at, name))
            return result

    return call


def _of_names(kind: str):
    def call(self, name, at, *to):
        with self._lock:
            node, before = self._nodes[self.status(name, at).st_ino], len(self.events)
            getattr(Disk, kind)(self, name, at, *to)
            if before == len(self.events):  # else `rename_new` has fallen back on `rename`
                self._note(kind, node, (at, name), *([(to[1], to[0])] if to else []))

    return call


class RecordingDisk(Disk):
    """The file system, which writes down what is done to it; a sync is only written down."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self._nodes: dict[int, int] = {}
        """By inode, which a file system uses again."""
        self._newest = 0
        self._root: tuple[int, int] | None = None
        self._lock = threading.RLock()

    write = _of_content("write")
    truncate = _of_content("truncate")
    set_time = _of_content("set_time")
    set_mark = _of_content("set_mark")
    create = _of_making("create")
    make_directory = _of_making("make_directory")
    rename = _of_names("rename")
    rename_new = _of_names("rename_new")
    unlink = _of_names("unlink")
    remove_directory = _of_names("remove_directory")

    def sync(self, descriptor):
        with self._lock:
            self._note("sync", self._node(descriptor))

    def sync_all(self, descriptor):
        with self._lock:
            for node in set(self._nodes.values()):
                self._note("sync", node)
        return True

    def begin(self, operation: Operation) -> None:
        self.events.append(Event("begin", values=(operation,)))

    def acknowledge(self, operation: Operation) -> None:
        """Note that an operation has returned: from here on it counts."""
        self.events.append(Event("acknowledge", values=(operation,)))

    def open_root(self, path):
        descriptor = super().open_root(path)
        status = os.fstat(descriptor)
        if self._root != (status.st_dev, status.st_ino):
            self._root = status.st_dev, status.st_ino
            entries, contents = {}, {}
            node = self._adopt(Path(path), entries, contents)
            self.events.append(Event("adopt", node, values=(entries, contents, uploads.BOOT)))
        return descriptor

    def _adopt(self, path: Path, entries: dict, contents: dict) -> int:
        """Take what is there for safe."""
        status = path.stat()
        node = self._add(status.st_ino)
        if path.is_dir():
            entries[node] = {p.name: self._adopt(p, entries, contents) for p in path.iterdir()}
            return node
        with path.open("rb") as file:
            mark = self.mark_of(file.fileno())
            contents[node] = [file.read(), status.st_mode & 0o777, status.st_mtime_ns, mark]
        return node

    def _note(self, kind: str, node: int, *places: tuple[int, str], values: tuple = ()) -> None:
        found = tuple((self._node(directory), name) for directory, name in places)
        self.events.append(Event(kind, node, found, values))

    def _node(self, descriptor: int) -> int:
        return self._nodes[os.fstat(descriptor).st_ino]

    def _add(self, inode: int) -> int:
        self._newest += 1
        self._nodes[inode] = self._newest
        return self._newest


# --- what survives


class Journal:
    """A record that ends with the crash, and what of it is not safe."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self._start = max(i for i, event in enumerate(events) if event.kind == "adopt")
        self.boot: str = events[self._start].values[2]
        self.pending: dict[int, list[int]] = {}
        """For each node the changes that its sync would have made safe, in order."""
        for index in range(self._start + 1, len(events)):
            if events[index].kind == "sync":
                self._settle(events[index].node)
            for node in events[index].changes():
                self.pending.setdefault(node, []).append(index)

    def _settle(self, node: int) -> None:
        for index in self.pending.pop(node, []):
            event = self.events[index]
            for other in event.changes() - {node}:
                if index in self.pending.get(other, ()):
                    self.pending[other].remove(index)
            if event.kind == "remove_directory":
                self._settle(event.node)

    def states(self, mixtures: int, rng: random.Random) -> Iterator[tuple[str, Tree]]:
        """Yield what the disk may hold, each with a word on it."""
        unsynced = {index for changes in self.pending.values() for index in changes}
        yield UNSYNCED_LOST, self._tree(unsynced)
        yield DATA_LOST, self._tree({index for index in unsynced if not self.events[index].places})
        yield ALL_KEPT, self._tree(set())
        for turn in range(mixtures if unsynced else 0):
            yield f"mixture {turn}", self._mixture(rng)

    def _mixture(self, rng: random.Random) -> Tree:
        lost: set[int] = set()
        torn: dict[int, bytes] = {}
        for changes in self.pending.values():
            kept = rng.choice((0, len(changes), rng.randint(0, len(changes))))
            lost.update(changes[kept:])
            last = self.events[changes[kept - 1]] if kept else None
            if last is not None and last.kind == "write" and rng.random() < 0.5:
                data = last.values[0]
                size = rng.randint(0, len(data))  # the size of the file may come without its bytes
                torn[changes[kept - 1]] = data[:size].ljust(rng.choice((size, len(data))), b"\0")
        more = lost
        while more:  # what is lost takes along all that came after it in the same directory
            more = {
                index
                for changes in self.pending.values()
                for place, index in enumerate(changes)
                if not lost.isdisjoint(changes[: place + 1]) or self._not_empty(index, lost)
            } - lost
            lost |= more
        return self._tree(lost, torn)

    def _not_empty(self, index: int, lost: set[int]) -> bool:
        event = self.events[index]
        inside = self.pending.get(event.node, ())
        return event.kind == "remove_directory" and not lost.isdisjoint(inside)

    def _tree(self, lost: set[int], torn: dict[int, bytes] | None = None) -> Tree:
        """Return what there is without what is lost."""
        top = self.events[self._start]
        entries, contents = copy.deepcopy(top.values[:2])
        place = {node: (at, name) for at in entries for name, node in entries[at].items()}
        for index in range(self._start + 1, len(self.events)):
            event = self.events[index]
            if event.kind == "create":  # known even if lost: it may have got a name that is safe
                contents[event.node] = [b"", 0o644, None, b""]
            elif event.kind == "make_directory":
                entries[event.node] = {}
            if index in lost:
                continue
            if event.places:
                _change_entry(entries, place, event)
            elif event.changes():
                _change_content(contents[event.node], event, (torn or {}).get(index))
        return tuple(_walk(top.node, "", entries, contents))


def _change_entry(entries: dict, place: dict, event: Event) -> None:
    if event.node in place:
        at, name = place.pop(event.node)
        del entries[at][name]
    if event.kind not in ("unlink", "remove_directory"):
        at, name = event.places[-1]
        place.pop(entries[at].get(name), None)
        entries[at][name] = event.node
        place[event.node] = at, name


def _change_content(file: list, event: Event, torn: bytes | None) -> None:
    if event.kind == "write":
        data, offset = event.values
        data = data if torn is None else torn
        file[0] = file[0][:offset].ljust(offset, b"\0") + data + file[0][offset + len(data) :]
    elif event.kind == "truncate":
        (size,) = event.values
        file[0] = file[0][:size].ljust(size, b"\0")
    elif event.kind == "set_time":
        (file[2],) = event.values
    else:
        (file[3],) = event.values


def _walk(node: int, path: str, entries: dict, contents: dict) -> Iterator[tuple]:
    for name, below in sorted(entries[node].items()):
        if below in contents:
            yield path + name, tuple(contents[below])
        else:
            yield path + name, None
            yield from _walk(below, f"{path}{name}/", entries, contents)


def restore(tree: Tree, root: Path) -> None:
    """Make a directory that holds this."""
    root.mkdir()
    for path, file in tree:
        if file is None:
            (root / path).mkdir()
            continue
        data, mode, mtime_ns, mark = file
        (root / path).write_bytes(data)
        with (root / path).open("rb") as made:
            if mark:
                Disk().set_mark(made.fileno(), mark)
            os.fchmod(made.fileno(), mode)
            if mtime_ns is not None:
                os.utime(made.fileno(), ns=(mtime_ns, mtime_ns))


# --- what is asked of the store

TEXT = b"hello, world"


def digest_of(data: bytes) -> str:
    return f"sha-256:{hashlib.sha256(data).hexdigest()}"


def send(store: DirectoryStore, name: str, data: bytes, members: dict, then=None) -> tuple:
    """Put up to the commit; return what receives it, and the outcome if that is known by then."""
    members = dict(members)
    trailer, digest = members.pop("trailer", None), members.pop("digest", None)
    incoming = None
    try:
        incoming = store.receive(Put(filename=name, **members))
        incoming.write(data)
        if then is not None:
            then()
        return incoming, incoming.end(trailer, digest)
    except StoreError as error:
        return incoming, error


class Run:
    """A store on a recording disk, and a client that knows what it was told."""

    def __init__(self, folder: Path, disk: RecordingDisk) -> None:
        self.folder = folder
        self.disk = disk
        self.bodies = {"t": ("d/a", TEXT), "u": ("b", TEXT[::-1])}
        """Of each upload: the name and the bytes of the file."""
        self.offsets: dict[str, set[int]] = {token: set() for token in self.bodies}
        """Where the parts of each began: one of them was the last."""
        self.files: dict = {}
        self.uploads: dict = {}
        self._lives = 0
        self._boot(())

    def _boot(self, tree: Tree) -> None:
        self._lives += 1
        uploads.BOOT = f"boot {self._lives}"
        self.root = self.folder / f"life-{self._lives}"
        restore(tree, self.root)
        self.store = DirectoryStore(self.root, disk=self.disk, free_bytes=0)

    def restart(self) -> None:
        self.store.close()
        self.store = DirectoryStore(self.root, disk=self.disk, free_bytes=0)

    def lose_power(self, state: str) -> None:
        """Go on with another store on what is left."""
        self.store.close()
        self._boot(dict(Journal(self.disk.events).states(0, random.Random()))[state])

    def _begin(self, token: object = None) -> Operation:
        if isinstance(token, str) and self.uploads.get(token) is None:
            self._end(Operation(), told={token: 0})  # from now on it may be known or not
        operation = Operation()
        self.disk.begin(operation)
        return operation

    def _end(self, operation: Operation, files=(), told=()) -> None:
        for known, news in ((operation.files, files), (operation.uploads, told)):
            known.update(news)
        self.files.update(files)
        self.uploads.update(told)
        self.disk.acknowledge(operation)

    def put(self, name: str, data=b"", then=None, settling=None, refused="", **members):
        """Put a file; see `batch`."""
        piece = name, data, members
        return self.batch(piece, then=then, settling=settling, refused=[refused])[0]

    def part(self, token: str, start=0, stop=None, then=None, refused="", **more):
        """Put a part of an upload."""
        name, body = self.bodies[token]
        piece = name, body[start:stop], {"upload": token, "offset": start, "total": len(body)}
        piece[2].update(more)
        return self.batch(piece, then=then, refused=[refused])[0]

    def batch(self, *pieces, then=None, settling=None, refused=None) -> list:
        """Commit several puts at once; `refused` says with which codes, "*" with any.

        `then` is called before the end of each, and `settling` when they have their places and are
        not safe there yet.
        """
        with contextlib.ExitStack() as releasing:
            begun = []
            for name, data, members in pieces:
                token = members.get("upload")
                operation = self._begin(token)
                if token:
                    self.offsets[token].add(members["offset"])
                incoming, outcome = send(self.store, name, data, members, then)
                if incoming is not None:
                    releasing.callback(incoming.release)
                begun.append((operation, incoming, outcome))
            if settling is not None:
                self._before_settling(settling)
            waiting = [incoming for _, incoming, outcome in begun if outcome is None]
            committed = iter(self.store.commit(waiting) if waiting else ())
            outcomes = []
            for (operation, incoming, reply), piece in zip(begun, pieces, strict=True):
                outcomes.append(next(committed) if reply is None else reply)
                effect = self._effect(piece, incoming, outcomes[-1], placed=reply is None)
                self._end(operation, *effect)
        codes = [str(o.code) if isinstance(o, StoreError) else "" for o in outcomes]
        for expected, code in zip(refused or [""] * len(codes), codes, strict=True):
            assert expected in (code, "*"), f"expected {expected or 'ok'}, the store says {code}"
        return outcomes

    def _effect(self, piece, incoming, outcome, placed: bool) -> tuple[dict, dict]:
        """Return what has become of files and uploads by a put that has returned."""
        name, data, members = piece
        token = members.get("upload")
        if isinstance(outcome, StoreError):
            if "offset" in outcome.members:
                return {}, {token: outcome.members["offset"]}
            ended = incoming is not None and outcome.code in ("digest-mismatch", "size-mismatch")
            return {}, ({token: 0} if token and ended else {})  # no reply says that it is forgotten
        if token is None:
            return {name: (data, outcome.rev)}, {}
        if placed:
            return {name: (self.bodies[token][1], outcome.rev)}, {token: outcome}
        return {}, ({} if isinstance(outcome.rev, str) else {token: outcome.offset})

    def _before_settling(self, step: Callable[[], object]) -> None:
        settle = self.store._group.settle

        def first() -> None:
            self.store._group.settle = settle
            step()
            settle()

        self.store._group.settle = first

    def cut(self, token: str, start: int, stop: int) -> None:
        """Put a part whose end never comes."""
        name, body = self.bodies[token]
        self._begin(token)
        members = {"upload": token, "offset": start, "total": len(body)}
        incoming = self.store.receive(Put(filename=name, **members))
        incoming.write(body[start:stop])
        incoming.release()

    def ask(self, token: str) -> int | None:
        """Ask where an upload stands; return None if it is finished or unknown."""
        operation = self._begin()
        told = {}
        with contextlib.suppress(StoreError):
            reply = self.store.stat_upload(token)
            if not isinstance(reply.rev, str):
                told = {token: reply.offset}
        self._end(operation, told=told)
        return told.get(token)

    def rest(self, token: str, count: int | None = None, refused: str = ""):
        """Go on with an upload where it stands."""
        stands = self.ask(token) or 0
        return self.part(token, stands, count and stands + count, refused=refused)

    def forget(self, token: str) -> None:
        operation = self._begin()
        self.store.delete_upload(token)
        self._end(operation, told={token: None})

    def delete(self, name: str) -> None:
        operation = self._begin()
        self.store.delete(name)
        self._end(operation, {name: None})

    def move(self, name: str, to: str) -> None:
        operation = self._begin()
        moved = self.store.move(name, to, to_condition=True)
        self._end(operation, {name: None, to: (self.files[name][0], moved.rev)})

    def empty_directory(self, name: str) -> None:
        """Make one by hand."""
        self.disk.make_directory(name, self.store._tree.descriptor)
        self.disk.sync(self.store._tree.descriptor)


# --- what is checked


class Silent(Disk):
    def sync(self, descriptor):
        """Leave it to the page cache: nobody crashes here."""

    def sync_all(self, descriptor):
        """Leave that to it as well."""
        return True


@dataclass
class Seen:
    """What a store shows when it is opened on a disk."""

    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    uploads: dict[str, int | PutReply] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """What is wrong whatever was asked for before."""


def look(root: Path, run: Run, boot: str) -> Seen:
    """Open a store and look at all that it shows; then finish every upload."""
    seen = Seen()
    with mock.patch.object(uploads, "BOOT", boot), contextlib.ExitStack() as stack:
        try:
            store = stack.enter_context(DirectoryStore(root, disk=Silent(), free_bytes=0))
        except Exception as error:
            seen.wrong.append(f"the store does not open: {error!r}")
            return seen
        for entry in store.entries("", "", delimiter=False):
            data = (root / entry.text).read_bytes()
            seen.files[entry.text] = data, entry.info.rev
            if entry.info.digest != digest_of(data):
                seen.wrong.append(f"{entry.text} does not have the digest that is remembered")
        for token in run.bodies:
            with contextlib.suppress(StoreError):
                at = store.stat_upload(token)
                finished = PutReply(rev=at.rev, total=at.total, digest=at.digest)
                seen.uploads[token] = finished if isinstance(at.rev, str) else at.offset
        known = {uploads._key("", token) for token in seen.uploads}
        names = {path.name for path in (root / ".headframe").iterdir()} - {"uploads"}
        names |= {path.name for path in (root / ".headframe/uploads").iterdir()}
        left = sorted(name for name in names if name.partition(".")[0] not in known)
        seen.wrong.extend(f"left behind: {name}" for name in left)
        for name in seen.files:  # so that nothing is in the way of what is finished now
            store.delete(name)
        for token, stands in seen.uploads.items():
            seen.wrong.extend(finish(store, root, run, token, stands))
    return seen


def finish(store, root: Path, run: Run, token: str, stands: int | PutReply) -> Iterator[str]:
    """Put what an upload lacks, or again the put that completed it; yield what is wrong."""
    name, body = run.bodies[token]
    members = {"upload": token, "total": len(body), "digest": digest_of(body)}
    if isinstance(stands, PutReply):
        again = [
            send(store, name, body[offset:], members | {"offset": offset})[1]
            for offset in run.offsets[token]
        ]
        if stands not in again:
            yield f"{token} is finished with {stands}, but a repeat gets {again}"
        return
    incoming, outcome = send(store, name, body[stands:], members | {"offset": stands})
    if outcome is None:
        (outcome,) = store.commit([incoming])
        incoming.release()
    if isinstance(outcome, StoreError):
        yield f"{token} stands at {stands} and cannot be finished: {outcome}"
        return
    if (root / name).read_bytes() != body:
        yield f"{token} stood at {stands} and became other bytes"
    store.delete(name)


def promised(events: list[Event]) -> list[tuple[dict, dict]]:
    """Return each state, files and uploads, that is right after a crash at the end of these."""
    done = [event.values[0] for event in events if event.kind == "acknowledge"]
    begun = [event.values[0] for event in events if event.kind == "begin"]
    files, told = {}, {}
    for operation in done:
        files |= operation.files
        told |= operation.uploads
    states = [(files, told)]
    for operation in begun:
        if operation not in done and (operation.files or operation.uploads):
            states += [(old | operation.files, at | operation.uploads) for old, at in states]
    return states


def complaints(seen: Seen, files: dict, told: dict) -> list[str]:
    """Return how what is seen differs from a state."""
    found = [
        f"{name}: expected {files.get(name)}, found {seen.files.get(name)}"
        for name in files | seen.files
        if files.get(name) != seen.files.get(name)
    ]
    for token in told | seen.uploads:
        expected, actual = told.get(token), seen.uploads.get(token)
        if isinstance(expected, int) and isinstance(actual, int):
            right = expected <= actual
        else:
            right = expected == actual or (expected == 0 and actual is None)
        if not right:
            found.append(f"{token}: expected {expected}, found {actual}")
    return found


@dataclass
class Figures:
    scripts: int = 0
    prefixes: int = 0
    states: int = 0
    disks: int = 0
    """Different ones: of one that comes again it is known what a store shows on it."""
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.scripts} scripts, {self.prefixes:,} prefixes, {self.states:,} states,"
            f" {self.disks:,} different disks, {len(self.violations):,} violations"
        )


@contextlib.contextmanager
def workplace() -> Iterator[Path | None]:
    """Give a folder whose files keep marks, in memory if there is one; None: there is none."""
    for place in ("/dev/shm", tempfile.gettempdir()):
        with contextlib.suppress(FileNotFoundError), tempfile.TemporaryDirectory(dir=place) as made:
            with (Path(made) / "probe").open("xb") as probe:
                Disk().set_mark(probe.fileno(), b"mark")
                kept = Disk().mark_of(probe.fileno())
            if kept:
                yield Path(made)
                return
    yield None


def check(
    name: str,
    script: Callable[[Run], object],
    folder: Path,
    figures: Figures,
    *,
    mixtures: int,
    disk=None,
) -> None:
    """Record a script, and look at every state that the disk may be in at every point of it."""
    with (
        mock.patch.object(durable, "THREADS", 1),  # the record is always the same
        mock.patch.object(durable, "MANY", 3),
        mock.patch.object(uploads, "BOOT", ""),
    ):
        run = Run(folder, disk or RecordingDisk())
        try:
            script(run)
        finally:
            run.store.close()
    events = run.disk.events
    looked: dict[tuple[Tree, str], Seen] = {}
    figures.scripts += 1
    for length in range(1, len(events) + 1):
        figures.prefixes += 1
        journal = Journal(events[:length])
        right = promised(events[:length])
        for state, tree in journal.states(mixtures, random.Random(f"{name} {length}")):
            figures.states += 1
            boot = journal.boot if state == ALL_KEPT else "the next boot"
            if (tree, boot) not in looked:
                figures.disks += 1
                restore(tree, folder / "disk")
                looked[tree, boot] = look(folder / "disk", run, boot)
                shutil.rmtree(folder / "disk")
            seen = looked[tree, boot]
            wrong = seen.wrong + min((complaints(seen, *state) for state in right), key=len)
            if wrong:
                last = f"{length} of {len(events)}, {events[length - 1].kind}"
                figures.violations.append(f"{name} ({last}), {state}: {'; '.join(wrong)}")
