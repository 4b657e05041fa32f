"""What is to be reached, and whether it was: one row for each goal.

The law of this module: a goal is judged by figures of one run on one machine, and each of its
limits by itself; what was not measured is not reached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from script import MIB, Result

__all__ = ["ROWS", "Check", "Row", "table"]

KIB = 1024
FLAT_KIB = 8 * KIB
"""More than at the smallest size: buffers, which are larger for large files, and no more."""
LINEAR = 1.1
"""The largest exponent."""
NO_CPU = 0.005
"""Of one processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A figure, and its limit."""

    words: str
    """With `{}` for the figure."""
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def reached(self) -> bool:
        """Whether it keeps to its limits."""
        above = self.at_least is None or self.value >= self.at_least
        return above and (self.at_most is None or self.value <= self.at_most)

    def __str__(self) -> str:
        """Return it as it stands in the table."""
        return self.words.format(self.value)


@dataclass(frozen=True, slots=True)
class Row:
    """A goal."""

    part: str
    """The script that measures it."""
    work: str
    goal: str
    checks: Callable[[Result], list[Check]]


def _codec(result: Result) -> list[Check]:
    """Judge the header that does worst, by each measure."""

    def worst(
        name: str, words: str, *, least: float | None = None, most: float | None = None
    ) -> Check:
        choose = max if least is None else min
        found = {label: row["ratios"][name] for label, row in result["headers"].items()}
        label = choose(found, key=lambda one: found[one])
        text = f"{words} ({label})"
        return Check(words=text, value=found[label], at_least=least, at_most=most)

    return [
        worst("canonical", "canonical {:.2f} x", most=0.4),
        worst("foreign", "foreign {:.2f} x", most=0.7),
        worst("encode", "encode {:.2f} x", most=0.2),
        worst("h11", "h11 takes {:.0f} x as long", least=10),
        worst("orjson", "{:.2f} x orjson", most=1.6),
    ]


RSYNC, VSFTPD, NGINX = "rsync daemon", "vsftpd + lftp", "nginx DAV + curl"
OURS, UNVERIFIED = "headframe", "headframe --no-verify"


def _faster(rows: dict[str, float], limits: dict[str, float], ours: str = OURS) -> list[Check]:
    """Compare with others: how many times faster ours is."""
    suffix = "" if ours == OURS else ", unverified"
    return [
        Check(words=f"{{:.2f}} x {name}{suffix}", value=rows[name] / rows[ours], at_least=limit)
        for name, limit in limits.items()
    ]


def _put_large(result: Result) -> list[Check]:
    rows = result["jobs"]["put-large"]
    verified = _faster(rows, {RSYNC: 1.3, VSFTPD: 0.9})
    rate = result["sizes"]["large_bytes"] / MIB / rows[OURS]
    return [
        Check(words="{:,.0f} MiB/s", value=rate),
        *verified,
        *_faster(rows, {VSFTPD: 1.0}, UNVERIFIED),
    ]


def _get_large(result: Result) -> list[Check]:
    rows = result["jobs"]["get-large"]
    best = min((RSYNC, VSFTPD, NGINX), key=lambda name: rows[name])
    rate = result["sizes"]["large_bytes"] / MIB / rows[OURS]
    return [Check(words="{:,.0f} MiB/s", value=rate), *_faster(rows, {best: 1.2})]


def _small(job: str) -> Callable[[Result], list[Check]]:
    def checks(result: Result) -> list[Check]:
        rows = result["jobs"][job]
        rate = result["sizes"]["files"] / rows[OURS]
        limits = {RSYNC: 1.0, NGINX: 3.0, VSFTPD: 10.0}
        return [Check(words="{:,.0f} files/s", value=rate), *_faster(rows, limits)]

    return checks


def _durable(result: Result) -> list[Check]:
    ways = result["ways"]
    ours = ways["put -r, fsync"]
    return [
        Check(words="{:,.0f} files/s", value=result["files"] / ours),
        Check(
            words="{:.1f} x put after put", value=ways["put after put, fsync"] / ours, at_least=5
        ),
        Check(words="{:.1f} x a loop without network", value=ways["no network, fsync"] / ours),
    ]


def _concurrency(result: Result) -> list[Check]:
    ways = result["ways"]
    ours = ways["headframe, library"]
    ratio = ours["bytes_per_s"] / ways["vsftpd, ftplib"]["bytes_per_s"]
    return [
        Check(words="{:,.0f} MiB/s", value=ours["bytes_per_s"] / MIB),
        Check(words="{:.2f} x vsftpd", value=ratio, at_least=1.1),
        Check(
            words="slowest {:.1f} x fastest",
            value=ours["slowest_to_fastest"],
            at_most=3,
        ),
    ]


def _fresh(result: Result) -> list[Check]:
    ours = result["headframe"]
    return [
        Check(words="{:.2f} ms", value=ours * 1000),
        Check(words="{:.2f} x pyftpdlib", value=ours / result["pyftpdlib + ftplib"], at_most=0.5),
        Check(words="{:.2f} x nginx", value=ours / result["nginx + http"]),
    ]


def _idle(result: Result) -> list[Check]:
    ours = [row for words, row in result["ways"].items() if words.startswith("headframe")]
    return [
        Check(words="{:.1f} KiB each", value=max(row["kib"] for row in ours), at_most=25),
        Check(words="{:.1%} of a core", value=max(row["cpu"] for row in ours), at_most=NO_CPU),
    ]


def _startup(result: Result) -> list[Check]:
    click = result['python -c "import click"']
    return [
        Check(words=f"`{name}` {{:.2f}} x", value=result[f"headframe {name}"] / click, at_most=2)
        for name in ("--help", "ls")
    ]


def _growth(result: Result) -> list[Check]:
    """Judge the largest exponent, and the most memory that was added, of either side."""
    checks = [
        Check(words=f"`{words}` ~ n^{{:.2f}}", value=row["exponent"], at_most=LINEAR)
        for words, row in result.items()
    ]
    for side in ("client", "server"):
        more = max(row[f"{side}_more_kib"] for row in result.values())
        checks.append(
            Check(words=f"{side} +{{:.1f}} MiB", value=more / KIB, at_most=FLAT_KIB / KIB)
        )
    return checks


ROWS = (
    Row(
        "codec",
        "decode and encode a header, strictly",
        "decode at most 0.4 x hand-written `struct` + `json` (0.7 x on foreign bytes) and 1.6 x"
        " `struct` + orjson, encode at most 0.2 x `struct` + `json`; h11's request head takes at"
        " least 10 x as long",
        _codec,
    ),
    Row(
        "transfers",
        "`put` of 1 GiB, verified",
        "at least 1.3 x rsync daemon and 0.9 x vsftpd + lftp; with `--no-verify` 1.0 x vsftpd",
        _put_large,
    ),
    Row(
        "transfers",
        "`get` of 1 GiB, verified",
        "at least 1.2 x the best of rsync daemon, vsftpd + lftp, nginx + curl",
        _get_large,
    ),
    Row(
        "transfers",
        "`put -r` of 10,000 x 4 KiB",
        "at least 1.0 x rsync daemon, 3 x nginx + curl (4 in parallel), 10 x vsftpd + lftp",
        _small("put-small"),
    ),
    Row(
        "transfers",
        "`get -r` of the same",
        "at least 1.0 x rsync daemon, 3 x nginx + curl (4 in parallel), 10 x vsftpd + lftp",
        _small("get-small"),
    ),
    Row(
        "durable",
        "the same `put -r`, `--durability fsync`, on disk",
        "at least 5 x one put after the other",
        _durable,
    ),
    Row(
        "concurrency",
        "64 clients at once, 16 x 1 MiB each",
        "at least 1.1 x vsftpd's total rate; slowest within 3 x of the fastest",
        _concurrency,
    ),
    Row(
        "fresh",
        "1 KiB put on a fresh connection, library",
        "at most 0.5 x pyftpdlib's time",
        _fresh,
    ),
    Row(
        "idle",
        "500 idle connections",
        "under 25 KiB of memory each in the server, no processor time",
        _idle,
    ),
    Row("startup", "start of the command", 'at most 2 x `python -c "import click"`', _startup),
    Row(
        "growth",
        "1,000 to 100,000 files, 1 MiB to 8 GiB",
        "time linear (exponent at most 1.1), memory flat (at most 8 MiB more), both sides,"
        " listing too",
        _growth,
    ),
)


def table(parts: dict[str, Result]) -> list[str]:
    """Return the lines of the table."""
    lines = ["| work | goal | measured | reached |", "| --- | --- | --- | --- |"]
    for row in ROWS:
        try:
            checks = row.checks(parts[row.part])
        except KeyError as missing:
            measured, reached = f"not measured ({missing})", "no"
        else:
            failed = [str(check) for check in checks if not check.reached]
            measured = ", ".join(map(str, checks))
            reached = f"no: {', '.join(failed)}" if failed else "yes"
        lines.append(f"| {row.work} | {row.goal} | {measured} | {reached} |")
    return lines
