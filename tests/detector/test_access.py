from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.access import SCOPES, Principal, Role, Scope


def principal(role: Role = Role.REVIEWER, **sees: str) -> Principal:
    return Principal("key_1", "Eve", role, **sees)


def test_an_admin_may_everything_and_every_scope_has_a_holder() -> None:
    assert SCOPES[Role.ADMIN] == set(Scope)
    others = set().union(*(scopes for role, scopes in SCOPES.items() if role is not Role.ADMIN))
    assert set(Scope) - others == {Scope.KEYS_MANAGE}


@pytest.mark.parametrize("role", [Role.SCANNER, Role.REVIEWER, Role.MONITOR])
def test_who_looks_at_pictures_changes_no_register(role: Role) -> None:
    assert not SCOPES[role] & {Scope.TALENTS_WRITE, Scope.TALENTS_ERASE, Scope.CONSENTS_WRITE}


def test_a_registrar_sees_no_finding() -> None:
    assert not principal(Role.REGISTRAR).may(Scope.FINDINGS_READ)


def test_a_client_sees_itself_alone() -> None:
    assert principal(client="Acme").sees_client(" acme ")
    assert not principal(client="Acme").sees_client("Acme Ltd")
    assert not principal(client="Acme").sees_client(None)
    assert principal().sees_client(None)


def test_an_agency_sees_its_own_talents_alone() -> None:
    assert principal(agency="North").sees_agency("NORTH")
    assert not principal(agency="North").sees_agency(None)
    assert principal().sees_agency("South")


def test_a_bound_key_makes_no_keys() -> None:
    """Else it could make one that sees more than itself."""
    assert principal(Role.ADMIN).may(Scope.KEYS_MANAGE)
    assert not principal(Role.ADMIN, client="Acme").may(Scope.KEYS_MANAGE)
    assert not principal(Role.ADMIN, agency="North").may(Scope.KEYS_MANAGE)


@given(role=st.sampled_from(Role), scope=st.sampled_from(Scope))
def test_bounds_take_scopes_away_and_give_none(role: Role, scope: Scope) -> None:
    of_client, of_agency = principal(role, client="Acme"), principal(role, agency="North")
    assert of_client.scopes == SCOPES[role] - {Scope.KEYS_MANAGE}
    pictures = {Scope.CHECKS_WRITE, Scope.SCANS_READ, Scope.SCANS_WRITE}
    assert of_agency.scopes == SCOPES[role] - pictures - {Scope.KEYS_MANAGE}
    assert of_client.may(scope) <= principal(role).may(scope)
