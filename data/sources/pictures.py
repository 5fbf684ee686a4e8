"""Does a file begin like a picture? A look at its first bytes, for files whose names don't say."""

from __future__ import annotations

from pathlib import Path

_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")


def begins_like_a_picture(path: Path, *, unless_readable: bool = False) -> bool:
    """Whether the first bytes are those of a picture. `unless_readable`: the answer for one that can't be read."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:
        return unless_readable
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return True
    return start.startswith(_BEGINNINGS) or (start[4:8] == b"ftyp" and start[8:12] in _BRANDS)
