"""Settings: every value of one installation, checked once, each with where it came from.

Three places, the later one wins: the built-in default (by the platform's conventions), a TOML file,
`LOOKALIKE_…` variables. `load_settings(environ, cwd, config)` collects the raw values with their origin,
has pydantic check them, and answers with `Configured`: the frozen `Settings` and the origin of each
value, which `lookalike doctor` shows. Keys of the file are the field names; the variable of a field is
`LOOKALIKE_` and its name in capitals. pydantic-settings is not used: it merges the same places but
forgets where a value came from.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    model_validator,
)

from api.own_networks import NetworkName, OwnFaceNetwork, anchored, from_text
from api.setting_values import (
    Accepts,
    Filled,
    Folder,
    filled,
    folders,
    header_text,
    image_network,
    listed,
    usable_url,
)
from detector.errors import SettingsError

PREFIX = "LOOKALIKE_"
CONFIG_VARIABLE = "LOOKALIKE_CONFIG"
API_KEY_VARIABLE = "LOOKALIKE_API_KEY"
"""Not a setting, but what `check --remote` identifies itself with: a secret, which no settings file should hold."""

CONFIG_NAME = "lookalike.toml"

RENAMED = {"image_model": "image_network"}
"""Former names of settings, which still count where the new one isn't set in the same place."""

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: `default`, `file` (with its path) or `variable` (with its name)."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


DEFAULT = Origin("default")


