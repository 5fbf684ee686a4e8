"""Decode one picture, safely: the only place where encoded bytes become pixels.

Flow: bytes are counted, the header is identified against an allow-list, and its size, frames and format are
judged BEFORE any pixel is decoded. Then the pixels are decoded (a JPEG already scaled down by its decoder
where it is much larger than needed), brought to eight bits, to sRGB by their colour profile, over white where
transparent, and turned upright by their EXIF orientation. Whatever a decoder raises leaves here as one
`UndecodablePicture`; its warnings stay inside. Codes: empty, too_large, not_an_image, unsupported_format,
too_many_pixels, animated, several_pages, truncated, damaged.
"""

from __future__ import annotations

import hashlib
import io
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from detector.errors import UndecodablePicture
from detector.imagery import DecodedImage

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")
"""Pillow's names of what may be decoded: what catalogues, phones and the web use. JPEG includes MPO."""

ONE_PICTURE_IN_SEVERAL = ("MPO", "HEIF")
"""One photograph plus its previews, depth or burst: the primary picture is meant, it is no animation."""

ORIENTATION_TAG = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to the operation that makes the picture upright; 1 and anything unknown need none."""

OTHER_MAGIC = {
    b"%PDF": "PDF",
    b"<svg": "SVG",
    b"<?xm": "XML or SVG",
    b"\xff\x0a": "JPEG XL",
    b"\x1aE\xdf\xa3": "Matroska video",
}


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one picture may cost. `long_side`: pixels that the longer side is scaled down to (never up)."""

    max_bytes: int = 64 * 2**20
    max_pixels: int = 100_000_000
    long_side: int = 2000
    formats: tuple[str, ...] = FORMATS


def decode(data: bytes, limits: DecodeLimits, *, source: str = "") -> DecodedImage:
    """The upright sRGB picture in `data`; `source` only names it in errors. Raises UndecodablePicture."""
    try:
        with quiet():
            return _decode(data, limits)
    except UndecodablePicture as fault:
        raise _named(fault, source) from fault.__cause__
    except Image.DecompressionBombError as fault:
        raise _named(_too_many(str(fault)), source) from fault
    except Exception as fault:
        raise _named(_broken(data), source) from fault


def _decode(data: bytes, limits: DecodeLimits) -> DecodedImage:
    _judge_bytes(data, limits)
    with _open(data, limits) as picture:
        _judge_header(picture, limits)
        width, height = picture.size
        fitted = _fit(width, height, limits.long_side)
        picture.draft(None, fitted)
        picture.load()
        orientation = _orientation(picture)
        upright = _upright(_to_rgb(picture, fitted), orientation)
        if orientation >= 5:
            width, height = height, width
        name = picture.format or "unknown"
    return DecodedImage(np.asarray(upright), width, height, name, hashlib.sha256(data).hexdigest())


# What may be judged without decoding


