"""A small client of HF/1 that keeps every rule, or one with a bug that was put there.

    python little_client.py BUG put LOCAL URL        BUG `-`: none

The law of this module: it knows nothing of the project, begins fast, and never tries again. A bug
is a word that is asked for in one place; so is a way of doing things that is as good as any:
says-hello, sends-ahead, tries-again, in-ranges.
"""

import json
import os
import re
import secrets
import socket
import sys
import time
import unicodedata
import uuid

BUG = "".join(sys.argv[1:2])
MOST = 2**53 - 1


class Wrong(Exception):
    """Why the client fails."""


def has(bug):
    return bug == BUG


# --- one connection ----------------------------------------------------------------------


def shake_hands(sock, host, authority):
    """Return what to talk over with a server that has shown who it is."""
    import ssl

    context = ssl.create_default_context(cafile=authority)
    if has("any-host") or has("anybody"):
        context.check_hostname = False
    if has("anybody"):
        context.verify_mode = ssl.CERT_NONE
    if not has("no-protocol"):
        context.set_alpn_protocols(["hf/1"])
    secure = context.wrap_socket(sock, server_hostname=host)
    check(has("no-protocol") or secure.selected_alpn_protocol() == "hf/1", "no protocol")
    return secure


class Wire:
    def __init__(self, host, port, authority=None):
        self.sock = socket.create_connection((host, port), timeout=8)
        if authority:
            self.sock = shake_hands(self.sock, host, authority)
        self.data = b""
        self.last = 0
        self.closes = False

    def read(self, count):
        while len(self.data) < count:
            piece = self.sock.recv(65536)
            if not piece:
                if has("end-is-zeros"):
                    piece = b"\0" * count
                elif has("end-is-success"):
                    sys.exit(0)
                else:
                    raise Wrong("the connection ends")
            self.data += piece
        found, self.data = self.data[:count], self.data[count:]
        return found

    def write(self, header, body=b""):
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":"))
        raw = text.encode()
        count = len(text) if has("length-in-characters") else len(raw)
        order = "big" if has("big-endian") else "little"
        self.sock.sendall(count.to_bytes(4, order) + raw + body)

    def ask(self, cmd, body=b"", **members):
        """Send a request; return the first header of its reply, and a generator of its body."""
        check(not self.closes, "the server is about to close")
        if has("says-hello") and not self.last:
            self.last += 1
            self.write({"cmd": "hello", "id": self.last, "hf": 1})
            for _ in self.reply()[1]:
                pass
        if has("sends-ahead"):
            self.write({"cmd": "hello", "id": self.last + 1})
            self.send(cmd, body, members | {"id": self.last + 2})
            self.write({"cmd": "hello", "id": self.last + 3})
            self.last += 1
            for _ in self.reply()[1]:
                pass
            self.last += 1
            header, rest = self.reply()
            return header, self.and_hello(rest)
        self.last += 1
        self.send(cmd, body, members)
        return self.reply()

    def and_hello(self, rest):
        yield from rest
        self.last += 1
        for _ in self.reply()[1]:
            pass

    def send(self, cmd, body, members):
        size = len(body) + (1 if has("filesize-one-more") else 0)
        header = {"cmd": cmd, "id": self.last} | members
        if has("no-cmd-first"):
            self.write({"x.hello": 1})
        if has("id-is-a-string"):
            header["id"] = str(self.last)
        if body:
            header["filesize"] = size
        self.write(header, body)

    def reply(self):
        while True:
            header = self.header()
            if header.get("id") == 0 and not has("notice-is-a-reply"):
                check(header.get("ok") is False and type(header.get("code")) is str, "no notice")
                check(not header.get("filesize") and not header.get("more"), "a notice's body")
                if header.get("close") or has("notice-is-the-end"):
                    raise Wrong(header.get("code"))
                self.closes = True
                continue
            break
        check(type(header.get("id")) is int, "no id")
        check(header["id"] == self.last or has("any-id"), "another id")
        check(type(header.get("ok")) is bool or has("ok-as-it-is"), "no ok")
        check(has("critical-ignored") or not any(n[:1] == "!" for n in header), "critical name")
        check(header["ok"] is not False or type(header.get("code")) is str, "no code")
        self.closes |= header.get("close") is True
        if header["ok"] is False and not has("refusal-is-success"):
            raise Wrong(header.get("code"))
        return header, self.body(header)

    def header(self):
        count = int.from_bytes(self.read(4), "little")
        check(2 <= count <= 65535 or has("any-length"), "N is out of range")
        return parse(self.read(count))

    def body(self, header):
        first = header
        while True:
            left = header.get("filesize", 0)
            if has("length-is-the-size") and "length" in header:
                left = header["length"]
            while left:
                piece = self.read(min(left, 65536))
                yield piece
                left -= len(piece)
            if not header.get("more"):
                break
            if has("one-frame-only"):
                return
            header = self.header()
            check(has("later-ok") or not {"ok", "cmd"} & header.keys(), "a first header")
            more = header.get("more") and not header.get("filesize")
            check(has("later-empty") or not more, "an empty frame")
            judge_later(first, header)
        if header.get("abort") is True and not has("abort-is-an-end"):
            raise Wrong("aborted")


