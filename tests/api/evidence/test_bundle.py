"""The bundle holds all that speaks about a finding, proves itself, and shows every kind of tampering."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from api.composition import Application
from api.evidence.bundle import MANIFEST, About, pack, unpack
from api.evidence.exporting import export
from api.evidence.verifying import Verification, verify
from data.checkpoints import public_of, read_key, write_new_key
from data.store.findings import KeptFinding
from detector.errors import UsageError
from tests.api.colours import BLUE, NOW, RED, Installation, drawn

Keep = Callable[..., KeptFinding]


@pytest.fixture
def bundle(application: Application, finding: KeptFinding) -> bytes:
    return export(application, finding.id, "operator")


@pytest.fixture
def trusted(signing: Path) -> str:
    return signing.read_text().strip()


def packed_anew(members: dict[str, bytes]) -> bytes:
    """The members in a ZIP of the same plain form, the manifest as it is handed in."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def opened(bundle: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def failing(found: Verification) -> set[str]:
    return {check.name for check in found.checks if check.holds is False}


def resigned(bundle: bytes, key_file: Path, change: Callable[[dict[str, bytes]], object]) -> bytes:
    """Altered, and signed again by whoever has the key: only the contents can tell."""
    members = dict(unpack(bundle).members)
    change(members)
    manifest = unpack(bundle).manifest
    return pack(members, About(manifest["finding"], NOW, "lookalike"), read_key(key_file))


def changed_json(name: str, change: Callable[[Any], None]) -> Callable[[dict[str, bytes]], None]:
    def altered(members: dict[str, bytes]) -> None:
        value = json.loads(members[name])
        change(value)
        members[name] = json.dumps(value).encode()

    return altered


def test_an_unaltered_bundle_holds_and_decides_again(bundle: bytes, trusted: str) -> None:
    found = verify(bundle, trusted)
    assert [(check.name, check.holds) for check in found.checks] == [
        (name, True)
        for name in ("container", "signature", "signer", "members", "picture", "decisions", "audit")
    ], found
    assert found.holds
    assert found.public_key == trusted


def test_it_holds_what_speaks_about_the_finding(
    application: Application, finding: KeptFinding, bundle: bytes, registered: str
) -> None:
    members = opened(bundle)
    assert members["picture.png"] == drawn(RED, BLUE, seed=9)
    kept = json.loads(members["finding.json"])
    assert kept["row"] == finding.row
    assert kept["talents"] == [{"id": registered, "ref": "AG-1", "name": "Name of AG-1"}]
    (decision,) = json.loads(members["decisions.json"])
    assert decision["verdict"] == "no_consent"
    assert decision["qualifier"] == "photo_licence_only"
    records = json.loads(members["consents.json"])
    assert {record["kind"] for record in records} == {"photo_use", "biometric_enrolment"}
    assert {record["consent_id"] for record in decision["consents"]} == {one["consent_id"] for one in records}
    actions = [event["action"] for event in json.loads(members["audit.json"])]
    assert actions == ["consent.added", "consent.added", "finding.created"]
    assert members["report.pdf"].startswith(b"%PDF")
    width, height = Image.open(io.BytesIO(members["plates/faces-0.jpg"])).size
    assert width > height, "the picture and the reference lie side by side"
    assert json.loads(members["credentials.json"]) == finding.row["credentials"]


def test_nothing_of_a_stranger_is_in_it_beyond_the_picture(bundle: bytes) -> None:
    """The blue half of the picture is nobody's: no plate, no score, no decision is of it."""
    members = opened(bundle)
    assert [name for name in members if name.startswith("plates/")] == ["plates/faces-0.jpg"]
    assert [one["of"] for one in json.loads(members["decisions.json"])] == ["faces/0"]


def test_the_same_finding_at_the_same_moment_makes_the_same_bytes(
    application: Application, finding: KeptFinding, bundle: bytes
) -> None:
    again = unpack(export(application, finding.id, "operator"))
    first = unpack(bundle)
    assert dict(again.manifest)["members"].keys() == first.manifest["members"].keys()
    # the first export is an event of its own by now, and so in the second excerpt and its report
    differing = {name for name, data in again.members.items() if data != first.members[name]}
    assert differing == {"audit.json", "report.pdf"}
    key = read_key(application.settings.audit_key_file or Path())
    about = About(finding.id, NOW, first.manifest["made_by"])
    assert pack(first.members, about, key) == bundle


def test_every_export_is_an_event(application: Application, finding: KeptFinding, bundle: bytes) -> None:
    event = application.store.audit.list(subject=finding.id)[-1]
    assert event.action == "evidence.exported"
    assert event.details == {"sha256": hashlib.sha256(bundle).hexdigest(), "key": "operator"}


def test_each_member_altered_added_or_removed_is_told(bundle: bytes, trusted: str) -> None:
    members = opened(bundle)
    for name in members:
        data = members[name]
        altered = {**members, name: data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]}
        assert not verify(packed_anew(altered), trusted).holds, name
        removed = {other: data for other, data in members.items() if other != name}
        assert not verify(packed_anew(removed), trusted).holds, name
    added = verify(packed_anew({**members, "more.txt": b"more"}), trusted)
    assert failing(added) == {"members"}


