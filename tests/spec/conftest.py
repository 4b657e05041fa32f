"""What the slow tests of `spec/` need from elsewhere, or the reason why they are left out."""

from __future__ import annotations

import shutil
import subprocess

import pytest

NODE_PACKAGES = ["ajv@8.20.0", "js-yaml@4.1.1", "kaitai-struct-compiler@0.11.0"]


@pytest.fixture(scope="session")
def run_node(tmp_path_factory):
    """Return what runs a Node.js script, with its input, beside the packages above."""
    if not shutil.which("npm"):
        pytest.skip("no npm here: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("node")
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, *NODE_PACKAGES]
    installed = subprocess.run(install, capture_output=True, text=True, timeout=100, check=False)
    if installed.returncode:
        pytest.skip(f"npm cannot install {NODE_PACKAGES}: {installed.stderr[-300:]}")

    def run(script: str, given: str) -> str:
        ran = subprocess.run(
            ["node", "-e", script],
            input=given,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (0, "") == (ran.returncode, ran.stderr), ran.stderr
        return ran.stdout

    return run
