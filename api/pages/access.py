"""Who is looking at a page, and what they may: the same scopes as the programs' routes ask.

    viewer: Annotated[Viewer, Depends(viewing(Scope.FINDINGS_READ))]      a page
    sent: Annotated[Sent, Depends(sending(Scope.FINDINGS_REVIEW))]        a form (api.pages.forms)

Without a session, or once its key has ended, a page leads to the sign-in; without the scope it is refused, and the
refusal is on the audit chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request

from api.pages.sessions import Session
from api.pages.site import Site, TheSite
from detector.access import Principal, Scope
from detector.errors import Forbidden, NotFound


class SignInNeeded(Exception):
    """Nobody has signed in, or the session has ended. No failure: `PageRoute` leads to the sign-in."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person who has signed in. `csrf` is the token that forms on the page carry."""

    principal: Principal
    csrf: str

    def may(self, scope: Scope) -> bool:
        return self.principal.may(scope)


def viewer_of(request: Request, site: Site) -> Viewer:
    """Who has signed in. Raises SignInNeeded."""
    session = site.sessions.read(request)
    principal = None if session is None else _principal(session, site)
    if session is None or principal is None:
        raise SignInNeeded
    return Viewer(principal, session.csrf)


def _principal(session: Session, site: Site) -> Principal | None:
    if session.key_id is None:
        return None
    try:
        key = site.store.keys.get(session.key_id)
    except NotFound:
        return None
    return key.principal if key.usable(site.now()) else None


def viewing(scope: Scope | None = None) -> Callable[[Request, Site], Viewer]:
    """A dependency: the viewer, who must have `scope`. Raises SignInNeeded, Forbidden."""

    def viewer(request: Request, site: TheSite) -> Viewer:
        found = viewer_of(request, site)
        if scope is not None and not found.may(scope):
            refuse(site, found.principal, request, scope)
        return found

    return viewer


def refuse(site: Site, principal: Principal, request: Request, scope: Scope) -> None:
    """Put the refusal on the audit chain, and raise Forbidden."""
    route = request.scope.get("route")
    operation = f"page {getattr(route, 'path', '?')}"
    request.app.state.refusals.record(site.store, principal.key_id, operation, f"scope {scope}")
    raise Forbidden(
        f"The key “{principal.name}” is a {principal.role}'s and lacks {scope}. "
        "Sign in with another key, or ask whoever manages the keys."
    )