def _judge_bytes(data: bytes, limits: DecodeLimits) -> None:
    if not data:
        raise UndecodablePicture("the file is empty (zero bytes); export or download it again", code="empty")
    if len(data) > limits.max_bytes:
        raise UndecodablePicture(
            f"the file has {len(data):,} bytes, more than the {limits.max_bytes:,} allowed; "
            "give a smaller version or raise the limit",
            code="too_large",
        )
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        # Pillow looks for the picture's data before it judges its size; a bare header must not get that far.
        _judge_size(int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"), limits)


def _open(data: bytes, limits: DecodeLimits) -> Image.Image:
    register_heif()
    try:
        return Image.open(io.BytesIO(data), formats=limits.formats)
    except UnidentifiedImageError as fault:
        raise _unidentified(data, limits) from fault


def _judge_header(picture: Image.Image, limits: DecodeLimits) -> None:
    _judge_size(*picture.size, limits)
    if picture.format in ONE_PICTURE_IN_SEVERAL or not getattr(picture, "is_animated", False):
        return
    if picture.format == "TIFF":
        raise UndecodablePicture(
            "the file holds several pages; save the page that is meant as a picture of its own",
            code="several_pages",
        )
    raise UndecodablePicture("the picture is animated; give its frames as single pictures", code="animated")


def _judge_size(width: int, height: int, limits: DecodeLimits) -> None:
    if width * height > limits.max_pixels:
        raise _too_many(f"{width:,} x {height:,} pixels; at most {limits.max_pixels:,} in all are allowed")
    if width < 1 or height < 1:
        raise UndecodablePicture(f"the picture has no pixels ({width} x {height})", code="damaged")


def _too_many(detail: str) -> UndecodablePicture:
    return UndecodablePicture(f"the picture is too large to decode: {detail}", code="too_many_pixels")


# Errors


def _named(fault: UndecodablePicture, source: str) -> UndecodablePicture:
    return UndecodablePicture(f"{source}: {fault.detail}", code=fault.code) if source else fault


def _unidentified(data: bytes, limits: DecodeLimits) -> UndecodablePicture:
    name = _format_by_magic(data)
    if name is None:
        return UndecodablePicture("the file is not a picture", code="not_an_image")
    if name in limits.formats:
        return _broken(data)
    return UndecodablePicture(
        f"the file is {name}, which is not decoded here; convert it to JPEG, PNG or WebP",
        code="unsupported_format",
    )


def _broken(data: bytes) -> UndecodablePicture:
    if _ends_early(data):
        return UndecodablePicture("the file ends before the picture does; fetch it again", code="truncated")
    return UndecodablePicture("the picture's data is damaged; fetch or export it again", code="damaged")


def _format_by_magic(data: bytes) -> str | None:
    """The format that the first bytes announce, by asking Pillow's plugins without opening anything."""
    Image.init()
    for name, (_, accepts) in Image.OPEN.items():
        if accepts is not None and _accepted(accepts, data[:16]):
            return name
    if data[4:8] == b"ftyp":
        return "ISO media (video or an unknown HEIF brand)"
    return next((name for magic, name in OTHER_MAGIC.items() if data.lstrip().startswith(magic)), None)


def _accepted(accepts: Callable[[bytes], object], head: bytes) -> bool:
    """Some plugins read numbers out of the first bytes, and raise where there are too few."""
    try:
        return accepts(head) is True
    except (struct.error, IndexError):
        return False


def _ends_early(data: bytes) -> bool:
    """Whether the container says that it is longer than the bytes at hand."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data[-64:]
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in data[-64:]
    if data.startswith(b"RIFF"):
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if data.startswith(b"BM"):
        return int.from_bytes(data[2:6], "little") > len(data)
    if data.startswith(b"GIF8"):
        return b"\x3b" not in data[-4:]
    return data[4:8] == b"ftyp" and _boxes_end(data) > len(data)


def _boxes_end(data: bytes) -> int:
    """Where the last top-level ISO box that begins in `data` says it ends."""
    at = 0
    while 0 <= at <= len(data) - 8:
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:  # 0 means "to the end of the file"; 2 to 7 are nonsense
            break
        at += size
    return at


# Pixels


def _fit(width: int, height: int, long_side: int) -> tuple[int, int]:
    factor = min(1.0, long_side / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _to_rgb(picture: Image.Image, fitted: tuple[int, int]) -> Image.Image:
    plain = _scaled(_to_eight_bits(picture), fitted)
    alpha = plain.getchannel("A") if plain.mode == "RGBA" else None
    profile = picture.info.get("icc_profile")
    colour = _to_srgb(plain.convert("RGB") if alpha else plain, profile)
    if alpha is None:
        return colour
    white = Image.new("RGB", colour.size, "white")
    white.paste(colour, mask=alpha)
    return white


def _to_eight_bits(picture: Image.Image) -> Image.Image:
    """To mode L, RGB, RGBA, CMYK or LAB: eight bits a channel, palettes and keyed transparency resolved."""
    if picture.mode.startswith(("I", "F")):
        return Image.fromarray(_stretch(np.asarray(picture)))
    if "transparency" in picture.info or picture.mode in ("PA", "LA", "La", "RGBa"):
        return picture.convert("RGBA")
    if picture.mode in ("L", "RGB", "RGBA", "CMYK", "LAB"):
        return picture
    return picture.convert("RGB")


def _stretch(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Deep grey values to eight bits by the range that they are in, so that nothing clips to white."""
    deep = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = min(0.0, float(deep.min())), float(deep.max())
    if low == 0.0:
        high = next((top for top in (1.0, 255.0, 65535.0) if high <= top and _fits(values, top)), high)
    return np.rint((deep - low) * (255.0 / max(high - low, 1e-12))).astype(np.uint8)


def _fits(values: NDArray[np.generic], top: float) -> bool:
    """Up to 1 means fractions and up to 255 eight bits, unless the type says 16 bits."""
    if top == 65535.0:
        return True
    return values.dtype.itemsize > 2 and (top == 255.0 or values.dtype.kind == "f")


def _scaled(picture: Image.Image, fitted: tuple[int, int]) -> Image.Image:
    if picture.size == fitted or picture.width < fitted[0]:
        return picture
    return picture.resize(fitted, Image.Resampling.BILINEAR, reducing_gap=2.0)


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile or picture.mode == "LAB":
        return picture.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return picture.convert("RGB")
        turned = ImageCms.profileToProfile(picture, source, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        # A profile that is broken or of another colour space is worth less than the pixels as they are.
        return picture.convert("RGB")
    return turned if turned is not None else picture.convert("RGB")


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation 1 to 8. HEIF is turned by its own decoder, which clears the tag."""
    if picture.format == "HEIF":
        return 1
    try:
        value = picture.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 - EXIF blocks break in as many ways as cameras
        return 1
    return value if value in TURNS else 1


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    turn = TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


# Process-wide state, each in one place


@cache
def register_heif() -> None:
    """Make Pillow open HEIF. Once per process, however often it is called."""
    from pillow_heif import register_heif_opener  # noqa: PLC0415 - loads libheif; only decoding needs it

    register_heif_opener(thumbnails=False)


_quiet_lock = threading.Lock()
_quiet_state: list[tuple[int, warnings.catch_warnings[None]]] = []


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Python warnings while any thread decodes. The filters belong to the process, and saving and
    restoring them per thread would interleave: so the first thread in silences, the last one out restores."""
    _enter_quiet()
    try:
        yield
    finally:
        _leave_quiet()


def _enter_quiet() -> None:
    with _quiet_lock:
        depth, filters = _quiet_state.pop() if _quiet_state else (0, warnings.catch_warnings())
        if depth == 0:
            filters.__enter__()
            warnings.simplefilter("ignore")
        _quiet_state.append((depth + 1, filters))


def _leave_quiet() -> None:
    with _quiet_lock:
        depth, filters = _quiet_state.pop()
        if depth == 1:
            filters.__exit__(None, None, None)
        else:
            _quiet_state.append((depth - 1, filters))
