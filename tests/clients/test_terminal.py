"""The command on a terminal, looked at as a person does, and that nothing of it is in a pipe."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from commanding import COLUMNS, run, served, terminal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")

COLOUR = re.compile(rb"\x1b\[[0-9;]*?\b(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])\b[0-9;]*m")
BAR = re.compile("[━╸╺]")
SLOW = ("--limit-rate", "2M")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served") / "root", "--durability", "rename") as server:
        yield server


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local") / "tree"
    folder.mkdir()
    for index in range(20):
        (folder / f"f{index:02}").write_bytes(os.urandom(100_000))
    return folder


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("local") / "large.bin"
    path.write_bytes(os.urandom(4_000_000))
    return path


def test_a_bar_shows_how_far_it_is_and_gives_way_to_a_line(server, tree):
    with terminal("put", "-r", *SLOW, tree, f"{server.url}/bar/") as screen:
        assert 0 == screen.finish()
    drawn = [frame for frame in screen.frames if BAR.search(frame)]
    assert len(drawn) > 2
    shape = r"put tree [━╸╺ ]+( [\d.]+ (B|KiB|MiB) of 1\.9 MiB, [\d.]+ \w+/s, \d+ files?)?"
    assert [] == [frame for frame in drawn if not re.fullmatch(shape, frame.strip())]
    assert re.fullmatch(
        r"headframe: put 20 files, 1\.9 MiB in [\d.]+ s \([\d.]+ MiB/s\)", screen.text.strip()
    )


def test_lines_appear_above_the_bar(server, tree):
    with terminal("get", "-r", "-v", *SLOW, f"{server.url}/bar/tree", tree.parent / "b") as screen:
        assert 0 == screen.finish()
    assert not BAR.search(screen.text)
    lines = screen.text.splitlines()
    assert [] == [line for line in lines if not line.startswith(("headframe: got ", " "))]
    assert any(
        re.search(r"headframe: got [^\n]+\nget tree [━╸╺]+[^\n]*\Z", frame)
        for frame in screen.frames
    )


def test_one_large_file_shows_its_share(server, large):
    with terminal("put", *SLOW, large, f"{server.url}/one") as screen:
        assert 0 == screen.finish()
    shares = [re.search(r"([\d.]+) MiB of 3\.8 MiB", frame) for frame in screen.frames]
    seen = [float(share[1]) for share in shares if share]
    assert len(seen) > 2
    assert sorted(seen) == seen
    assert "headframe: put 1 file, 3.8 MiB" in screen.text


def test_an_interrupt_leaves_a_clean_screen(server, large):
    with terminal("put", "--limit-rate", "500K", large, f"{server.url}/two") as screen:
        screen.read_until("MiB of 3.8 MiB")
        screen.press(b"\x03")
        assert 130 == screen.finish()
    assert "headframe: interrupted" == screen.text.splitlines()[-1]
    assert not BAR.search(screen.text)


def test_no_colour_where_somebody_wants_none(server, large):
    with terminal("put", *SLOW, large, f"{server.url}/c") as screen:
        assert 0 == screen.finish()
    assert COLOUR.search(screen.raw)
    with terminal("put", *SLOW, large, f"{server.url}/c", env={"NO_COLOR": "1"}) as screen:
        assert 0 == screen.finish()
    assert not COLOUR.search(screen.raw)


def test_a_terminal_that_cannot_draw_has_no_bar(server, large):
    with terminal("put", *SLOW, large, f"{server.url}/d", env={"TERM": "dumb"}) as screen:
        assert 0 == screen.finish()
    assert b"\x1b" not in screen.raw


@pytest.mark.parametrize("quiet", [["-q"], ["--progress", "none"], ["--json"]])
def test_who_wants_no_bar_has_none(server, large, quiet):
    with terminal("put", *quiet, *SLOW, "--no-resume", large, f"{server.url}/q") as screen:
        assert 0 == screen.finish()
    assert b"\x1b" not in screen.raw
    if quiet == ["-q"]:
        assert "" == screen.text
    if quiet == ["--json"]:
        assert "q" == json.loads(screen.text.replace("\n", ""))["filename"]


def test_a_bar_and_a_file_of_rows_do_not_mix(server, large, tmp_path):
    with (
        (tmp_path / "rows").open("wb") as rows,
        terminal("put", "--json", *SLOW, large, f"{server.url}/r", stdout=rows) as screen,
    ):
        assert 0 == screen.finish()
    assert any(BAR.search(frame) for frame in screen.frames)
    assert "r" == json.loads((tmp_path / "rows").read_bytes())["filename"]


def test_output_that_is_shown_has_no_bar_through_it(server):
    run("put", "-", f"{server.url}/text", given=b"some text\n" * 5)
    with terminal("cat", f"{server.url}/text") as screen:
        assert 0 == screen.finish()
    assert ["some text"] * 5 == screen.text.splitlines()
    assert b"\x1b" not in screen.raw


@pytest.mark.parametrize("how", ["auto", "bar", "plain", "none", "json"])
def test_nothing_is_drawn_in_a_pipe(server, large, how):
    done = run("put", "--progress", how, "--no-resume", large, f"{server.url}/p")
    assert (0, "") == (done.code, done.out)
    assert "\x1b" not in done.err
    assert "\r" not in done.err
    assert "" not in done.err.splitlines()
    if how in ("auto", "none"):
        assert "" == done.err
    elif how == "json":
        state = json.loads(done.err.splitlines()[0])
        assert (1, 4_000_000) == (state["files"], state["moved_bytes"])
    else:
        assert re.fullmatch(r"headframe: put 1 file, 3\.8 MiB in .*\n", done.err)


def test_plain_progress_is_lines_now_and_then(server, large, monkeypatch):
    more = ("--progress", "plain", "--limit-rate", "500K", "--no-resume")
    done = run("put", *more, large, f"{server.url}/plain")
    first, *_ = lines = done.err.splitlines()
    assert re.fullmatch(r"put: 0 files, [\d.]+ [KM]iB of 3\.8 MiB \(\d+ %\), [\d.]+ KiB/s", first)
    assert lines[-1].startswith("headframe: put 1 file, 3.8 MiB in ")


def test_a_listing_is_a_table_that_obeys_no_name(server):
    evil = "evil\u202etxt.exe\x9b31m"
    run("put", "-", f"{server.url}/names/{evil}", given=b"12345")
    run("put", "-", f"{server.url}/names/d/x", given=b"")
    done = run("ls", f"{server.url}/names")
    assert [f"names/{evil}", "names/d/"] == sorted(done.out.split("\n")[:-1], reverse=True)
    with terminal("ls", f"{server.url}/names") as screen:
        assert 0 == screen.finish()
    assert b"\x1b" not in screen.raw
    folder, file = screen.text.splitlines()
    assert re.fullmatch(r" {9}- {2}- {16} names/d/", folder)
    assert re.fullmatch(
        r" {7}5 B {2}20\d\d-\d\d-\d\d \d\d:\d\d {2}names/evil\\u202etxt\.exe\\x9b31m", file
    )
    for command in (["stat"], ["ls", "--json"], ["rm", "-v"]):
        with terminal(*command, f"{server.url}/names/{evil}") as screen:
            assert 0 == screen.finish()
        assert b"\x9b" not in screen.raw
        assert "\u202e" not in screen.raw.decode()


@pytest.mark.parametrize("command", ["", "put", "get", "ls", "uploads", "uploads ls", "demo"])
def test_help_fits_the_screen(command):
    with terminal(*command.split(), "--help") as screen:
        assert 0 == screen.finish()
    lines = screen.raw.decode().splitlines()
    assert [] == [line for line in lines if len(line) > COLUMNS]
    assert "Example:" in screen.raw.decode()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_options_and_values(shell, tmp_path):
    """Each shell is asked what its own function for completion would offer."""
    script = run("completion", shell).out
    assert "_HEADFRAME_COMPLETE" in script
    name = f"{shell}_complete"
    for words, offered in (
        ("headframe upl", "uploads"),
        ("headframe uploads ab", "abort"),
        ("headframe put --if-a", "--if-absent"),
        ("headframe put --progress pl", "plain"),
    ):
        position = str(len(words.split()) - 1)
        asked = {"_HEADFRAME_COMPLETE": name, "COMP_WORDS": words, "COMP_CWORD": position}
        if shell == "fish":
            asked["COMP_CWORD"] = words.split()[-1]
        assert offered in run(env=asked).out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_takes_the_script(shell, tmp_path):
    import shutil

    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    (tmp_path / "script").write_text(run("completion", shell).out)
    asked = {
        "bash": "source ./script && complete -p headframe",
        "zsh": "autoload -U compinit && compinit -u -d dump && source ./script"
        " && echo $_comps[headframe]",
        "fish": "source ./script; and complete -c headframe",
    }
    quiet = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [shell, *quiet, "-c", asked[shell]],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
        text=True,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert "_headframe_completion" in done.stdout


def test_help_costs_little_more_than_click():
    """What is heavy is imported when it is needed: nothing of it is here."""
    program = (
        "import sys; from headframe_client.command.entry import headframe\n"
        "try: headframe.main(['--help'], prog_name='headframe')\n"
        "except SystemExit: pass\n"
        "heavy = {'construct', 'msgspec', 'rich', 'ssl', 'socket', 'headframe'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        timeout=60,
        check=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "[]\n" == done.stderr
