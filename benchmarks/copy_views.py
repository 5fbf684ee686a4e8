"""What the copy benchmark embeds of a picture: the whole, or the whole and parts, turns and panels of it.

Every set begins with the whole picture. A view with nothing of its own to show returns the very picture it was given.
"""

from collections.abc import Callable

import cv2
import numpy as np

from benchmarks.copy_edits import Pixels
from detector.images.panels import MOST, panels

View = Callable[[Pixels], Pixels]


def _part(top: float, left: float, height: float, width: float) -> View:
    def view(pixels: Pixels) -> Pixels:
        tall, wide = pixels.shape[:2]
        rows = slice(int(top * tall), max(int(top * tall) + 8, round((top + height) * tall)))
        columns = slice(int(left * wide), max(int(left * wide) + 8, round((left + width) * wide)))
        return np.ascontiguousarray(pixels[rows, columns])

    return view


def _turned(turns: int, mirrored: bool) -> View:
    def view(pixels: Pixels) -> Pixels:
        turned = np.rot90(pixels, turns)
        return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)

    return view


def trimmed(pixels: Pixels) -> Pixels:
    """The picture less the rows and columns at its edges that hold little but one colour."""
    inside = pixels
    for share in (0.2, 0.4):  # a narrow picture on a page first, then what a line of text adds to it
        for axis in (0, 1):
            grey = cv2.cvtColor(np.ascontiguousarray(inside), cv2.COLOR_RGB2GRAY).astype(np.float32)
            inside = inside[:, _busy(grey, 0, share)] if axis == 0 else inside[_busy(grey, 1, share)]
    return np.ascontiguousarray(inside) if min(inside.shape[:2]) >= 32 else pixels


def _busy(grey: np.ndarray, axis: int, share: float) -> slice:
    """The longest run of lines in which at least `share` isn't the line's median shade; short breaks don't end it."""
    median = np.median(grey, axis=axis, keepdims=True)
    busy = (np.abs(grey - median) > 6).mean(axis) > share
    starts = np.flatnonzero(np.diff(np.concatenate(([0], busy.astype(np.int8), [0]))))
    if len(starts) == 0:
        return slice(None)
    runs = _joined(starts.reshape(-1, 2), len(busy) // 40)
    first, last = max(runs, key=lambda run: run[1] - run[0])
    return slice(first, last)


def _joined(runs: np.ndarray, gap: int) -> list[tuple[int, int]]:
    joined = [(int(runs[0][0]), int(runs[0][1]))]
    for first, last in runs[1:].tolist():
        if first - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


WHOLE: dict[str, View] = {"whole": _turned(0, mirrored=False)}
FEW: dict[str, View] = {
    "trimmed": trimmed,
    "mirror": _turned(0, mirrored=True),
    **{f"quarter {row}{column}": _part(row / 2, column / 2, 0.5, 0.5) for row in (0, 1) for column in (0, 1)},
}
MANY: dict[str, View] = {
    "middle": _part(0.2, 0.2, 0.6, 0.6),
    "left third": _part(0, 0, 1, 1 / 3),
    "right third": _part(0, 2 / 3, 1, 1 / 3),
    "upper half": _part(0.05, 0, 0.6, 1),
}
TURNS: dict[str, View] = {f"turn {turns}": _turned(turns, mirrored=False) for turns in (1, 2, 3)}
MIRRORED: dict[str, View] = {f"mirrored turn {turns}": _turned(turns, mirrored=True) for turns in (1, 2, 3)}
CROPS: dict[str, View] = {
    "trimmed": trimmed,
    **{
        f"crop {row}{column}": _part(row / 4, column / 4, 0.5, 0.5)
        for row in (0, 1, 2)
        for column in (0, 1, 2)
    },
}


def _panel(number: int) -> View:
    def view(pixels: Pixels) -> Pixels:
        found = panels(pixels)
        return found[number] if number < len(found) else pixels

    return view


PANELS: dict[str, View] = {f"panel {number}": _panel(number) for number in range(MOST)}
EIGHT = WHOLE | {"mirror": FEW["mirror"]} | TURNS | MIRRORED
QUERY_VIEWS = {
    "one": WHOLE,
    "few": WHOLE | FEW,
    "many": WHOLE | FEW | MANY | TURNS,
    "turns": EIGHT,
    "panels": WHOLE | PANELS,
}
REFERENCE_VIEWS = {"one": WHOLE, "crops": WHOLE | CROPS, "panels": WHOLE | PANELS}
