"""The commands that look after what is kept: audit, vault, hold, retention, and the erasure of a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from data.vault_keys import add_key
from tests.api.colours import Installation

Enrol = Callable[[str, str], str]


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.fixture
def signing(here: Installation, monkeypatch: pytest.MonkeyPatch) -> str:
    """An audit key in its place; its public half."""
    monkeypatch.setenv("LOOKALIKE_AUDIT_KEY_FILE", str(here.folder / "audit.pem"))
    return here.run("audit", "new-key").stdout.strip()


def test_the_chain_is_listed_and_verified(here: Installation, enrolled: Enrol) -> None:
    talent = enrolled("a", "red")
    events = here.json("audit", "list")
    assert [event["action"] for event in events[:1]] == ["talent.added"]
    assert {event["subject"] for event in here.json("audit", "list", "--subject", talent)} == {talent}
    assert [event["number"] for event in here.json("audit", "list", "--after", 1, "--limit", 1)] == [2]
    assert f"talent={talent}" in here.run("audit", "list").stdout
    verified = here.json("audit", "verify")
    assert (verified["whole"], verified["events"]) == (True, len(events))


def test_a_checkpoint_shows_a_cut_chain(here: Installation, enrolled: Enrol, signing: str) -> None:
    enrolled("a", "red")
    here.run("audit", "checkpoint", "--out", "one.json")
    signed = json.loads((here.folder / "one.json").read_text())
    assert signed["public_key"] == signing
    assert here.json("audit", "list")[-1]["action"] == "audit.checkpointed"
    assert here.json("audit", "verify", "--checkpoint", "one.json")["checkpoints"] == 1
    (here.folder / "state" / "lookalike.sqlite3").unlink()
    assert here.json("audit", "verify")["whole"], "an empty chain is whole in itself"
    cut = here.json("audit", "verify", "--checkpoint", "one.json", "--public-key", signing, code=1)
    assert [fault["number"] for fault in cut["faults"]] == [signed["number"]]
    assert "was cut" in cut["faults"][0]["detail"]


def test_a_checkpoint_of_another_signer_or_altered_is_refused(
    here: Installation, enrolled: Enrol, signing: str
) -> None:
    enrolled("a", "red")
    signed = here.json_of("audit", "checkpoint")
    for changed in (
        {"number": 1},
        {"hash": "0" * 64},
        {"at": "2020-01-01"},
        {"signature": "AAAA"},
        {"number": True},
    ):
        (here.folder / "c.json").write_text(json.dumps(signed | changed))
        refused = here.run("audit", "verify", "--checkpoint", "c.json", code=2)
        assert "bad_checkpoint" in refused.stderr
    (here.folder / "c.json").write_text(json.dumps(signed))
    other = here.run("audit", "new-key", "other.pem").stdout.strip()
    assert (
        "trusted"
        in here.run("audit", "verify", "--checkpoint", "c.json", "--public-key", other, code=2).stderr
    )


def test_without_an_audit_key_the_setting_is_named(here: Installation, enrolled: Enrol) -> None:
    assert "audit_key_file" in here.run("audit", "checkpoint", code=2).stderr
    enrolled("a", "red")
    here.run("audit", "new-key", "a.pem")
    assert "File exists" in here.run("audit", "new-key", "a.pem", code=2).stderr
    assert (here.folder / "a.pem").stat().st_mode & 0o077 == 0


def test_keys_come_and_everything_is_sealed_anew(
    here: Installation, enrolled: Enrol, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled("a", "red")
    picture = (here.folder / "a.png").read_bytes()
    assert picture in files(here.folder / "state")
    monkeypatch.setenv("LOOKALIKE_VAULT_KEY_FILE", str(here.folder / "vault.keys"))
    key = here.run("vault", "new-key").stdout.strip()
    rows = {row["key"]: row for row in here.json("vault", "status")}
    assert (rows[key]["state"], rows["none"]["vectors"] > 0, rows["none"]["pictures"]) == ("newest", True, 1)
    here.run("vault", "reseal")
    assert picture not in files(here.folder / "state")
    check = here.picture("probe.png", (200, 40, 40), seed=5)
    before = here.json("check", check, code=3)
    newer = add_key(here.folder / "vault.keys")
    here.run("vault", "reseal")
    rows = {row["key"]: row for row in here.json("vault", "status")}
    assert (rows[key]["vectors"], rows[key]["pictures"], rows[newer]["pictures"]) == (0, 0, 1)
    assert here.json("check", check, code=3) == before
    lines = (here.folder / "vault.keys").read_text().splitlines()
    (here.folder / "vault.keys").write_text("\n".join([lines[0], lines[2]]) + "\n")
    assert here.json("check", check, code=3) == before


def test_the_doctor_speaks_of_encryption(
    here: Installation, enrolled: Enrol, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encryption() -> dict[str, list[str]]:
        sections = json.loads(here.run("doctor", "--json", code=None).stdout)["sections"]
        return next(one for one in sections if one["section"] == "encryption")

    enrolled("a", "red")
    assert "not encrypted at rest" in encryption()["remarks"][0]
    path = here.folder / "vault.keys"
    monkeypatch.setenv("LOOKALIKE_VAULT_KEY_FILE", str(path))
    key = add_key(path)
    path.chmod(0o644)
    assert ["vault reseal" in text or "chmod 600" in text for text in encryption()["remarks"]] == [True, True]
    path.chmod(0o600)
    here.run("vault", "reseal")
    assert (encryption()["remarks"], encryption()["problems"]) == ([], [])
    path.unlink()
    add_key(path)
    assert key in encryption()["problems"][0]
    here.run("vault", "status", code=1)
    shown = here.run("doctor", "--json", code=None).stdout
    assert path.read_text().splitlines()[-1] not in shown


def test_a_key_in_a_variable_is_never_shown(
    here: Installation, enrolled: Enrol, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = here.folder / "vault.keys"
    add_key(path)
    secret = path.read_text().splitlines()[-1]
    monkeypatch.setenv("LOOKALIKE_VAULT_KEYS", secret)
    enrolled("a", "red")
    assert secret not in here.run("doctor", code=None).output
    assert here.json("vault", "status")[0]["pictures"] == 1
    monkeypatch.setenv("LOOKALIKE_VAULT_KEYS", secret[:-4])
    refused = here.run("check", here.folder / "a.png", code=1)
    assert "vault_keys_unusable" in refused.output
    assert secret[:10] not in refused.output


def test_a_person_is_erased_unless_held(here: Installation, enrolled: Enrol) -> None:
    talent = enrolled("AG-7", "red")
    here.run("check", here.folder / "AG-7.png", code=3)
    assert (here.folder / "state" / "index.snapshot").exists()
    placed = here.run("hold", "place", "AG-7", "--reason", "Example v. Acme").stdout.split()
    assert placed[1] == talent
    assert "Example v. Acme" in here.run("talent", "erase", "AG-7", "--yes", code=1).stderr
    assert [hold["subject"] for hold in here.json("hold", "list")] == [talent]
    here.run("hold", "release", "AG-7", "--reason", "settled")
    assert here.json("hold", "list") == []
    assert len(here.json("hold", "list", "--all")) == 1
    assert here.run("talent", "erase", "AG-7", code=1).exception is not None, "nobody said yes"
    assert here.json("talent", "erase", "AG-7", "--yes")["references"] == 1
    assert not (here.folder / "state" / "index.snapshot").exists()
    here.run("check", here.folder / "AG-7.png", code=0)
    assert b"AG-7" not in files(here.folder / "state")


def test_retention_erases_what_no_release_allows_any_more(here: Installation, enrolled: Enrol) -> None:
    for ref, colour in (("a", "red"), ("b", "blue"), ("e", "green")):
        enrolled(ref, colour)
    assert here.json("retention", "run")["talents"] == []
    for ref in ("a", "b"):
        consent = next(one["consent_id"] for one in here.json("consent", "list", "--talent", ref))
        here.run("consent", "revoke", consent, "--reason", "she asked", "--effective-at", "2026-05-01")
    here.run("hold", "place", "b", "--reason", "Example v. Acme")
    due = here.json("retention", "run", "--dry-run")
    assert {(row["talent_ref"], row["why"], row["held"] is None) for row in due["talents"]} == {
        ("a", "release_withdrawn", True),
        ("b", "release_withdrawn", False),
    }
    assert here.json("talent", "show", "a")["references"] != []
    here.run("retention", "run")
    left = {row["talent_ref"]: row["references"] for row in here.json("talent", "list")}
    assert left == {"a": 0, "b": 1, "e": 1}
    assert "1 under legal hold" in here.run("retention", "run").stderr
