"""What the service's Python client can be asked for: one class per resource, one method per operation.

`api.client.Client` makes the calls; here stands what is sent where.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.sources import file_item
from detector.errors import UsageError

if TYPE_CHECKING:
    from api.client import Client

Row = dict[str, Any]
Picture = Path | tuple[str, bytes]
"""A file, or a name and the bytes."""


class Resource:
    def __init__(self, client: Client) -> None:
        self._client = client


class Talents(Resource):
    """Registered people."""

    def create(self, ref: str, name: str, **facts: Any) -> Row:
        """`facts`: agency, minor, wants_every_report."""
        return self._client.json("POST", "/v1/talents", json={"ref": ref, "name": name, **facts})

    def list(self, **filters: Any) -> Iterator[Row]:
        """`filters`: ref, agency, erased."""
        return self._client.pages("/v1/talents", filters)

    def get(self, talent_id: str) -> Row:
        return self._client.json("GET", f"/v1/talents/{talent_id}")

    def update(self, talent_id: str, **facts: Any) -> Row:
        """Change a person as they are now; what somebody else changes meanwhile is refused as `stale_version`."""
        path = f"/v1/talents/{talent_id}"
        seen = self._client.call("GET", path)
        return self._client.json("PATCH", path, json=facts, headers={"If-Match": seen.headers["ETag"]})

    def erase(self, talent_id: str) -> Row:
        return self._client.json("DELETE", f"/v1/talents/{talent_id}")


class References(Resource):
    """Pictures that people are recognised by."""

    def create(
        self, talent_id: str, picture: Picture, *, box: str | None = None, confirm: bool = False
    ) -> Row:
        """`box`: which face is meant, x,y,width,height in pixels. Raises Refused with enrolment's code."""
        form = {"confirm": str(confirm).lower(), **({"box": box} if box else {})}
        path = f"/v1/talents/{talent_id}/references"
        return self._client.json("POST", path, files={"picture": named(picture)}, data=form)

    def list(self, talent_id: str) -> Iterator[Row]:
        return self._client.pages(f"/v1/talents/{talent_id}/references", {})

    def get(self, reference_id: str) -> Row:
        return self._client.json("GET", f"/v1/references/{reference_id}")

    def picture(self, reference_id: str) -> bytes:
        return self._client.call("GET", f"/v1/references/{reference_id}/picture").content

    def delete(self, reference_id: str) -> None:
        self._client.call("DELETE", f"/v1/references/{reference_id}")


class Consents(Resource):
    """What people granted."""

    def create(self, record: Mapping[str, Any]) -> Row:
        """`record`: the terms of docs/consent.md, with `talent_id`."""
        return self._client.json("POST", "/v1/consents", json=dict(record))

    def list(self, **filters: Any) -> Iterator[Row]:
        """`filters`: talent_id, client, kind, status, as_of."""
        return self._client.pages("/v1/consents", filters)

    def get(self, consent_id: str, as_of: str | None = None) -> Row:
        query = {} if as_of is None else {"as_of": as_of}
        return self._client.json("GET", f"/v1/consents/{consent_id}", params=query)

    def versions(self, consent_id: str) -> Sequence[Row]:
        found: Sequence[Row] = self._client.json("GET", f"/v1/consents/{consent_id}/versions")["items"]
        return found

    def revoke(self, consent_id: str, reason: str | None = None, effective_at: str | None = None) -> Row:
        body = {"reason": reason, "effective_at": effective_at}
        return self._client.json("POST", f"/v1/consents/{consent_id}/revoke", json=body)


class Imports(Resource):
    """Rosters."""

    def create(self, roster: Picture, files: Sequence[Picture] = ()) -> Row:
        """A CSV file and what it names, or all of it as one ZIP. One answer per row."""
        if named(roster)[0].lower().endswith(".zip"):
            return self._client.json("POST", "/v1/imports", files={"archive": named(roster)})
        parts = [("roster", named(roster)), *(("files", named(each)) for each in files)]
        return self._client.json("POST", "/v1/imports", files=parts)


class Checks(Resource):
    """Is a registered talent's likeness in a picture, and does a consent allow the use?"""

    def create(self, picture: Picture | str, *, as_of: str | None = None, **use: Any) -> Row:
        """A file, or a web address that the service fetches. `use`: client, purpose, medium and so on; what is
        not given is unknown. The answer is a row of docs/finding.schema.json with `finding_id`."""
        claimed = {name: value for name, value in use.items() if value is not None}
        when = {} if as_of is None else {"as_of": as_of}
        if isinstance(picture, str):
            body = {"url": picture, "use": claimed, **when}
            return self._client.json("POST", "/v1/checks", json=body)
        form = {name: _cell(value) for name, value in {**claimed, **when}.items()}
        return self._client.json("POST", "/v1/checks", files={"picture": named(picture)}, data=form)

    def signals(self, document: Mapping[str, Any]) -> Row:
        """The same without the picture: `document` as `api.signal_document` makes it, with `use` and `as_of`."""
        return self._client.json("POST", "/v1/checks/signals", json=dict(document))

    def signal_ids(self) -> Row:
        """What pictures are searched by there."""
        return self._client.json("GET", "/v1/checks/signals")


