"""Who is told of what: nobody learns by a webhook what they may not read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.access import Principal, Role
from detector.errors import Forbidden, UsageError
from detector.events import READ_WITH, EventType, is_told, manages, reaches_alike, require_tellable

names = st.none() | st.sampled_from(["Acme", " acme", "ACME ", "Other", ""])
principals = st.builds(Principal, st.just("key_1"), st.just("n"), st.sampled_from(Role), names, names)


@given(principals, st.sampled_from(EventType), names, names)
def test_told_is_only_who_may_read_it(
    who: Principal, kind: EventType, client: str | None, agency: str | None
) -> None:
    told = is_told(who, kind, client, agency)
    assert told <= who.may(READ_WITH[kind])
    assert told <= who.sees_client(client)
    assert told <= who.sees_agency(agency)


@given(principals, principals, st.sampled_from(EventType), names, names)
def test_who_manages_another_keys_webhook_would_be_told_all_that_it_is_told(
    who: Principal, owner: Principal, kind: EventType, client: str | None, agency: str | None
) -> None:
    """Else changing the address of somebody's webhook would widen what one sees."""
    if manages(who, owner) and is_told(owner, kind, client, agency):
        assert is_told(who, kind, client, agency)


@given(principals, principals)
def test_managing_is_of_keys_alike_and_of_an_unbound_admin(who: Principal, owner: Principal) -> None:
    unbound = who.role is Role.ADMIN and who.client is None and who.agency is None
    assert manages(who, owner) == (reaches_alike(who, owner) or unbound)
    assert manages(who, who)


def test_a_registrar_hears_of_consents_only_and_a_scanner_never_of_them() -> None:
    registrar = Principal("k", "n", Role.REGISTRAR, None, "North")
    scanner = Principal("k", "n", Role.SCANNER, "Acme")
    require_tellable(registrar, [EventType.CONSENT_REVOKED, EventType.CONSENT_EXPIRING])
    require_tellable(scanner, [EventType.FINDING_CREATED, EventType.SCAN_FINISHED])
    with pytest.raises(Forbidden, match=r"finding\.created"):
        require_tellable(registrar, [EventType.CONSENT_REVOKED, EventType.FINDING_CREATED])
    with pytest.raises(Forbidden, match="consents:read"):
        require_tellable(scanner, [EventType.CONSENT_REVOKED])
    with pytest.raises(UsageError, match="at least one"):
        require_tellable(scanner, [])


def test_every_event_is_described() -> None:
    text = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
    assert [kind for kind in EventType if f"| `{kind}` |" not in text] == []