def test_each_field_of_the_manifest_altered_is_told(bundle: bytes, trusted: str) -> None:
    members = opened(bundle)
    fields = json.loads(members[MANIFEST])
    assert len(fields) == 7
    for field in fields:
        manifest = json.loads(members[MANIFEST])
        if field == "members":
            manifest["members"]["README.txt"]["size"] += 1
        else:
            manifest[field] = manifest[field][:-1] + ("0" if manifest[field][-1] != "0" else "1")
        found = verify(packed_anew({**members, MANIFEST: json.dumps(manifest).encode()}), trusted)
        assert failing(found) & {"signature", "container"}, field


def test_the_signature_of_another_key_is_not_the_trusted_one(
    bundle: bytes, trusted: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    write_new_key(other)
    forged = resigned(bundle, other, lambda members: None)
    assert failing(verify(forged, trusted)) == {"signer"}
    unknown = verify(forged)
    assert [check.holds for check in unknown.checks if check.name == "signer"] == [None]
    assert verify(forged, public_of(read_key(other))).holds


CONTRADICTIONS: list[tuple[Callable[[dict[str, bytes]], object], str]] = [
    (changed_json("decisions.json", lambda rows: rows[0].update(verdict="expired")), "decisions"),
    (
        changed_json("decisions.json", lambda rows: rows[0]["inputs"]["use"].update(client="Other")),
        "decisions",
    ),
    (
        changed_json("decisions.json", lambda rows: rows[0]["inputs"].update(at="2025-01-01T00:00:00+00:00")),
        "decisions",
    ),
    (
        changed_json("decisions.json", lambda rows: rows[0]["inputs"].update(records=[["none", 1]])),
        "decisions",
    ),
    (changed_json("decisions.json", lambda rows: rows[0]["inputs"].pop("evidence")), "decisions"),
    (changed_json("consents.json", lambda rows: rows[0]["grantor"].update(name="Other")), "audit"),
    (changed_json("audit.json", lambda rows: rows[0].update(subject="other")), "audit"),
    (changed_json("audit.json", lambda rows: rows.pop(0)), "audit"),
    (lambda members: members.update({"picture.png": drawn(RED)}), "picture"),
    (lambda members: members.update({"consents.json": b"[1]"}), "audit"),
    (lambda members: members.pop("finding.json"), "picture"),
]


def test_what_contradicts_itself_is_told_even_when_it_was_signed(
    bundle: bytes, application: Application
) -> None:
    key_file = application.settings.audit_key_file
    assert key_file is not None
    for place, (change, fault) in enumerate(CONTRADICTIONS):
        assert fault in failing(verify(resigned(bundle, key_file, change))), place


SPOILT: list[Callable[[bytes], bytes]] = [
    lambda data: b"",
    lambda data: b"no zip",
    lambda data: data[: len(data) // 2],
    lambda data: data + b"more",
    lambda data: b"more" + data,
    lambda data: packed_anew({MANIFEST: b"[]"}),
    lambda data: packed_anew({MANIFEST: b"[" * 100_000}),
    lambda data: packed_anew({"other": b""}),
]


def test_what_is_no_bundle_is_said_to_be_none(bundle: bytes) -> None:
    for place, spoilt in enumerate(SPOILT):
        assert failing(verify(spoilt(bundle))) == {"container"}, place


def test_without_a_key_nothing_is_exported(
    here: Installation, application: Application, finding: KeptFinding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOOKALIKE_AUDIT_KEY_FILE")
    with (
        Application(here.configured, here.parts) as without,
        pytest.raises(UsageError, match="audit_key_file"),
    ):
        export(without, finding.id, "operator")


def test_a_finding_without_picture_or_inputs_says_what_it_can_not_prove(
    application: Application, finding: KeptFinding, trusted: str
) -> None:
    """As a finding that was kept before inputs were, of a check by signals alone."""
    from data.store.findings import NewFinding

    row = json.loads(json.dumps(finding.row))
    for part in (*row["faces"], row):
        part["decision"].pop("inputs", None)
    old = application.store.findings.add(NewFinding(row, finding.key_id))
    assert old is not None
    found = verify(export(application, old.id, "operator"), trusted)
    assert {check.name: check.holds for check in found.checks if check.holds is not True} == {
        "picture": None,
        "decisions": None,
    }


def test_from_the_command_line(here: Installation, finding: KeptFinding, signing: Path) -> None:
    here.run("evidence", finding.id, "--out", "bundle.zip")
    told = here.run("verify", "bundle.zip", "--public-key", signing)
    assert "made again from their inputs" in told.stdout
    assert here.json("verify", "bundle.zip")["holds"], "the signing key's own public half is believed"
    data = bytearray((here.folder / "bundle.zip").read_bytes())
    data[len(data) // 2] ^= 1
    (here.folder / "bundle.zip").write_bytes(bytes(data))
    assert not here.json("verify", "bundle.zip", code=1)["holds"]
    assert "not_found" in here.run("evidence", "fnd_none", "--out", "b.zip", code=1).stderr
    picture = here.picture("own.png", BLUE)
    assert "output_is_input" in here.run("evidence", finding.id, "--out", picture, code=2).stderr
    here.run("verify", "nowhere.zip", code=1)
    here.file("bad.txt", "zz")
    assert "public key" in here.run("verify", "bundle.zip", "--public-key", "bad.txt", code=2).stderr
