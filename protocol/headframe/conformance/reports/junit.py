"""A run as JUnit XML, the form that build servers show.

The law of this module: what fails a run fails there, and nothing else does. A warning passes and
is told in `system-out`; a check that was not run is `skipped`, with the reason.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree as ET

from headframe.conformance.runs import Run
from headframe.conformance.terminal import sentence_of
from headframe.conformance.verdicts import Result, Verdict

__all__ = ["render"]

_NOT_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document can hold, not even escaped."""


def render(run: Run) -> str:
    """Return the document."""
    suite = ET.Element("testsuite", name="headframe conform", time=f"{run.seconds:.3f}")
    properties = ET.SubElement(suite, "properties")
    for name, value in (("target", run.target), ("profile", run.profile), ("seed", run.seed)):
        ET.SubElement(properties, "property", name=name, value=_text(value))
    if run.setup is not None:
        case = ET.SubElement(suite, "testcase", classname="headframe", name="setup")
        ET.SubElement(case, "error", message=_text(run.setup))
    for result in run.results:
        suite.append(_case(result))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=False) + "\n"


def _case(result: Result) -> ET.Element:
    chapter, _, name = result.check.id.partition("/")
    case = ET.Element(
        "testcase", classname=f"headframe.{chapter}", name=name, time=f"{result.seconds:.3f}"
    )
    told = "\n".join(_told(result))
    if result.counts_as_failure:
        ET.SubElement(case, "failure", message=_text(result.got)).text = _text(told)
    elif result.verdict is Verdict.ERROR:
        ET.SubElement(case, "error", message="the kit itself failed").text = _text(told)
    elif result.verdict in {Verdict.SKIP, Verdict.BLOCKED}:
        ET.SubElement(case, "skipped", message=_text(result.got))
    elif result.verdict is Verdict.FAIL:
        ET.SubElement(case, "skipped", message=_text(f"expected to fail: {result.got}"))
    elif result.verdict is not Verdict.PASS:
        ET.SubElement(case, "system-out").text = _text(f"{result.verdict}: {told}")
    return case


def _told(result: Result) -> list[str]:
    """Return what to tell of a result that is not simply good."""
    lines = [f"{rule}: {sentence_of(rule)}".removesuffix(": ") for rule in result.check.rules]
    lines += [f"permitted: {result.permitted}", f"got: {result.got}"]
    if result.transcript is not None and result.verdict is Verdict.FAIL:
        lines += result.transcript.lines()
    return lines


def _text(value: str) -> str:
    """Return text that XML can hold."""
    return _NOT_XML.sub(lambda found: found[0].encode("unicode_escape").decode(), value)
