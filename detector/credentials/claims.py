"""Values of what a file says of itself. Pure: no library of pictures or signatures is known here.

A `SourceClaim` is one statement of how the picture was made, with who stands behind it. Nothing here is believed
because it is written: `standing` says how far it is proven, and `detector.origin` what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from detector.decision import Reason
from detector.use import SyntheticClass


class ManifestState(StrEnum):
    """What became of a C2PA manifest. VALID says that nothing was changed since it was signed, not who signed."""

    VALID = "valid"
    INVALID = "invalid"
    UNREADABLE = "unreadable"
    NOT_FETCHED = "not_fetched"


class Standing(StrEnum):
    """Who stands behind a claim: a signer on the trust list, any other signer, a manifest that does not hold, nobody."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    INVALID = "invalid"
    UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed a manifest, by the certificate. `signed_at` only where a time stamp authority vouches for it."""

    name: str | None
    organisation: str | None
    serial: str | None
    signed_at: datetime | None
    trusted: bool


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """One check that a manifest did not pass: the C2PA status code, and the validator's words."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Action:
    """One step that a manifest records. `digital_source_type` is the bare IPTC term; `when` as it is written."""

    name: str
    digital_source_type: str | None = None
    tool: str | None = None
    when: str | None = None


@dataclass(frozen=True, slots=True)
class TrainingTerm:
    """One entry of a training-mining assertion: what is asked (`ai_generative_training`) and whether it is allowed."""

    purpose: str
    use: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One picture that this one was made from, by its manifest or by that of an ingredient. `relationship` is C2PA's
    (parentOf, componentOf, inputTo); `within`: the place of the ingredient that was made from it, None where it is the
    picture itself. `actions` are those of its own manifest. `picture`: the encoded picture, or thumbnail, that the
    manifest holds of it, until it has been looked at; never printed, never kept."""

    title: str | None
    relationship: str
    actions: tuple[Action, ...] = ()
    failures: tuple[FailedCheck, ...] = ()
    picture: bytes | None = field(default=None, repr=False)
    within: int | None = None
    has_picture: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """The active C2PA manifest. `ingredients` are its own, then those of their manifests, the nearest first. `failures`
    are the checks that failed, of the ingredients' too where they make it invalid. `remote_url`: where the file says
    that its manifest lies, where it isn't embedded."""

    state: ManifestState
    signer: Signer | None = None
    generator: str | None = None
    title: str | None = None
    actions: tuple[Action, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    training: tuple[TrainingTerm, ...] = ()
    failures: tuple[FailedCheck, ...] = ()
    remote_url: str | None = None

    @property
    def trusted(self) -> bool:
        """Whether it holds, and a signer on the trust list stands behind it."""
        return self.state is ManifestState.VALID and self.signer is not None and self.signer.trusted

    @property
    def standing(self) -> Standing:
        if self.state is not ManifestState.VALID:
            return Standing.INVALID
        return Standing.TRUSTED if self.trusted else Standing.UNTRUSTED


@dataclass(frozen=True, slots=True)
class Description:
    """What unsigned metadata (IPTC, XMP, EXIF) says. `digital_source_type` is the bare IPTC term; `data_mining` the
    PLUS term; `software` whatever program wrote the file."""

    creators: tuple[str, ...] = ()
    credit: str | None = None
    rights: str | None = None
    model_release: str | None = None
    model_release_ids: tuple[str, ...] = ()
    data_mining: str | None = None
    digital_source_type: str | None = None
    software: str | None = None


@dataclass(frozen=True, slots=True)
class Generator:
    """A program that makes pictures by AI, known by what it wrote into the file. `where`: the field that shows it."""

    name: str
    where: str


BY_ACTION = "C2PA action"
"""How the source of a claim begins that an action of the active manifest makes."""


@dataclass(frozen=True, slots=True)
class SourceClaim:
    """One statement of how the picture was made. `made` UNKNOWN: a term that says neither captured nor AI. `explicit`:
    it tells generated from edited; a generator's trace only says that AI had a part."""

    made: SyntheticClass
    source: str
    term: str
    standing: Standing
    explicit: bool = True

    @property
    def counts(self) -> bool:
        """A claim of AI counts wherever it stands: it asks for a replica's consent. A claim of capture would spare one
        that consent, so it counts only where a trusted signer makes it."""
        if self.made is SyntheticClass.CAPTURED:
            return self.standing is Standing.TRUSTED
        return self.made is not SyntheticClass.UNKNOWN


@dataclass(frozen=True, slots=True)
class Credentials:
    """Everything that one file says of itself. All empty: it says nothing. `notices` are findings of their own, such
    as a manifest that does not hold; they name no talent and change no verdict."""

    manifest: Manifest | None = None
    description: Description = Description()
    generators: tuple[Generator, ...] = ()
    claims: tuple[SourceClaim, ...] = ()
    notices: tuple[Reason, ...] = ()

    def without_pictures(self) -> Credentials:
        """The same, with no byte of any picture: what a finding keeps."""
        if self.manifest is None:
            return self
        bare = tuple(replace(ingredient, picture=None) for ingredient in self.manifest.ingredients)
        return replace(self, manifest=replace(self.manifest, ingredients=bare))
