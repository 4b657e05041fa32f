"""The texts of the standard as HTML: rules with anchors, examples in colour, links that stay here.

The law of this module: what it knows of a rule or a byte comes from the kit and from the codec;
Markdown that it does not know is rendered as any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from headframe.annotation import annotate
from headframe.conformance.rules import RULES
from headframe.conformance.site.diagrams import draw
from headframe.hexdump import Ink, dump

__all__ = ["Heading", "Prose", "link_rules"]

_COMMENT: Final = re.compile(r"^<!-- .*? -->\n", re.MULTILINE)
_DIAGRAM: Final = re.compile(r"<!-- table: (\w+-diagram) -->\n```mermaid\n.*?```\n", re.DOTALL)
_RULE: Final = re.compile(r"\*\*(HF-[A-Z]+-\d{3})\*\* \((\w+)\) ")
_RULE_ID: Final = re.compile(r"\bHF-[A-Z]+-\d{3}\b")
_LEVEL: Final = re.compile(r"\b(MUST NOT|MUST|SHOULD NOT|SHOULD|MAY)\b")
_MARKED: Final = re.compile(r"(C>S|S>C|D>S|S>D|HAS|\*\*\*)(?=  )")


@dataclass(frozen=True, slots=True)
class Heading:
    """A place that contents and search lead to."""

    level: int
    anchor: str
    text: str


@dataclass(slots=True)
class Prose:
    """Renders texts that link to each other on one page."""

    documents: Mapping[str, str]
    """File name -> what its anchors begin with; the standard's begin with nothing."""
    proofs: Mapping[str, str] = field(default_factory=dict)
    """Rule -> HTML that says what shows that it is kept."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Name in code -> the anchor that explains it."""

    def render(self, text: str, document: str = "") -> tuple[str, list[Heading]]:
        """Return a text as HTML, and its headings."""
        text = _DIAGRAM.sub(r"```diagram \1\n```\n", text)
        text = _COMMENT.sub("", text)
        markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        tokens = markdown.parse(text)
        headings = self._mark_headings(tokens, document)
        for opening, inline in pairwise(tokens):
            if inline.type != "inline":
                continue
            children = list(inline.children or [])
            rule = _RULE.match(inline.content) if opening.type == "paragraph_open" else None
            if rule is not None and rule[1] in RULES:
                children = self._mark_rule(opening, rule, children)
            inline.children = list(self._link(children, document))
        renderer = markdown.renderer
        assert isinstance(renderer, RendererHTML)
        renderer.rules |= _RULES_OF_RENDERING
        return str(renderer.render(tokens, markdown.options, {})), headings

    def _mark_headings(self, tokens: Sequence[Token], document: str) -> list[Heading]:
        """Give every heading an anchor, and a link to itself."""
        prefix = self.documents.get(document, "")
        headings = []
        for opening, inline in pairwise(tokens):
            if opening.type != "heading_open":
                continue
            level = int(opening.tag[1])
            text = "".join(child.content for child in inline.children or [])
            anchor = _slug(inline.content)
            if prefix:
                anchor = prefix if level == 1 else f"{prefix}-{anchor}"
            opening.attrSet("id", anchor)
            assert inline.children is not None
            inline.children.append(_html(f'<a class="here" href="#{anchor}">#</a>'))
            headings.append(Heading(level, anchor, text))
        return headings

    def _mark_rule(
        self, paragraph: Token, rule: re.Match[str], children: list[Token]
    ) -> list[Token]:
        """Make a rule of a paragraph: its id is its anchor, and its proof stands behind it."""
        name, role = rule.groups()
        paragraph.attrSet("id", name)
        paragraph.attrSet("class", "rule")
        at = [child.type for child in children].index("strong_close") + 1
        children[at].content = children[at].content.removeprefix(f" ({role}) ")
        head = f'<a class="rule-id" href="#{name}">{name}</a> <span class="role">{role}</span> '
        return [_html(head), *children[at:], _html(self.proofs.get(name, ""))]

    def _link(self, children: list[Token], document: str) -> Iterator[Token]:
        """Lead links to where things are on this page, and rules that are named to the rules."""
        inside = ""
        for child in children:
            if child.type == "link_open":
                anchor = self._anchor_of(str(child.attrGet("href")), document)
                inside = "a" if anchor else "span"
                yield _html(f'<a href="{escape(anchor)}">' if anchor else '<span class="file">')
            elif child.type == "link_close":
                yield _html(f"</{inside}>")
                inside = ""
            elif child.type == "text" and not inside:
                yield _html(link_rules(escape(child.content, quote=False)))
            elif child.type == "code_inline" and child.content in self.names and not inside:
                anchor = self.names[child.content]
                yield _html(f'<a href="#{anchor}"><code>{escape(child.content)}</code></a>')
            else:
                yield child

    def _anchor_of(self, target: str, document: str) -> str:
        """Return where a link leads on this page or outside; nothing for files beside it."""
        if "://" in target:
            return target
        file, _, anchor = target.partition("#")
        file = file or document
        if file not in self.documents:
            return ""
        prefix = self.documents[file]
        parts = [part for part in (prefix, anchor) if part]
        return "#" + ("-".join(parts) or "top")


