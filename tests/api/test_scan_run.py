"""Runs: what is written, what an interrupt leaves, and how a run goes on."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.reports.jsonl import read_rows, repair
from api.runs import header_path, read_header
from api.scan_run import Inputs, Machinery, Outputs, Parameters, Run
from api.scanning import Scanner, ScanPlan
from detector.errors import UsageError


@dataclass(frozen=True)
class Item:
    source: str
    data: bytes
    row: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> bytes:
        return self.data


class NoPictures:
    def picture(self, row):
        return None

    def reference(self, reference_id):
        return None

    def name(self, talent_id):
        return None


def machinery(made, detector=None) -> Machinery:
    return Machinery(
        scanner=lambda at: Scanner(
            detector or made.FlatDetector(), made.refs_of, ScanPlan(at=at, batch=2, workers=1)
        ),
        gallery=NoPictures(),
        signals=("face/sface@1/x",),
        clock=lambda: made.at,
    )


def items(made, count: int) -> list[Item]:
    colours = [(200, 0, 0), (0, 0, 200)]
    return [Item(f"/shop/{n // 2}.jpg", made.jpeg(colours[n % 2]), {"sku": str(n)}) for n in range(count)]


def run(made, inputs: Inputs, outputs: Outputs, *, detector=None, **options: str):
    with Run(inputs, outputs, Parameters(options), machinery(made, detector)) as started:
        ran = started.go()
        started.report()
    return ran


def whole(made, folder: Path, count: int) -> bytes:
    out = folder / "whole.jsonl"
    run(made, Inputs("/shop", lambda: items(made, count)), Outputs(out))
    return out.read_bytes()


class Stopping:
    """A source that is interrupted (Ctrl-C) at item `at`, the first time it is scanned."""

    def __init__(self, inner: list[Item], at: int) -> None:
        self.inner, self.at, self.passes = inner, at, 0

    def __call__(self) -> Iterator[Item]:
        self.passes += 1
        for number, item in enumerate(self.inner):
            if number == self.at and self.passes == 2:
                raise KeyboardInterrupt
            yield item


@given(stop=st.integers(0, 13), cut=st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(made, tmp_path_factory, stop, cut):
    folder = tmp_path_factory.mktemp("run")
    out = folder / "findings.jsonl"
    source = Stopping(items(made, 13), stop)
    if stop < 13:
        with pytest.raises(KeyboardInterrupt):
            run(made, Inputs("/shop", source), Outputs(out))
        assert read_header(out).complete is False
    out.touch()
    left = out.read_bytes()
    out.write_bytes(left[: len(left) - cut] if cut else left)
    ran = run(made, Inputs("/shop", lambda: items(made, 13)), Outputs(out, resume=True))
    assert out.read_bytes() == whole(made, folder, 13)
    assert ran.tally.inputs == 13
    assert read_header(out).complete is True


def test_resuming_a_complete_run_checks_nothing_again(made, tmp_path):
    out = tmp_path / "f.jsonl"
    run(made, Inputs("/shop", lambda: items(made, 5)), Outputs(out))
    detector = made.FlatDetector()
    ran = run(made, Inputs("/shop", lambda: items(made, 5)), Outputs(out, resume=True), detector=detector)
    assert detector.batches == []
    assert (ran.made, ran.tally.inputs) == (0, 5)


def test_resuming_takes_in_what_is_new_in_a_folder(made, tmp_path):
    out = tmp_path / "f.jsonl"
    run(made, Inputs("/shop", lambda: items(made, 4)), Outputs(out))
    ran = run(made, Inputs("/shop", lambda: items(made, 7)), Outputs(out, resume=True))
    assert ran.made == 3
    assert out.read_bytes() == whole(made, tmp_path, 7)


@pytest.mark.parametrize(
    ("inputs", "options", "named"),
    [
        (Inputs("/other", list), {"client": "Acme"}, "source"),
        (Inputs("/shop", list), {"client": "Bolt"}, "--client"),
        (Inputs("/shop", list), {"client": "Acme", "medium": "tv"}, "--medium"),
        (Inputs("/shop", list, digest="ff"), {"client": "Acme"}, "source_sha256"),
    ],
)
def test_a_run_with_other_parameters_is_not_resumed(made, tmp_path, inputs, options, named):
    out = tmp_path / "f.jsonl"
    run(made, Inputs("/shop", list), Outputs(out), client="Acme")
    with pytest.raises(UsageError, match=named):
        run(made, inputs, Outputs(out, resume=True), **options)


def test_a_resumed_run_speaks_of_the_same_moment(made, tmp_path):
    out = tmp_path / "f.jsonl"
    run(made, Inputs("/shop", list), Outputs(out))
    later = machinery(made)
    later = Machinery(later.scanner, later.gallery, later.signals, lambda: made.at.replace(year=2030))
    with Run(Inputs("/shop", list), Outputs(out, resume=True), Parameters({}), later) as resumed:
        assert resumed.at == made.at
    with pytest.raises(UsageError, match="as_of"):
        Run(
            Inputs("/shop", list),
            Outputs(out, resume=True),
            Parameters({}, made.at.replace(year=2031)),
            later,
        )


def test_an_unfinished_run_is_not_overwritten_by_accident(made, tmp_path):
    out = tmp_path / "f.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(made, Inputs("/shop", Stopping(items(made, 13), 10)), Outputs(out))
    with pytest.raises(UsageError, match="--resume"):
        run(made, Inputs("/shop", list), Outputs(out))
    run(made, Inputs("/shop", list), Outputs(out, overwrite=True))
    assert out.read_bytes() == b""


def test_resume_needs_the_header_of_the_rows_it_finds(made, tmp_path):
    out = tmp_path / "f.jsonl"
    run(made, Inputs("/shop", lambda: items(made, 2)), Outputs(out))
    header_path(out).unlink()
    with pytest.raises(UsageError, match=r"run\.json"):
        run(made, Inputs("/shop", list), Outputs(out, resume=True))


def test_a_folder_that_is_missing_is_found_before_the_scan(made, tmp_path):
    detector = made.FlatDetector()
    outputs = Outputs(tmp_path / "f.jsonl", html=tmp_path / "no" / "r.html")
    with pytest.raises(UsageError, match="--html"):
        run(made, Inputs("/shop", lambda: items(made, 2)), outputs, detector=detector)
    assert detector.batches == []


def test_unknown_columns_reach_the_csv(made, tmp_path):
    table = tmp_path / "f.csv"
    run(made, Inputs("/m.csv", lambda: items(made, 4), digest="00"), Outputs(csv=table))
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sku"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["verdict"] for row in rows] == ["no_consent", "no_match", "no_consent", "no_match"]


def test_a_half_written_line_is_cut_off(tmp_path):
    out = tmp_path / "f.jsonl"
    for tail in (b"", b'{"a', b"x" * 200_000):
        out.write_bytes(b'{"a":1}\n{"a":2}\n' + tail)
        repair(out)
        assert [row["a"] for row in read_rows(out)] == [1, 2]


def test_another_file_is_not_taken_for_findings(tmp_path):
    for text in ("hello\n", "[1]\n"):
        (tmp_path / "x").write_text(text)
        with pytest.raises(UsageError, match="line 1"):
            list(read_rows(tmp_path / "x"))


def test_rows_survive_names_that_are_no_unicode(made, tmp_path):
    out = tmp_path / "f.jsonl"
    odd = Item("/shop/\udcff\n.jpg", made.jpeg())
    outputs = Outputs(out, html=tmp_path / "r.html", csv=tmp_path / "f.csv")
    run(made, Inputs("/shop", lambda: [odd]), outputs)
    assert json.loads(out.read_text())["source"] == odd.source
    assert run(made, Inputs("/shop", lambda: [odd]), Outputs(out, resume=True)).made == 0