class Settings(BaseModel):
    """All settings. Sizes are in bytes or pixels as named; None means 'derived' as the description says."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    state_dir: Annotated[Folder, Accepts("a folder that can be written")] = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("lookalike", appauthor=False)),
        description="What must be kept: the database, index snapshots and stored pictures.",
    )
    cache_dir: Annotated[Folder, Accepts("a folder that can be written")] = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("lookalike", appauthor=False)),
        description="What can be fetched again: network weights and sample pictures.",
    )
    store_url: Annotated[
        str | None,
        AfterValidator(lambda url: url if url is None else usable_url(filled(url))),
        Accepts("an SQLAlchemy URL that starts with sqlite: or postgresql:"),
    ] = Field(default=None, description="The database. Unset: SQLite in the state directory.")
    vault_key_file: Annotated[Folder | None, Accepts("a file; docs/privacy.md tells what is in it")] = Field(
        default=None, description="Keys that templates, pictures and snapshots are encrypted with."
    )
    vault_keys: Annotated[SecretStr | None, Accepts("keys in base64, separated by commas, oldest first")] = (
        Field(default=None, description="The same keys, where a variable holds them instead of a file.")
    )
    evidence_days: Annotated[
        int, Field(ge=0, le=36500), Accepts("a whole number of days; 0: without an end")
    ] = Field(default=0, description="How long pictures of settled findings are kept.")
    audit_key_file: Annotated[Folder | None, Accepts("a PEM file with an Ed25519 private key")] = Field(
        default=None, description="The key that evidence and checkpoints of the audit chain are signed with."
    )
    evidence_font: Annotated[Folder | None, Accepts("a TrueType file")] = Field(
        default=None, description="The font of evidence as PDF, for names in other than Latin letters."
    )
    notice_jurisdictions: Annotated[
        tuple[str, ...],
        BeforeValidator(listed),
        Accepts("a list such as US-NY, EU (in a variable: separated by commas)"),
    ] = Field(default=(), description="Whose statutes a take-down notice names.")
    notice_contact: Annotated[str | None, Accepts("text of any number of lines")] = Field(
        default=None, description="Whom the receiver of a take-down notice can answer."
    )
    notice_signature: Annotated[str | None, Accepts("text of any number of lines")] = Field(
        default=None, description="The signature block of a take-down notice."
    )
    notice_folder: Annotated[Folder | None, Accepts("a folder with notice.txt and statutes.toml")] = Field(
        default=None, description="Your own template and statutes of take-down notices."
    )
    weights_dirs: Annotated[
        tuple[Folder, ...],
        BeforeValidator(folders),
        Accepts(f"a list of folders (in a variable: separated by {os.pathsep!r})"),
    ] = Field(default=(), description="Folders searched for network weights before the cache.")
    offline: Annotated[bool, Accepts("true or false")] = Field(
        default=False, description="Never reach for the network: weights come from folders and cache alone."
    )
    face_network: Annotated[str, Filled, Accepts("a name of the manifest or of face_networks")] = Field(
        default="sface", description="The network that recognises faces; after a change: `lookalike reindex`."
    )
    face_networks: Annotated[
        Mapping[NetworkName, OwnFaceNetwork],
        BeforeValidator(from_text),
        Accepts("tables by name, each with file, licence, commercial, dimension (in a variable: JSON)"),
    ] = Field(default_factory=dict, description="Face networks of your own, as docs/networks.md describes.")
    allow_non_commercial: Annotated[bool, Accepts("true or false")] = Field(
        default=False,
        description="Also load networks whose licence forbids commercial use; you answer for the use.",
    )
    answer_partially: Annotated[bool, Accepts("true or false")] = Field(
        default=False,
        description="Answer although some references lack vectors of the face network: they can't be found.",
    )
    image_network: Annotated[
        str | None,
        Accepts(
            "sscd, sscd-224, tower, none, or an open_clip spec (needs the extra `clip`) such as "
            "ViT-B-32/laion2b_s34b_b79k, hf-hub:… or local-dir:…"
        ),
        BeforeValidator(lambda value: None if value in ("", "none") else value),
        AfterValidator(lambda name: name if name is None else image_network(name)),
    ] = Field(
        default="sscd",
        description="The network that embeds whole pictures, to find copies by.",
    )
    thorough: Annotated[bool, Accepts("true or false")] = Field(
        default=False,
        description="Also look for small faces in large pictures, tile by tile; docs/networks.md tells the cost.",
    )
    target_fpir: Annotated[float, Field(gt=0, lt=1), Accepts("a number above 0 and below 1")] = Field(
        default=0.01,
        description="How often a stranger may be taken for somebody registered: here a match begins.",
    )
    possible_fpir: Annotated[
        float, Field(gt=0, lt=1), Accepts("a number above 0 and below 1, not below target_fpir")
    ] = Field(
        default=0.05,
        description="The same, where a possible match begins that a person should look at.",
    )
    precision: Annotated[Literal["auto", "float32"], Accepts("auto or float32")] = Field(
        default="auto",
        description="auto: recognisers run in bfloat16 where the processor can and a probe's vectors stay the same.",
    )
    batch_size: Annotated[int, Field(ge=1, le=1024), Accepts("a whole number from 1 to 1024")] = Field(
        default=16, description="How many pictures go through the networks together."
    )
    threads: Annotated[int, Field(ge=0, le=1024), Accepts("a whole number from 0 to 1024")] = Field(
        default=0, description="Threads for the networks; 0: as many as the machine has cores."
    )
    decode_max_bytes: Annotated[int, Field(ge=1024), Accepts("a whole number of bytes, at least 1024")] = (
        Field(default=64 * MEBIBYTE, description="The largest picture file that is opened, in bytes.")
    )
    decode_max_pixels: Annotated[int, Field(ge=4096), Accepts("a whole number of pixels, at least 4096")] = (
        Field(
            default=100_000_000, description="The most pixels (width times height) that a picture may claim."
        )
    )
    decode_long_side: Annotated[
        int, Field(ge=256, le=16384), Accepts("a whole number of pixels from 256 to 16384")
    ] = Field(
        default=2000,
        description="Larger pictures are scaled down to this longer side before faces are looked for.",
    )
    c2pa_trust_lists: Annotated[
        tuple[Folder, ...],
        BeforeValidator(folders),
        Accepts(f"a list of PEM files (in a variable: separated by {os.pathsep!r})"),
    ] = Field(default=(), description="Authorities whose C2PA signers are trusted. None: nobody is.")
    c2pa_fetch: Annotated[bool, Accepts("true or false")] = Field(
        default=False, description="Fetch a C2PA manifest that a picture says lies on the web."
    )

    http_max_body: Annotated[int, Field(ge=1024), Accepts("a whole number of bytes, at least 1024")] = Field(
        default=256 * MEBIBYTE, description="The largest request that the service takes, in bytes."
    )
    http_body_seconds: Annotated[
        float, Field(gt=0, le=3600), Accepts("a number of seconds above 0, at most 3600")
    ] = Field(default=120.0, description="How long a request's body may take to arrive.")
    http_rate: Annotated[int, Field(ge=1), Accepts("a whole number, at least 1")] = Field(
        default=6000, description="Calls a minute per key, in each serving process."
    )
    serve_jobs: Annotated[bool, Accepts("true or false")] = Field(
        default=True,
        description="Work on scans inside `lookalike serve` too, not only in `lookalike worker`.",
    )
    max_faces: Annotated[int, Field(ge=1, le=10000), Accepts("a whole number from 1 to 10000")] = Field(
        default=200,
        description="The most faces of one picture that are recognised, the largest; others are told.",
    )
    check_queue: Annotated[int, Field(ge=1, le=10000), Accepts("a whole number from 1 to 10000")] = Field(
        default=64,
        description="How many checks may wait in a serving process before it says that it is busy.",
    )
    web_seconds: Annotated[
        float, Field(gt=0, le=600), Accepts("a number of seconds above 0, at most 600")
    ] = Field(default=30.0, description="How long fetching one picture may take, with all redirects.")
    web_contact: Annotated[
        str | None,
        AfterValidator(lambda text: text if text is None else header_text(filled(text))),
        Accepts("a web or mail address in plain ASCII"),
    ] = Field(default=None, description="Whom sites may write to about fetching; sent as part of User-Agent.")
    web_robots: Annotated[bool, Accepts("true or false")] = Field(
        default=True, description="Ask a site's robots.txt before a picture is fetched, and keep to it."
    )
    web_networks: Annotated[
        tuple[IPvAnyNetwork, ...],
        BeforeValidator(listed),
        Accepts("a list of networks such as 10.2.0.0/16 (in a variable: separated by commas)"),
    ] = Field(
        default=(), description="Private networks that may be fetched from although they aren't public."
    )

    webhook_http: Annotated[bool, Accepts("true or false")] = Field(
        default=False,
        description="Also send webhooks to http:// addresses, where everybody on the way can read them.",
    )
    consent_notice_days: Annotated[
        tuple[Annotated[int, Field(ge=1, le=60)], ...],
        BeforeValidator(listed),
        Accepts("a list of whole numbers from 1 to 60 (in a variable: separated by commas)"),
    ] = Field(
        default=(30, 7, 1),
        description="How many days before a consent ends the event consent.expiring tells of it.",
    )

    @model_validator(mode="after")
    def _possible_is_looser(self) -> Self:
        if self.possible_fpir < self.target_fpir:
            raise ValueError("possible_fpir")
        return self

    @property
    def database_url(self) -> str:
        """The store's URL: as set, or SQLite inside the state directory."""
        return self.store_url or f"sqlite:///{self.state_dir / 'lookalike.sqlite3'}"


