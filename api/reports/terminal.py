"""Findings as a table for a person, and the summary of a run in two lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.table import Table
from rich.text import Text

from api.reports.rows import best_candidate, made_from, overlap_of, reasons, talent_refs, told_by_file
from api.reports.tally import Tally
from api.terminal import console, say
from detector.finding import Row

STYLES = {
    "none": "green",
    "low": "yellow",
    "medium": "dark_orange",
    "high": "red",
    "critical": "bold white on red",
}


def findings_table(rows: Iterable[Row], *, title: str | None = None) -> Table:
    """One line per row: what, who, verdict, why."""
    table = Table(title=title, title_justify="left", show_lines=True, expand=False)
    for heading, ratio in (("picture", 3), ("who", 2), ("verdict", 2), ("why", 7)):
        table.add_column(heading, ratio=ratio, overflow="fold")
    for row in rows:
        table.add_row(Text(printable(Path(row["source"]).name)), who(row), verdict_text(row), why(row))
    return table


def print_findings(rows: Iterable[Row]) -> None:
    """The rows on standard output: drawn on a terminal, one plain line each in a pipe."""
    out = console()
    if out.is_terminal:
        out.print(findings_table(rows))
        return
    for row in rows:
        say("  ".join(" ".join(str(cell).split()) for cell in _cells(row)))


def _cells(row: Row) -> tuple[Text, ...]:
    return Text(printable(row["source"])), who(row), verdict_text(row), why(row)


def verdict_text(row: Row) -> Text:
    """The verdict with its qualifier, coloured by severity; for a failure, its code."""
    if row["error"]:
        return Text(f"error: {row['error']['code']}", style="magenta")
    qualifier = row["decision"]["qualifier"]
    severity = row["severity"]
    text = Text(str(row["verdict"]), style=STYLES[severity])
    if qualifier:
        text.append(f"\n{qualifier}", style="dim")
    if severity != "none":
        text.append(f"\n{severity}", style="dim")
    return text


def why(row: Row) -> Text:
    """Every reason of the decision, as sentences, and what the file says of itself."""
    if row["error"]:
        return Text(printable(row["error"]["detail"]))
    told = [reason["detail"] for reason in reasons(row)]
    return Text("\n".join(map(printable, [*told, *told_by_file(row)])))


def who(row: Row) -> Text:
    """Who was found, by reference, how similar, and how the first copied reference lies in the picture."""
    named = talent_refs(row)
    if not named:
        return Text("–", style="dim")
    best = best_candidate(row)
    similarity = [f"similarity {best['similarity']:.2f}"] if best else []
    overlaps = [told for copy in row["copies"] if (told := overlap_of(copy))]
    ingredients = [printable(made_from(ingredient)) for ingredient in row.get("ingredients", ())]
    return Text("\n".join([*map(printable, named), *similarity, *overlaps[:1], *ingredients[:1]]))


def printable(text: str) -> str:
    """Control characters of a file name would move the cursor, a lone surrogate would not print at all."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def summary_lines(tally: Tally, made: int, seconds: float) -> Iterator[str]:
    """The totals of a run, and what it went without; `made` of them in this run, in `seconds`."""
    rate = f" ({made} in {seconds:.1f} s, {made / seconds:.1f} a second)" if seconds and made else ""
    pictures = "picture" if tally.inputs == 1 else "pictures"
    yield f"{tally.inputs} {pictures}{rate}: {tally.flagged} flagged, {tally.failed} could not be checked"
    counts = [f"{verdict} {count}" for verdict, count in tally.verdicts.most_common()]
    counts += [f"error {code} {count}" for code, count in tally.errors.most_common()]
    if counts:
        yield "  " + ", ".join(counts)
    said = [f"{words} {count}" for words, count in tally.credentials.most_common()]
    if said:
        yield f"  files that say something of themselves: {', '.join(said)}"
    for kind, reason in tally.absent.items():
        yield f"  without the {kind} signal: {reason}"
