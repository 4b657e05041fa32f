"""The checks run inside another project's pytest."""

from __future__ import annotations

import socket
import subprocess
import sys

PLUGIN = "headframe.conformance.pytest_plugin"


def run(folder, *arguments):
    """Run pytest in a project of its own; return its exit code and what it says."""
    (folder / "project").mkdir(exist_ok=True)
    (folder / "project" / "test_own.py").write_text("def test_own(): pass\n", "utf-8")
    (folder / "project" / "pytest.ini").write_text("[pytest]\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", *arguments]
    paths = {"PYTHONPATH": ":".join(sys.path), "PATH": ""}
    done = subprocess.run(
        command,
        cwd=folder / "project",
        env=paths,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_each_check_is_a_test_beside_those_of_the_project(serving, tmp_path):
    url = serving().url
    code, said = run(tmp_path, f"--headframe-server={url}", "--headframe-only=frame", "-v")
    assert 0 == code, said
    assert "headframe::frame/length-0 PASSED" in said
    assert "test_own.py::test_own PASSED" in said


def test_checks_are_spread_over_workers_and_notes_are_told(serving, tmp_path):
    url = serving().url
    only = ["--headframe-only=command/a-*", "--headframe-only=HF-NAME-010"]
    code, said = run(tmp_path, f"--headframe-server={url}", *only, "-n", "2")
    assert 0 == code, said
    assert "info command/a-file-beyond-the-limit" in said
    assert "skipped" in said


def test_a_failure_shows_the_rule_and_the_exchange(listening, tmp_path):
    def talk(sock):  # a server that answers everything with the same
        sock.recv(4096)
        while True:
            sock.sendall(ANSWER)
            if not sock.recv(4096):
                return

    target = listening(talk)
    code, said = run(
        tmp_path, f"--headframe-server={target}", "--headframe-only=command/unknown-handle"
    )
    assert 1 == code, said
    assert "HF-CMD-001" in said
    assert "permitted: id=21 unknown-command" in said
    assert "C>S 0000" in said


HEADER = b'{"id":21,"ok":true,"filesize":9}'
ANSWER = len(HEADER).to_bytes(4, "little") + HEADER + b"preflight"
ANSWER += ANSWER.replace(b"21", b"22")


def test_where_there_is_no_server_the_session_ends_with_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code, said = run(tmp_path, f"--headframe-server=headframe://127.0.0.1:{port}")
    assert 3 == code, said
    assert "takes a connection" in said


def test_what_makes_no_sense_is_a_usage_error(tmp_path):
    for arguments in (["--headframe-server=http://a"], ["--headframe-only=x"]):
        given = [*arguments] if len(arguments[0]) > 20 else ["--headframe-server=headframe://a"]
        code, said = run(tmp_path, *given, *arguments)
        assert 4 == code, said
        assert "headframe: " in said


def test_without_a_server_nothing_is_added(tmp_path):
    code, said = run(tmp_path)
    assert 0 == code, said
    assert "1 passed" in said
