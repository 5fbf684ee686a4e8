"""The areas that people go to, and who may."""

from __future__ import annotations

from dataclasses import dataclass

from detector.access import Principal, Scope


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation. `icon` names a macro of templates/icons.html."""

    name: str
    path: str
    icon: str
    scope: Scope


PLACES = (
    Place("Review", "/review", "review", Scope.FINDINGS_READ),
    Place("Check", "/check", "check", Scope.CHECKS_WRITE),
    Place("Talents", "/talents", "talents", Scope.TALENTS_READ),
    Place("Consents", "/consents", "consents", Scope.CONSENTS_READ),
    Place("Scans", "/scans", "scans", Scope.SCANS_READ),
    Place("Dashboard", "/dashboard", "dashboard", Scope.FINDINGS_READ),
)


def places_of(principal: Principal) -> tuple[Place, ...]:
    """Where this person may go."""
    return tuple(place for place in PLACES if principal.may(place.scope))
