"""Edited views of base pictures: what the student sees.

One view goes through geometry (`_placed`: a deep crop, or shrunk and pasted into a collage, a screenshot or a banner,
or turned, or almost as it was), then wear (`_worn`: colours, grey, blur, small and back, noise, covers, text, JPEG).
Shrink-and-paste and deep crops have the greatest weights, because they are what a copy detector misses.
All pictures are uint8 RGB squares; the generator passed in decides everything.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

Pixels = np.ndarray
Rng = np.random.Generator


def mild_view(base: Pixels, rng: Rng, side: int) -> Pixels:
    """The picture as somebody would keep it: nearly whole, perhaps mirrored or encoded again."""
    view = _resized(_crop(base, rng.uniform(0.8, 1.0), rng), side)
    view = _flipped(view, rng, 0.2)
    return _jpeg(view, rng) if rng.random() < 0.3 else view


def edited_view(base: Pixels, others: Sequence[Pixels], rng: Rng, side: int) -> Pixels:
    """The picture as a copy shows it; `others` (three or more) are what it may be pasted beside."""
    placed = _placed(_flipped(base, rng, 0.25), others, rng, side)
    return _worn(np.ascontiguousarray(placed), rng)


def _placed(base: Pixels, others: Sequence[Pixels], rng: Rng, side: int) -> Pixels:
    draw = rng.random()
    if draw < 0.33:
        return _resized(_crop(base, np.exp(rng.uniform(np.log(0.18), 0.0)), rng), side)
    if draw < 0.50:
        return _in_collage(base, others, rng, side)
    if draw < 0.76:
        return _on_page(base, others, rng, side)
    if draw < 0.90:
        return _turned(base, rng, side)
    return _resized(_crop(base, rng.uniform(0.7, 1.0), rng), side)


def _resized(pixels: Pixels, side: int) -> Pixels:
    return cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)


def _flipped(pixels: Pixels, rng: Rng, chance: float) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1]) if rng.random() < chance else pixels


def _crop(pixels: Pixels, area: float, rng: Rng) -> Pixels:
    side, stretch = len(pixels), np.exp(rng.uniform(-0.25, 0.25))
    tall = min(side, round(side * np.sqrt(area) * stretch))
    wide = min(side, round(side * np.sqrt(area) / stretch))
    top, left = rng.integers(side - tall + 1), rng.integers(side - wide + 1)
    return pixels[top : top + tall, left : left + wide]


def _in_collage(base: Pixels, others: Sequence[Pixels], rng: Rng, side: int) -> Pixels:
    """A cell of a 1 by 2 to 2 by 3 grid, the other cells from other pictures, with or without gaps."""
    rows, columns = ((1, 2), (2, 1), (2, 2), (2, 2), (1, 3), (2, 3), (3, 2))[rng.integers(7)]
    canvas = _page(rng, side)
    gap, chosen = int(rng.integers(0, 5)), rng.integers(rows * columns)
    tall, wide = side // rows - gap, side // columns - gap
    for cell in range(rows * columns):
        content = base if cell == chosen else others[rng.integers(len(others))]
        top, left = (cell // columns) * (tall + gap), (cell % columns) * (wide + gap)
        canvas[top : top + tall, left : left + wide] = cv2.resize(
            content, (wide, tall), interpolation=cv2.INTER_AREA
        )
    return canvas


def _on_page(base: Pixels, others: Sequence[Pixels], rng: Rng, side: int) -> Pixels:
    """Shrunk to 10 to 70 % of a page: a plain one, a written one, or another picture; a banner when it is narrow."""
    canvas = _page(rng, side) if rng.random() < 0.7 else _resized(others[0], side)
    if rng.random() < 0.5:
        _write(canvas, rng, int(rng.integers(2, 12)))
    area, stretch = rng.uniform(0.1, 0.7), np.exp(rng.uniform(-0.7, 0.7))
    tall = int(np.clip(side * np.sqrt(area) * stretch, 24, side))
    wide = int(np.clip(side * side * area / tall, 24, side))
    top, left = rng.integers(side - tall + 1), rng.integers(side - wide + 1)
    content = _crop(base, rng.uniform(0.75, 1.0), rng)
    canvas[top : top + tall, left : left + wide] = cv2.resize(
        content, (wide, tall), interpolation=cv2.INTER_AREA
    )
    return canvas


def _page(rng: Rng, side: int) -> Pixels:
    """White, black or a colour, sometimes running into another."""
    first = rng.choice((np.full(3, 255), np.zeros(3), rng.integers(0, 256, 3)))
    second = rng.integers(0, 256, 3) if rng.random() < 0.3 else first
    ramp = np.linspace(0, 1, side)[:, None, None]
    rows = (1 - ramp) * first + ramp * second
    return np.ascontiguousarray(np.broadcast_to(rows, (side, side, 3)).astype(np.uint8))


def _write(canvas: Pixels, rng: Rng, lines: int) -> None:
    """Lines of letters and bars, in place."""
    side, colour = len(canvas), tuple(int(value) for value in rng.integers(0, 256, 3))
    for _ in range(lines):
        left, top = int(rng.integers(-10, side - 20)), int(rng.integers(5, side))
        if rng.random() < 0.5:
            letters = "".join(chr(code) for code in rng.integers(33, 126, rng.integers(3, 20)))
            size = float(rng.uniform(0.25, 0.9))
            cv2.putText(canvas, letters, (left, top), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
        else:
            corner = (left + int(rng.integers(10, side)), top + int(rng.integers(2, 14)))
            cv2.rectangle(canvas, (left, top), corner, colour, cv2.FILLED)


def _turned(base: Pixels, rng: Rng, side: int) -> Pixels:
    """A quarter turn, or up to 20 degrees with the corners filled or cut."""
    if rng.random() < 0.4:
        return _resized(np.rot90(base, int(rng.integers(1, 4))).copy(), side)
    scale = side / len(base) * rng.uniform(0.8, 1.3)
    matrix = cv2.getRotationMatrix2D((len(base) / 2, len(base) / 2), rng.uniform(-20, 20), scale)
    matrix[:, 2] += side / 2 - len(base) / 2
    border = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE)[rng.integers(2)]
    fill = tuple(int(value) for value in rng.integers(0, 256, 3))
    return cv2.warpAffine(base, matrix, (side, side), borderMode=border, borderValue=fill)


def _worn(view: Pixels, rng: Rng) -> Pixels:
    chances: tuple[tuple[float, Callable[[Pixels, Rng], Pixels]], ...] = (
        (0.45, _coloured),
        (0.15, _grey),
        (0.2, _blurred),
        (0.15, _shrunk),
        (0.1, _noisy),
        (0.15, _covered),
        (0.2, _banded),
        (0.5, _jpeg),
    )
    for chance, wear in chances:
        if rng.random() < chance:
            view = wear(view, rng)
    return view


def _coloured(view: Pixels, rng: Rng) -> Pixels:
    gains = np.exp(rng.uniform(-0.3, 0.3) + rng.uniform(-0.15, 0.15, 3))
    table = 255 * (np.arange(256) / 255)[:, None] ** np.exp(rng.uniform(-0.4, 0.4)) * gains + rng.uniform(
        -25, 25
    )
    return cv2.LUT(view, np.clip(table, 0, 255).astype(np.uint8)[None])


def _grey(view: Pixels, _: Rng) -> Pixels:
    return cv2.cvtColor(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _blurred(view: Pixels, rng: Rng) -> Pixels:
    return cv2.GaussianBlur(view, (0, 0), rng.uniform(0.5, 3.0))


def _shrunk(view: Pixels, rng: Rng) -> Pixels:
    small = int(len(view) * rng.uniform(0.25, 0.7))
    return cv2.resize(_resized(view, small), view.shape[:2], interpolation=cv2.INTER_LINEAR)


def _noisy(view: Pixels, rng: Rng) -> Pixels:
    noise = rng.normal(0, rng.uniform(3, 20), view.shape)
    return np.clip(view + noise, 0, 255).astype(np.uint8)


def _covered(view: Pixels, rng: Rng) -> Pixels:
    side, covered = len(view), view.copy()
    left, top = rng.integers(0, side - 20, 2)
    corner = (int(left + rng.integers(20, side // 2)), int(top + rng.integers(20, side // 2)))
    colour = tuple(int(value) for value in rng.integers(0, 256, 3))
    cv2.rectangle(covered, (int(left), int(top)), corner, colour, cv2.FILLED)
    return covered


def _banded(view: Pixels, rng: Rng) -> Pixels:
    """A band with letters across, or letters alone."""
    side, banded = len(view), view.copy()
    if rng.random() < 0.6:
        top = int(rng.integers(0, side - 10))
        banded[top : top + int(rng.integers(8, side // 4))] = rng.integers(0, 256, 3)
    _write(banded, rng, int(rng.integers(1, 4)))
    return banded


def _jpeg(view: Pixels, rng: Rng) -> Pixels:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 85))]
    return cv2.imdecode(cv2.imencode(".jpg", view, quality)[1], cv2.IMREAD_COLOR)
