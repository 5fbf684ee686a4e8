"""What stands in a picture's unsigned metadata: EXIF, XMP, IPTC-IIM and the text chunks that generators write.

Only the header is read, never a pixel. Each block is read by itself: one that is broken is reported and costs no
other. Of texts only what `generators` asks for leaves here; a prompt may name people and is not kept.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from PIL import ExifTags, Image, IptcImagePlugin
from PIL.ImageFile import ImageFile

from detector.credentials.xmp import xmp_fields
from detector.decoding import FORMATS, quiet, register_heif

EXIF_TEXTS = {
    ExifTags.Base.Software: "EXIF Software",
    ExifTags.Base.Make: "EXIF Make",
    ExifTags.Base.Model: "EXIF Model",
    ExifTags.Base.Artist: "EXIF Artist",
    ExifTags.Base.Copyright: "EXIF Copyright",
    ExifTags.Base.ImageDescription: "EXIF ImageDescription",
}
USER_COMMENT = "EXIF UserComment"
IPTC_TEXTS = {
    (2, 80): "IPTC By-line",
    (2, 110): "IPTC Credit",
    (2, 116): "IPTC CopyrightNotice",
    (2, 65): "IPTC OriginatingProgram",
}
XMP_TAG_OF_TIFF = 700

Found = TypeVar("Found")

LONGEST = 100_000
"""Characters of one text that are looked at; a ComfyUI graph has some ten thousand."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Texts by the field that holds them (`EXIF Software`, `IPTC Credit`, `PNG parameters`), XMP fields by their
    names, and the blocks that could not be read."""

    texts: Mapping[str, str] = field(default_factory=dict)
    xmp: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    broken: tuple[str, ...] = ()


def read_metadata(data: bytes) -> Metadata:
    """The metadata of an encoded picture. Never raises: what can't be opened has none, what is broken is named."""
    register_heif()
    try:
        with quiet(), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            return _read(picture)
    except Exception as fault:  # noqa: BLE001 - headers break in as many ways as programs write them
        return Metadata(broken=(f"header ({type(fault).__name__})",))


def _read(picture: ImageFile) -> Metadata:
    broken: list[str] = []
    texts = {
        **_tried("EXIF", lambda: _exif(picture), broken),
        **_tried("IPTC", lambda: _iptc(picture), broken),
        **_tried("text", lambda: _chunks(picture), broken),
    }
    packet = _packet(picture)
    xmp = _tried("XMP", lambda: xmp_fields(packet), broken) if packet else {}
    return Metadata(texts, xmp, tuple(broken))


def _tried(block: str, read: Callable[[], dict[str, Found]], broken: list[str]) -> dict[str, Found]:
    try:
        return read()
    except Exception as fault:  # noqa: BLE001 - one broken block costs no other; it is named in the result
        broken.append(f"{block} ({type(fault).__name__})")
        return {}


def _exif(picture: ImageFile) -> dict[str, str]:
    exif = picture.getexif()
    if not exif:
        return {}
    found = {name: _text(exif.get(tag)) for tag, name in EXIF_TEXTS.items()}
    found[USER_COMMENT] = _comment(exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment))
    return {name: text for name, text in found.items() if text}


def _iptc(picture: ImageFile) -> dict[str, str]:
    info = IptcImagePlugin.getiptcinfo(picture) or {}
    found = {name: _text(info.get(key)) for key, name in IPTC_TEXTS.items()}
    return {name: text for name, text in found.items() if text}


def _chunks(picture: ImageFile) -> dict[str, str]:
    """The text chunks of a PNG, or the comment of a JPEG or GIF."""
    named = picture.info.items()
    return {f"{picture.format} {name}": text[:LONGEST] for name, text in named if isinstance(text, str)} | (
        {f"{picture.format} comment": _text(picture.info["comment"])} if "comment" in picture.info else {}
    )


def _packet(picture: ImageFile) -> bytes | None:
    packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp")
    if packet is None and picture.format == "TIFF":
        packet = getattr(picture, "tag_v2", {}).get(XMP_TAG_OF_TIFF)
    if isinstance(packet, str):
        return packet.encode("utf-8", "replace")
    return packet if isinstance(packet, bytes) else None


def _text(value: object) -> str:
    """A text from whatever a field holds: texts, bytes, or the first of several."""
    if isinstance(value, list | tuple):
        value = value[0] if value else ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value[:LONGEST].replace("\x00", "").strip() if isinstance(value, str) else ""


def _comment(value: object) -> str:
    """EXIF's comment begins with eight bytes that name its encoding. UNICODE is UTF-16, of either byte order."""
    if not isinstance(value, bytes):
        return _text(value)
    if not value.startswith(b"UNICODE\x00"):
        return _text(value[8:])
    body = value[8:]
    order = "utf-16-le" if body[1::2].count(0) >= body[::2].count(0) else "utf-16-be"
    return _text(body.decode(order, "replace"))
