"""The seventeen edits of the copy benchmark, each a function of pixels, a generator and bystanders.

Pixels are uint8 RGB [height, width, 3]; bystanders are pictures of nobody in the benchmark, for collages. The
generator decides places and colours, so an edit of a picture is the same in every run with the same seed.
"""

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

Pixels = np.ndarray
Rng = np.random.Generator
Edit = Callable[[Pixels, Rng, Sequence[Pixels]], Pixels]


def jpeg_20(pixels: Pixels, _: Rng, __: Sequence[Pixels]) -> Pixels:
    """Encoded as JPEG at quality 20."""
    encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


def quarter_size(pixels: Pixels, _: Rng, __: Sequence[Pixels]) -> Pixels:
    """A quarter of each side."""
    return cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)


def mirror(pixels: Pixels, _: Rng, __: Sequence[Pixels]) -> Pixels:
    """Left and right exchanged."""
    return np.ascontiguousarray(pixels[:, ::-1])


def quarter_turn(pixels: Pixels, _: Rng, __: Sequence[Pixels]) -> Pixels:
    """Turned by 90 degrees."""
    return np.ascontiguousarray(np.rot90(pixels))


def turn_10(pixels: Pixels, rng: Rng, _: Sequence[Pixels]) -> Pixels:
    """Turned by 10 degrees about the middle, the corners black."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.choice((-10, 10))), 1.0)
    return cv2.warpAffine(pixels, matrix, (width, height))


def _crop(pixels: Pixels, rng: Rng, area: float) -> Pixels:
    height, width = pixels.shape[:2]
    tall, wide = round(height * np.sqrt(area)), round(width * np.sqrt(area))
    top, left = rng.integers(height - tall + 1), rng.integers(width - wide + 1)
    return np.ascontiguousarray(pixels[top : top + tall, left : left + wide])


def crop_76(pixels: Pixels, rng: Rng, _: Sequence[Pixels]) -> Pixels:
    """A piece of 76 % of the area."""
    return _crop(pixels, rng, 0.76)


def crop_50(pixels: Pixels, rng: Rng, _: Sequence[Pixels]) -> Pixels:
    """A piece of half the area."""
    return _crop(pixels, rng, 0.50)


def crop_25(pixels: Pixels, rng: Rng, _: Sequence[Pixels]) -> Pixels:
    """A piece of a quarter of the area."""
    return _crop(pixels, rng, 0.25)


def colour(pixels: Pixels, rng: Rng, _: Sequence[Pixels]) -> Pixels:
    """Warmer or cooler, more contrast, more saturated."""
    shift = rng.permutation((1.25, 1.0, 0.8))
    contrast = (pixels.astype(np.float32) - 128) * 1.25 + 138
    grey = contrast.mean(2, keepdims=True)
    return np.clip((grey + 1.4 * (contrast - grey)) * shift, 0, 255).astype(np.uint8)


def grey(pixels: Pixels, _: Rng, __: Sequence[Pixels]) -> Pixels:
    """Without colour."""
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def blur_4(pixels: Pixels, _: Rng, __: Sequence[Pixels]) -> Pixels:
    """Gaussian blur of 4 pixels."""
    return cv2.GaussianBlur(pixels, (0, 0), 4.0)


def text_band(pixels: Pixels, rng: Rng, _: Sequence[Pixels]) -> Pixels:
    """A band of 18 % of the height with a line of text."""
    banded = pixels.copy()
    height = len(pixels)
    band, top = round(0.18 * height), int(rng.uniform(0, 0.8) * height)
    banded[top : top + band] = rng.integers(0, 256, 3)
    _write(banded, "NEW SEASON  -50 % ONLINE", (4, top + round(0.65 * band)), band)
    return banded


def _write(canvas: Pixels, text: str, at: tuple[int, int], height: int) -> None:
    shade = (255, 255, 255) if _brightness(canvas, at) < 128 else (0, 0, 0)
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_DUPLEX, max(0.3, height / 60), shade, 1, cv2.LINE_AA)


def _brightness(canvas: Pixels, at: tuple[int, int]) -> float:
    """Mean brightness of the row that is written on."""
    return float(canvas[min(at[1], len(canvas) - 1)].mean())


def banner(pixels: Pixels, rng: Rng, _: Sequence[Pixels]) -> Pixels:
    """At one end of a banner three times as wide as high, with writing beside it."""
    side = 360
    canvas = np.empty((side, 3 * side, 3), np.uint8)
    canvas[:] = rng.integers(0, 256, 3)
    wide = min(2 * side, round(side * pixels.shape[1] / len(pixels)))
    left = int(rng.choice((0, 3 * side - wide)))
    canvas[:, left : left + wide] = cv2.resize(pixels, (wide, side), interpolation=cv2.INTER_AREA)
    written = wide + 30 if left == 0 else 30
    for line, text in enumerate(("SUMMER SALE", "up to 70 % off", "shop now")):
        _write(canvas, text, (written, 100 + 90 * line), 90)
    return canvas


def collage(pixels: Pixels, rng: Rng, bystanders: Sequence[Pixels]) -> Pixels:
    """One of four cells, the others taken by bystanders."""
    side = 256
    chosen = rng.choice(len(bystanders), 3, replace=False)
    cells = [cv2.resize(each, (side, side)) for each in (pixels, *(bystanders[index] for index in chosen))]
    placed = [cells[index] for index in rng.permutation(4)]
    return cv2.vconcat([cv2.hconcat(placed[:2]), cv2.hconcat(placed[2:])])


def screenshot(pixels: Pixels, rng: Rng, _: Sequence[Pixels]) -> Pixels:
    """In a telephone's screen: a status bar, the picture over the width, lines of text and buttons under it."""
    wide, tall = 360, 720
    canvas = np.full((tall, wide, 3), int(rng.choice((18, 250))), np.uint8)
    _write(canvas, "09:41        model.agency", (12, 28), 34)
    high = min(480, round(wide * len(pixels) / pixels.shape[1]))
    top = int(rng.integers(50, 110))
    canvas[top : top + high] = cv2.resize(pixels, (wide, high), interpolation=cv2.INTER_AREA)
    for line in range(top + high + 40, tall - 20, 36):
        _write(canvas, "lorem ipsum dolor sit amet"[: int(rng.integers(8, 26))], (12, line), 36)
    return canvas


def face_covered(pixels: Pixels, rng: Rng, _: Sequence[Pixels]) -> Pixels:
    """A filled ellipse where portraits have the face (no detector is asked)."""
    covered = pixels.copy()
    height, width = pixels.shape[:2]
    middle, axes = (width // 2, round(0.45 * height)), (round(0.2 * width), round(0.25 * height))
    shade = tuple(int(value) for value in rng.integers(0, 256, 3))
    cv2.ellipse(covered, middle, axes, 0, 0, 360, shade, cv2.FILLED)
    return covered


def crop_colour_text(pixels: Pixels, rng: Rng, bystanders: Sequence[Pixels]) -> Pixels:
    """A piece of 60 %, with other colours, and a band of text."""
    return text_band(colour(_crop(pixels, rng, 0.6), rng, bystanders), rng, bystanders)


EDITS: Mapping[str, Edit] = {
    edit.__name__: edit
    for edit in (
        jpeg_20,
        quarter_size,
        mirror,
        quarter_turn,
        turn_10,
        crop_76,
        crop_50,
        crop_25,
        colour,
        grey,
        blur_4,
        text_band,
        banner,
        collage,
        screenshot,
        face_covered,
        crop_colour_text,
    )
}
