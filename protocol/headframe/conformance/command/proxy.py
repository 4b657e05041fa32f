"""The command `headframe proxy`."""

from __future__ import annotations

import contextlib
import secrets
import threading
from pathlib import Path

import click

from headframe.conformance.faults import DOWN, UP, FaultKind, Plan
from headframe.conformance.proxying import Proxy, Record
from headframe.conformance.verdicts import Exit

__all__ = ["proxy"]


@click.command(epilog="Example: headframe proxy --fault cut --seed 7 headframe://127.0.0.1:37263")
@click.argument("url")
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:0", show_default=True)
@click.option(
    "--record",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write what passed here at the end, for `headframe replay`.",
)
@click.option(
    "--fault",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in FaultKind]),
    help="What may happen to a connection; several may be given.",
)
@click.option("--seed", type=int, help="Decides what happens to which byte.")
@click.option(
    "--connections", type=click.IntRange(1), help="So many have faults, the others none; else all."
)
@click.option(
    "--span",
    type=click.IntRange(1),
    default=1 << 16,
    show_default=True,
    help="Faults are among so many bytes of each way.",
)
def proxy(
    url: str,
    listen: str,
    record: Path | None,
    kinds: tuple[str, ...],
    seed: int | None,
    connections: int | None,
    span: int,
) -> int:
    """Pass connections on to the server at URL, until it is interrupted (Ctrl-C).

    With --record it keeps every byte that passed; with --fault it cuts, resets, stalls or splits
    connections, or flips bits, as a seed decides. TLS passes as it is and cannot be read here.
    """
    from headframe_client.address import parse_url  # noqa: PLC0415  (what it costs)

    upstream = parse_url(url)
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    spans = {UP: span, DOWN: span}
    plan = Plan(seed, tuple(map(FaultKind, kinds)), connections, spans, bodies_up=span)
    kept = None if record is None else Record()
    try:
        running = Proxy(
            (upstream.host, upstream.port), plan, listen=_listen_address(listen), record=kept
        )
    except OSError as error:
        click.echo(f"headframe: cannot listen on {listen}: {error.strerror}", err=True)
        return Exit.UNREACHABLE
    with running:
        click.echo(f"listening on {running.url}, passing to {upstream.host}:{upstream.port}")
        if kinds:
            click.echo(f"faults: {', '.join(kinds)}; seed {seed}")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    for number, fault in running.struck:
        click.echo(f"connection {number + 1}: {fault}")
    if record is not None and kept is not None:
        _save(kept, record, url, seed)
    return Exit.PASSED


def _listen_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.UsageError(f"--listen: {text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _save(kept: Record, path: Path, url: str, seed: int) -> None:
    """Write the record, and say what it holds."""
    faults = [f"connection {number}: {fault}" for number, fault in kept.faults]
    text = kept.transcript.to_json(target=url, seed=seed, faults=faults)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from error
    size = sum(len(entry.data) for entry in kept.transcript.entries)
    more = "; there was more, which was not kept" if kept.full else ""
    click.echo(f"{path}: {size:,} bytes{more}")