@dataclass(frozen=True, slots=True)
class Configured:
    """Settings and the origin of each. `ignored`: `LOOKALIKE_…` variables that name no setting, with a
    hint.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    file: Path | None = None
    ignored: Mapping[str, str] | None = None


def variable_of(name: str) -> str:
    return PREFIX + name.upper()


def accepted_by(name: str) -> str:
    """What the setting takes, in words."""
    return next(item.text for item in Settings.model_fields[name].metadata if isinstance(item, Accepts))


def load_settings(environ: Mapping[str, str], cwd: Path, config: Path | None = None) -> Configured:
    """Read, merge and check. Raises SettingsError: every wrong setting, where it was set, what it accepts."""
    path = _config_path(environ, cwd, config)
    values, origins = _from_file(path) if path else ({}, {})
    from_environment, ignored = _from_environment(environ)
    values |= from_environment
    origins |= {name: Origin("variable", variable_of(name)) for name in from_environment}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_explain(error, values, origins)) from None
    return Configured(settings, {n: origins.get(n, DEFAULT) for n in Settings.model_fields}, path, ignored)


def _config_path(environ: Mapping[str, str], cwd: Path, config: Path | None) -> Path | None:
    named = (("--config", config), (CONFIG_VARIABLE, environ.get(CONFIG_VARIABLE)))
    for origin, value in named:
        if value:
            path = cwd / Path(value).expanduser()
            if not path.is_file():
                raise SettingsError(f"{origin} names {path}, which is not a file")
            return path
    beside = cwd / CONFIG_NAME
    return beside if beside.is_file() else None


def _from_file(path: Path) -> tuple[dict[str, Any], dict[str, Origin]]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    values = _by_new_names(values)
    unknown = [name for name in values if name not in Settings.model_fields]
    if unknown:
        hints = ", ".join(f"`{name}`{_suggestion(name)}" for name in unknown)
        raise SettingsError(f"{path} sets {hints}, which is no setting; docs/settings.md lists them all")
    return _anchored(values, path.parent), dict.fromkeys(values, Origin("file", str(path)))


def _anchored(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Relative paths in a file are meant from that file, wherever the command runs."""

    def anchor(value: Any) -> Any:
        return str(folder / Path(value).expanduser()) if isinstance(value, str) and value.strip() else value

    for name in (
        "state_dir",
        "cache_dir",
        "vault_key_file",
        "audit_key_file",
        "evidence_font",
        "notice_folder",
    ):
        if name in values:
            values[name] = anchor(values[name])
    for name in ("weights_dirs", "c2pa_trust_lists"):
        if isinstance(values.get(name), list):
            values[name] = [anchor(value) for value in values[name]]
    if "face_networks" in values:
        values["face_networks"] = anchored(values["face_networks"], folder)
    return values


