"""The proof stage's bookkeeping: the product's gate, recall, and recall where only so many non-copies are flagged."""

from __future__ import annotations

import numpy as np

from benchmarks.copy_proof import Proven, Shortlist


def test_only_what_the_product_would_look_at_is_proven() -> None:
    listed = Shortlist(
        "network",
        ["crop"],
        copies=np.array([[[4, 2, 9]]]),
        non_copies=np.array([[7, 1, 3]]),
        near_copies=np.array([[[0.9, 0.5, 0.2]]]),
        near_non_copies=np.array([[0.3, 0.2, 0.1]]),
        gate=0.4,
    )
    assert listed.of("crop", 0) == [4, 2]
    assert listed.of(None, 0) == []


def test_recall_where_one_in_ten_non_copies_is_flagged() -> None:
    proven = Proven("network", flagged=[0.0] * 8 + [0.6, 0.8])
    proven.found["crop"] = [0.99, 0.7, 0.55, 0.0]
    assert proven.flagged_share == 0.2
    assert proven.recall == {"crop": 0.75}
    assert proven.agreement_at(0.1) == 0.6
    assert proven.recall_from(proven.agreement_at(0.1)) == {"crop": 0.5}