class Scans(Resource):
    """Many pictures in one job."""

    def create(
        self, pictures: Sequence[Picture | str], *, label: str = "", as_of: str | None = None, **use: Any
    ) -> Row:
        """Files (or one ZIP of them), or web addresses that the service fetches. `use`: what is claimed of them all."""
        facts = {**use, "label": label or None, "as_of": as_of}
        given = {name: value for name, value in facts.items() if value is not None}
        addresses = [each for each in pictures if isinstance(each, str)]
        if addresses and len(addresses) == len(pictures):
            claimed = {name: given.pop(name) for name in set(given) & set(use)}
            body = {"pictures": addresses, "use": claimed, **given}
            return self._client.json("POST", "/v1/scans", json=body)
        files = [named(each) for each in pictures if not isinstance(each, str)]
        if addresses:
            raise UsageError("a scan takes files or web addresses; order two")
        zipped = len(files) == 1 and files[0][0].lower().endswith(".zip")
        parts = [("archive" if zipped else "pictures", each) for each in files]
        form = {name: _cell(value) for name, value in given.items()}
        return self._client.json("POST", "/v1/scans", files=parts, data=form)

    def list(self) -> Iterator[Row]:
        return self._client.pages("/v1/scans", {})

    def get(self, scan_id: str) -> Row:
        return self._client.json("GET", f"/v1/scans/{scan_id}")

    def wait(self, scan_id: str, every: float = 1.0) -> Row:
        """The scan once it has ended; asks every so many seconds."""
        while True:
            scan = self.get(scan_id)
            if scan["state"] in ("succeeded", "failed", "cancelled"):
                return scan
            self._client.sleep(every)

    def rows(self, scan_id: str, after: int = -1) -> Iterator[Row]:
        """The rows made so far, behind the number `after`."""
        answer = self._client.call("GET", f"/v1/scans/{scan_id}/rows", params={"after": after})
        yield from (json.loads(line) for line in answer.iter_lines())

    def cancel(self, scan_id: str) -> Row:
        return self._client.json("POST", f"/v1/scans/{scan_id}/cancel")

    def resume(self, scan_id: str) -> Row:
        return self._client.json("POST", f"/v1/scans/{scan_id}/resume")


class Findings(Resource):
    """The review queue."""

    def list(self, **filters: Any) -> Iterator[Row]:
        """`filters`: state, severity, verdict (lists as well), client, talent_id, scan_id, since, sort and so on."""
        return self._client.pages("/v1/findings", filters)

    def counts(self, **filters: Any) -> Sequence[Row]:
        found: Sequence[Row] = self._client.json("GET", "/v1/findings/counts", params=filters)["items"]
        return found

    def get(self, finding_id: str) -> Row:
        return self._client.json("GET", f"/v1/findings/{finding_id}")

    def picture(self, finding_id: str) -> bytes:
        return self._client.call("GET", f"/v1/findings/{finding_id}/picture").content

    def evidence(self, finding_id: str) -> bytes:
        """The signed bundle, a ZIP file; `lookalike verify` reads it."""
        return self._client.call("GET", f"/v1/findings/{finding_id}/evidence").content

    def history(self, finding_id: str) -> Sequence[Row]:
        found: Sequence[Row] = self._client.call("GET", f"/v1/findings/{finding_id}/history").json()
        return found

    def review(self, seen: Row, outcome: str, **facts: Any) -> Row:
        """Decide on a finding as it was `seen` (a row of `list` or `get`). `facts`: note, document, document_sha256."""
        return self._client.json(
            "PATCH",
            f"/v1/findings/{seen['id']}",
            json={"outcome": outcome, **facts},
            headers={"If-Match": f'"v{seen["version"]}"'},
        )


class Webhooks(Resource):
    """Who is told of what."""

    def create(self, url: str, events: Sequence[str]) -> Row:
        """The answer's `secret` is shown once: what it signs is by Standard Webhooks."""
        return self._client.json("POST", "/v1/webhooks", json={"url": url, "events": list(events)})

    def list(self) -> Iterator[Row]:
        yield from self._client.json("GET", "/v1/webhooks")["items"]

    def update(self, webhook_id: str, **facts: Any) -> Row:
        """`facts`: url, events, enabled."""
        return self._client.json("PATCH", f"/v1/webhooks/{webhook_id}", json=facts)

    def rotate(self, webhook_id: str, keep_hours: int = 24) -> Row:
        body = {"keep_hours": keep_hours}
        return self._client.json("POST", f"/v1/webhooks/{webhook_id}/secret", json=body)

    def deliveries(self, webhook_id: str, **filters: Any) -> Iterator[Row]:
        """`filters`: state, such as dead."""
        return self._client.pages(f"/v1/webhooks/{webhook_id}/deliveries", filters)

    def send_again(self, webhook_id: str, delivery_id: str) -> Row:
        return self._client.json("POST", f"/v1/webhooks/{webhook_id}/deliveries/{delivery_id}")

    def delete(self, webhook_id: str) -> None:
        self._client.call("DELETE", f"/v1/webhooks/{webhook_id}")


class Keys(Resource):
    """Who may call."""

    def create(self, role: str, name: str, **facts: Any) -> Row:
        """`facts`: client, agency, expires_at. The answer's `key` is shown once."""
        return self._client.json("POST", "/v1/keys", json={"role": role, "name": name, **facts})

    def list(self) -> Iterator[Row]:
        yield from self._client.json("GET", "/v1/keys")["items"]

    def own(self) -> Row:
        return self._client.json("GET", "/v1/keys/self")

    def revoke(self, key_id: str) -> Row:
        return self._client.json("DELETE", f"/v1/keys/{key_id}")


def _cell(value: object) -> str:
    """A value as a form has it: yes and no as words, several texts with | between."""
    if isinstance(value, bool):
        return str(value).lower()
    return "|".join(value) if isinstance(value, list | tuple) else str(value)


def named(picture: Picture) -> tuple[str, bytes]:
    """The name and the bytes of a file. Raises UnreadableInput."""
    return (picture.name, file_item(picture).read()) if isinstance(picture, Path) else picture
