"""Settings: sane by default, from a file, and never weaker than the standard guarantees."""

from __future__ import annotations

import pytest

from headframe import LIMITS
from headframe_server import Settings, SettingsError


def test_the_defaults_are_within_what_they_allow():
    assert Settings() == Settings().updated({})
    assert (60_000, 1024) == (Settings().limits.idle_ms, Settings().limits.body_bytes_per_s)


def test_a_file_changes_what_it_names(tmp_path):
    (tmp_path / "server.toml").write_text('idle_s = 90\ndurability = "rename"\n')
    settings = Settings().read(tmp_path / "server.toml")
    assert Settings(idle_s=90, durability="rename") == settings
    assert 90_000 == settings.limits.idle_ms


@pytest.mark.rule("HF-CMD-005")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("idle_s = 59", "idle_s is 59, 60 to"),
        ("list_entries = 99", "list_entries is 99, 100 to"),
        (f"total_bytes = {LIMITS.total_bytes - 1}", "total_bytes is"),
        ("upload_ttl_s = 60", "upload_ttl_s is 60"),
        ("body_bytes_per_s = 1025", "body_bytes_per_s is 1025, 1 to 1024"),
        ("connections = 0", "connections is 0"),
        ('durability = "hope"', "'hope'"),
        ("connections = true", "connections is True, a whole number"),
        ("connections = 5.0", "5.0, a whole number"),
        ("durability = 5", "5, a text"),
        ("speed = 5", "unknown setting 'speed', there are body"),
        ("speed", "server.toml"),
    ],
)
def test_what_makes_no_sense_is_told_with_what_does(tmp_path, text, told):
    (tmp_path / "server.toml").write_text(text)
    with pytest.raises(SettingsError, match=told):
        Settings().read(tmp_path / "server.toml")
