"""One run of `check` or `scan`, from the command's options to its files.

    options ─▶ header (same as before, if resumed) ─▶ Scanner ─▶ findings.jsonl ─▶ CSV, HTML, summary

The findings file is the run's result and grows while it goes; CSV and HTML are made of it when it is
complete. Without `--out` it lives in a temporary folder for as long as the reports need it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from api.reports.cards import Gallery
from api.reports.html import DEFAULT_LIMIT, ReportAbout, moment, write_html
from api.reports.jsonl import read_rows, to_line
from api.reports.junit import write_junit
from api.reports.sarif import Dismissed, Written, nobody, write_sarif
from api.reports.tables import columns_of, write_csv
from api.reports.tally import Tally
from api.runs import (
    DoneRows,
    RunHeader,
    header_path,
    read_header,
    refuse_to_overwrite,
    require_same,
    write_header,
)
from api.scanning import Item, Scans
from api.uses import USE_COLUMNS
from detector.errors import UsageError
from detector.finding import Row


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is to be checked. `items` may be iterated several times and gives the same order each time;
    `label` says what it is; `digest` pins a manifest or feed, None for a folder; `title` heads
    the report; `files` are the paths given, which no output may replace."""

    label: str
    items: Callable[[], Iterable[Item]]
    digest: str | None = None
    title: str | None = None
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where results go, and how to treat what is there already."""

    out: Path | None = None
    html: Path | None = None
    csv: Path | None = None
    html_limit: int = DEFAULT_LIMIT
    resume: bool = False
    overwrite: bool = False
    sarif: Path | None = None
    junit: Path | None = None

    def files(self) -> dict[str, Path | None]:
        """The files to be written, by the option that names each."""
        named = (self.out, self.html, self.csv, self.sarif, self.junit)
        return dict(zip(("--out", "--html", "--csv", "--sarif", "--junit"), named, strict=True))


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the verdicts depend on, as the person gave it: texts by option. `as_of` None: the moment of the
    start."""

    options: Mapping[str, str]
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Machinery:
    """What a run works with. `scanner` builds the runner for the moment that was settled; `facts` are for
    the report; `dismissed` tells what a person decided on the same picture before; `watch` is told how many rows there
    are and will be, and gives what each new row calls."""

    scanner: Callable[[datetime], Scans]
    gallery: Gallery
    signals: tuple[str, ...]
    clock: Callable[[], datetime]
    facts: Mapping[str, str] = field(default_factory=dict)
    dismissed: Dismissed = nobody
    watch: Callable[[int, int], AbstractContextManager[Callable[[int], None]]] = lambda _done, _total: (
        nullcontext(lambda _steps: None)
    )


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run came to. `seconds` and `made` are of this run alone, the tally is of the whole findings
    file."""

    tally: Tally
    made: int
    seconds: float


class Run:
    """A run in progress. `rows` makes the missing rows; `report` writes CSV and HTML of the complete file."""

    def __init__(
        self, inputs: Inputs, outputs: Outputs, parameters: Parameters, machinery: Machinery
    ) -> None:
        """Raises UsageError before any work: a folder that isn't there, a run that may not be resumed."""
        require_folders(outputs)
        self._inputs = inputs
        self._outputs = outputs
        self._machinery = machinery
        self._closing = ExitStack()
        self.findings = outputs.out or self._temporary()
        self.header = self._settled(parameters)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.close()

    def _temporary(self) -> Path:
        folder = self._closing.enter_context(tempfile.TemporaryDirectory(prefix="lookalike-"))
        return Path(folder) / "findings.jsonl"

    def _settled(self, parameters: Parameters) -> RunHeader:
        before = read_header(self.findings) if self._outputs.resume else None
        if (
            before is None
            and self.findings.exists()
            and self.findings.stat().st_size
            and self._outputs.resume
        ):
            raise UsageError(
                f"{self.findings} has no {header_path(self.findings).name} beside it, so it can't be resumed."
            )
        header = RunHeader(
            version=version("lookalike"),
            source=self._inputs.label,
            source_sha256=self._inputs.digest,
            as_of=self._moment(parameters, before).isoformat(),
            options=dict(parameters.options),
            signals=self._machinery.signals,
        )
        if before is not None:
            require_same(before, header, self.findings)
        return header

    def _moment(self, parameters: Parameters, before: RunHeader | None) -> datetime:
        if parameters.as_of is not None:
            return parameters.as_of
        return datetime.fromisoformat(before.as_of) if before else self._machinery.clock()

    @property
    def at(self) -> datetime:
        """The moment that the verdicts speak of."""
        return datetime.fromisoformat(self.header.as_of)

    def go(self) -> Ran:
        """Make every missing row. An interrupt leaves whole rows and an unfinished header: resumable."""
        done = self._begin()
        tally = Tally()
        for row in read_rows(self.findings) if done.total else ():
            tally.add(row)
        started = self._machinery.clock()
        made = self._make_rows(done, tally)
        write_header(self.findings, replace(self.header, complete=True))
        return Ran(tally, made, (self._machinery.clock() - started).total_seconds())

    def _begin(self) -> DoneRows:
        if not self._outputs.resume:
            if not self._outputs.overwrite:
                refuse_to_overwrite(self.findings)
            self.findings.unlink(missing_ok=True)
        done = DoneRows(self.findings)
        write_header(self.findings, self.header)
        return done

    def _make_rows(self, done: DoneRows, tally: Tally) -> int:
        total = sum(1 for _ in self._inputs.items())
        before = tally.inputs
        rows = self._machinery.scanner(self.at).scan(done.remaining(self._inputs.items()))
        with (
            self.findings.open("a", encoding="utf-8", buffering=1) as file,
            self._machinery.watch(done.total, total) as advance,
        ):
            for row in rows:
                file.write(to_line(row))
                tally.add(row)
                advance(1)
        return tally.inputs - before

    def report(self) -> None:
        """Write CSV, SARIF, JUnit and HTML, where asked for."""
        if self._outputs.csv:
            write_csv(
                self._outputs.csv,
                read_rows(self.findings),
                self._carried(),
                list(columns_of(self._carried())),
            )
        dismissed = self._machinery.dismissed
        if self._outputs.sarif:
            write_sarif(self._outputs.sarif, self.rows(), Written(self.header.version), dismissed)
        if self._outputs.junit:
            write_junit(self._outputs.junit, self.rows, self._about().title, dismissed)
        if self._outputs.html:
            write_html(
                self._outputs.html,
                self.findings,
                self._about(),
                self._machinery.gallery,
                limit=self._outputs.html_limit,
            )

    def rows(self) -> Iterator[Row]:
        """The rows of the complete run."""
        return read_rows(self.findings)

    def _carried(self) -> Iterator[Mapping[str, str]]:
        """The input's own columns beside the rows. Only a manifest or feed has any, and that is pinned by
        its digest; a folder may have changed since, but carries nothing."""
        if self._inputs.digest is None:
            return ({} for _ in read_rows(self.findings))
        return (_unknown(item.row) for item in self._inputs.items())

    def _about(self) -> ReportAbout:
        given = {name.replace("_", " "): text for name, text in self.header.options.items()}
        return ReportAbout(
            title=self._inputs.title or f"Check of {Path(self.header.source).name or self.header.source}",
            version=self.header.version,
            made_at=moment(self._machinery.clock().isoformat()),
            parameters={
                "source": self.header.source,
                "as of": moment(self.header.as_of),
                **given,
                **self._machinery.facts,
            },
            findings_name=self._outputs.out.name if self._outputs.out else "the output of --out",
        )


def _unknown(columns: Mapping[str, str]) -> Mapping[str, str]:
    """Columns that are neither the picture nor its use: carried through to the CSV."""
    return {name: text for name, text in columns.items() if name != "image" and name not in USE_COLUMNS}


def require_folders(outputs: Outputs) -> None:
    """Raise UsageError when a result would go into a folder that isn't there: found out now, not after the
    scan."""
    for option, path in outputs.files().items():
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"{option} {path} lies in a folder that does not exist; make it first.")
        if path is not None and path.is_dir():
            raise UsageError(f"{option} {path} is a folder; name a file.")
