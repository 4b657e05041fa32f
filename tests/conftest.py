"""Hypothesis profiles: `ci`, the default, repeats itself; `random` does not.

HYPOTHESIS_PROFILE=random pytest        look for new bugs
HYPOTHESIS_PROFILE=long pytest          the same, ten times as long
HYPOTHESIS_PROFILE=nightly pytest       the same; what failed is tried first the next time

HEADFRAME_DATABASE says where `nightly` remembers it: a folder, or redis://HOST:PORT/0 for many
machines; without it, in the cache of this user.
"""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

from headframe import digests

settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("random", settings.get_profile("ci"), derandomize=False, max_examples=300)
settings.register_profile("long", settings.get_profile("random"), max_examples=3000)
chosen = os.environ.get("HYPOTHESIS_PROFILE", "ci")
if chosen == "nightly":
    from headframe.conformance.databases import default_place, open_database

    settings.register_profile(
        "nightly",
        settings.get_profile("long"),
        database=open_database(
            os.environ.get("HEADFRAME_DATABASE") or default_place(),
            on_loss=lambda told: print(told, file=sys.stderr),
        ),
    )
settings.load_profile(chosen)


@pytest.fixture
def without_blake3(monkeypatch):
    """Let the package blake3 not be there, neither for servers nor for clients."""
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "blake3", None)
        digests._maker.cache_clear()
        yield
    digests._maker.cache_clear()
