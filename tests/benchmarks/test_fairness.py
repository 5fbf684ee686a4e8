"""The rates between groups: counted by hand on few pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fairness import Group, Seen, confused, key, lines, missed, rate, read_groups, unregistered

A, B, C = 0, 1, 2
TOP = 0.5


def seen(talent: int, *scores: float) -> Seen:
    return Seen(talent, np.array(scores, np.float32) if scores else None)


PICTURES = [
    seen(A, 0.7, 0.1, 0.2),  # found
    seen(A, 0.4, 0.1, 0.2),  # too weak
    seen(A, 0.6, 0.8, 0.2),  # taken for B
    seen(B, 0.1, 0.9, 0.6),  # found, and hits C
    seen(B),  # no usable face
]


def test_a_picture_is_missed_when_its_talent_is_weak_or_not_the_strongest_or_has_no_face() -> None:
    assert missed(PICTURES, TOP) == [(0, 1), (1, 1), (1, 1), (0, 1), (1, 1)]


def test_others_of_the_group_are_counted_without_the_talent_themselves() -> None:
    group = Group("two", np.array([True, True, False]))
    assert confused(PICTURES, group, TOP) == [(0, 1), (0, 1), (1, 1), (0, 1), (0, 0)]


def test_an_unregistered_talent_may_hit_anybody_else() -> None:
    assert unregistered(PICTURES, TOP) == [(0, 1), (0, 1), (1, 1), (1, 1)]


def test_the_interval_is_over_talents_and_holds_the_rate() -> None:
    found = rate(PICTURES, missed(PICTURES, TOP), seed=1)
    assert (found.events, found.tries) == (3, 5)
    assert found.low <= 3 / 5 <= found.high
    assert found.low == pytest.approx(1 / 2)  # both draws are B, who misses one of two


def test_without_an_event_the_rule_of_three_counts_talents_and_not_pictures() -> None:
    pictures = [seen(talent, 0.9, 0.1) for talent in (0, 0, 0, 0)] + [seen(1, 0.1, 0.9)] * 4
    assert rate(pictures, missed(pictures, TOP), seed=1).high == 1.0
    many = [seen(talent, *(0.9 if at == talent else 0.1 for at in range(30))) for talent in range(30)] * 5
    assert rate(many, missed(many, TOP), seed=1).high == pytest.approx(3 / 30)


def test_labels_are_found_by_the_hash_of_the_name(tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_text(f"key,sex,origin\n{key('Ann')},woman,\n{key('Bo')},man,east-asia\n")
    groups = read_groups(file, ["Ann", "Bo", "Nobody labelled"])
    by_name = {group.name: group.talents.tolist() for group in groups}
    assert by_name["women"] == [True, False, False]
    assert by_name["men of East Asia"] == [False, True, False]
    assert by_name["men"] == [False, False, False]


def test_a_group_without_a_picture_is_left_out() -> None:
    groups = [Group("all", np.array([True, True, True])), Group("empty", np.array([False, False, False]))]
    text = "\n".join(lines(PICTURES, groups, {0.01: TOP}, seed=1))
    assert "all: 2 talents with 5 pictures, of 3 registered" in text
    assert "missed 3 of 5 = 60.00%" in text
    assert "by 2 talents" in text
    assert "reach 0.799 in one of a thousand" in text
    assert "empty" not in text
