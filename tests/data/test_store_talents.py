from __future__ import annotations

import pytest

from data.store import Store
from detector.errors import Conflict, NotFound, UsageError


def test_a_talent_is_found_by_id_and_by_reference(store: Store) -> None:
    added = store.talents.add(
        "  AG-17 ", " Ada Example ", agency="North", minor=True, wants_every_report=True
    )
    assert (added.ref, added.name, added.agency) == ("AG-17", "Ada Example", "North")
    assert added.minor
    assert added.wants_every_report
    assert store.talents.get(added.id) == added
    assert store.talents.by_ref(" AG-17") == added


def test_references_are_unique_and_case_sensitive(store: Store) -> None:
    store.talents.add("ada", "Ada")
    store.talents.add("ADA", "Another Ada")
    with pytest.raises(Conflict, match="'ada' is registered already"):
        store.talents.add(" ada ", "A third Ada")
    assert [talent.name for talent in store.talents.list()] == ["Another Ada", "Ada"]


@pytest.mark.parametrize(("ref", "name"), [("", "Ada"), ("  \t", "Ada"), ("a", " ")])
def test_a_blank_reference_or_name_is_refused(store: Store, ref: str, name: str) -> None:
    with pytest.raises(UsageError, match="blank"):
        store.talents.add(ref, name)
    assert store.talents.list() == []
    assert store.audit.list() == []


def test_unknown_talents_are_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="'tal_x'"):
        store.talents.get("tal_x")
    with pytest.raises(NotFound, match="'nobody'"):
        store.talents.by_ref("nobody")
    assert store.talents.names(["tal_x"]) == {}


def test_names_and_refs_of_more_talents_than_one_query_holds(store: Store) -> None:
    added = store.talents.add("a", "Ada")
    wanted = [f"tal_{number}" for number in range(1200)] + [added.id, added.id]
    assert store.talents.names(wanted) == {added.id: "Ada"}
    assert store.talents.refs(wanted) == {added.id: "a"}


def test_a_talent_can_be_changed_but_not_renumbered(store: Store) -> None:
    added = store.talents.add("a", "Ada")
    changed = store.talents.update(added.id, name="Ada B.", wants_every_report=True)
    assert (changed.name, changed.wants_every_report, changed.ref) == ("Ada B.", True, "a")
    assert store.talents.get(added.id) == changed
    with pytest.raises(UsageError, match="ref"):
        store.talents.update(added.id, ref="b")
    with pytest.raises(NotFound):
        store.talents.update("tal_x", name="X")


@pytest.mark.parametrize("text", ["café ☕", "two  blanks", "quote'\"; DROP TABLE talent", "\u202eltr"])
def test_texts_come_back_as_given(store: Store, text: str) -> None:
    added = store.talents.add(text, text, agency=text)
    assert store.talents.get(added.id).agency == added.ref == text


@pytest.mark.parametrize("text", ["line\nbreak", "a\rb", "a\tb", "\x1b[31mred", "next\u2028line"])
def test_names_are_one_line(store: Store, text: str) -> None:
    added = store.talents.add("a", "Ada")
    for given in (
        {"ref": text, "name": "B"},
        {"ref": "b", "name": text},
        {"ref": "b", "name": "B", "agency": text},
    ):
        with pytest.raises(UsageError, match="on one line"):
            store.talents.add(**given)
    with pytest.raises(UsageError, match="on one line"):
        store.talents.update(added.id, name=text)
    assert [talent.name for talent in store.talents.list()] == ["Ada"]


def test_what_no_database_keeps_is_written_out(store: Store) -> None:
    added = store.talents.add("a\x00b", "undecodable \udcff")
    assert store.talents.get(added.id).name == "undecodable \\udcff"
    assert store.talents.by_ref("a\x00b").id == added.id
