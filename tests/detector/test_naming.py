"""Whom a row names, and the row without one of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.finding import Row
from detector.naming import is_flagged, talents_in, without_talent
from tests.flagged import copy, face, ingredient, row

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "finding.schema.json").read_text("utf-8"))
NAMES = ["tal_a", "tal_b", "tal_c"]
OUTCOMES = [("no_consent", "high"), ("needs_review", "low"), ("authorised", "none"), ("revoked", "high")]

talents = st.sampled_from(NAMES)
faces = st.builds(
    lambda given, others, how: face(given, *others, verdict=how[0], severity=how[1]),
    st.none() | talents,
    st.lists(talents, max_size=2),
    st.sampled_from(OUTCOMES),
)
copies = st.builds(lambda who, how: copy(who, *how), talents, st.sampled_from(OUTCOMES))
made_from = st.builds(lambda who, how: ingredient(who, *how), talents, st.sampled_from(OUTCOMES))
rows = st.builds(
    lambda some, lying, of: row(*some, copies=tuple(lying), ingredients=tuple(of)),
    st.lists(faces, max_size=4),
    st.lists(copies, max_size=3),
    st.lists(made_from, max_size=2),
)


def matches_schema(made: Row) -> bool:
    optional = {name for name in SCHEMA["required"] if name not in made}  # what newer rows have besides
    schema: dict[str, Any] = {
        **SCHEMA,
        "required": [name for name in SCHEMA["required"] if name not in optional],
    }
    return jsonschema.Draft202012Validator(schema).is_valid(made)


@given(rows, talents)
def test_without_a_talent_no_trace_of_them_is_left_and_the_row_is_still_one(made: Row, gone: str) -> None:
    before = json.dumps(made)
    left = without_talent(made, gone)
    assert json.dumps(made) == before
    if left is None:
        return
    assert gone not in json.dumps(left)
    assert talents_in(left)
    assert matches_schema(left)


@given(rows, talents)
def test_what_speaks_of_others_stays(made: Row, gone: str) -> None:
    left = without_talent(made, gone)
    others = [
        part
        for part in (*made["faces"], *made["copies"], *made["ingredients"])
        if part["talent"] not in (None, gone)
    ]
    if others:
        assert left is not None
        kept = [part["decision"] for part in (*left["faces"], *left["copies"], *left["ingredients"])]
        assert all(part["decision"] in kept for part in others)
        assert left["decision"] in kept
    assert talents_in(left or row()) <= talents_in(made) - {gone}


@given(rows)
def test_without_somebody_whom_nobody_named_nothing_changes(made: Row) -> None:
    if talents_in(made):
        left = without_talent(made, "tal_nobody")
        assert left is not None
        assert {**left, "decision": None} == {**made, "decision": None}


@pytest.mark.parametrize(
    ("made", "flagged"),
    [
        (row(face("tal_a")), True),
        (row(face("tal_a", verdict="authorised", severity="none")), False),
        (row(face(None)), False),
        (row(status="error", severity=None, verdict=None, decision=None), False),
    ],
)
def test_flagged_is_what_has_a_severity(made: Row, flagged: bool) -> None:
    assert is_flagged(made) is flagged


def test_the_files_own_words_go_with_whom_they_may_name() -> None:
    made = row(face("tal_a"), face("tal_b"), credentials={"c2pa": {"title": "tal_a at the sea.jpg"}})
    left = without_talent(made, "tal_a")
    assert left is not None
    assert left["credentials"] is None


def test_faces_that_nobody_was_looked_for_by_are_still_named_by_their_places() -> None:
    """The places count from what is left: the first face goes, the second and third move up."""
    made = row(face("tal_a"), face("tal_b"), face(None))
    made["unsearched_faces"] = [{"face": 0, "reasons": ["blurred"]}, {"face": 2, "reasons": ["too_small"]}]
    left = without_talent(made, "tal_a")
    assert left is not None
    assert left["unsearched_faces"] == [{"face": 1, "reasons": ["too_small"]}]
