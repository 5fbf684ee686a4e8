"""Find faces: YuNet 2023mar (MIT), its boxes and five landmarks.

Flow of `YuNet.detect`: the picture is scaled so that its longer side is at most `side`, padded to a
multiple of 32 on the right and below, run, and the outputs of the three strides (8, 16, 32) are decoded and
thinned by non-maximum suppression. `find_faces` calls it: at the common size; once larger where faces are
small, or where there is none but a trace of one; and, where no face is sure, once smaller (a face that fills
the picture is beyond the network's anchors), then small with the picture turned by the other three quarter
turns: the network also sees faces that lie on their side or stand on their head, but with wrong landmarks and
a lower score. The turn that wins is looked at again at the common size. The output format is the network's
own, as OpenCV's FaceDetectorYN reads it too; a test holds both together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.compiled import CompiledCache
from detector.imagery import Pixels
from detector.runtime import Network, Tensor
from detector.shrinking import shrunk

STRIDES = (8, 16, 32)
Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face in pixels of the array it was found in. box: x, y, width, height; points: (5, 2), YuNet's
    order (the person's right eye, left eye, nose, right and left mouth corner); score: 0 to 1."""

    box: Points
    points: Points
    score: float

    def scaled(self, factor: float) -> Detection:
        return Detection(self.box * factor, self.points * factor, self.score)


class YuNet:
    """The network alone. Thread-safe."""

    def __init__(
        self, model: Path, *, threads: int | None = None, cache: CompiledCache | None = None
    ) -> None:
        self._network = Network(model, (1, 3, -1, -1), threads=threads, pictures=True, cache=cache)

    def load(self) -> None:
        self._network.load()

    def detect(self, pixels: Pixels, settings: DetectorSettings, side: int) -> list[Detection]:
        """Faces with at least `settings.score`, best first. `pixels` is RGB; it is scaled down to `side`,
        never up."""
        factor = min(1.0, side / max(pixels.shape[:2]))
        outputs = self._network.run(_blob(_shrunk(pixels, factor)))
        rows = _decoded(outputs, _padded_width(pixels, factor), settings.score)
        return [found.scaled(1 / factor) for found in thinned(rows, settings.overlap)]


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """score: detections below it are no faces. overlap: intersection over union from which two are one face.
    side, large_side, small_side: the longer side, in pixels, of the passes. small_face: box width in
    pixels of the first pass under which the picture is looked at again at `large_side`. trace_score: what the
    first pass must see somewhere at least for that, where it finds no face. sure_score: an upright face
    scores at least this; below it the other quarter turns are tried, and win if they score `turn_gain` more. tiles:
    large pictures are also looked at in full size, tile by tile (`detector.faces.tiles`)."""

    score: float = 0.6
    overlap: float = 0.3
    side: int = 640
    large_side: int = 1280
    small_side: int = 320
    small_face: float = 40.0
    trace_score: float = 0.1
    sure_score: float = 0.89
    turn_gain: float = 0.03
    tiles: bool = False


def find_faces(yunet: YuNet, pixels: Pixels, settings: DetectorSettings) -> list[Detection]:
    """All faces of the picture, best first; empty when it has none."""
    traces = yunet.detect(pixels, replace(settings, score=settings.trace_score), settings.side)
    found = [face for face in traces if face.score >= settings.score]
    if _larger_helps(pixels, found, traces, settings):
        again = yunet.detect(pixels, settings, settings.large_side)
        found = thinned([*found, *again], settings.overlap)
    if _best(found) < settings.sure_score and max(pixels.shape[:2]) > settings.small_side:
        again = yunet.detect(pixels, settings, settings.small_side)
        found = thinned([*found, *again], settings.overlap)
    if _best(found) < settings.sure_score:
        found = _turned(yunet, pixels, _best(found), settings) or found
    return found


def _best(found: Sequence[Detection]) -> float:
    return max((face.score for face in found), default=0.0)


def _larger_helps(
    pixels: Pixels, found: Sequence[Detection], traces: Sequence[Detection], settings: DetectorSettings
) -> bool:
    longer = max(pixels.shape[:2])
    if longer < settings.side * 1.25:
        return False
    if not found:
        return bool(traces)
    narrowest = min(float(face.box[2]) for face in found)
    return bool(narrowest * settings.side / longer < settings.small_face)


