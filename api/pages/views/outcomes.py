"""What a person may decide on a finding, in words and keys. Which of them may follow is `detector.review`'s to say."""

from __future__ import annotations

from dataclasses import dataclass

from detector.review import ALLOWED, ReviewState, needs_note


@dataclass(frozen=True, slots=True)
class Outcome:
    """One choice. `key` is its shortcut; `corrects`: a note must say why."""

    value: ReviewState
    name: str
    means: str
    key: str
    corrects: bool = False


_OUTCOMES = (
    Outcome(ReviewState.CONFIRMED, "Confirm", "It is this person, and nothing allows the use.", "c"),
    Outcome(
        ReviewState.WRONG_PERSON,
        "Wrong person",
        "Somebody else. The same picture is not brought up again.",
        "w",
    ),
    Outcome(
        ReviewState.AUTHORISED_OUT_OF_BAND,
        "Authorised elsewhere",
        "A document that is not on record here allows it: name it.",
        "a",
    ),
    Outcome(ReviewState.ESCALATED, "Escalate", "Somebody else is to decide.", "e"),
    Outcome(ReviewState.TAKE_DOWN_SENT, "Take-down sent", "The publisher has been asked to remove it.", "t"),
    Outcome(ReviewState.RESOLVED, "Resolved", "Nothing is left to do.", "r"),
)

NAMES = {
    **{outcome.value: outcome.name for outcome in _OUTCOMES},
    ReviewState.CONFIRMED: "Confirmed",
    ReviewState.ESCALATED: "Escalated",
    ReviewState.OPEN: "Open",
    ReviewState.SUPPRESSED: "Repeated",
}
"""Every state, as it stands on a finding."""


def outcomes_after(state: ReviewState) -> tuple[Outcome, ...]:
    """What may be decided on a finding in this state, in the order of a day's work."""
    return tuple(
        Outcome(one.value, one.name, one.means, one.key, needs_note(state, one.value))
        for one in _OUTCOMES
        if one.value in ALLOWED[state]
    )
