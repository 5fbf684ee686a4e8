"""Unsigned metadata: what IPTC, XMP and EXIF say, the traces of generators, and what broken blocks cost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from detector.credentials.claims import Credentials, Standing
from detector.credentials.generators import generators
from detector.credentials.metadata import read_metadata
from detector.credentials.reading import CredentialReader
from detector.credentials.xmp import BrokenXmp, xmp_fields
from detector.use import SyntheticClass
from tests.signing import IPTC, drawn, png_with, xmp

PARAMETERS = "a woman in a coat\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"
GRAPH = {"3": {"class_type": "KSampler", "inputs": {"seed": 1}}}
DRAWN_GRAPH = {"nodes": [{"id": 1}], "links": []}


def read(data: bytes) -> Credentials:
    return CredentialReader().read(data)


def names(texts: dict[str, str]) -> list[str]:
    return [found.name for found in generators(texts, {})]


def with_exif(**fields: str | bytes) -> bytes:
    exif = Image.Exif()
    for name, value in fields.items():
        if name == "UserComment":
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = value
        else:
            exif[ExifTags.Base[name]] = value
    return drawn(exif=exif)


def test_a_plain_picture_says_nothing_and_nothing_is_odd() -> None:
    assert read(drawn()) == Credentials()
    assert read(drawn(kind="PNG")) == Credentials()


def test_what_is_no_picture_has_no_metadata_and_says_so() -> None:
    found = read(b"not a picture")
    assert [notice.code for notice in found.notices] == ["metadata_unreadable"]
    assert found.claims == ()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_iptc_fields_are_read_from_the_xmp_of_every_container(kind: str) -> None:
    packet = xmp(
        f"<Iptc4xmpExt:DigitalSourceType>{IPTC}trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>",
        "<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Ben</rdf:li></rdf:Seq></dc:creator>",
        "<dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>All reserved</rdf:li></rdf:Alt></dc:rights>",
        "<photoshop:Credit>Studio One</photoshop:Credit>",
        "<plus:ModelReleaseStatus rdf:resource='http://ns.useplus.org/ldf/vocab/MR-UMR'/>",
        "<plus:ModelReleaseID><rdf:Bag><rdf:li>MR-17</rdf:li></rdf:Bag></plus:ModelReleaseID>",
        "<plus:DataMining>http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED</plus:DataMining>",
    )
    if kind == "TIFF":
        saved = {"tiffinfo": {700: packet}}
    elif kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        saved = {"pnginfo": info}
    else:
        saved = {"xmp": packet}
    found = read(drawn(kind=kind, **saved))
    described = found.description
    assert described.creators == ("Ada", "Ben")
    assert (described.credit, described.rights) == ("Studio One", "All reserved")
    assert (described.model_release, described.model_release_ids) == ("MR-UMR", ("MR-17",))
    assert (described.data_mining, described.digital_source_type) == (
        "DMI-PROHIBITED",
        "trainedAlgorithmicMedia",
    )
    (claim,) = found.claims
    assert (claim.made, claim.standing) == (SyntheticClass.AI_GENERATED, Standing.UNSIGNED)
    assert claim.counts


def test_properties_written_as_attributes_count_as_well() -> None:
    packet = (
        b"<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        b"<r:Description xmlns:x='http://ns.adobe.com/xap/1.0/' x:CreatorTool='Adobe Firefly'/></r:RDF>"
    )
    assert xmp_fields(packet) == {"xmp:CreatorTool": ("Adobe Firefly",)}


def test_exif_names_the_author_the_rights_and_the_program() -> None:
    described = read(
        with_exif(Artist="Ada", Copyright="(c) Studio", Software="Adobe Lightroom 5.3")
    ).description
    assert described.creators == ("Ada",)
    assert (described.rights, described.software) == ("(c) Studio", "Adobe Lightroom 5.3")


def test_an_unsigned_claim_of_capture_spares_nobody_anything() -> None:
    packet = xmp(f"<Iptc4xmpExt:DigitalSourceType>{IPTC}digitalCapture</Iptc4xmpExt:DigitalSourceType>")
    (claim,) = read(drawn(xmp=packet)).claims
    assert claim.made is SyntheticClass.CAPTURED
    assert not claim.counts


# Generators


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        ({"parameters": PARAMETERS}, "Stable Diffusion (WebUI parameters)"),
        ({"prompt": json.dumps(GRAPH)}, "ComfyUI"),
        ({"workflow": json.dumps(DRAWN_GRAPH)}, "ComfyUI"),
        ({"parameters": json.dumps({"sui_image_params": {"prompt": "x"}})}, "SwarmUI"),
        ({"parameters": json.dumps({"base_model": "x", "full_prompt": ["y"]})}, "Fooocus"),
        ({"invokeai_metadata": "{}"}, "InvokeAI"),
        ({"Dream": '"x" -s 20'}, "InvokeAI"),
        ({"Software": "NovelAI", "Source": "Stable Diffusion XL"}, "NovelAI"),
        ({"Comment": json.dumps({"uc": "x", "sampler": "k"})}, "NovelAI"),
        ({"Description": "a coat --v 6 Job ID: 01234567-89ab-cdef-0123-456789abcdef"}, "Midjourney"),
        ({"AIGC": json.dumps({"Label": "1"})}, "an AI generator (AIGC label)"),
    ],
)
def test_the_text_chunks_of_known_generators(texts: dict[str, str], name: str) -> None:
    found = read(png_with(**texts))
    assert name in [trace.name for trace in found.generators]
    assert found.claims[0].made is SyntheticClass.AI_GENERATED
    assert not found.claims[0].explicit, "a trace tells that AI had a part, not which"


@pytest.mark.parametrize("encoded", ["utf-16-le", "utf-16-be"])
def test_parameters_in_the_comment_of_a_jpeg(encoded: str) -> None:
    found = read(with_exif(UserComment=b"UNICODE\x00" + PARAMETERS.encode(encoded)))
    assert [(trace.name, trace.where) for trace in found.generators] == [
        ("Stable Diffusion (WebUI parameters)", "EXIF UserComment")
    ]


def test_a_graph_in_the_exif_fields_of_a_webp() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "workflow:" + json.dumps(DRAWN_GRAPH)
    exif[ExifTags.Base.Model] = "prompt:" + json.dumps(GRAPH)
    assert {trace.name for trace in read(drawn(kind="WEBP", exif=exif)).generators} == {"ComfyUI"}


@pytest.mark.parametrize(
    ("software", "name"),
    [
        ("Midjourney 6.1", "Midjourney"),
        ("AI generated;txt2img;flux", "FLUX"),
        ("Adobe Firefly 3", "Adobe Firefly"),
        ("DALL·E 3", "DALL·E"),
    ],
)
def test_the_program_field_names_a_generator(software: str, name: str) -> None:
    assert names({"EXIF Software": software}) == [name]


@pytest.mark.parametrize(
    "texts",
    [
        {"EXIF Software": "Adobe Photoshop 25.1"},
        {"EXIF Software": "Canon EOS R5"},
        {"EXIF ImageDescription": "Visitors before a picture made with Midjourney"},
        {"PNG Title": "How Stable Diffusion works"},
        {"PNG parameters": "exposure 1/60, Steps: none"},
        {"PNG prompt": "{"},
        {"PNG prompt": "[1, 2]"},
        {"PNG Comment": "{" * 5000},
        {"PNG AIGC": '{"Label": "0"}'},
    ],
)
def test_what_is_no_trace_of_a_generator(texts: dict[str, str]) -> None:
    assert names(texts) == []


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=6))
def test_no_text_breaks_the_search_for_generators(texts: dict[str, str]) -> None:
    generators(texts, {"xmp:CreatorTool": tuple(texts.values())})


def test_a_prompt_never_leaves_the_file() -> None:
    found = read(png_with(parameters=PARAMETERS, prompt=json.dumps(GRAPH)))
    assert "woman in a coat" not in repr(found)


# Broken blocks


@pytest.mark.parametrize(
    "packet",
    [
        b"<x",
        b"\x00\xff\xfe",
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<?xml version='1.0' encoding='no-such'?><a/>",
        b"<a>" + b"x" * 2**20 + b"</a>",
    ],
)
def test_a_packet_that_cannot_be_parsed_is_refused(packet: bytes) -> None:
    with pytest.raises(BrokenXmp):
        xmp_fields(packet)


def test_a_broken_packet_is_a_notice_and_costs_no_other_block() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = "Midjourney"
    found = read(drawn(xmp=b"<broken", exif=exif))
    assert [notice.code for notice in found.notices] == ["metadata_unreadable"]
    assert "XMP (BrokenXmp)" in found.notices[0].detail
    assert [trace.name for trace in found.generators] == ["Midjourney"]


@given(st.binary(max_size=400))
def test_no_bytes_break_the_parser(packet: bytes) -> None:
    try:
        fields = xmp_fields(packet)
    except BrokenXmp:
        return
    assert all(isinstance(value, str) for values in fields.values() for value in values)


def test_a_compressed_text_that_explodes_is_not_unfolded() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("parameters", "a" * 80_000_000, zip=True)
    data = drawn(kind="PNG", pnginfo=info)
    assert len(data) < 200_000
    assert read_metadata(data).broken
