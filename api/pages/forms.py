"""Forms: read once, and only when they come from our own page.

    session ─▶ scope ─▶ Origin, Sec-Fetch-Site ─▶ body, up to its limits ─▶ token ─▶ Sent

The token of the session must be in the form; a browser that says the form came from another site is refused before the
body is read. So another site can't act in the name of whoever is signed in here.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from api.pages.access import Viewer, viewing
from detector.access import Scope
from detector.errors import Forbidden

TOKEN = "csrf"  # noqa: S105 - the name of the field, no secret
MAX_FIELDS = 200
MAX_FILES = 200
OUR_OWN = frozenset({"same-origin", "none"})

NOT_OURS = (
    "This form didn't come from a page of this service, or its page is too old. "
    "Open the page again and send it from there."
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a person sent. Texts are trimmed; a field that is absent is the empty text."""

    viewer: Viewer
    texts: Mapping[str, tuple[str, ...]] = field(repr=False)
    files: Mapping[str, tuple[UploadFile, ...]] = field(repr=False)

    def text(self, name: str) -> str:
        return next(iter(self.texts.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Every non-empty value of a field that may come several times."""
        return tuple(filter(None, self.texts.get(name, ())))

    def file(self, name: str) -> UploadFile | None:
        """The file that was chosen, None where none was."""
        return next((each for each in self.files.get(name, ()) if each.filename), None)


def sending(scope: Scope) -> Callable[..., AsyncIterator[Sent]]:
    """A dependency: what a form of ours sent. Raises SignInNeeded, Forbidden."""

    allowed = Depends(viewing(scope))

    async def sent(request: Request, viewer: Viewer = allowed) -> AsyncIterator[Sent]:
        require_own_page(request)
        async with request.form(max_fields=MAX_FIELDS, max_files=MAX_FILES) as form:
            yield _read(form, viewer)

    return sent


def _read(form: FormData, viewer: Viewer) -> Sent:
    require_token(form, viewer.csrf)
    texts: dict[str, list[str]] = {}
    files: dict[str, list[UploadFile]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            texts.setdefault(name, []).append(value.strip())
        else:
            files.setdefault(name, []).append(value)
    return Sent(
        viewer, {k: tuple(v) for k, v in texts.items()}, {name: tuple(some) for name, some in files.items()}
    )


def require_own_page(request: Request) -> None:
    """Refuse what a browser says comes from elsewhere. Raises Forbidden."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "none")
    if site not in OUR_OWN or (origin is not None and urlsplit(origin).netloc != request.headers.get("host")):
        raise Forbidden(NOT_OURS)


def require_token(form: FormData, expected: str) -> None:
    """Refuse a form without the session's token. Raises Forbidden."""
    given = form.get(TOKEN)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Forbidden(NOT_OURS)