TRAILERS = {"digest": str, "total": int, "abort": bool, "code": str, "message": str}
FIRST_ALONE = (
    "after auth close cmd delimiter durability end features filename hf id if length limit "
    "limits mtime offset ok prefix retry_ms rev server to to_if to_rev upload want"
).split()


def judge_later(first, header):
    """Find what has no place in a later header, or none beside what the first one says."""
    for name, value in header.items():
        kind = TRAILERS.get(name)
        check(name[:1] != "!" or has("critical-ignored"), f"{name} is critical")
        check(name not in FIRST_ALONE or has("later-ok"), f"{name} in a later header")
        check(kind is None or type(value) is kind, f"{name} has another type")
        check(kind is None or value is False or not header.get("more"), f"{name} too early")
        twice = name in ("digest", "total") and first.get(name, value) != value
        check(not twice, f"two values of {name}")


def check(good, why):
    if not good:
        if has("complains"):
            WIRES[0].write({"id": 0, "ok": False, "code": "bad-frame"})
        raise Wrong(why)


# --- headers -----------------------------------------------------------------------------


def parse(raw):
    if has("lax-json"):
        text = raw.decode("utf-8", "replace").lstrip("\ufeff")
        found = json.loads(text)
    else:
        try:
            text = raw.decode()
            found = json.loads(
                text,
                object_pairs_hook=once,
                parse_constant=refuse,
                parse_float=finite,
                parse_int=lambda digits: int(digits) if len(digits) < 4000 else refuse(digits),
            )
        except (ValueError, RecursionError) as error:
            if has("skips-bad-headers"):
                return WIRES[0].header()
            raise Wrong(str(error)) from error
        check(isinstance(found, dict), "no object")
        check(depth(found) <= 16, "too deep")
        check(len(found) <= 64, "too many members")
    check(isinstance(found, dict), "no object")
    for name, value in found.items():
        if name in ("filesize", "id"):
            good = type(value) is int and 0 <= value <= MOST
            check(good or has("lax-json"), name)
        if name in ("more", "abort", "close"):
            check(type(value) is bool or has("lax-json"), name)
    if has("lax-json"):
        found["filesize"] = int(found.get("filesize", 0))
        found["id"] = int(found["id"]) if "id" in found else None
    if has("unknown-names-refused"):
        check(not any("." in name for name in found), "an unknown name")
    return found


def once(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    for text in [*found, *found.values()]:
        if isinstance(text, str) and re.search("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]", text):
            raise ValueError("no character")
    return found


def refuse(text):
    raise ValueError(text)


def finite(text):
    number = float(text)
    return number if abs(number) < float("inf") else refuse(text)


def depth(value):
    parts = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, parts), default=0) if isinstance(value, dict | list) else 0


# --- what it does ------------------------------------------------------------------------


