"""`lookalike consent`, as a person runs it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

RECORD = """
kind = "replica_use"

[grantor]
role = "self"

[grantee]
client = "Acme"
domains = ["acme.example"]

[scope]
assets = "any"
campaigns = "any"
products = "any"
media = ["ecommerce", "print"]
alterations = "any"

[purpose]
code = "catalogue"
description = "Pictures of the spring catalogue in the web shop"

[pay]
amount = "500"
currency = "USD"
unit = "flat"

[duration]
timezone = "America/New_York"
valid_from = 2026-01-01
valid_to = 2026-12-31

[territory]
include = ["US"]

[form]
separate = true
conspicuous = true
signed_at = 2025-12-01
"""

OPTIONS = [
    *("--kind", "replica_use", "--client", "Acme", "--domains", "acme.example", "--assets", "any"),
    *("--campaigns", "any", "--products", "any", "--media", "ecommerce,print", "--alterations", "any"),
    *("--purpose", "catalogue", "--description", "Pictures of the spring catalogue in the web shop"),
    *("--amount", "500", "--currency", "USD", "--unit", "flat", "--timezone", "America/New_York"),
    *("--from", "2026-01-01", "--to", "2026-12-31", "--territory", "US", "--signed-at", "2025-12-01"),
    *("--separate", "--conspicuous"),
]


@pytest.fixture
def ada(here: Any) -> Any:
    here.run("talent", "add", "AG-1", "Ada")
    return here


def record_of(here: Any, consent_id: str) -> Any:
    return here.json_of("consent", "show", consent_id)[-1]["record"]


def test_a_file_and_the_same_options_write_the_same_record(ada: Any) -> None:
    toml = ada.file("consent.toml", RECORD)
    first = ada.json("consent", "add", toml, "--talent", "AG-1", "--id", "one")
    second = ada.json("consent", "add", *OPTIONS, "--talent", "AG-1", "--id", "two")
    assert (first["status"], first["defects"]) == ("active", [])
    assert {**record_of(ada, "one"), "consent_id": ""} == {**record_of(ada, "two"), "consent_id": ""}
    assert second["client"] == "Acme"


def test_a_json_file_names_its_talent_by_reference(ada: Any) -> None:
    signed = {"grantor": {"role": "self"}, "form": {"signed_at": "2026-01-01"}}
    document = {"talent_id": "AG-1", "kind": "training", **signed}
    added = ada.json("consent", "add", ada.file("c.json", json.dumps(document)))
    assert (added["talent_ref"], added["kind"], added["status"]) == ("AG-1", "training", "active")


def test_an_option_wins_over_the_file(ada: Any) -> None:
    toml = ada.file("consent.toml", RECORD)
    ada.run("consent", "add", toml, "--talent", "AG-1", "--id", "one", "--client", "Other", "--media", "any")
    record = record_of(ada, "one")
    assert record["grantee"] == {**record["grantee"], "client": "Other", "domains": ["acme.example"]}
    assert record["scope"]["media"] == "any"


def test_any_other_term_can_be_set(ada: Any) -> None:
    terms = ["--set", "ai.label_required=true", "--set", "grantor.name=Ada E.", "--set", "ai.tools=A, B"]
    ada.run("consent", "add", *OPTIONS, "--talent", "AG-1", "--id", "one", *terms)
    record = record_of(ada, "one")
    assert record["ai"]["label_required"] is True
    assert record["grantor"]["name"] == "Ada E."
    assert record["ai"]["tools"] == ["A", "B"]


def test_all_faults_are_shown_at_once_and_nothing_is_kept(ada: Any) -> None:
    broken = RECORD.replace('"US"', '"UK"').replace("2026-12-31", "2025-12-31").replace("client", "clint")
    result = ada.run("consent", "add", ada.file("c.toml", broken), "--talent", "AG-1", code=2)
    assert "[invalid_consent_record]" in result.stderr
    for fault in ("territory.include", "duration.valid_to", "grantee.client", "grantee.clint"):
        assert f"  - {fault}: " in result.stderr
    assert ada.json("consent", "list") == []


def test_a_file_must_say_who_signed(ada: Any) -> None:
    silent = ada.file("c.toml", RECORD.replace("[grantor]\nrole", "[pay2]\nrole"))
    result = ada.run("consent", "add", silent, "--talent", "AG-1", code=2)
    assert "  - grantor: is missing" in result.stderr


def test_a_defective_record_is_kept_and_says_so(ada: Any) -> None:
    options = ["--kind", "replica_use", "--client", "Acme", "--signed-at", "2026-01-01", "--talent", "AG-1"]
    result = ada.run("consent", "add", *options)
    assert "counts as no consent: it states no pay [pay_missing]" in result.stderr
    (row,) = ada.json("consent", "list")
    assert "pay_missing" in row["defects"]


def test_status_follows_the_moment_asked_about(ada: Any) -> None:
    ada.run("consent", "add", *OPTIONS, "--talent", "AG-1", "--id", "one")
    statuses = {
        day: ada.json("consent", "list", "--as-of", day)[0]["status"]
        for day in ("2025-12-15", "2026-06-01", "2027-02-01")
    }
    assert statuses == {"2025-12-15": "scheduled", "2026-06-01": "active", "2027-02-01": "expired"}


def test_a_revocation_is_a_new_version(ada: Any) -> None:
    ada.run("consent", "add", *OPTIONS, "--talent", "AG-1", "--id", "one")
    ada.run("consent", "revoke", "one", "--reason", "dispute", "--effective-at", "2026-07-01")
    old, new = ada.json_of("consent", "show", "one")
    assert (old["version"], old["status"]) == (1, "superseded")
    assert (new["version"], new["status"]) == (2, "active")
    assert new["record"]["life"]["revocation_reason"] == "dispute"
    assert ada.json("consent", "list", "--as-of", "2026-07-02")[0]["status"] == "revoked"
    assert "[conflict]" in ada.run("consent", "revoke", "one", "--reason", "again", code=1).stderr


def test_the_next_version_supersedes(ada: Any) -> None:
    ada.run("consent", "add", *OPTIONS, "--talent", "AG-1", "--id", "one")
    options = [*OPTIONS, "--talent", "AG-1", "--id", "one", "--record-version", "2", "--media", "tv"]
    ada.run("consent", "add", *options)
    (row,) = ada.json("consent", "list")
    assert row["version"] == 2


def test_the_signed_paper_is_hashed(ada: Any) -> None:
    paper = ada.file("contract.txt", "We agree.")
    ada.run("consent", "add", *OPTIONS, "--talent", "AG-1", "--id", "one", "--document", paper)
    form = record_of(ada, "one")["form"]
    assert form["document"] == "contract.txt"
    assert form["document_sha256"] == hashlib.sha256(b"We agree.").hexdigest()


def test_a_minors_record_says_so(here: Any) -> None:
    here.run("talent", "add", "KID", "Kid", "--minor")
    added = here.json("consent", "add", *OPTIONS, "--talent", "KID", "--id", "one")
    assert added["defects"] == ["guardian_missing"]
    assert record_of(here, "one")["subject"]["minor"] is True


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--talent", "AG-1"], "nothing to record"),
        (["--kind", "training"], "whose consent"),
        (["--talent", "AG-1", "--kind", "training", "--set", "x"], "group.term=value"),
        (["--talent", "AG-1", "--kind", "training", "--set", "kind.x=1"], "is no table"),
        (["--talent", "AG-1", "--kind", "training", "--document", "gone.pdf"], "can't be read"),
        (["gone.toml", "--talent", "AG-1"], "can't be read"),
        (["consent.yaml", "--talent", "AG-1"], "neither a .toml nor a .json"),
        (["bad.toml", "--talent", "AG-1"], "is not valid TOML"),
        (["bad.json", "--talent", "AG-1"], "is not valid JSON"),
        (["list.json", "--talent", "AG-1"], "one consent record"),
    ],
)
def test_wrong_calls(ada: Any, arguments: list[str], says: str) -> None:
    ada.file("bad.toml", "kind = ")
    ada.file("bad.json", "{")
    ada.file("list.json", "[]")
    assert says in ada.run("consent", "add", *arguments, code=2).stderr


def test_unknown_talent_and_unknown_consent(ada: Any) -> None:
    unknown = ada.run("consent", "add", *OPTIONS, "--talent", "AG-2", code=1)
    assert "did you mean AG-1?" in unknown.stderr
    assert "[not_found]" in ada.run("consent", "show", "gone", code=1).stderr
    assert "[not_found]" in ada.run("consent", "list", "--talent", "gone", code=1).stderr


def test_a_bad_moment_is_a_usage_error(ada: Any) -> None:
    assert "ISO 8601" in ada.run("consent", "list", "--as-of", "soon", code=2).stderr


def test_what_a_person_reads_of_consents(ada: Any) -> None:
    added = ada.run("consent", "add", *OPTIONS, "--talent", "AG-1", "--id", "one")
    assert added.stdout == "one  version 1  replica_use  active\n"
    assert "[document_missing]" in added.stderr
    head, line = ada.run("consent", "list").stdout.splitlines()
    assert head.split() == [
        *("consent_id", "version", "talent_ref", "kind", "client", "status", "from", "to", "defects")
    ]
    assert line.split() == [
        "one",
        "1",
        "AG-1",
        "replica_use",
        "Acme",
        "active",
        "2026-01-01",
        "2026-12-31",
        "-",
    ]
    ada.run(
        "consent",
        "add",
        "--talent",
        "AG-1",
        "--kind",
        "ai_edit",
        "--client",
        "B",
        "--signed-at",
        "2026-01-01",
    )
    assert "pay_missing, purpose_missing" in ada.run("consent", "list").stdout
