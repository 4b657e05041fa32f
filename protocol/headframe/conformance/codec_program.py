"""The reference codec as a program that speaks JSON lines, and the worked example of one.

    python -m headframe.conformance.codec_program

Spec: the page `spec/vectors.md`. The law of this module: one line in, one line out, whatever
comes; it keeps nothing between two lines.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from headframe import HeadframeError
from headframe.conformance.codec_reader import build, read
from headframe.conformance.vectors import Awaited, Side

__all__ = ["answer", "main"]


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return what the program answers to one line."""
    role = Side(request["role"])
    requests = msgspec.convert(request.get("requests", []), list[Awaited])
    match request["op"]:
        case "read":
            chunks = [bytes.fromhex(chunk) for chunk in request["chunks"]]
            return {"events": msgspec.to_builtins(read(role, chunks, requests))}
        case "build":
            body = bytes.fromhex(request["body"])
            try:
                trailers = request.get("trailers")
                return {"hex": build(role, request["members"], body, requests, trailers).hex()}
            except HeadframeError as error:
                return {"error": str(error)}
        case other:
            return {"skip": f"{other} is nothing that this program does"}


def main() -> None:
    """Answer every line of standard input."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)  # noqa: T201  (it is the program)


if __name__ == "__main__":
    main()
