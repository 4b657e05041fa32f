"""Reports are made of a run, escape what an implementation said, and fail by what fails a run."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from headframe.conformance.check import Check
from headframe.conformance.command import conform
from headframe.conformance.reports import Format, render, write
from headframe.conformance.runs import Run
from headframe.conformance.transcript import Entry, Kind, Transcript
from headframe.conformance.verdicts import Result, Verdict

HOSTILE = "<script>alert('&')</script>\x00\x1b[31m"


def result(name, verdict, got="ok", **more):
    check = Check(
        id=f"body/{name}",
        title=f"A title of {name}.",
        rules=("HF-BODY-004", "HF-ERROR-008"),
        run=lambda peer: None,
    )
    return Result(check=check, verdict=verdict, got=got, **more)


@pytest.fixture
def run():
    """Return a run with a result of every verdict."""
    said = Transcript(
        "k", [Entry(1, Kind.SENT, b"\x02\0\0\0{}"), Entry(1, Kind.PEER_ENDED, note=HOSTILE)]
    )
    return Run(
        target="headframe://127.0.0.1:1",
        profile="core",
        seed="7",
        hello={"server": HOSTILE},
        results=(
            result("good", Verdict.PASS),
            result("bad", Verdict.FAIL, HOSTILE, permitted="ok", transcript=said),
            result("known", Verdict.FAIL, "other", permitted="ok", expected=True),
            result("should", Verdict.WARN, "slow", permitted="ok or slow"),
            result("may", Verdict.INFO, "closes"),
            result("not-run", Verdict.SKIP, "needs tls"),
            result("not-judged", Verdict.BLOCKED, "body/bad did not pass"),
            result("own", Verdict.ERROR, "Traceback\nKeyError: 1"),
        ),
        seconds=1.5,
    )


class Page(HTMLParser):
    """Collects what a page refers to, and its elements."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.tags, self.assets = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name == "href":
                self.links.append(value)
            if name == "src":
                self.assets.append(value)


def test_junit_fails_by_what_fails_the_run(run):
    suite = ET.fromstring(render(run, Format.JUNIT))
    assert ("8", "1", "1", "3") == tuple(
        suite.get(name) for name in ("tests", "failures", "errors", "skipped")
    )
    assert ["bad"] == [case.get("name") for case in suite if case.find("failure") is not None]
    warned = [case.get("name") for case in suite if case.find("system-out") is not None]
    assert ["should", "may"] == warned


def test_junit_holds_the_exchange_and_nothing_that_xml_cannot_hold(run):
    text = render(run, Format.JUNIT)
    failure = ET.fromstring(text).find("testcase/failure")
    assert "N = 2" in failure.text
    assert "<script>alert('&')</script>\\x00\\x1b[31m" == failure.get("message")


def test_a_run_that_found_nothing_to_test_is_an_error_for_a_build_server(run):
    suite = ET.fromstring(render(Run(target="x", setup="nobody answers"), Format.JUNIT))
    assert ("1", "1") == (suite.get("tests"), suite.get("errors"))


def test_the_page_needs_nothing_outside_itself_and_its_links_lead_somewhere(run):
    page = Page(render(run, Format.HTML))
    assert [] == page.assets
    assert [] == [link for link in page.links if not link.startswith("#")]
    assert [] == [link for link in page.links if link[1:] not in page.ids]
    assert len(page.ids) == len(set(page.ids))


def test_what_a_server_said_is_text_on_the_page(run):
    page = Page(render(run, Format.HTML))
    assert 1 == page.tags.count("script"), "ours"


def test_the_page_shows_each_rule_with_a_mark_for_each_check(run):
    page = Page(render(run, Format.HTML))
    assert {"HF-BODY-004", "HF-ERROR-008"} <= set(page.ids)
    marks = [link for link in page.links if link.startswith("#body-")]
    assert 2 * len(run.results) == len(marks)


def test_the_page_of_a_run_that_found_nothing_says_why():
    text = render(Run(target="x", setup="nobody answers on <x>"), Format.HTML)
    assert "nobody answers on &lt;x&gt;" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "not judged"),
        ({"results": slice(0, 5)}, "1 of 5 failed"),
        ({"results": slice(2, 5)}, "2 checks passed, 1 known to fail"),
        ({"results": slice(0, 1)}, "1 check passed"),
        ({"setup": "nobody"}, "not reached"),
    ],
)
def test_a_badge_says_in_words_what_came_out(run, change, said):
    results = run.results[change.get("results", slice(None))]
    badge = ET.fromstring(
        render(
            Run(target="x", profile="core", results=results, setup=change.get("setup")),
            Format.BADGE,
        )
    )
    texts = [node.text for node in badge.iter("{http://www.w3.org/2000/svg}text")]
    assert ["HF/1 core", said] == texts


def test_several_reports_are_written_at_once(run, tmp_path):
    files = {wanted: tmp_path / wanted for wanted in Format}
    write(run, files)
    assert [render(run, wanted) for wanted in Format] == [
        path.read_text("utf-8") for path in files.values()
    ]


def test_the_command_writes_what_it_is_told_to(serving, tmp_path):
    server = serving()
    host, port = server.address[:2]
    files = [f"--{wanted}={tmp_path / wanted}" for wanted in Format]
    done = CliRunner().invoke(
        conform, ["server", f"headframe://{host}:{port}", "--only", "frame", *files]
    )
    assert 0 == done.exit_code, done.output
    assert {*Format} == {path.name for path in tmp_path.iterdir()} & {*Format}


def test_a_report_that_cannot_be_written_is_told(serving, tmp_path):
    server = serving()
    host, port = server.address[:2]
    done = CliRunner().invoke(
        conform,
        [
            *("server", f"headframe://{host}:{port}", "--only", "HF-FRAME-003"),
            *("--html", str(tmp_path / "lacking" / "page.html")),
        ],
    )
    assert 2 == done.exit_code
    assert "a report cannot be written" in done.output
