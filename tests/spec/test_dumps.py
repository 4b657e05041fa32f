"""Every dump of the standard is what the renderer makes of its bytes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headframe.annotation import annotate
from headframe.hexdump import dump

SPEC = Path(__file__).resolve().parents[2] / "spec"
BLOCK = re.compile(r"^```hexdump(?: [\w -]+)?\n(.*?)\n```$", re.MULTILINE | re.DOTALL)

DUMPS = [
    pytest.param(found[1], id=f"{path.name} line {text.count(chr(10), 0, found.start()) + 2}")
    for path in sorted(SPEC.glob("*.md"))
    for text in [path.read_text("utf-8")]
    for found in BLOCK.finditer(text)
]


def test_the_standard_has_dumps():
    assert len(DUMPS) > 5


@pytest.mark.parametrize("written", DUMPS)
def test_a_dump_is_written_by_the_renderer(written):
    """What it should be is what `headframe inspect --plain` prints of the same bytes."""
    raw = bytes.fromhex("".join(line[6:53] for line in written.splitlines()))
    assert "\n".join(dump(annotate(raw).parts, faults=False)) == written
