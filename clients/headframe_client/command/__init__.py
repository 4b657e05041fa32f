"""The command `headframe`: a server, a client and a demonstration.

The law of this package: what the user sees is the result, or one line that says what went wrong,
and an exit code (`exits`). A module is imported when its command is called; `headframe --help`
costs little more than click itself.

    entry      the table of commands          options   what several commands can be told
    transfers  put, get, cat                  targets   URLs and HEADFRAME_URL
    files      ls, stat, rm, mv               watching  progress, and what it came to
    uploads    uploads ls, uploads abort      state     where uploads are written down
    demo       demo                           exits     errors as a line and a code
    completion completion                     text      names, sizes and times for people
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit."""
    try:
        from headframe_client.command.entry import headframe  # noqa: PLC0415
    except ModuleNotFoundError as error:
        from headframe_client.command.exits import describe  # noqa: PLC0415

        sys.stderr.write(f"headframe: {describe(error)}\n")
        sys.exit(1)
    headframe.main(prog_name="headframe")
