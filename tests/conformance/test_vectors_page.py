"""What the page about vectors shows is what the kit does."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import msgspec

import standard
from headframe.conformance import codec_events as ev
from headframe.conformance.codec_program import answer
from headframe.conformance.vectors import VECTORS, Category, Vector
from interop.node import NODE

PAGE = (Path(__file__).resolve().parents[2] / "spec" / "vectors.md").read_text("utf-8")


def test_the_vector_on_the_page_is_one():
    [shown] = standard.blocks("vector")
    vector = msgspec.json.decode(shown.text, type=Vector)
    assert VECTORS[vector.id] == vector


def test_the_lines_on_the_page_are_what_the_program_says():
    [shown] = standard.blocks("json-lines")
    lines = shown.text.splitlines()
    assert [">", "<"] * (len(lines) // 2) == [line[0] for line in lines]
    for question, said in zip(lines[::2], lines[1::2], strict=True):
        assert json.loads(said[2:]) == answer(json.loads(question[2:]))


def test_every_event_and_category_is_on_the_page():
    kinds = {str(kind.__struct_config__.tag) for kind in ev.Event.__args__}
    assert kinds == set(re.findall(r"^\| `(\w+)` \|", PAGE.split("## Events")[1], re.MULTILINE))
    assert set(Category) <= set(re.findall(r"`(\w+)`", PAGE))


def test_the_line_of_javascript_expands_what_the_loader_expands():
    [shown] = standard.blocks("js")
    hexes = [vector.hex for vector in VECTORS.values() if vector.hex and len(vector.hex) < 999]
    hexes.append("02000000 20*3 7b7d 6162*2")
    script = "for (const hex of JSON.parse(require('fs').readFileSync(0))) {%s console.log(bytes)}"
    ran = subprocess.run(
        [NODE, "-e", script % shown.text],
        input=json.dumps(hexes),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [ev.expanded(groups).hex() for groups in hexes] == ran.stdout.split()
