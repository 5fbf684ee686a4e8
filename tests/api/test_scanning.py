"""The batch runner: one row per item, in order, whatever is wrong with any of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.scanning import INTERNAL_ERROR, Scanner, ScanPlan
from detector.errors import StoreError, UnreadableInput
from detector.use import Medium, Use


@dataclass(frozen=True)
class Item:
    source: str
    data: bytes | None
    row: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> bytes:
        if self.data is None:
            raise UnreadableInput(f"{self.source} cannot be opened")
        return self.data


def scanner(made, detector, **plan):
    return Scanner(detector, made.refs_of, ScanPlan(at=made.at, **plan))


@given(
    kinds=st.lists(st.sampled_from(["red", "blue", "broken", "gone"]), max_size=40),
    batch=st.integers(1, 9),
    workers=st.integers(1, 3),
)
@settings(max_examples=40, deadline=None)
def test_every_item_gets_its_own_row_in_order(made, kinds, batch, workers):
    data = {"red": made.jpeg(), "blue": made.jpeg((0, 0, 200)), "broken": b"not a picture", "gone": None}
    verdict = {"red": "no_consent", "blue": "no_match", "broken": None, "gone": None}
    items = [Item(f"{number} {kind}", data[kind]) for number, kind in enumerate(kinds)]
    rows = list(scanner(made, made.FlatDetector(), batch=batch, workers=workers).scan(items))
    assert [row["source"] for row in rows] == [item.source for item in items]
    assert [row["verdict"] for row in rows] == [verdict[kind] for kind in kinds]


def test_pictures_are_checked_in_batches(made):
    detector = made.FlatDetector()
    list(scanner(made, detector, batch=4).scan(Item(str(n), made.jpeg()) for n in range(10)))
    assert sorted(detector.batches) == [2, 4, 4]


def test_items_are_taken_only_a_little_ahead(made):
    taken: list[int] = []

    def endless() -> Iterator[Item]:
        for number in range(10_000):
            taken.append(number)
            yield Item(str(number), made.jpeg())

    rows = scanner(made, made.FlatDetector(), batch=4, workers=2).scan(endless())
    next(rows)
    assert len(taken) == 16
    rows.close()
    assert threading.active_count() < 10


def test_a_picture_that_breaks_the_check_costs_only_itself(made):
    detector = made.FlatDetector(break_on=lambda submission: submission.source == "1")
    rows = list(scanner(made, detector).scan(Item(str(n), made.jpeg()) for n in range(3)))
    assert [row["status"] for row in rows] == ["ok", "error", "ok"]
    assert rows[1]["error"]["code"] == INTERNAL_ERROR
    assert "ZeroDivisionError" in rows[1]["error"]["detail"]


def test_an_error_that_is_not_about_one_picture_ends_the_run(made):
    class Lost(made.FlatDetector):
        def detect(self, batch, at):
            raise StoreError("the store is gone")

    with pytest.raises(StoreError):
        list(scanner(made, Lost()).scan([Item("a", made.jpeg())]))


def test_a_rows_own_column_wins_over_the_options(made):
    columns = {"client": " Bolt ", "medium": "TV", "territory": "fr", "purpose": "", "note": "keep"}
    use = Use(client="Acme", purpose="campaign", medium=Medium.PRINT)
    [row] = scanner(made, made.FlatDetector(), use=use).scan([Item("a", made.jpeg(), columns)])
    assert row["use"] == {"client": "Bolt", "medium": "tv", "territory": "FR", "purpose": "campaign"}


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("medium", "billboard"),
        ("territory", "France"),
        ("published_at", "yesterday"),
        ("declared_ai", "perhaps"),
    ],
)
def test_a_bad_cell_costs_its_row_alone(made, column, text):
    items = [Item("a", made.jpeg(), {column: text}), Item("b", made.jpeg())]
    bad, good = scanner(made, made.FlatDetector()).scan(items)
    assert bad["error"]["code"] == "bad_use"
    assert text in bad["error"]["detail"]
    assert good["status"] == "ok"


def test_a_row_that_failed_shows_its_own_use_and_nothing_of_a_cell_that_cannot_be_read(made):
    use = Use(client="Acme", purpose="campaign", territory="US")
    columns = {"client": "Bolt", "medium": "TV", "territory": "France"}
    items = [
        Item("a", made.jpeg(), columns),
        Item("b", None, {"client": "Bolt"}),
    ]
    bad, missing = scanner(made, made.FlatDetector(), use=use).scan(items)
    assert bad["error"]["code"] == "bad_use"
    assert bad["use"] == {"client": "Bolt", "purpose": "campaign", "medium": "tv"}
    assert missing["error"]["code"] == "unreadable"
    assert missing["use"] == {"client": "Bolt", "purpose": "campaign", "territory": "US"}


def test_moments_without_a_zone_are_utc_and_days_stay_days(made):
    columns = {
        "published_at": "2026-03-01",
        "made_at": "2026-02-01T10:00+02:00",
        "seen_at": "2026-03-02T10:00",
    }
    [row] = scanner(made, made.FlatDetector()).scan([Item("a", made.jpeg(), columns)])
    assert row["use"]["published_at"] == "2026-03-01"
    assert datetime.fromisoformat(row["use"]["seen_at"]) == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert datetime.fromisoformat(row["use"]["made_at"]) == datetime(2026, 2, 1, 8, tzinfo=UTC)
