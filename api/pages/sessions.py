"""Sessions: a signed cookie that says which key signed in, and the token that its forms must carry.

The cookie holds the key's id, never the key. It ends after a working day, and with the key: each request asks the store
whether the key is still usable. Before signing in there is a session of nobody, so that the sign-in form has a token
too.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

COOKIE = "lookalike_session"
LIFETIME = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's session. `csrf` is what its forms must carry; `key_id` None: nobody has signed in."""

    csrf: str
    key_id: str | None = None


def new_session(key_id: str | None = None) -> Session:
    """A session with a token of its own: signing in begins a new one, so that nobody can prepare it."""
    return Session(secrets.token_urlsafe(24), key_id)


class Sessions:
    """Reads and writes the cookie. `secret` signs it; `clock` dates it."""

    def __init__(self, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._signer = URLSafeSerializer(secret, salt="lookalike.pages.session")
        self._clock = clock

    def read(self, request: Request) -> Session | None:
        """The session of this request; None when there is none, it was altered, or it has ended."""
        try:
            content = self._signer.loads(request.cookies.get(_name(request), ""))
            begun = datetime.fromisoformat(content["at"])
            session = Session(str(content["csrf"]), content["key"])
        except (BadData, KeyError, TypeError, ValueError):
            return None
        return session if begun <= self._clock() < begun + LIFETIME else None

    def write(self, request: Request, response: Response, session: Session) -> None:
        """Give the browser this session."""
        content = {"at": self._clock().isoformat(), "csrf": session.csrf, "key": session.key_id}
        response.set_cookie(
            _name(request),
            str(self._signer.dumps(content)),
            max_age=int(LIFETIME.total_seconds()),
            path="/",
            secure=_secure(request),
            httponly=True,
            samesite="lax",
        )

    def end(self, request: Request, response: Response) -> None:
        """Take the session away from the browser."""
        response.delete_cookie(
            _name(request), path="/", secure=_secure(request), httponly=True, samesite="lax"
        )


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(request: Request) -> str:
    """Over https with the prefix that keeps other hosts of the domain from setting it."""
    return f"__Host-{COOKIE}" if _secure(request) else COOKIE
