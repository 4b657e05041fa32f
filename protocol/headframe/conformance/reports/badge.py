"""A run as a badge: which profile was claimed, and how much of it holds.

The law of this module: green is only what passed whole.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from headframe.conformance.runs import Run
from headframe.conformance.verdicts import Exit, Verdict

__all__ = ["render"]

HEIGHT: Final = 20
LETTER: Final = 6.6
"""Width of a letter at 11 pixels, on the average; `textLength` makes it fit exactly."""
_COLOURS: Final = {
    Exit.PASSED: "#2c7a39",
    Exit.FAILED: "#b3362b",
    Exit.UNREACHABLE: "#6b6b6b",
    Exit.KIT_ERROR: "#6b6b6b",
}


def render(run: Run) -> str:
    """Return the SVG document."""
    left, right = f"HF/1 {run.profile}".strip(), _said(run)
    widths = [round(len(text) * LETTER) + 12 for text in (left, right)]
    svg = ET.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        width=str(sum(widths)),
        height=str(HEIGHT),
        role="img",
    )
    svg.set("aria-label", f"{left}: {right}")
    ET.SubElement(svg, "title").text = f"{left}: {right}"
    x = 0
    for text, width, colour in zip(
        (left, right), widths, ("#444", _COLOURS[run.exit]), strict=True
    ):
        ET.SubElement(svg, "rect", x=str(x), width=str(width), height=str(HEIGHT), fill=colour)
        label = ET.SubElement(
            svg, "text", x=str(x + 6), y="14", fill="#fff", textLength=str(width - 12)
        )
        label.set("font-family", "Verdana,Geneva,sans-serif")
        label.set("font-size", "11")
        label.text = text
        x += width
    return ET.tostring(svg, encoding="unicode") + "\n"


def _said(run: Run) -> str:
    counts = run.counts
    if run.exit is Exit.UNREACHABLE:
        return "not reached"
    if run.exit is Exit.KIT_ERROR:
        return "not judged"
    failed = sum(result.counts_as_failure for result in run.results)
    if failed:
        return f"{failed} of {len(run.results)} failed"
    known = sum(result.expected for result in run.results)
    good = counts[Verdict.PASS] + counts[Verdict.WARN] + counts[Verdict.INFO]
    told = f"{good} {'check' if good == 1 else 'checks'} passed"
    return f"{told}, {known} known to fail" if known else told
