"""Reading one file's credentials: manifest and metadata side by side, the claims in both, and what is odd about them.

bytes ─ read_metadata ─▶ texts, XMP ─ generators ─┐
      └ ManifestReader ─▶ Manifest ───────────────┴─ claims ─ notices ─▶ Credentials
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from detector.credentials.claims import (
    BY_ACTION,
    Action,
    Credentials,
    Description,
    Generator,
    Ingredient,
    Manifest,
    ManifestState,
    SourceClaim,
    Standing,
)
from detector.credentials.generators import generators
from detector.credentials.manifests import ManifestReader
from detector.credentials.metadata import Metadata, read_metadata
from detector.credentials.xmp import first
from detector.decision import Reason
from detector.origin import bare_term, class_of_term
from detector.use import SyntheticClass

AI = (SyntheticClass.AI_GENERATED, SyntheticClass.AI_EDITED)

KEEPING = frozenset({"parentOf", "componentOf"})
"""Relationships in which something of the ingredient's pixels stays."""


class CredentialReader:
    """Reads what files say of themselves. Threads may share it."""

    def __init__(self, manifests: ManifestReader | None = None) -> None:
        """Without a reader of its own it trusts no signer and fetches nothing."""
        self._manifests = manifests or ManifestReader()

    def read(self, data: bytes) -> Credentials:
        """The credentials of an encoded picture. Never raises: what is malformed is a notice."""
        metadata = read_metadata(data)
        manifest = self._manifests.read(data, first(metadata.xmp, "dcterms:provenance"))
        return credentials_of(manifest, metadata)


def credentials_of(manifest: Manifest | None, metadata: Metadata) -> Credentials:
    """What the two halves come to together."""
    described = _description(metadata)
    traces = generators(metadata.texts, metadata.xmp)
    claims = (*_signed_claims(manifest), *_plain_claims(described, traces))
    notices = (*_manifest_notices(manifest), *_metadata_notices(metadata), *_disagreement(claims))
    return Credentials(manifest, described, traces, claims, notices)


def _description(metadata: Metadata) -> Description:
    xmp, texts = metadata.xmp, metadata.texts
    term = first(xmp, "Iptc4xmpExt:DigitalSourceType")
    by = [text for text in (texts.get("IPTC By-line"), texts.get("EXIF Artist")) if text]
    release, mining = first(xmp, "plus:ModelReleaseStatus"), first(xmp, "plus:DataMining")
    return Description(
        creators=xmp.get("dc:creator") or tuple(filter(None, map(_short, by[:1]))),
        credit=first(xmp, "photoshop:Credit") or _short(texts.get("IPTC Credit")),
        rights=first(xmp, "dc:rights")
        or _short(texts.get("IPTC CopyrightNotice") or texts.get("EXIF Copyright")),
        model_release=bare_term(release) if release else None,
        model_release_ids=xmp.get("plus:ModelReleaseID", ()),
        data_mining=bare_term(mining) if mining else None,
        digital_source_type=bare_term(term) if term else None,
        software=_short(texts.get("EXIF Software")) or first(xmp, "xmp:CreatorTool"),
    )


def _short(text: str | None) -> str | None:
    """A text for a row: one line of printable characters, cut where it is absurdly long; None for nothing."""
    return "".join(char for char in (text or "")[:200] if char.isprintable()).strip() or None


# Claims


def _signed_claims(manifest: Manifest | None) -> Iterator[SourceClaim]:
    if manifest is None:
        return
    for action in manifest.actions:
        if action.digital_source_type:
            yield _by_action(action, manifest)
    for ingredient in manifest.ingredients:
        yield from _inherited(ingredient, _relationships(ingredient, manifest), manifest.standing)


def _by_action(action: Action, manifest: Manifest) -> SourceClaim:
    term = action.digital_source_type or ""
    by = f" by {action.tool}" if action.tool else ""
    return SourceClaim(class_of_term(term), f"{BY_ACTION} {action.name}{by}", term, manifest.standing)


def _relationships(ingredient: Ingredient, manifest: Manifest) -> frozenset[str]:
    """Those on the way from an ingredient to the picture itself."""
    found = {ingredient.relationship}
    while ingredient.within is not None:
        ingredient = manifest.ingredients[ingredient.within]
        found.add(ingredient.relationship)
    return frozenset(found)


def _inherited(
    ingredient: Ingredient, relationships: frozenset[str], standing: Standing
) -> Iterator[SourceClaim]:
    """AI in what the picture was made from: in a parent it stays what it was, in a component it makes a composite. An
    input (a prompt, a reference picture) leaves nothing of itself that could be claimed."""
    if not relationships <= KEEPING:
        return
    for action in ingredient.actions:
        term = action.digital_source_type or ""
        made = class_of_term(term)
        if made in AI:
            made = made if relationships == {"parentOf"} else SyntheticClass.AI_EDITED
            source = f"C2PA ingredient {ingredient.title or 'without a title'}"
            yield SourceClaim(made, source, term, Standing.INVALID if ingredient.failures else standing)


def _plain_claims(described: Description, traces: Sequence[Generator]) -> Iterator[SourceClaim]:
    if described.digital_source_type:
        term = described.digital_source_type
        yield SourceClaim(class_of_term(term), "IPTC DigitalSourceType", term, Standing.UNSIGNED)
    for trace in traces:
        yield SourceClaim(
            SyntheticClass.AI_GENERATED, trace.where, trace.name, Standing.UNSIGNED, explicit=False
        )


# Notices


def _manifest_notices(manifest: Manifest | None) -> Iterator[Reason]:
    if manifest is None:
        return
    failed = ", ".join(dict.fromkeys(check.code for check in manifest.failures))
    if manifest.state is ManifestState.INVALID:
        yield Reason("manifest_invalid", f"The C2PA manifest does not hold: {failed or 'no check is named'}.")
    elif manifest.state is ManifestState.UNREADABLE:
        yield Reason(
            "manifest_unreadable", f"The C2PA manifest can't be read: {manifest.failures[0].detail}."
        )
    elif manifest.state is ManifestState.NOT_FETCHED:
        why = f" ({failed})" if failed else ""
        yield Reason("manifest_not_fetched", f"The C2PA manifest lies elsewhere and was not fetched{why}.")
    elif not manifest.trusted:
        yield Reason("signer_untrusted", "The C2PA manifest holds, and its signer is on no trust list.")
    for ingredient in manifest.ingredients:
        if ingredient.failures:
            named = ", ".join(dict.fromkeys(check.code for check in ingredient.failures))
            title = ingredient.title or "without a title"
            yield Reason(
                "ingredient_invalid", f"The credentials of the ingredient {title} do not hold: {named}."
            )


def _metadata_notices(metadata: Metadata) -> Iterator[Reason]:
    if metadata.broken:
        yield Reason("metadata_unreadable", f"Metadata that can't be read: {', '.join(metadata.broken)}.")


def _disagreement(claims: Sequence[SourceClaim]) -> Iterator[Reason]:
    made = {claim.made for claim in claims}
    if SyntheticClass.CAPTURED in made and made & set(AI):
        yield Reason(
            "claims_disagree", "The file claims both that it was captured and that AI made or edited it."
        )
