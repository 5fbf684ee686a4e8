"""decode(): every odd picture becomes upright sRGB or one typed error, and nothing else comes out."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from detector.decoding import DecodeLimits, decode
from detector.errors import UndecodablePicture

LIMITS = DecodeLimits()


def picture(width: int = 40, height: int = 30) -> Image.Image:
    """Four quadrants, so that no flip or turn looks like another: red, green over blue, white."""
    made = Image.new("RGB", (width, height), "red")
    made.paste((0, 255, 0), (width // 2, 0, width, height // 2))
    made.paste((0, 0, 255), (0, height // 2, width // 2, height))
    made.paste((255, 255, 255), (width // 2, height // 2, width, height))
    return made


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def corners(pixels: np.ndarray) -> list[tuple[bool, ...]]:
    """Which channels are bright in the four quadrants' middles: lossy coding does not matter."""
    h, w = pixels.shape[:2]
    spots = [(h // 4, w // 4), (h // 4, w * 3 // 4), (h * 3 // 4, w // 4), (h * 3 // 4, w * 3 // 4)]
    return [tuple(bool(value > 128) for value in pixels[spot]) for spot in spots]


UPRIGHT = [(True, False, False), (False, True, False), (False, False, True), (True, True, True)]


def code_of(data: bytes, limits: DecodeLimits = LIMITS) -> str:
    with pytest.raises(UndecodablePicture) as caught:
        decode(data, limits)
    return caught.value.code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_formats_decode_to_the_same_picture(kind: str) -> None:
    data = encoded(picture(), kind)
    decoded = decode(data, LIMITS)
    assert corners(decoded.pixels) == UPRIGHT
    assert (decoded.width, decoded.height, decoded.format) == (40, 30, kind)
    assert decoded.sha256 == hashlib.sha256(data).hexdigest()
    assert decoded.scale == 1.0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the Transpose value that the camera's view comes from
    sensor = picture() if orientation == 1 else picture().transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encoded(sensor, kind, exif=exif), LIMITS)
    assert corners(decoded.pixels) == UPRIGHT
    assert (decoded.width, decoded.height) == (40, 30)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heic_is_turned_once(orientation: int) -> None:
    import pillow_heif

    undo = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    sensor = picture(80, 64) if orientation == 1 else picture(80, 64).transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    pillow_heif.from_pillow(sensor).save(out, exif=exif.tobytes(), quality=90)
    decoded = decode(out.getvalue(), LIMITS)
    assert corners(decoded.pixels) == UPRIGHT
    assert (decoded.width, decoded.height, decoded.format) == (80, 64, "HEIF")


def test_a_nonsense_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 99
    assert corners(decode(encoded(picture(), "JPEG", exif=exif), LIMITS).pixels) == UPRIGHT


def test_broken_exif_does_not_cost_the_picture() -> None:
    data = encoded(picture(), "JPEG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff garbage")
    assert corners(decode(data, LIMITS).pixels) == UPRIGHT


def test_cmyk() -> None:
    assert corners(decode(encoded(picture().convert("CMYK"), "JPEG"), LIMITS).pixels) == UPRIGHT


def test_sixteen_bits_keep_their_greys() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(1, 256).repeat(4, axis=0)
    for kind in ("PNG", "TIFF"):
        pixels = decode(encoded(Image.fromarray(ramp), kind), LIMITS).pixels
        assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_deep_integers_and_fractions_keep_their_greys() -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(1, 256).repeat(4, axis=0)
    for values in (ramp, (ramp * 65535).astype(np.int32)):
        pixels = decode(encoded(Image.fromarray(values), "TIFF"), LIMITS).pixels
        assert np.abs(pixels[0, :, 1].astype(int) - np.arange(256)).max() <= 1


def test_a_dark_sixteen_bit_picture_stays_dark() -> None:
    dark = Image.fromarray(np.full((4, 4), 200, np.uint16))
    assert decode(encoded(dark, "PNG"), LIMITS).pixels.max() <= 1


def test_transparency_becomes_white_not_black() -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    half = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    for kind in ("PNG", "WEBP"):
        assert decode(encoded(clear, kind), LIMITS).pixels.min() >= 250
        assert abs(int(decode(encoded(half, kind), LIMITS).pixels.mean()) - 127) < 4


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palette_with_transparency(kind: str) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 4, 8))
    pixels = decode(encoded(image, kind, transparency=0), LIMITS).pixels
    assert tuple(pixels[4, 1]) == (255, 255, 255)
    assert tuple(pixels[4, 6]) == (0, 0, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_grey_modes(mode: str) -> None:
    pixels = decode(encoded(Image.new("L", (8, 8), 255).convert(mode), "PNG"), LIMITS).pixels
    assert pixels.shape == (8, 8, 3)
    assert pixels.min() == 255


def test_colour_profiles_are_applied() -> None:
    profile = ImageCms.ImageCmsProfile(
        ImageCms.createProfile("LAB")
    ).tobytes()  # does not fit RGB pixels: ignored
    assert corners(decode(encoded(picture(), "PNG", icc_profile=profile), LIMITS).pixels) == UPRIGHT
    linear = _linear_profile()
    grey = Image.new("RGB", (8, 8), (55, 55, 55))  # 55/255 = 0.216 linear light is 128 in sRGB
    pixels = decode(encoded(grey, "PNG", icc_profile=linear), LIMITS).pixels
    assert abs(int(pixels.mean()) - 128) <= 3


def test_a_broken_profile_is_ignored() -> None:
    data = encoded(picture(), "PNG", icc_profile=b"no profile at all")
    assert corners(decode(data, LIMITS).pixels) == UPRIGHT


def _linear_profile() -> bytes:
    """sRGB's own primaries with a straight tone curve, written by hand."""
    from struct import pack

    def fixed(value: float) -> bytes:
        return pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(fixed(value) for value in values)

    curve = b"curv\0\0\0\0" + pack(">I", 0)
    name = b"linear\0"
    text = b"desc\0\0\0\0" + pack(">I", len(name)) + name + bytes(78)
    text += bytes(-len(text) % 4)
    tags = {
        b"desc": text,
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.4360, 0.2225, 0.0139),
        b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    at, table, body = 128 + 4 + 12 * len(tags), pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += tag + pack(">II", at + len(body), len(data))
        body += data
    head = pack(">I4sI4s4s4s", at + len(body), b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642) + fixed(1.0) + fixed(0.8249)
    return head.ljust(128, b"\0") + table + body


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_large_pictures_are_scaled_but_report_their_size(kind: str) -> None:
    decoded = decode(encoded(picture(1200, 900), kind), DecodeLimits(long_side=200))
    assert decoded.pixels.shape == (150, 200, 3)
    assert (decoded.width, decoded.height) == (1200, 900)
    assert decoded.scale == pytest.approx(1 / 6)
    assert corners(decoded.pixels) == UPRIGHT


def test_a_turned_large_picture_reports_its_upright_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode(encoded(picture(1200, 900), "JPEG", exif=exif), DecodeLimits(long_side=200))
    assert decoded.pixels.shape == (200, 150, 3)
    assert (decoded.width, decoded.height) == (900, 1200)


def test_phone_multi_pictures_are_not_animated() -> None:
    data = encoded(picture(), "MPO", save_all=True, append_images=[picture(20, 20)])
    decoded = decode(data, LIMITS)
    assert decoded.format == "MPO"
    assert decoded.pixels.shape == (30, 40, 3)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_animated(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert code_of(data) == "animated"


def test_several_pages() -> None:
    assert code_of(encoded(picture(), "TIFF", save_all=True, append_images=[picture()])) == "several_pages"


def test_empty_and_not_an_image() -> None:
    assert code_of(b"") == "empty"
    assert code_of(b"hello, this is a text file") == "not_an_image"
    assert code_of(bytes(100)) == "not_an_image"
    assert {code_of(bytes([value])) for value in range(256)} == {"not_an_image"}
    assert {code_of(b"ab"[:size]) for size in (1, 2)} == {"not_an_image"}


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7 etc", b"<svg xmlns='x'/>", b"\0\0\0\x18ftypmp42\0\0\0\0", b"8BPS\0\x01"]
)
def test_other_formats_are_named_and_refused(data: bytes) -> None:
    assert code_of(data) == "unsupported_format"


def test_the_allow_list_is_obeyed() -> None:
    data = encoded(picture(), "BMP")
    assert code_of(data, DecodeLimits(formats=("JPEG",))) == "unsupported_format"
    assert code_of(encoded(picture(), "PPM")) == "unsupported_format"


def test_too_many_bytes() -> None:
    assert code_of(encoded(picture(), "PNG"), DecodeLimits(max_bytes=50)) == "too_large"


def test_the_pixel_ceiling_is_judged_from_the_header() -> None:
    data = encoded(picture(), "JPEG")
    assert code_of(data, DecodeLimits(max_pixels=1199)) == "too_many_pixels"
    assert decode(data, DecodeLimits(max_pixels=1200)).width == 40


def bomb(width: int, height: int, body: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + body


def test_decompression_bombs_never_decode() -> None:
    assert code_of(bomb(100_000, 100_000)) == "too_many_pixels"
    assert (
        code_of(encoded(picture(), "GIF").replace(b"\x28\0\x1e\0", b"\xff\xff\xff\xff")) == "too_many_pixels"
    )
    huge = bytearray(encoded(picture(), "BMP"))
    huge[18:26] = struct.pack("<ii", 100_000, 100_000)
    assert code_of(bytes(huge)) == "too_many_pixels"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_truncated(kind: str, part: float) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))
    data = encoded(noise, kind)
    assert code_of(data[: int(len(data) * part)]) == "truncated"


