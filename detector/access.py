"""Who may do what: roles, scopes, and what a key may see. Pure; the HTTP edge and the pages ask it.

Principal(role, client, agency) ── may(scope)          the operation
                                ── sees_client(client)  the rows of a client
                                ── sees_agency(agency)  the talents of an agency
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """One kind of operation."""

    TALENTS_READ = "talents:read"
    TALENTS_WRITE = "talents:write"
    TALENTS_ERASE = "talents:erase"
    CONSENTS_READ = "consents:read"
    CONSENTS_WRITE = "consents:write"
    CHECKS_WRITE = "checks:write"
    SCANS_READ = "scans:read"
    SCANS_WRITE = "scans:write"
    FINDINGS_READ = "findings:read"
    FINDINGS_REVIEW = "findings:review"
    WEBHOOKS_MANAGE = "webhooks:manage"
    KEYS_MANAGE = "keys:manage"
    METRICS_READ = "metrics:read"
    AUDIT_READ = "audit:read"


class Role(StrEnum):
    """What a key is for."""

    ADMIN = "admin"
    REGISTRAR = "registrar"
    SCANNER = "scanner"
    REVIEWER = "reviewer"
    MONITOR = "monitor"


_S = Scope

SCOPES: dict[Role, frozenset[Scope]] = {
    Role.ADMIN: frozenset(Scope),
    Role.REGISTRAR: frozenset(
        {_S.TALENTS_READ, _S.TALENTS_WRITE, _S.TALENTS_ERASE, _S.CONSENTS_READ, _S.CONSENTS_WRITE}
    )
    | {_S.WEBHOOKS_MANAGE},
    Role.SCANNER: frozenset({_S.CHECKS_WRITE, _S.SCANS_READ, _S.SCANS_WRITE, _S.FINDINGS_READ})
    | {_S.WEBHOOKS_MANAGE},
    Role.REVIEWER: frozenset({_S.TALENTS_READ, _S.CONSENTS_READ, _S.CHECKS_WRITE, _S.SCANS_READ})
    | {_S.FINDINGS_READ, _S.FINDINGS_REVIEW},
    Role.MONITOR: frozenset({_S.TALENTS_READ, _S.CONSENTS_READ, _S.CHECKS_WRITE, _S.SCANS_READ})
    | {_S.SCANS_WRITE, _S.FINDINGS_READ, _S.FINDINGS_REVIEW, _S.WEBHOOKS_MANAGE, _S.METRICS_READ}
    | {_S.AUDIT_READ},
}
"""Every role's scopes; docs/service.md has the same table, and a test compares the two."""


OF_NOBODY_BOUND = frozenset({Scope.KEYS_MANAGE})
"""Whoever sees only a client or an agency could make a key that sees more."""

OF_NO_AGENCY = frozenset({Scope.CHECKS_WRITE, Scope.SCANS_READ, Scope.SCANS_WRITE})
"""A check and a scan name talents of every agency; findings are shown to an agency by whom they name."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `client` set: only that client's scans and findings. `agency` set: only that agency's talents."""

    key_id: str
    name: str
    role: Role
    client: str | None = None
    agency: str | None = None

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the role may, without what a key with bounds must not do."""
        bounded = OF_NOBODY_BOUND if self.client or self.agency else frozenset[Scope]()
        of_clients = OF_NO_AGENCY if self.agency else frozenset[Scope]()
        return SCOPES[self.role] - bounded - of_clients

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    def sees_client(self, client: str | None) -> bool:
        """Rows of that client; of no client (None) only who sees every client. Names differ in case only: the same."""
        return self.client is None or (client is not None and same_name(client, self.client))

    def sees_agency(self, agency: str | None) -> bool:
        """Talents of that agency."""
        return self.agency is None or (agency is not None and same_name(agency, self.agency))


def same_name(one: str, other: str) -> bool:
    """Whether two names of a client or an agency are the same one."""
    return name_key(one) == name_key(other)


def name_key(name: str) -> str:
    """One spelling for all the ways of writing the name of a client or an agency, to search by."""
    return name.strip().casefold()
