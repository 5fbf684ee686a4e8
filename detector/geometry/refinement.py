"""Refinement: a placement that rests on few keypoints is made exact by the two small pictures themselves.

Few keypoints leave a placement some pixels off, and then a blurred copy looks as different as another picture
does. Enhanced correlation (Evangelidis and Psarakis, 2008; OpenCV's ECC) moves the query's small picture until it
fits the reference's best: a copy then agrees nearly everywhere, another picture of the same outline doesn't.
"""

from __future__ import annotations

import cv2
import numpy as np

from detector.geometry.agreement import HALF, warped_into
from detector.geometry.features import Bytes
from detector.geometry.placement import Homography

_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
_SMOOTHING = 5


def refined(reference: Bytes, query: Bytes, homography: Homography) -> Homography:
    """A homography near this one, or this one where nothing better is found. Between the pixels of the two pictures
    handed in, from the reference's to the query's."""
    warped, inside = warped_into(query, homography, reference.shape)
    start = np.eye(2, 3, dtype=np.float32)
    mask = inside.astype(np.uint8) * 255
    try:
        _, moved = cv2.findTransformECC(reference, warped, start, cv2.MOTION_AFFINE, _STEPS, mask, _SMOOTHING)
    except cv2.error:  # OpenCV's way of saying that it does not converge
        return homography
    step = HALF @ np.vstack((np.asarray(moved, np.float64), (0.0, 0.0, 1.0))) @ np.linalg.inv(HALF)
    return np.asarray(homography @ step, np.float64)
