"""Lists page by page: every row once, in order, whatever the page's length; filters take names in any capitals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from data.store import NewReference, Store, Talent
from data.store.consents import ConsentFilter
from data.store.talents import TalentFilter
from detector.errors import StaleVersion
from detector.record import parse_record
from detector.terms import ConsentKind

EVERYBODY = TalentFilter()
EVERYTHING = ConsentFilter()


def walked(page: Callable[[str | None, int], Sequence[Any]], key: str, length: int) -> list[Any]:
    """Everything, read in pages of `length`."""
    rows: list[Any] = []
    while portion := page(getattr(rows[-1], key) if rows else None, length):
        assert len(portion) <= length
        rows.extend(portion)
    return rows


def consent(store: Store, talent: Talent, consent_id: str, **terms: Any) -> None:
    document = {"kind": "photo_use", "grantor": {"role": "self"}, "grantee": {"client": "Brand"}, **terms}
    store.consents.add(parse_record(document, talent_id=talent.id, consent_id=consent_id))


@pytest.mark.parametrize("length", [1, 2, 3, 10])
def test_pages_of_talents_hold_everybody_once_in_order_of_registration(store: Store, length: int) -> None:
    added = [store.talents.add(f"T-{9 - number}", "Somebody") for number in range(5)]
    assert walked(lambda after, n: store.talents.page(EVERYBODY, after, n), "id", length) == added


def test_a_page_goes_on_behind_a_talent_that_was_erased_meanwhile(store: Store) -> None:
    added = [store.talents.add(f"T-{number}", "Somebody") for number in range(4)]
    first = store.talents.page(EVERYBODY, None, 2)
    store.talents.erase(first[-1].id)
    assert [one.id for one in store.talents.page(EVERYBODY, first[-1].id, 9)] == [added[2].id, added[3].id]


def test_talents_are_filtered_by_agency_reference_and_erasure(store: Store) -> None:
    ours = store.talents.add("T-1", "Ada", agency="Größe")
    also = store.talents.add("T-2", "Eve", agency="GRÖSSE ")
    other = store.talents.add("T-3", "Mia", agency="North")
    gone = store.talents.add("T-4", "Zoe")
    store.talents.erase(gone.id)
    of_agency = store.talents.page(TalentFilter(agency=" größe"), None, 9)
    assert [one.id for one in of_agency] == [ours.id, also.id]
    assert [one.id for one in store.talents.page(TalentFilter(ref=" T-3 "), None, 9)] == [other.id]
    assert store.talents.page(TalentFilter(agency="nobody's"), None, 9) == []
    assert [one.id for one in store.talents.page(TalentFilter(erased=True), None, 9)][-1] == gone.id


def test_a_change_in_view_of_an_older_state_is_refused(store: Store) -> None:
    seen = store.talents.add("T-1", "Ada")
    store.talents.update(seen.id, name="Ada B.")
    with pytest.raises(StaleVersion, match="changed meanwhile"):
        store.talents.revise(seen, name="Eve")
    changed = store.talents.get(seen.id)
    assert changed.name == "Ada B."
    assert store.talents.revise(changed, name="Eve").name == "Eve"


@pytest.mark.parametrize("length", [1, 2, 9])
def test_pages_of_consents_hold_the_newest_version_of_each(store: Store, length: int) -> None:
    talent = store.talents.add("T-1", "Ada")
    for name in ("con_c", "con_a", "con_b"):
        consent(store, talent, name)
    store.consents.revoke("con_b", reason="asked")
    found = walked(lambda after, n: store.consents.page(EVERYTHING, after, n), "consent_id", length)
    assert [(one.consent_id, one.version) for one in found] == [("con_a", 1), ("con_b", 2), ("con_c", 1)]
    assert [one.version for one in store.consents.versions("con_b")] == [1, 2]
    assert store.consents.versions("con_x") == []


def test_consents_are_filtered_by_talent_agency_client_and_kind(store: Store) -> None:
    ada, eve = (
        store.talents.add("T-1", "Ada", agency="North"),
        store.talents.add("T-2", "Eve", agency="South"),
    )
    consent(store, ada, "con_1")
    consent(store, ada, "con_2", kind="training", grantee={"client": "Österreich AG"})
    consent(store, eve, "con_3", grantee={"client": "BRAND"})

    def found(**wanted: Any) -> list[str]:
        return [one.consent_id for one in store.consents.page(ConsentFilter(**wanted), None, 9)]

    assert found(talent_id=ada.id) == ["con_1", "con_2"]
    assert found(agency="south") == ["con_3"]
    assert found(client="brand") == ["con_1", "con_3"]
    assert found(client="öSTERREICH ag", kind=ConsentKind.TRAINING) == ["con_2"]
    assert found(client="nobody") == []


def test_pages_and_counts_of_references(store: Store, new_reference: Callable[..., NewReference]) -> None:
    ada, eve = store.talents.add("T-1", "Ada"), store.talents.add("T-2", "Eve")
    added = [store.references.add(ada.id, new_reference(bytes([number]))) for number in range(3)]
    store.references.add(eve.id, new_reference(b"x"))
    found = walked(lambda after, n: store.references.page(ada.id, after, n), "id", 2)
    assert sorted(one.id for one in found) == sorted(one.id for one in added)
    assert store.references.counts_of([ada.id, eve.id, "tal_x"]) == {ada.id: 3, eve.id: 1, "tal_x": 0}


def test_talents_are_found_by_part_of_the_name_or_reference_in_any_capitals(store: Store) -> None:
    ada, zoe = store.talents.add("AG_1", "Ada Lovelace"), store.talents.add("ZZ-2", "Zoë Övermark")
    store.talents.erase(store.talents.add("X-1", "Ada Gone").id)

    def found(text: str) -> list[Talent]:
        return list(store.talents.page(TalentFilter(search=text), None, 9))

    for text in ("ada", "LACE", "g_1", " love "):
        assert found(text) == [ada], text
    for text in ("ÖVER", "zoë", "zz-"):
        assert found(text) == [zoe], text
    assert found("%") == found("A__1") == []