def is_name(name):
    good = 1 <= len(name.encode("utf-8", "surrogatepass")) <= (10**6 if has("long-names") else 1024)
    parts = name.split("/")
    good &= all(1 <= len(part.encode()) <= 255 and part not in (".", "..") for part in parts)
    good &= not re.search(r"[\0-\x1f\x7f\\]", name)
    return good and (has("any-form") or unicodedata.is_normalized("NFC", name))


def put(wire, local, name):
    with open(local, "rb") as file:
        body = file.read()
    more = {}
    if len(body) > 1 << 20:
        more["upload"] = secrets.token_urlsafe(16)
        more["total"] = str(len(body)) if has("total-in-words") else len(body)
        tokens = {
            "token-of-the-clock": f"{time.time_ns():022d}",
            "token-is-a-uuid": str(uuid.uuid4()),
            "token-fixed": "abcdefghijklmnopqrstuv",
        }
        more["upload"] = tokens.get(BUG, more["upload"])
    try:
        header, rest = wire.ask("put", body, filename=name, **more)
        if has("first-header-is-enough"):
            return
        for _ in rest:
            pass
    except Wrong as error:
        if not (has("superseded-and-back") and "superseded" in str(error)):
            raise
        WIRES[0] = Wire(*WHERE)
        put(WIRES[0], local, name)


def get(wire, local, name):
    if has("in-ranges"):
        body = in_ranges(wire, name, wire.ask("stat", filename=name)[0])
    else:
        header, body = wire.ask("get", filename=name)
    os.makedirs(os.path.dirname(local), exist_ok=True)
    part = local if has("writes-in-place") else f"{local}.part"
    with open(part, "wb") as file:
        for piece in body:
            file.write(piece)
    os.replace(part, local)


def in_ranges(wire, name, found):
    """Fetch a file in two halves."""
    half, rev = found["total"] // 2, found["rev"]
    for at, length in ((0, half), (half, found["total"])):
        yield from wire.ask("get", filename=name, offset=at, length=length, **{"if": rev})[1]


def listed(wire, prefix):
    after = None
    while True:
        more = {} if after is None else {"after": after}
        header, body = wire.ask("list", prefix=prefix, **more)
        check(type(header.get("end")) is bool or has("lax-json"), "end")
        for line in b"".join(body).splitlines():
            after = json.loads(line)["filename"]
            yield after
        if header.get("end") or has("first-page-only"):
            return


def get_all(wire, local, prefix):
    names = [*listed(wire, prefix)]
    for name in names:
        check(is_name(name) or has("any-name"), "no name")
    for name in names:
        get(wire, os.path.join(local, name), name)


def put_all(wire, local, name):
    for folder, _, files in os.walk(local):
        for each in files:
            path = os.path.join(folder, each)
            put(wire, path, f"{name}/{os.path.relpath(path, local)}")


def show(wire, _local, prefix):
    for name in listed(wire, prefix):
        print(ascii(name))


def delete(wire, _local, name):
    for _ in wire.ask("delete", filename=name)[1]:
        pass


def main():
    op, local, url, *authority = sys.argv[2:]
    host, port, name = re.fullmatch("headframes?://([^:]*):([0-9]+)/(.*)", url).groups()
    WHERE[:] = host, int(port), *authority
    does = {
        "put": put, "get": get, "put-all": put_all, "get-all": get_all, "ls": show, "rm": delete
    }  # fmt: skip
    try:
        WIRES.append(Wire(*WHERE))
        if has("tries-again"):
            try:
                does[op](WIRES[0], local, name)
                return
            except (Wrong, OSError) as error:
                if "superseded" in str(error):
                    raise
            WIRES[0].sock.close()
            WIRES[0] = Wire(*WHERE)
        does[op](WIRES[0], local, name)
    except (Wrong, OSError) as error:
        print(f"little client: {error}", file=sys.stderr)
        if has("waits-for-ever"):
            time.sleep(60)
        sys.exit(1)


WIRES = []
WHERE = []

if __name__ == "__main__":
    main()
