"""docs/finding.schema.json describes the rows exactly."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from detector.decision import Severity, Verdict
from detector.matches import Band, CopyClass
from detector.use import Medium, Use

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = json.loads((DOCS / "finding.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(SCHEMA)
    return Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def rows(made):
    use = Use("Acme", "campaign", Medium.TV, "FR", made.at, made.at, made.at, True, alterations=("hair",))
    every = [made.finding(), made.failed(), made.nobody(), made.finding(use=use)]
    every.append(made.finding(copies=(made.cropped(),)))
    return [json.loads(json.dumps(made.row(each))) for each in every]


def test_real_rows_are_valid(made, validator):
    for row in rows(made):
        validator.validate(row)


def test_the_schema_allows_nothing_that_it_does_not_name():
    def walk(part):
        if isinstance(part, dict):
            if part.get("type") == "object" and "properties" in part:
                assert part["additionalProperties"] is False
                assert set(part["required"]) <= set(part["properties"])
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(SCHEMA)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda row: row.update(extra=1),
        lambda row: row.pop("faces"),
        lambda row: row["faces"][0].update(embedding=[0.1]),
        lambda row: row.update(verdict="fine"),
        lambda row: row.update(verdict=None),
        lambda row: row.update(status="error"),
        lambda row: row.update(width=None),
        lambda row: row["decision"].update(reasons=[]),
        lambda row: row.update(as_of="yesterday"),
    ],
)
def test_other_rows_are_not(made, validator, break_it):
    row = copy.deepcopy(rows(made)[0])
    break_it(row)
    assert not validator.is_valid(row)


@pytest.mark.parametrize(("name", "values"), [("verdict", Verdict), ("severity", Severity), ("band", Band)])
def test_lists_of_values_are_those_of_the_code(name, values):
    assert SCHEMA["$defs"][name]["enum"] == [str(value) for value in values]


def test_uses_and_copy_classes_are_those_of_the_code():
    definitions = SCHEMA["$defs"]
    assert list(definitions["use"]["properties"]) == [each.name for each in fields(Use)]
    assert definitions["use"]["properties"]["medium"]["enum"] == [str(medium) for medium in Medium]
    assert definitions["copy"]["properties"]["copy_class"]["enum"] == [*map(str, CopyClass), None]


def test_every_field_of_the_row_is_explained():
    text = (DOCS / "findings.md").read_text(encoding="utf-8")
    for name in SCHEMA["properties"]:
        assert f"`{name}`" in text, name


def test_the_guide_names_every_column_of_a_use():
    text = (DOCS / "findings.md").read_text(encoding="utf-8")
    for each in fields(Use):
        assert f"`{each.name}`" in text, each.name


def test_the_guides_name_every_code_an_input_can_fail_with():
    """Those of a scan in the guide to its rows, those of uploads and web addresses beside them."""
    root = DOCS.parent
    modules = [root / "detector" / "decoding.py", *(root / "data" / "sources").glob("*.py")]
    code = re.compile(r'(?:code=|Error: |(?:BAD_ROW|MISSING|SOURCE) = )"([a-z_]+)"')
    found = {name for module in modules for name in code.findall(module.read_text("utf-8"))}
    assert {"truncated", "animated", "file_missing", "bad_row", "folder_loop"} <= found
    text = "".join((DOCS / f"{name}.md").read_text("utf-8") for name in ("findings", "store", "fetching"))
    assert [name for name in sorted(found) if f"`{name}`" not in text] == []
