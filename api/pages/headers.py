"""The headers that every page and every file of the pages carries.

The policy lets a page load the service's own files and nothing else: no inline script or style, no other host, no frame
around it. `blob:` pictures are files that the person has just chosen, shown before they are sent.
"""

from __future__ import annotations

from starlette.responses import Response

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not no-referrer: browsers would then send `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def secured(response: Response, *, store: bool = False) -> Response:
    """The response with these headers; nothing may keep it unless `store`: pages name people."""
    response.headers.update(HEADERS)
    if not store:
        response.headers.setdefault("Cache-Control", "no-store")
    return response
