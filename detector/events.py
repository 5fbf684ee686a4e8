"""Events: what can be told to whom. Pure; the outbox asks it when it hands events to webhooks.

An event concerns a client, an agency, both or neither. A key is told of it when its role may read such things and the
event is of its client and of its agency, where it is bound to one.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from detector.access import Principal, Scope, name_key
from detector.errors import Forbidden, UsageError


class EventType(StrEnum):
    """docs/webhooks.md tells when each happens and what it carries."""

    FINDING_CREATED = "finding.created"
    FINDING_REVIEWED = "finding.reviewed"
    CONSENT_EXPIRING = "consent.expiring"
    CONSENT_REVOKED = "consent.revoked"
    SCAN_FINISHED = "scan.finished"


READ_WITH: dict[EventType, Scope] = {
    EventType.FINDING_CREATED: Scope.FINDINGS_READ,
    EventType.FINDING_REVIEWED: Scope.FINDINGS_READ,
    EventType.CONSENT_EXPIRING: Scope.CONSENTS_READ,
    EventType.CONSENT_REVOKED: Scope.CONSENTS_READ,
    EventType.SCAN_FINISHED: Scope.SCANS_READ,
}
"""The scope that a key needs to be told of each: who may not read a thing is not told of it either."""


def is_told(principal: Principal, kind: EventType, client: str | None, agency: str | None) -> bool:
    """Whether a key learns of an event that concerns this client and this agency."""
    return principal.may(READ_WITH[kind]) and principal.sees_client(client) and principal.sees_agency(agency)


def require_tellable(principal: Principal, wanted: Collection[EventType]) -> None:
    """Raise UsageError when nothing is wanted, Forbidden for an event whose things the role may not read."""
    if not wanted:
        raise UsageError(f"name at least one event: {', '.join(EventType)}")
    refused = sorted(kind for kind in wanted if not principal.may(READ_WITH[kind]))
    if refused:
        scope = READ_WITH[EventType(refused[0])]
        raise Forbidden(f"a key of the role {principal.role} is not told of {refused[0]}: it lacks {scope}")


def manages(principal: Principal, owner: Principal) -> bool:
    """Whether a key may see and change what the other one subscribed: its own, those of keys that see the very same,
    and for an admin bound to nothing all of them."""
    if principal.may(Scope.KEYS_MANAGE) and principal.client is None and principal.agency is None:
        return True
    return reaches_alike(principal, owner)


def reaches_alike(one: Principal, other: Principal) -> bool:
    """Whether two keys see the very same: of one role, one client and one agency."""
    return _reach(one) == _reach(other)


def _reach(principal: Principal) -> tuple[str, str | None, str | None]:
    client, agency = (name and name_key(name) for name in (principal.client, principal.agency))
    return str(principal.role), client, agency
