"""The building blocks of the printed report: headings, paragraphs, tables of facts, pictures, page numbers.

Texts come from strangers: every one is escaped, and what the font can't print is written as its code point. The PDF of
the same content is the same file.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    Image,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from detector.errors import SettingsError

WIDTH = A4[0] - 40 * mm
TALLEST = 88 * mm
LEAST = 45 * mm
"""Room that a heading wants below it on its page."""

INK, SOFT, RULE, BAND = HexColor("#1c1c1c"), HexColor("#5a5a5a"), HexColor("#c9c9c9"), HexColor("#f3f3f3")
LONGEST = 2000
"""Characters of one cell; longer ones are in the bundle's JSON in full."""


class Sheet:
    """Makes flowables in one look. font: a TrueType file for scripts that the built-in fonts don't print."""

    def __init__(self, font: Path | None = None) -> None:
        self._wide = font is not None
        plain, bold = ("Helvetica", "Helvetica-Bold") if font is None else _registered(font)
        base = {"fontName": plain, "textColor": INK, "splitLongWords": 1}
        self._text = ParagraphStyle("text", fontSize=9, leading=12.5, spaceAfter=4, **base)
        self._small = ParagraphStyle("small", fontSize=7.5, leading=9.8, **{**base, "wordWrap": "CJK"})
        self._label = ParagraphStyle("label", parent=self._small, textColor=SOFT, wordWrap="LTR")
        self._title = ParagraphStyle(
            "title", fontSize=18, leading=23, spaceAfter=6, **{**base, "fontName": bold}
        )
        self._heading = ParagraphStyle(
            "heading",
            fontSize=12,
            leading=16,
            spaceBefore=12,
            spaceAfter=4,
            keepWithNext=1,
            **{**base, "fontName": bold},
        )
        self._under = ParagraphStyle(
            "under",
            fontSize=9.5,
            leading=13,
            spaceBefore=6,
            spaceAfter=2,
            keepWithNext=1,
            **{**base, "fontName": bold},
        )
        self._font = plain

    def title(self, text: str) -> Flowable:
        return Paragraph(self._escaped(text), self._title)

    def heading(self, text: str, room: float = LEAST) -> list[Flowable]:
        """On a new page where less than `room` is left of this one."""
        return [CondPageBreak(room), Paragraph(self._escaped(text), self._heading)]

    def subheading(self, text: str) -> Flowable:
        return Paragraph(self._escaped(text), self._under)

    def text(self, text: str) -> Flowable:
        return Paragraph(self._escaped(text), self._text)

    def facts(self, rows: Iterable[tuple[str, Any]]) -> Flowable:
        """Names and values in two columns."""
        cells = [
            [Paragraph(self._escaped(name), self._label), Paragraph(self._escaped(_said(value)), self._small)]
            for name, value in rows
        ]
        return _table(cells or [["", ""]], [0.26 * WIDTH, 0.74 * WIDTH], [])

    def table(
        self, header: Sequence[str], rows: Iterable[Sequence[Any]], shares: Sequence[float]
    ) -> Flowable:
        """shares: of the width, per column, in total 1."""
        head = [Paragraph(self._escaped(name), self._label) for name in header]
        body = [[Paragraph(self._escaped(_said(cell)), self._small) for cell in row] for row in rows]
        shading = [("BACKGROUND", (0, 0), (-1, 0), BAND)]
        return _table([head, *body], [share * WIDTH for share in shares], shading, repeatRows=1)

    def picture(self, data: bytes, caption: str) -> Flowable:
        width, height = PillowImage.open(io.BytesIO(data)).size
        scale = min(WIDTH / width, TALLEST / height)
        image = Image(io.BytesIO(data), width * scale, height * scale, hAlign="LEFT")
        return KeepTogether([image, Paragraph(self._escaped(caption), self._label), Spacer(1, 4 * mm)])

    def pdf(self, flow: Sequence[Flowable], title: str) -> bytes:
        """The document, with the title and the page's number at the foot of each page."""

        def foot(canvas: Any, document: Any) -> None:
            canvas.setFont(self._font, 7.5)
            canvas.setFillColor(SOFT)
            canvas.drawString(20 * mm, 11 * mm, self._printable(title))
            canvas.drawRightString(A4[0] - 20 * mm, 11 * mm, f"page {document.page}")

        buffer = io.BytesIO()
        document = SimpleDocTemplate(
            buffer,
            pagesize=A4,
            leftMargin=20 * mm,
            rightMargin=20 * mm,
            topMargin=18 * mm,
            bottomMargin=20 * mm,
            title=title,
            author="Lookalike",
            invariant=1,
            pageCompression=0,
        )
        document.build(list(flow), onFirstPage=foot, onLaterPages=foot)
        return buffer.getvalue()

    def _escaped(self, text: str) -> str:
        return escape(self._printable(text), quote=False)

    def _printable(self, text: str) -> str:
        shown = "".join(each if each.isprintable() else " " for each in text)
        return shown if self._wide else "".join(map(_latin, shown))


def _latin(character: str) -> str:
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return f"[U+{ord(character):04X}]"
    return character


def _said(value: Any) -> str:
    text = "–" if value is None or value == "" else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … (in full in the bundle)"


def _table(cells: list[list[Any]], widths: list[float], more: list[Any], **options: Any) -> Flowable:
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        *more,
    ]
    return Table(cells, widths, style=style, hAlign="LEFT", splitInRow=1, **options)


def _registered(font: Path) -> tuple[str, str]:
    """One face for everything. Raises SettingsError."""
    try:
        pdfmetrics.registerFont(TTFont("evidence", str(font)))
    except (TTFError, OSError) as error:
        raise SettingsError(
            f"evidence_font names {font}, which is no TrueType file that can be used"
        ) from error
    return "evidence", "evidence"
