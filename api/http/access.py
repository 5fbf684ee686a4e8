"""Who calls, and whether they may: a dependency for routes.

    Authorization: Bearer lk_… ─ envelope ─▶ scope["state"]["key"] ─ may(Scope) ─▶ Principal

The key was looked up before the body was read (`api.http.envelope`). Every refusal goes onto the audit chain, at most
once a minute per key and operation, so that a broken client can't fill it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPBearer

from api.http.service import TheService
from data.store import Store
from detector.access import Principal, Scope
from detector.errors import Forbidden, NotFound, Unauthenticated

ANONYMOUS = "anonymous"
ONCE_IN = timedelta(minutes=1)

bearer = HTTPBearer(
    auto_error=False, scheme_name="key", description="A key of `lookalike key create`: `Bearer lk_…`."
)


class Refusals:
    """Puts refusals on the audit chain, each kind once in a while. Threads may share it."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], datetime] = {}
        self._lock = threading.Lock()

    def record(self, store: Store, key_id: str, operation: str, why: str) -> None:
        if self._is_new((key_id, operation, why), store.now()):
            store.keys.refused(key_id, operation, why)

    def _is_new(self, refusal: tuple[str, str, str], at: datetime) -> bool:
        with self._lock:
            self._seen = {kind: seen for kind, seen in self._seen.items() if at - seen < ONCE_IN}
            if refusal in self._seen:
                return False
            self._seen[refusal] = at
            return True


def principal(request: Request) -> Principal:
    """Who calls. Raises Unauthenticated."""
    key = request.scope.get("state", {}).get("key")
    if key is None:
        raise Unauthenticated("this call needs a key: send the header `Authorization: Bearer lk_…`")
    found: Principal = key.principal
    return found


@dataclass(frozen=True, slots=True)
class Allowed:
    """The dependency: lets keys with this scope through and gives the principal. Raises Forbidden."""

    scope: Scope

    def __call__(
        self, request: Request, service: TheService, _: Annotated[object, Security(bearer)] = None
    ) -> Principal:
        caller = principal(request)
        if not caller.may(self.scope):
            request.app.state.refusals.record(service.store, caller.key_id, str(self.scope), "scope")
            raise Forbidden(f"this key, of the role {caller.role}, does not have the scope {self.scope}")
        return caller


def scopes_of(dependant: Dependant) -> set[Scope]:
    """The scopes that an operation asks for, through all its dependencies."""
    own = {dependant.call.scope} if isinstance(dependant.call, Allowed) else set()
    return own.union(*map(scopes_of, dependant.dependencies))


def may(scope: Scope) -> object:
    """The parameter's annotation metadata: `caller: Annotated[Principal, may(Scope.CHECKS_WRITE)]`."""
    return Depends(Allowed(scope))


def visible(seen: bool, what: str) -> None:
    """Raise NotFound for what the caller may not know of: the same answer as for what isn't there."""
    if not seen:
        raise NotFound(f"there is no such {what}")
