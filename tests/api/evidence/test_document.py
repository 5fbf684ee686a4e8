"""docs/evidence.md names every member, check, verdict and statute field that there is."""

from __future__ import annotations

import re
from pathlib import Path

from api.composition import Application
from api.evidence.bundle import MANIFEST, unpack
from api.evidence.exporting import README, export
from api.evidence.notice import FOLDER, STATEMENTS, read_statutes
from api.evidence.verifying import verify
from data.store.findings import KeptFinding

TEXT = (Path(__file__).parents[3] / "docs" / "evidence.md").read_text("utf-8")


def test_every_member_and_every_check_is_told(application: Application, finding: KeptFinding) -> None:
    bundle = export(application, finding.id, "operator")
    for name in (MANIFEST, *unpack(bundle).members):
        shown = re.sub(r"^(picture)\..*$|^(plates)/.*$", r"\1\2", name)
        assert f"`{shown}" in TEXT, name
        assert shown in README or name == "README.txt", name
    for check in verify(bundle).checks:
        assert f"| `{check.name}` |" in TEXT, check.name


def test_every_ground_and_jurisdiction_of_a_notice_is_told() -> None:
    for verdict in STATEMENTS:
        assert f"`{verdict}`" in TEXT, verdict
    for statute in read_statutes(FOLDER):
        assert f"`{statute.jurisdiction}`" in TEXT, statute.jurisdiction
