#!/usr/bin/env python3
"""Write the vectors of HF/1 as JSON, from the chapters beside this script.

generate.py            write protocol/headframe/conformance/vectors/*.json
generate.py --check    write nothing; name each file that is out of date and exit with 1
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import body_vectors
import error_vectors
import frame_vectors
import header_vectors
import name_vectors
import origin_vectors
import reply_vectors
import request_vectors
from writing import Chapter, Json

TARGET = Path(__file__).resolve().parents[2] / "protocol/headframe/conformance/vectors"

CHAPTERS: list[Chapter] = [
    frame_vectors.FRAME,
    header_vectors.HEADER,
    body_vectors.BODY,
    request_vectors.REQUEST,
    request_vectors.COMMAND,
    reply_vectors.REPLY,
    error_vectors.ERROR,
    name_vectors.NAME,
    origin_vectors.ORIGIN,
]
LISTS = ("requests", "annotations", "events")


def dumped(vector: Json) -> str:
    """Return one vector, a member a line, the items of its long lists too."""
    lines = []
    for name, value in vector.items():
        if name in LISTS and value:
            items = ",\n".join(f"      {json.dumps(item)}" for item in value)
            lines.append(f'    "{name}": [\n{items}\n    ]')
        else:
            lines.append(f'    "{name}": {json.dumps(value)}')
    return "  {\n" + ",\n".join(lines) + "\n  }"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    ids = [vector["id"] for chapter in CHAPTERS for vector in chapter.vectors]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        sys.exit(f"ids given twice: {', '.join(twice)}")
    stale = 0
    for chapter in CHAPTERS:
        text = "[\n" + ",\n".join(map(dumped, chapter.vectors)) + "\n]\n"
        path = TARGET / f"{chapter.name}.json"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            print(f"{path.name} is out of date: run spec/vectors/generate.py")
            stale = 1
        else:
            path.write_text(text, encoding="utf-8")
    strays = {path.name for path in TARGET.glob("*.json")} - {
        f"{one.name}.json" for one in CHAPTERS
    }
    for name in sorted(strays):
        print(f"{name} belongs to no chapter")
        stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
