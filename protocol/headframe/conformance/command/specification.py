"""The commands `headframe spec`: the rules of the standard, and what shows that they are kept.

The law of this module: it finds nothing out by itself; it prints what `specification` knows.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from headframe.conformance import specification
from headframe.conformance.rules import find_near, find_rule
from headframe.conformance.specification import Proof

__all__ = ["spec"]

WIDTH: Final = 100
_KINDS: Final = ("checks", "vectors", "tests")

_json: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group(epilog="Example: headframe spec explain HF-BODY-004")
def spec() -> None:
    """Show the rules of HF/1 and what shows that they are kept."""


@spec.command(epilog="Example: headframe spec matrix --without tests")
@click.option(
    "--without",
    type=click.Choice(_KINDS),
    help="Only the rules that have none of these.",
)
@_json
def matrix(without: str | None, as_json: bool) -> None:
    """List each rule with its checks, vectors and tests.

    The tests are those of the reference implementation; they are known in a checkout only.
    """
    for proof in specification.matrix():
        if without is None or getattr(proof, without) == ():
            for line in [json.dumps(_row(proof))] if as_json else _lines(proof):
                click.echo(line)


@spec.command(epilog="Example: headframe spec explain body-4")
@click.argument("rules", nargs=-1, required=True, metavar="RULE...")
@_json
def explain(rules: tuple[str, ...], as_json: bool) -> None:
    """Show a rule with its context, and what shows that it is kept.

    RULE is an id such as HF-BODY-004; body-4 does as well.
    """
    proofs = {proof.rule.id: proof for proof in specification.matrix()}
    named = [_one_rule(text) for text in rules]
    for rule in named:
        for line in (
            [json.dumps(_row(proofs[rule], whole=True))] if as_json else _explain(proofs[rule])
        ):
            click.echo(line)


@spec.command(epilog="Example: headframe spec figures --json")
@_json
def figures(as_json: bool) -> None:
    """Count rules, checks, vectors and what else there is."""
    counted = specification.figures()
    if as_json:
        click.echo(json.dumps(counted))
        return
    for name, number in counted.items():
        click.echo(f"{number:6,}  {name}")


@spec.command(
    short_help="Make one page of the standard.",
    epilog="Example: headframe spec build -o headframe.html",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default="headframe.html",
    show_default=True,
    help="The page.",
)
@click.option(
    "--texts",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of the standard, if another one is meant.",
)
def build(output: Path, texts: Path | None) -> None:
    """Make one page of the standard: text, rules and their proofs, Python reference.

    It needs no other file and no network. Needs pip install "headframe[site]".
    """
    try:
        site = import_module("headframe.conformance.site")
    except ModuleNotFoundError as error:
        needs = "pip install 'headframe[site]'"
        raise click.UsageError(f"the page is made with {error.name}: {needs}") from error
    folder = texts or site.find_texts()
    if folder is None or not (folder / "headframe.md").exists():
        raise click.UsageError("there is no headframe.md here; name its folder by --texts")
    page: str = site.build_page(folder)
    output.write_text(page, encoding="utf-8")
    click.echo(f"{output}: {len(page.encode()):,} bytes")


def _one_rule(text: str) -> str:
    """Return the id that `text` means; raise UsageError with those that are near."""
    rule = find_rule(text)
    if rule is not None:
        return rule.id
    near = find_near(text)
    hint = f"near it are {', '.join(near)}" if near else "`headframe spec matrix` lists them all"
    raise click.UsageError(f"{text!r} is no rule of HF/1; {hint}")


def _row(proof: Proof, *, whole: bool = False) -> dict[str, Any]:
    """Return a rule and its proof as JSON has it."""
    rule = proof.rule
    row: dict[str, Any] = {
        "rule": rule.id,
        "role": rule.role,
        "level": rule.level,
        "sentence": rule.sentence,
        "section": rule.section,
        "anchor": rule.anchor,
        "untestable": rule.untestable or None,
    }
    if whole:
        row["context"] = rule.context
    return row | {kind: getattr(proof, kind) for kind in _KINDS}


def _lines(proof: Proof) -> Iterator[str]:
    """Return a rule and its proof in a few lines."""
    yield f"{proof.rule.id}  {proof.rule.role} {proof.rule.level}"
    for kind in _KINDS:
        names = getattr(proof, kind)
        if names:
            yield from _wrap(f"{kind:8} {', '.join(names)}", "    ", " " * 13)
    if proof.rule.untestable:
        yield from _wrap(f"untestable: {proof.rule.untestable}", "    ", "    ")


def _explain(proof: Proof) -> Iterator[str]:
    """Return all there is to say of a rule."""
    rule = proof.rule
    where = rule.chapter if rule.chapter == rule.section else f"{rule.chapter}, {rule.section}"
    yield click.style(f"{rule.id} ({rule.role})", bold=True)
    yield from _wrap(rule.sentence, "", "")
    yield f"in {where}"
    if rule.untestable:
        yield from _wrap(f"No test can prove it: {rule.untestable}", "", "")
    yield ""
    yield from textwrap.indent(rule.context, "  ").split("\n")
    titles = {
        "checks": {check.id: check.title for check in specification.checks().values()},
        "vectors": {name: str(row.title) for name, row in specification.vectors().items()},
        "tests": {},
    }
    for kind in _KINDS:
        names = getattr(proof, kind)
        if names is None:
            continue
        yield ""
        yield click.style(kind if names else f"no {kind}", bold=True)
        for name in names:
            yield from _wrap(f"{name}  {titles[kind].get(name, '')}".rstrip(), "  ", "      ")


def _wrap(text: str, first: str, later: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