def test_truncated_heic() -> None:
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(picture(80, 64)).save(out)
    assert code_of(out.getvalue()[:-40]) == "truncated"


def test_damaged_in_the_middle() -> None:
    data = bytearray(encoded(picture(), "PNG"))
    data[60:70] = b"XXXXXXXXXX"
    assert code_of(bytes(data)) == "damaged"


def test_the_error_names_its_input_and_says_what_to_do() -> None:
    with pytest.raises(UndecodablePicture, match=r"shoot/a b\.jpg: the file is empty"):
        decode(b"", LIMITS, source="shoot/a b.jpg")


@given(
    st.binary(max_size=300),
    st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"]),
    st.integers(0, 60),
)
def test_garbage_never_escapes(garbage: bytes, kind: str, keep: int) -> None:
    assert _outcome(_SEEDS[kind][:keep] + garbage) in CODES | {"picture"}


CODES = {
    "empty", "too_large", "not_an_image", "unsupported_format", "too_many_pixels",
    "animated", "several_pages", "truncated", "damaged",
}  # fmt: skip
_SEEDS = {kind: encoded(picture(), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")}


def test_warnings_stay_inside_and_the_filters_come_back_under_threads() -> None:
    before = list(warnings.filters)
    noisy = _SEEDS["PNG"].replace(b"IDAT", b"acTL\0\0\0\0") + b"x"  # makes Pillow warn about a broken APNG
    with ThreadPoolExecutor(4) as pool, warnings.catch_warnings():
        warnings.simplefilter("error")
        list(pool.map(_decode_or_not, [noisy, _SEEDS["JPEG"]] * 40))
    assert list(warnings.filters) == before


def _decode_or_not(data: bytes) -> None:
    try:
        decode(data, LIMITS)
    except UndecodablePicture:
        return


@pytest.mark.evaluation
def test_every_hostile_file_yields_a_picture_or_a_typed_error(eval_dir: Path) -> None:
    files = [
        path for root in ("hostile", "copydetect/formats") for path in sorted((eval_dir / root).rglob("*"))
    ]
    outcomes = [_outcome(path.read_bytes()) for path in files if path.is_file()]
    assert len(outcomes) > 300
    assert set(outcomes) <= CODES | {"picture"}
    assert outcomes.count("picture") > 150
    assert outcomes.count("too_many_pixels") >= 2


def _outcome(data: bytes) -> str:
    try:
        pixels = decode(data, LIMITS).pixels
    except UndecodablePicture as fault:
        return fault.code
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    return "picture"
