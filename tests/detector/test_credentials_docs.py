"""docs/credentials.md names what the code can say: states, notices, standings, terms, generators, settings."""

from __future__ import annotations

import re
from pathlib import Path

from detector.credentials import reading
from detector.credentials.claims import ManifestState, Standing
from detector.origin import CAPTURED_TERMS, EDITED_TERMS, GENERATED_TERMS

TEXT = (Path(__file__).parents[2] / "docs" / "credentials.md").read_text("utf-8")


def test_every_notice_is_explained() -> None:
    codes = set(re.findall(r'Reason\(\s*"([a-z_]+)"', Path(reading.__file__).read_text("utf-8")))
    assert {"manifest_invalid", "claims_disagree", "metadata_unreadable"} <= codes
    for code in codes:
        assert f"| `{code}` |" in TEXT, code


def test_every_state_and_standing_is_explained() -> None:
    for state in ManifestState:
        assert f"| `{state}` |" in TEXT, state
    for standing in Standing:
        assert f"`{standing}`" in TEXT, standing


def test_every_term_that_decides_is_named() -> None:
    named = {term.casefold() for term in re.findall(r"`(\w+)`", TEXT)}
    assert named >= GENERATED_TERMS | EDITED_TERMS | CAPTURED_TERMS


def test_the_settings_are_named() -> None:
    for setting in ("c2pa_trust_lists", "c2pa_fetch"):
        assert f"`{setting}`" in TEXT, setting
