"""Every error Lookalike raises on purpose: one tree, one file.

An error says what was wrong, with which input, and what to do about it. `code` is stable and machine-readable: it is
the code of a batch row, of a rejected reference and of a problem document. Each edge translates the tree once (exit
code, HTTP status); nothing else catches these classes by name.
"""

from __future__ import annotations


class LookalikeError(Exception):
    """Root of the tree. `code` is stable; `detail` is a sentence for a person."""

    code = "error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class InputError(LookalikeError):
    """One input (a picture, a row, a file) cannot be used. Costs that input only, never its batch."""

    code = "bad_input"


class UnreadableInput(InputError):
    """The bytes could not be had: missing file, no permission, a directory, a loop of links."""

    code = "unreadable"


class UnfetchableInput(UnreadableInput):
    """A web address may not be asked, or did not give the bytes."""

    code = "fetch_failed"


class UndecodablePicture(InputError):
    """The bytes were had but are no picture that may be decoded: wrong, truncated, too large, animated."""

    code = "not_an_image"


class BadBundle(InputError):
    """Files that came together (a ZIP, an upload of several) can't be taken as they came; none of them is used."""

    code = "bad_bundle"


class UsageError(LookalikeError):
    """The call itself is wrong: unknown option value, missing column, contradicting arguments."""

    code = "usage"


class SettingsError(UsageError):
    """A setting has a value that cannot be used; names the setting and where the value came from."""

    code = "bad_setting"


class InvalidRecord(UsageError):
    """A consent record breaks the record's rules. `faults` lists every one of them, not only the first."""

    code = "invalid_consent_record"

    def __init__(self, detail: str, faults: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.faults = faults


class NotFound(LookalikeError):
    """The store holds nothing under that name."""

    code = "not_found"


class Conflict(LookalikeError):
    """The change contradicts what the store already holds."""

    code = "conflict"


class LegalHold(Conflict):
    """What was to be erased is under a legal hold."""

    code = "legal_hold"


class OutcomeNotAllowed(Conflict):
    """A finding can't come to this outcome from where it stands."""

    code = "outcome_not_allowed"


class LeaseLost(LookalikeError):
    """Another worker holds the scan by now: this one has nothing to write any more."""

    code = "lease_lost"


class StoreError(LookalikeError):
    """The store can't be used: unreachable, locked for too long, or of another schema version."""

    code = "store_unusable"


class VaultError(StoreError):
    """What is sealed can't be opened: its key is not here, or (code `vault_damaged`) its bytes were altered."""

    code = "vault_key_missing"


class SignalMismatch(LookalikeError):
    """Vectors of two different signal ids met. They cannot be compared: this is an error, never a number."""

    code = "signal_mismatch"


class SnapshotError(LookalikeError):
    """An index snapshot is damaged or of another signal; the index is rebuilt from the store instead."""

    code = "bad_snapshot"


class WeightsError(LookalikeError):
    """A network's weights are absent, or are not the bytes that the manifest names."""

    code = "weights_missing"


class MissingExtra(LookalikeError):
    """A capability needs an optional dependency; the sentence names the pip extra."""

    code = "missing_extra"


class Unauthenticated(LookalikeError):
    """The call carries no key, or none that opens anything."""

    code = "unauthenticated"


class Forbidden(LookalikeError):
    """The key's role does not allow the operation."""

    code = "forbidden"


class StaleVersion(LookalikeError):
    """The thing was changed since the caller read it."""

    code = "stale_version"


class VersionRequired(LookalikeError):
    """The change must say which version it was made against."""

    code = "version_required"


class TooLarge(LookalikeError):
    """What was sent is above a limit, which the sentence names."""

    code = "request_too_large"


class UnsupportedMedia(LookalikeError):
    """What was sent is of a type that the operation does not take."""

    code = "unsupported_media_type"


class Overloaded(LookalikeError):
    """Nothing is wrong with the call, but it came at a bad time. `retry_after` is in seconds."""

    code = "busy"

    def __init__(self, detail: str, *, retry_after: int = 1, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class TooManyRequests(Overloaded):
    """The key is above its rate."""

    code = "rate_limited"


class Unreachable(LookalikeError):
    """A service that is called over the network does not answer."""

    code = "service_unreachable"


class Refused(LookalikeError):
    """A service refused a call; `code` and `detail` are the service's own. `faults`: what is wrong, one by one."""

    code = "refused"

    def __init__(
        self, detail: str, *, code: str, status: int, request_id: str = "", faults: tuple[str, ...] = ()
    ) -> None:
        super().__init__(detail, code=code)
        self.status = status
        self.request_id = request_id
        self.faults = faults
