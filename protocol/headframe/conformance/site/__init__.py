"""The standard as one page: text, rules with their proofs, drawings and the Python reference.

    headframe spec build            writes headframe.html

Needs `pip install "headframe[site]"`. The law of this package: one file comes out that needs no
other and no network, and every rule, heading and name in it has an anchor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from headframe.conformance import specification
from headframe.conformance.site.prose import Heading, Prose, link_rules
from headframe.conformance.site.reference import Reference
from headframe.conformance.specification import Proof

__all__ = ["build_page", "find_texts"]

STANDARD: Final = "headframe.md"
OTHERS: Final[tuple[str, ...]] = (
    "weekend.md",
    "rationale.md",
    "formats.md",
    "vectors.md",
    "CHANGELOG.md",
)
"""In this order, as far as they are there; after them, any other."""
NO_TEXTS: Final = frozenset({"README.md"})
"""Leads from file to file; here the contents do."""

Part = tuple[str, list[Heading]]
"""HTML, and the headings in it."""


def find_texts() -> Path | None:
    """Return the folder of the standard's texts: that of a checkout, or what is installed."""
    top = specification.find_checkout()
    if top is not None:
        return top / "spec"
    installed = Path(str(files("headframe.conformance.site").joinpath("texts")))
    return installed if (installed / STANDARD).exists() else None


def build_page(texts: Path) -> str:
    """Return the page made of the texts in a folder."""
    found = {path.name for path in texts.glob("*.md")} - NO_TEXTS - {STANDARD}
    order = [name for name in OTHERS if name in found]
    order += sorted(found - set(order))
    reference = Reference.read()
    proofs = specification.matrix()
    prose = Prose(
        documents={STANDARD: "", "api": ""} | {name: _stem(name) for name in order},
        proofs={proof.rule.id: _link_proof(proof) for proof in proofs},
        names=reference.names(),
    )
    plain = Prose(documents=prose.documents, proofs=prose.proofs)
    parts = {"top": plain.render(_read(texts / STANDARD), STANDARD)}
    parts |= {_stem(name): plain.render(_read(texts / name), name) for name in order}
    parts["matrix"] = _render_matrix(proofs)
    body, headings = reference.render(prose)
    title = Heading(1, "api", "Python reference")
    parts["api"] = f'<h1 id="api">{title.text}</h1>\n{body}', [title, *headings]
    folder = files("headframe.conformance.site")
    return Template(folder.joinpath("page.html").read_text("utf-8")).substitute(
        style=folder.joinpath("page.css").read_text("utf-8"),
        script=folder.joinpath("page.js").read_text("utf-8"),
        contents="\n".join(_render_contents(list(parts.values()))),
        body="\n".join(
            f'<article id="part-{name}">\n{html}</article>' for name, (html, _) in parts.items()
        ),
    )


def _stem(name: str) -> str:
    return name.removesuffix(".md").lower()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# --- contents ----------------------------------------------------------------------------


def _render_contents(parts: Sequence[Part]) -> Iterator[str]:
    """Return a list of parts; each opens to its chapters, and these to their sections."""
    for number, (_, (title, *headings)) in enumerate(parts):
        yield f'<details name="part"{" open" if number == 0 else ""}>'
        yield f'<summary><a href="#{title.anchor}">{escape(title.text)}</a></summary><ul>'
        yield from (
            f'<li class="level-{heading.level}"><a href="#{heading.anchor}">'
            f"{escape(heading.text)}</a></li>"
            for heading in headings
            if heading.level <= 3
        )
        yield "</ul></details>"


# --- rules and their proofs --------------------------------------------------------------


def _link_proof(proof: Proof) -> str:
    """Return what stands behind a rule: how many things show it, and the way to them."""
    counts = [
        f"{len(names)} {kind if len(names) != 1 else kind.removesuffix('s')}"
        for kind in ("checks", "vectors", "tests")
        if (names := getattr(proof, kind))
    ]
    text = ", ".join(counts) or ("untestable" if proof.rule.untestable else "no proof")
    return f' <a class="proof" href="#proof-{proof.rule.id}">{text}</a>'


def _render_matrix(proofs: Sequence[Proof]) -> Part:
    """Return the table of rules, and the figures above it."""
    title = Heading(1, "matrix", "Rules and their proofs")
    figures = "".join(
        f"<div><b>{number:,}</b> {escape(name)}</div>"
        for name, number in specification.figures().items()
    )
    rows = "\n".join(map(_render_proof, proofs))
    html = (
        f'<h1 id="matrix">{title.text}<a class="here" href="#matrix">#</a></h1>\n'
        "<p>Checks are what the conformance kit holds an implementation to, vectors what it reads,"
        " and tests those of the reference implementation.</p>\n"
        f'<div class="figures">{figures}</div>\n<div class="table matrix" tabindex="0"><table>'
        "<thead><tr><th>rule</th><th>checks</th><th>vectors</th><th>tests</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>\n"
    )
    return html, [title]


def _render_proof(proof: Proof) -> str:
    """Return the row of a rule."""
    rule = proof.rule
    tests = [test.removeprefix("tests/") for test in proof.tests or ()]
    return (
        f'<tr id="proof-{rule.id}"><td>{link_rules(rule.id)}<br>'
        f'<span class="role">{rule.role}</span> {link_rules(rule.level)}</td>'
        f"<td>{_list(proof.checks)}</td><td>{_list(proof.vectors)}</td>"
        f"<td>{_list(tests)}{escape(rule.untestable)}</td></tr>"
    )


def _list(names: Sequence[str]) -> str:
    """Return names one below the other; a long list opens on demand."""
    shown = "<br>".join(f"<code>{escape(name)}</code>" for name in names)
    if len(names) <= 3:
        return shown
    return f"<details><summary>{len(names)}</summary>{shown}</details>"
