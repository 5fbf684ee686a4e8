"""How a picture was made, as far as anybody says so: the synthetic class that the rules ask for, with its source.

    use (what is claimed) ┐
    credentials (the file)┴─ origin_of ─▶ Origin ─▶ Evidence.synthetic, synthetic_source
                           └ proven_use ─▶ the use with what a trusted signer proves, and without what the file disproves

Pure. A claim of AI outweighs a claim of none, whoever makes it; that nobody claims anything proves nothing.
IPTC terms: https://cv.iptc.org/newscodes/digitalsourcetype/
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from detector.credentials.claims import BY_ACTION, Credentials, Manifest, ManifestState, SourceClaim
from detector.matches import CopyClass
from detector.use import SyntheticClass, Use

GENERATED_TERMS = frozenset({"trainedalgorithmicmedia", "algorithmicmedia", "virtualrecording"})
EDITED_TERMS = frozenset({"compositewithtrainedalgorithmicmedia", "compositesynthetic"})
CAPTURED_TERMS = frozenset(
    {"digitalcapture", "computationalcapture", "negativefilm", "positivefilm", "print", "compositecapture"}
)

_RANKS = (
    SyntheticClass.UNKNOWN,
    SyntheticClass.CAPTURED,
    SyntheticClass.AI_EDITED,
    SyntheticClass.AI_GENERATED,
)

THE_REFERENCE_ITSELF = frozenset({CopyClass.EXACT, CopyClass.REENCODED})
"""Copies in which nothing was edited: what the file says of how it was made, it says of the reference as well."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The class, and in words who says so; an empty source where nobody does."""

    made: SyntheticClass
    source: str = ""


def bare_term(text: str) -> str:
    """The IPTC term, whether it is written alone or as its address."""
    return text.strip().rstrip("/").rpartition("/")[2]


def class_of_term(term: str) -> SyntheticClass:
    """What an IPTC DigitalSourceType says. Routine enhancement (`algorithmicallyEnhanced`), drawings and screenshots
    are neither a capture nor AI."""
    folded = bare_term(term).casefold()
    for terms, made in (
        (GENERATED_TERMS, SyntheticClass.AI_GENERATED),
        (EDITED_TERMS, SyntheticClass.AI_EDITED),
        (CAPTURED_TERMS, SyntheticClass.CAPTURED),
    ):
        if folded in terms:
            return made
    return SyntheticClass.UNKNOWN


def synthetic_class(use: Use, copy_class: CopyClass | None) -> SyntheticClass:
    """How the picture was made, by what is claimed with the use. A term of capture claims nothing by itself: with it
    comes `declared_ai`."""
    declared = class_of_term(use.digital_source_type or "")
    if declared in (SyntheticClass.AI_GENERATED, SyntheticClass.AI_EDITED):
        return declared
    if use.declared_ai or use.labelled_ai:
        return SyntheticClass.AI_GENERATED if copy_class is None else SyntheticClass.AI_EDITED
    return SyntheticClass.UNKNOWN if use.declared_ai is None else SyntheticClass.CAPTURED


def origin_of(
    use: Use,
    credentials: Credentials | None,
    copy_class: CopyClass | None = None,
    beside: Collection[CopyClass | None] = (),
) -> Origin:
    """The strongest of what is claimed with the use and what the file claims. `beside`: the classes of all copies in
    the picture; where one is the reference itself, the file's claims are those of a photograph that was registered."""
    claimed = _claimed(use, copy_class)
    if credentials is None or not THE_REFERENCE_ITSELF.isdisjoint((copy_class, *beside)):
        return claimed
    declared = [_declared(claim, copy_class) for claim in credentials.claims if claim.counts]
    return max((claimed, *declared), key=lambda origin: _RANKS.index(origin.made))


def declared_by_file(credentials: Credentials) -> Origin:
    """The same by the file alone."""
    return origin_of(Use(), credentials)


def _claimed(use: Use, copy_class: CopyClass | None) -> Origin:
    claims = (use.declared_ai, use.labelled_ai, use.digital_source_type)
    source = "" if all(claim is None for claim in claims) else "declared with the use"
    return Origin(synthetic_class(use, copy_class), source)


def _declared(claim: SourceClaim, copy_class: CopyClass | None) -> Origin:
    made = claim.made
    if not claim.explicit and copy_class is not None:
        made = SyntheticClass.AI_EDITED
    return Origin(made, f"declared by the file: {claim.source} ({claim.term}, {claim.standing})")


def proven_use(use: Use, credentials: Credentials | None) -> Use:
    """The use with what the file proves. A valid manifest of a trusted signer fills in or corrects its own terms; any
    other manifest proves nothing, and one that does not hold is none."""
    if credentials is None:
        return use
    manifest = credentials.manifest
    if manifest is not None and manifest.trusted:
        term = _proven_term(credentials) or use.digital_source_type
        return replace(use, has_c2pa=True, tool=_tool(manifest) or use.tool, digital_source_type=term)
    if manifest is not None and manifest.state in (ManifestState.INVALID, ManifestState.UNREADABLE):
        return replace(use, has_c2pa=False)
    return replace(use, has_c2pa=None) if use.has_c2pa else use


def _proven_term(credentials: Credentials) -> str | None:
    """The term of the manifest that says most."""
    signed = [claim for claim in credentials.claims if claim.source.startswith(BY_ACTION)]
    best = max(signed, key=lambda claim: _RANKS.index(claim.made), default=None)
    return None if best is None else best.term


def _tool(manifest: Manifest) -> str | None:
    """What made the AI part, else what wrote the manifest."""
    for action in manifest.actions:
        if action.tool and class_of_term(action.digital_source_type or "") in (
            SyntheticClass.AI_GENERATED,
            SyntheticClass.AI_EDITED,
        ):
            return action.tool
    return manifest.generator
