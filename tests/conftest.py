"""Hypothesis profiles: `ci`, the default, repeats itself; `random` does not.

HYPOTHESIS_PROFILE=random pytest        look for new bugs
HYPOTHESIS_PROFILE=long pytest          the same, ten times as long
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

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
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
