"""The page of the standard: everything in it can be linked to, and it needs nothing but itself."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from headframe.conformance.rules import RULES
from headframe.conformance.site import build_page, find_texts
from headframe.conformance.site.diagrams import DIAGRAMS, draw
from headframe.conformance.site.prose import Prose
from headframe_client.command.entry import headframe

TOP = Path(__file__).resolve().parents[2]
VOID = {"meta", "link", "input", "br", "hr", "img"}


class Page(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, html):
        super().__init__()
        self.ids, self.links, self.loaded, self.open = [], [], [], []
        self.texts = {}
        self.svgs = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.links.append(found["href"])
        self.loaded += [
            found[name] for name in ("src", "srcset", "data", "action") if name in found
        ]
        if tag == "link":
            self.loaded.append(found["href"])
        self.svgs += tag == "svg"
        if tag not in VOID:
            self.open.append((tag, found.get("id")))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert tag == self.open[-1][0], (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        for _, name in self.open:
            if name:
                self.texts[name] = self.texts.get(name, "") + data


HTML = build_page(TOP / "spec")
PAGE = Page(HTML)


def test_every_rule_has_an_anchor_with_its_sentence():
    for rule in RULES.values():
        assert rule.id in PAGE.ids
        shown = " ".join(PAGE.texts[rule.id].split())
        assert shown.startswith(f"{rule.id} {rule.role} ")
        assert " ".join(rule.sentence.replace("`", "").split()) in shown.replace("`", "")
        assert f"proof-{rule.id}" in PAGE.ids


def test_every_anchor_is_there_once():
    assert [] == [name for name, times in Counter(PAGE.ids).items() if times > 1]


def test_every_link_within_the_page_leads_to_something():
    assert [] == sorted(
        {link for link in PAGE.links if link[0] == "#"} - {f"#{i}" for i in PAGE.ids}
    )
    assert [] == [link for link in PAGE.links if not re.match(r"#|https?://", link)]


def test_nothing_is_loaded_from_elsewhere():
    assert ["data:,"] == PAGE.loaded
    assert [] == re.findall(r"@import|url\((?!#)|\bfetch\(|XMLHttpRequest|import\(", HTML)


def test_every_element_is_closed():
    assert [] == PAGE.open


def test_every_heading_of_the_texts_has_the_anchor_that_links_use():
    text = (TOP / "spec" / "headframe.md").read_text("utf-8")
    fenced = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ (.+)$", fenced, re.MULTILINE):
        assert re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") in PAGE.ids
    for name in ("weekend", "rationale", "formats", "changelog", "matrix", "api"):
        assert name in PAGE.ids


def test_both_state_machines_are_drawn():
    assert 2 == PAGE.svgs
    for name, diagram in DIAGRAMS.items():
        assert name in PAGE.ids
        svg = draw(name)
        assert set(diagram.places) == set(diagram.transitions)
        for state, targets in diagram.transitions.items():
            assert f">{state}</text>" in svg
            for moved in targets:
                assert re.search(rf">[\w, -]*\b{moved}\b[\w, -]*</text>", svg)
        pairs = {
            (state, target) for state, row in diagram.transitions.items() for target in row.values()
        }
        assert len(pairs) + 1 == svg.count("marker-end")
    assert "mermaid" not in HTML


def test_every_public_name_of_the_packages_is_explained():
    import headframe as codec
    import headframe_client
    import headframe_server

    explained = {name.rpartition(".")[2] for name in PAGE.ids if name.startswith("api-")}
    for package in (codec, headframe_client, headframe_server):
        assert f"api-{package.__name__}" in PAGE.ids
        # UNSET and its type are msgspec's.
        assert set() == set(package.__all__) - explained - {"UNSET", "UnsetType"}


def test_the_dumps_keep_their_text():
    for name in ("N = 52", '"/" in two bytes', 'N = 542393671, "GET "'):
        assert name in "".join(PAGE.texts.values())
    assert '<span class="ink-fault">c0 af</span>' in HTML


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("See HF-FRAME-002.", 'See <a class="to-rule" href="#HF-FRAME-002">HF-FRAME-002</a>.'),
        ("See HF-NONE-9.", "See HF-NONE-9."),
        ("`HF-FRAME-002`", "<code>HF-FRAME-002</code>"),
        ("<b>&</b>", "&lt;b&gt;&amp;&lt;/b&gt;"),
        ("[x](headframe.md#2-frame)", '<a href="#2-frame">x</a>'),
        ("[x](other.md)", '<a href="#other">x</a>'),
        ("[x](#y)", '<a href="#other-y">x</a>'),
        ("[x](registry/)", '<span class="file">x</span>'),
        ("[x](https://example.com/)", '<a href="https://example.com/">x</a>'),
    ],
)
def test_links_stay_on_the_page(text, html):
    prose = Prose(documents={"headframe.md": "", "other.md": "other"})
    assert f"<p>{html}</p>\n" == prose.render(text, "other.md")[0]


def test_the_command_writes_the_page(tmp_path):
    result = CliRunner().invoke(headframe, ["spec", "build", "-o", str(tmp_path / "page.html")])
    assert (0, "") == (result.exit_code, result.stderr)
    assert HTML == (tmp_path / "page.html").read_text("utf-8")
    assert "page.html: " in result.stdout


def test_without_texts_the_command_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("headframe.conformance.specification.find_checkout", lambda: None)
    assert find_texts() is None
    for arguments in ([], ["--texts", str(tmp_path)]):
        result = CliRunner().invoke(headframe, ["spec", "build", *arguments])
        assert 2 == result.exit_code
        assert "there is no headframe.md here" in result.stderr


def test_the_wheel_holds_the_texts_that_the_page_is_made_of():
    build = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    included = build["targets"]["wheel"]["force-include"]
    texts = {f"spec/{path.name}" for path in (TOP / "spec").glob("*.md")} - {"spec/README.md"}
    assert texts == {source for source in included if source.endswith(".md")}
    for source, target in included.items():
        assert (TOP / source).exists()
        assert target == f"headframe/conformance/site/texts/{Path(source).name}"