_OTHERS = (CONFIG_VARIABLE, API_KEY_VARIABLE)


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    ours = {key: value for key, value in environ.items() if key.startswith(PREFIX) and key not in _OTHERS}
    values = _by_new_names({key.removeprefix(PREFIX).lower(): value for key, value in ours.items()})
    known = {name: value for name, value in values.items() if name in Settings.model_fields}
    ignored = {variable_of(name): _suggestion(name) for name in values if name not in Settings.model_fields}
    return known, ignored


def _by_new_names(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        RENAMED.get(name, name): value for name, value in values.items() if RENAMED.get(name) not in values
    }


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name, Settings.model_fields, n=1)
    return f" (did you mean `{near[0]}`?)" if near else ""


def _explain(error: ValidationError, values: Mapping[str, Any], origins: Mapping[str, Origin]) -> str:
    # The only rule over two settings names the one to change, since it belongs to no field (`loc` is empty).
    wrong: dict[str, list[str]] = {}
    for fault in error.errors():
        name, *inner = map(str, fault["loc"] or ("possible_fpir",))
        wrong.setdefault(name, []).append(f"{'.'.join(inner)}: {fault['msg']}")
    return "; ".join(
        f"setting `{name}` ({origins.get(name, DEFAULT)}) is {_shown(name, values, faults)}; "
        f"it accepts {accepted_by(name)}"
        for name, faults in wrong.items()
    )


def _shown(name: str, values: Mapping[str, Any], faults: Sequence[str]) -> str:
    """A URL may hold a password, and keys are keys: neither is repeated. Of tables it is said what is wrong with which
    entry."""
    if name in {"store_url", "vault_keys"}:
        return "not usable"
    if name == "face_networks":
        return f"not usable ({'; '.join(faults)})"
    return repr(values[name] if name in values else Settings.model_fields[name].default)