def _turned(yunet: YuNet, pixels: Pixels, upright: float, settings: DetectorSettings) -> list[Detection]:
    """The faces that the best of the three other quarter turns shows, back in the picture's own coordinates; none
    where no turn shows one that scores enough more than the best `upright` one."""
    small = _shrunk(pixels, min(1.0, settings.small_side / max(pixels.shape[:2])))
    seen = {turns: yunet.detect(_turn(small, turns), settings, settings.small_side) for turns in (1, 3, 2)}
    turns = max(seen, key=lambda turns: _best(seen[turns]))
    if _best(seen[turns]) <= upright:
        return []
    enlarged = [face.scaled(pixels.shape[1] / small.shape[1]) for face in seen[turns]]
    again = enlarged if small is pixels else yunet.detect(_turn(pixels, turns), settings, settings.side)
    least = upright + settings.turn_gain
    faces = again if _best(again) > least else enlarged
    return [_turned_back(face, turns, *pixels.shape[:2]) for face in faces] if _best(faces) > least else []


def _turn(pixels: Pixels, turns: int) -> Pixels:
    """`turns` counter-clockwise quarter turns."""
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _turned_back(face: Detection, turns: int, height: int, width: int) -> Detection:
    """Undo `turns` counter-clockwise quarter turns of a picture of `height` x `width`."""
    x, y, w, h = face.box
    corners = np.array([[x, y], [x + w, y + h]], np.float32)
    first, second = _points_back(corners, turns, height, width)
    low, high = np.minimum(first, second), np.maximum(first, second)
    return Detection(
        np.concatenate([low, high - low]), _points_back(face.points, turns, height, width), face.score
    )


def _points_back(points: Points, turns: int, height: int, width: int) -> Points:
    x, y = points[:, 0], points[:, 1]
    if turns == 1:
        back = (width - y, x)
    elif turns == 2:
        back = (width - x, height - y)
    else:
        back = (y, height - x)
    return np.stack(back, axis=1).astype(np.float32)


# Into the network, and out of it


def _shrunk(pixels: Pixels, factor: float) -> Pixels:
    height, width = pixels.shape[:2]
    return shrunk(pixels, (max(1, round(width * factor)), max(1, round(height * factor))))


def _blob(pixels: Pixels) -> Pixels:
    """(1, height, width, 3) in blue, green, red, padded with black to multiples of 32."""
    height, width = pixels.shape[:2]
    blob = np.zeros((1, _round_up(height), _round_up(width), 3), np.uint8)
    cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR, dst=blob[0, :height, :width])
    return blob


def _round_up(length: int) -> int:
    return -(-length // 32) * 32


def _padded_width(pixels: Pixels, factor: float) -> int:
    return _round_up(max(1, round(pixels.shape[1] * factor)) if factor < 1.0 else pixels.shape[1])


def _decoded(outputs: Mapping[str, Tensor], width: int, score: float) -> list[Detection]:
    return [face for stride in STRIDES for face in _decoded_stride(outputs, width, stride, score)]


def _decoded_stride(
    outputs: Mapping[str, Tensor], width: int, stride: int, score: float
) -> Iterable[Detection]:
    sure = np.clip(outputs[f"cls_{stride}"][0, :, 0], 0, 1) * np.clip(outputs[f"obj_{stride}"][0, :, 0], 0, 1)
    scores = np.sqrt(sure)
    at = np.flatnonzero(scores >= score)
    cells = np.stack([at % (width // stride), at // (width // stride)], axis=1).astype(np.float32)
    boxes = outputs[f"bbox_{stride}"][0, at]
    middles = (cells + boxes[:, :2]) * stride
    sizes = np.exp(boxes[:, 2:]) * stride
    corners = np.concatenate([middles - sizes / 2, sizes], axis=1)
    points = (outputs[f"kps_{stride}"][0, at].reshape(-1, 5, 2) + cells[:, None]) * stride
    return (Detection(*row) for row in zip(corners, points, scores[at].tolist(), strict=True))


def thinned(faces: Sequence[Detection], overlap: float) -> list[Detection]:
    """Greedy non-maximum suppression: best first, whatever overlaps a better one goes."""
    order = sorted(faces, key=lambda face: -face.score)
    if not order:
        return []
    boxes = np.stack([face.box for face in order])
    kept: list[int] = []
    for index in range(len(order)):
        if not kept or _overlaps(boxes[index], boxes[kept]).max() <= overlap:
            kept.append(index)
    return [order[index] for index in kept]


def _overlaps(box: Points, others: Points) -> Points:
    """Intersection over union of one box with each of the others."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    union = np.prod(box[2:]) + np.prod(others[:, 2:], axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)
