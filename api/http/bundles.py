"""Evidence over HTTP: a file to be kept, in no cache."""

from __future__ import annotations

from typing import Any

from fastapi import Response

BUNDLE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bundle; docs/evidence.md tells what is in it.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""For `responses=` of an operation that answers with a bundle."""


def bundle_response(bundle: bytes, finding_id: str) -> Response:
    """A download under the finding's name."""
    headers = {
        "Content-Disposition": f'attachment; filename="evidence-{finding_id}.zip"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return Response(bundle, media_type="application/zip", headers=headers)
