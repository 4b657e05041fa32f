"""The client of 2017 that HF/1 comes from, as it was: three words, no `id`, no reply.

Spec: chapter 1. The law of this module: these are its bytes, made the way it made them, with
nothing of this package in between.
"""

from __future__ import annotations

import json
import socket
import struct

__all__ = ["build_frame", "put_and_listen"]


def build_frame(filename: str, body: bytes) -> bytes:
    r"""Return what the original client wrote for one file.

    >>> build_frame("a.txt", b"hi")[:18]
    b'2\x00\x00\x00{"cmd": "put",'
    """
    header = json.dumps({"cmd": "put", "filename": filename, "filesize": len(body)})
    return struct.pack("i", len(header)) + header.encode() + body


def put_and_listen(host: str, port: int, frame: bytes, timeout_s: float) -> bytes:
    """Write a frame, end the sending side, and return all that the server answers until it ends."""
    with socket.create_connection((host, port), timeout=timeout_s) as sock:
        sock.sendall(frame)
        sock.shutdown(socket.SHUT_WR)
        answer = bytearray()
        while chunk := sock.recv(4096):
            answer += chunk
    return bytes(answer)
