"""Rules of review: whatever a person does in whatever order, the record makes sense."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import OutcomeNotAllowed, UsageError
from detector.review import (
    ALLOWED,
    BEGINNINGS,
    BENIGN,
    DOCUMENT_LIMIT,
    NOTE_LIMIT,
    PENDING,
    Judgement,
    ReviewState,
    needs_note,
    require_allowed,
)

_R = ReviewState
outcomes = st.sampled_from(ReviewState)


def whole(outcome: ReviewState) -> Judgement:
    """A judgement that lacks nothing."""
    document = "contract 17" if outcome is _R.AUTHORISED_OUT_OF_BAND else None
    return Judgement(outcome, "because", document)


def walked(start: ReviewState, wishes: list[ReviewState]) -> list[ReviewState]:
    """The states that a finding goes through when somebody wishes this; what is refused changes nothing."""
    path = [start]
    for wish in wishes:
        try:
            path.append(require_allowed(path[-1], whole(wish)).outcome)
        except OutcomeNotAllowed:
            assert wish not in ALLOWED[path[-1]]
    return path


@given(st.sampled_from(sorted(BEGINNINGS)), st.lists(outcomes, max_size=12))
def test_no_order_of_wishes_leads_astray(start: ReviewState, wishes: list[ReviewState]) -> None:
    path = walked(start, wishes)
    assert not BEGINNINGS & set(path[1:])
    for place, state in enumerate(path):
        if state is _R.TAKE_DOWN_SENT:
            assert path[place - 1] is _R.CONFIRMED
        if state is _R.RESOLVED:
            assert path[place - 1] in (_R.CONFIRMED, _R.TAKE_DOWN_SENT)
        if place:
            assert path[place - 1] is not state


@pytest.mark.parametrize("start", ReviewState)
def test_from_everywhere_every_outcome_can_still_be_reached(start: ReviewState) -> None:
    reached, edge = set(ALLOWED[start]), set(ALLOWED[start])
    while edge:
        edge = {after for state in edge for after in ALLOWED[state]} - reached
        reached |= edge
    assert reached | {start} >= set(ReviewState) - BEGINNINGS


@given(outcomes, outcomes)
def test_what_undoes_a_conclusion_needs_a_note_and_nothing_else_does(
    before: ReviewState, after: ReviewState
) -> None:
    if after not in ALLOWED[before]:
        return
    bare = Judgement(after, " ", whole(after).document)
    if needs_note(before, after):
        with pytest.raises(UsageError, match="note"):
            require_allowed(before, bare)
    else:
        assert require_allowed(before, bare).note is None
    assert needs_note(before, after) <= (before not in BEGINNINGS)


@pytest.mark.parametrize(
    "before", [state for state in ReviewState if _R.AUTHORISED_OUT_OF_BAND in ALLOWED[state]]
)
@pytest.mark.parametrize("document", [None, "", "  \n "])
def test_authorised_without_a_document_is_refused(before: ReviewState, document: str | None) -> None:
    with pytest.raises(UsageError, match="document"):
        require_allowed(before, Judgement(_R.AUTHORISED_OUT_OF_BAND, "they said so", document))


@pytest.mark.parametrize(
    "judgement",
    [
        Judgement(_R.CONFIRMED, "x" * (NOTE_LIMIT + 1)),
        Judgement(_R.CONFIRMED, "a\x00b"),
        Judgement(_R.CONFIRMED, None, "a document"),
        Judgement(_R.AUTHORISED_OUT_OF_BAND, None, "x" * (DOCUMENT_LIMIT + 1)),
        Judgement(_R.AUTHORISED_OUT_OF_BAND, None, "two\nlines"),
        Judgement(_R.AUTHORISED_OUT_OF_BAND, None, "contract", "abc"),
    ],
)
def test_texts_that_can_not_stand_in_a_record_are_refused(judgement: Judgement) -> None:
    with pytest.raises(UsageError):
        require_allowed(_R.OPEN, judgement)


def test_texts_are_kept_trimmed_and_digests_in_small_letters() -> None:
    kept = require_allowed(_R.OPEN, Judgement(_R.AUTHORISED_OUT_OF_BAND, " two\nlines ", " c ", "AB" * 32))
    assert kept == Judgement(_R.AUTHORISED_OUT_OF_BAND, "two\nlines", "c", "ab" * 32)


def test_what_is_benign_waits_for_nobody() -> None:
    assert not BENIGN & PENDING
    assert PENDING | BENIGN | {_R.SUPPRESSED, _R.RESOLVED} == set(ReviewState)


def test_the_document_names_what_may_follow_each_state() -> None:
    text = (Path(__file__).parents[2] / "docs" / "review.md").read_text("utf-8")
    rows = {found[0]: found[1] for found in re.findall(r"(?m)^\| `(\w+)` \| .+ \| (.+) \|$", text)}
    assert set(rows) == set(ReviewState)
    assert rows.pop("suppressed") == "the same as after `open`"
    assert ALLOWED[_R.SUPPRESSED] == ALLOWED[_R.OPEN]
    for state, said in rows.items():
        assert set(re.findall(r"`(\w+)`", said)) == ALLOWED[ReviewState(state)], state
        noted = re.findall(r"`(\w+)`", said.partition("with a note")[2])
        assert set(noted) == {
            after for after in ALLOWED[ReviewState(state)] if needs_note(ReviewState(state), after)
        }
