"""docs/pages.md names every page with its address and scope, and every key that decides."""

from __future__ import annotations

import re
from pathlib import Path

from api.pages.navigation import PLACES
from api.pages.views.outcomes import NAMES, outcomes_after
from detector.review import ALLOWED, ReviewState

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "pages.md").read_text("utf-8")


def test_the_table_of_pages_is_that_of_the_navigation() -> None:
    told = re.findall(r"^\| (\w+) \| `(/\w+)` \| `([a-z:]+)` \|", DOCUMENT, re.MULTILINE)
    assert told == [(place.name, place.path, str(place.scope)) for place in PLACES]


def test_every_outcome_has_a_key_of_its_own_that_the_document_lists() -> None:
    offered = {outcome.value: outcome.key for state in ReviewState for outcome in outcomes_after(state)}
    assert set(offered) == set().union(*ALLOWED.values())
    assert len(set(offered.values())) == len(offered)
    assert sorted(listed_keys()) == sorted(offered.values())
    assert set(NAMES) == set(ReviewState)


def listed_keys() -> list[str]:
    """The keys in the row that begins with `c`."""
    return re.findall(r"`(\w)`", re.findall(r"^\| (`c` .*?) \|", DOCUMENT, re.MULTILINE)[0])
