"""What the load benchmark calls a wrong answer, a rate and a growth."""

from __future__ import annotations

import json

import pytest

from benchmarks.answers import differences, without_finding
from benchmarks.load import Loaded

ROW = {"verdict": "no_match", "faces": [{"similarity": 0.5, "talent": None}], "finding_id": "fnd_1"}


def said(**changes: object) -> bytes:
    return json.dumps({**ROW, **changes}).encode()


def test_two_findings_of_one_picture_are_the_same_answer() -> None:
    assert differences(said(), said(finding_id="fnd_2")) == []
    assert differences(said(), said(finding_id=None)) == []
    assert b"fnd_1" not in without_finding(said())


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"verdict": "no_consent"}, "/verdict"),
        ({"faces": [{"similarity": 0.50003, "talent": None}]}, "/faces/0/similarity"),
        ({"faces": [{"similarity": 0.5, "talent": "tal_1"}]}, "/faces/0/talent"),
        ({"faces": []}, "/faces"),
        ({"more": 1}, ""),
    ],
)
def test_any_other_difference_is_told_by_its_place(changes: dict[str, object], place: str) -> None:
    assert differences(said(), said(**changes)) == [place]


def test_the_last_place_shown_may_be_rounded_either_way() -> None:
    assert differences(said(), said(faces=[{"similarity": 0.50001, "talent": None}])) == []


def test_rates_shares_and_growth_are_of_what_was_measured() -> None:
    ended = [number / 10 for number in range(1000)]
    memory = [(number, 500 + number / 1000) for number in range(0, 1000, 10)]
    one = Loaded("shop", (10.0, 30.0), [0.1] * 1000, ended, [0.1], 0, [], memory)
    assert one.rate == pytest.approx(10)
    assert one.share == pytest.approx(0.5)
    assert one.growth == pytest.approx(10)