def link_rules(text: str) -> str:
    """Return HTML in which every rule that is named leads to it, and words of BCP 14 stand out."""
    linked = _RULE_ID.sub(
        lambda found: (
            f'<a class="to-rule" href="#{found[0]}">{found[0]}</a>'
            if found[0] in RULES
            else found[0]
        ),
        text,
    )
    return _LEVEL.sub(r'<em class="level">\1</em>', linked)


def _slug(text: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")


def _html(content: str) -> Token:
    return Token("html_inline", "", 0, content=content)


# --- examples ----------------------------------------------------------------------------


def _render_fence(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    kind, _, label = tokens[index].info.strip().partition(" ")
    text = tokens[index].content.rstrip("\n")
    if kind == "diagram":
        return f'<div class="drawing" tabindex="0">{draw(label)}</div>\n'
    caption = f"<figcaption>is answered with <code>{escape(label)}</code></figcaption>"
    caption = caption if label else ""
    show = _SHOWN.get(kind)
    shown = _colour(text, kind) if show is None else show(text)
    return _figure(kind or "text", f"{caption}{_pre(shown)}")


def _render_code(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    text = tokens[index].content.rstrip("\n")
    shown = _colour(text, "pycon") if text.lstrip().startswith(">>>") else escape(text)
    return _figure("text", _pre(shown))


def _figure(kind: str, inside: str) -> str:
    return f'<figure class="{escape(kind)}">{inside}</figure>\n'


def _pre(shown: str) -> str:
    return f'<pre tabindex="0"><code>{shown}</code></pre>'


def _show_dump(text: str) -> str:
    """Return a dump as the renderer of dumps makes it, in colour."""
    raw = bytes.fromhex("".join(line[6:53] for line in text.splitlines()))
    return "\n".join(dump(annotate(raw).parts, paint=_paint, faults=False))


def _paint(text: str, ink: Ink) -> str:
    return f'<span class="ink-{ink}">{escape(text, quote=False)}</span>'


def _show_exchange(text: str) -> str:
    """Return an exchange with its sides told apart."""
    lines = []
    for line in text.split("\n"):
        marked = _MARKED.match(line)
        shown = escape(line, quote=False)
        if marked:
            side = {"C": "client", "S": "server"}.get(line[0], "aside")
            mark = escape(marked[0])
            shown = f'<span class="{side}">{mark}</span>{shown[len(mark) :]}'
        elif line.startswith("     |"):
            shown = f'<span class="ink-body">{shown}</span>'
        lines.append(shown)
    return "\n".join(lines)


def _show_verdicts(text: str) -> str:
    """Return examples each of which begins with what becomes of it."""
    lines = []
    for line in text.split("\n"):
        verdict, space, rest = re.fullmatch(r"(\S*)(\s*)(.*)", line).groups()  # type: ignore[union-attr]
        kind = "good" if verdict == "accepted" else "bad"
        lines.append(
            f'<span class="{kind}">{escape(verdict)}</span>{space}{escape(rest, quote=False)}'
        )
    return "\n".join(lines)


_SHOWN: Final[Mapping[str, Callable[[str], str]]] = {
    "digest": _show_verdicts,
    "exchange": _show_exchange,
    "header": _show_verdicts,
    "hexdump": _show_dump,
    "message": _show_verdicts,
    "name": _show_verdicts,
}


def _colour(text: str, language: str) -> str:
    """Return code in colour, in any language that Pygments knows."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return escape(text, quote=False)
    coloured = str(highlight(text, lexer, HtmlFormatter(nowrap=True)))
    return coloured.rstrip("\n")


_RULES_OF_RENDERING: Final[dict[str, Any]] = {
    "fence": lambda *given: _render_fence(None, *given),
    "code_block": lambda *given: _render_code(None, *given),
    "table_open": lambda *_: '<div class="table" tabindex="0"><table>',
    "table_close": lambda *_: "</table></div>\n",
}
