"""Programs that make pictures by AI, told by what they wrote into the file. Pure.

Two sorts of traces: the settings that a generator leaves so that its picture can be made again (Stable Diffusion's
parameters text, a ComfyUI graph), and the name of a known generator in a field that names the program. Both can be
written by anybody and removed by anybody: a trace is a claim, and its absence proves nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from detector.credentials.claims import Generator

PARAMETERS = re.compile(r"\bSteps: \d+.*\b(?:Sampler|CFG scale|Seed): ?\S", re.DOTALL)
"""The line of settings under a prompt as Stable Diffusion WebUI and its descendants write it."""

NAMES: Mapping[str, str] = {
    r"stable diffusion": "Stable Diffusion",
    r"dall[·\-\s]?e": "DALL·E",
    r"gpt-image|chatgpt": "OpenAI image model",
    r"midjourney": "Midjourney",
    r"adobe firefly": "Adobe Firefly",
    r"black forest labs|txt2img;flux|flux\.1": "FLUX",
    r"novelai": "NovelAI",
    r"made with google ai|imagen \d|nano banana": "Google AI",
    r"ideogram": "Ideogram",
    r"leonardo\.ai": "Leonardo.Ai",
    r"recraft": "Recraft",
    r"comfyui": "ComfyUI",
    r"invokeai": "InvokeAI",
    r"fooocus": "Fooocus",
    r"swarmui": "SwarmUI",
    r"draw things": "Draw Things",
    r"bing image creator": "Bing Image Creator",
    r"ai generated;": "an AI generator",
}
"""Known generators, as the fields that name a program spell them."""

_KNOWN = [(re.compile(rf"\b(?:{pattern})", re.IGNORECASE), name) for pattern, name in NAMES.items()]

PROGRAM_FIELDS = (
    "EXIF Software",
    "EXIF Make",
    "IPTC OriginatingProgram",
    "IPTC Credit",
    "PNG Software",
    "PNG Source",
    "xmp:CreatorTool",
    "photoshop:Credit",
    "Iptc4xmpExt:AISystemUsed",
)
"""Fields that name what made the picture. In a description or a caption a generator's name may mean anything."""

INVOKEAI = ("invokeai_metadata", "invokeai_graph", "sd-metadata", "Dream")
JOB = re.compile(r"\bJob ID: [0-9a-f]{8}-[0-9a-f]{4}-")
XAI_SIGNATURE = re.compile(r"^Signature: [A-Za-z0-9+/=]{40,}$")


def generators(texts: Mapping[str, str], xmp: Mapping[str, tuple[str, ...]]) -> tuple[Generator, ...]:
    """The generators that left a trace, each once, in the order in which they were found."""
    found = {each.name: each for each in reversed([*_by_settings(texts), *_by_name(texts, xmp)])}
    return tuple(reversed(found.values()))


def _by_settings(texts: Mapping[str, str]) -> Iterator[Generator]:
    for where, text in texts.items():
        name = _settings_of(where, text)
        if name:
            yield Generator(name, where)


def _settings_of(where: str, text: str) -> str | None:
    """Whose settings a text is, None for any other text."""
    key = where.partition(" ")[2]
    if key in INVOKEAI:
        return "InvokeAI"
    if PARAMETERS.search(text):
        return "Stable Diffusion (WebUI parameters)"
    if key in ("Description", "ImageDescription"):
        return _by_description(text)
    written = _json(text.partition(":")[2] if text.startswith(("workflow:", "prompt:")) else text)
    return _by_graph(key, written) if isinstance(written, dict) else None


def _by_description(text: str) -> str | None:
    if JOB.search(text):
        return "Midjourney"
    return "Grok" if XAI_SIGNATURE.match(text) else None


def _by_graph(key: str, written: dict[str, object]) -> str | None:
    if "sui_image_params" in written:
        return "SwarmUI"
    if "base_model" in written and "full_prompt" in written:
        return "Fooocus"
    if _is_comfy(written):
        return "ComfyUI"
    if key == "Comment" and {"uc", "sampler"} <= written.keys():
        return "NovelAI"
    return "an AI generator (AIGC label)" if key == "AIGC" and _labelled(written) else None


def _is_comfy(written: Mapping[str, object]) -> bool:
    """A graph of nodes, as it is run (`class_type` each) or as it is drawn (`nodes` and `links`)."""
    nodes = [node for node in written.values() if isinstance(node, dict)]
    return any("class_type" in node for node in nodes) or {"nodes", "links"} <= written.keys()


def _labelled(written: Mapping[str, object]) -> bool:
    """China's mandatory label: 1 certainly, 2 possibly, 3 suspected to be generated."""
    return str(written.get("Label")) in ("1", "2", "3")


def _by_name(texts: Mapping[str, str], xmp: Mapping[str, tuple[str, ...]]) -> Iterator[Generator]:
    for where in PROGRAM_FIELDS:
        for text in (texts.get(where, ""), *xmp.get(where, ())):
            name = next((name for pattern, name in _KNOWN if pattern.search(text)), None)
            if name or (text and where.endswith("AISystemUsed")):
                yield Generator(name or text, where)
    for text in xmp.get("TC260:AIGC", ()):
        written = _json(text)
        if isinstance(written, dict) and _labelled(written):
            yield Generator("an AI generator (AIGC label)", "TC260:AIGC")


def _json(text: str) -> object:
    if not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
