"""What a page says after something was done: the address carries a code, never a text of its own."""

from __future__ import annotations

from dataclasses import dataclass

from api.pages.views.outcomes import NAMES


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence at the head of a page. `tone`: good, warn or bad."""

    text: str
    tone: str


_TEXTS = {
    **{f"decided.{state}": Told(f"Saved: {name.lower()}.", "good") for state, name in NAMES.items()},
    "consent.recorded": Told("Recorded.", "good"),
    "consent.revoked": Told("Revoked. The record stays, with a version that says so.", "good"),
    "talent.registered": Told("Registered.", "good"),
    "talent.saved": Told("Saved.", "good"),
    "talent.erased": Told("Erased: pictures, vectors and names are gone.", "good"),
    "reference.removed": Told("Removed, with every vector made from it.", "good"),
    "pictures.none": Told("No picture was chosen.", "warn"),
    "scan.ordered": Told("Started. This page shows how far it is.", "good"),
    "scan.stopped": Told("It stops. What has been checked stays.", "good"),
    "scan.resumed": Told("It goes on with the pictures that are left.", "good"),
    "scan.over": Told("It had ended already.", "warn"),
    "scan.not_failed": Told("Only a scan that failed can go on.", "warn"),
    "queue.end": Told("Saved. That was the last one of this list.", "good"),
}


def told_of(code: str) -> Told | None:
    """The sentence behind a code; None for a code that nobody here gave out."""
    return _TEXTS.get(code)
