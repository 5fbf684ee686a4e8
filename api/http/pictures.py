"""Pictures over HTTP: how one that is kept is answered, and how one that is sent is called."""

from __future__ import annotations

from typing import Any

from fastapi import Response
from starlette.datastructures import UploadFile

from data.sources.items import shown

_KINDS = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"avif", "image/avif"),
    (8, b"heic", "image/heic"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
)
LONGEST_NAME = 200


def media_type_of(picture: bytes) -> str:
    """By its first bytes: what it is, whatever it was called."""
    for place, magic, kind in _KINDS:
        if picture[place : place + len(magic)] == magic:
            return kind
    return "application/octet-stream"


def picture_response(picture: bytes) -> Response:
    """A kept picture. A browser shows it as nothing but a picture, and keeps no copy."""
    headers = {
        "Content-Disposition": "inline",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return Response(picture, media_type=media_type_of(picture), headers=headers)


PICTURE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture as it was sent.",
        "content": {"image/*": {"schema": {"type": "string"}}},
    }
}
"""For `responses=` of an operation that answers with a picture."""


def name_of(upload: UploadFile) -> str:
    """What a person calls the file that was sent: its last part, on one line."""
    last = shown(upload.filename or "").replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable()).strip()[:LONGEST_NAME] or "upload"
