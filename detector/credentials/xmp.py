"""The few fields of an XMP packet that say where a picture came from. Other fields are not even read.

XMP is RDF in XML: a property is an attribute of a description, or an element in it that holds text, or a list of texts.
Parsed with defusedxml: entities, which a stranger's packet could make explode, are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LARGEST = 2**20
"""Bytes of a packet that is parsed. Ordinary ones have 2 to 20 kB."""

LONGEST = 500
"""Characters kept of one value."""

MANY = 20
"""Values kept of one field."""

NAMESPACES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://ns.useplus.org/ldf/xmp/1.0/": "plus",
    "http://www.tc260.org.cn/ns/AIGC/1.0/": "TC260",
}

FIELDS = frozenset(
    {
        "dc:creator",
        "dc:rights",
        "dcterms:provenance",
        "photoshop:Credit",
        "xmp:CreatorTool",
        "Iptc4xmpExt:DigitalSourceType",
        "Iptc4xmpExt:AISystemUsed",
        "plus:ModelReleaseStatus",
        "plus:ModelReleaseID",
        "plus:DataMining",
        "TC260:AIGC",
    }
)


class BrokenXmp(ValueError):
    """The packet is no XML, is absurdly large, or declares entities."""


def xmp_fields(packet: bytes) -> dict[str, tuple[str, ...]]:
    """The values of FIELDS that a packet has, each a list. Raises BrokenXmp."""
    from defusedxml.common import DefusedXmlException  # noqa: PLC0415 - most pictures have no packet
    from defusedxml.ElementTree import ParseError, fromstring  # noqa: PLC0415

    if len(packet) > LARGEST:
        raise BrokenXmp(f"the XMP packet has {len(packet):,} bytes, more than the {LARGEST:,} that are read")
    try:
        root = fromstring(packet.strip(b"\x00 \r\n\t"))
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise BrokenXmp(f"the XMP packet can't be parsed: {type(error).__name__}") from error
    found: dict[str, list[str]] = {}
    for element in root.iter():
        for name, value in _values(element):
            if name in FIELDS and value and len(found.setdefault(name, [])) < MANY:
                found[name].append(value)
    return {name: tuple(dict.fromkeys(values)) for name, values in found.items()}


def _values(element: Element) -> Iterator[tuple[str, str]]:
    """The element's own texts, and its attributes as properties."""
    name = _short(element.tag)
    for attribute, value in element.attrib.items():
        yield _short(attribute), _clean(value)
        if _local(attribute) == "resource":
            yield name, _clean(value)
    if name in FIELDS:
        for text in element.itertext():
            yield name, _clean(text)


def _short(tag: object) -> str:
    """`{namespace}name` as prefix and name; what is of no known namespace stays itself."""
    namespace, _, local = str(tag).lstrip("{").partition("}")
    prefix = NAMESPACES.get(namespace)
    return f"{prefix}:{local}" if prefix else str(tag)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _clean(text: str) -> str:
    return "".join(char for char in text[:LONGEST] if char.isprintable()).strip()


def first(fields: Mapping[str, tuple[str, ...]], *names: str) -> str | None:
    """The first value of the first of these fields that has one."""
    return next((fields[name][0] for name in names if fields.get(name)), None)
