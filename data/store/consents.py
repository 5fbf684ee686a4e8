"""Consent records: append-only. A change is a new version; nothing here updates or deletes a row.

The record's JSON is the truth; talent, kind, client and web domains are copied into columns to search by. The
audit event of each version carries the SHA-256 of its JSON, so the chain vouches for the records as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, insert, select

from data.store.chain import canonical
from data.store.database import Change, Concerns, Database
from data.store.rows import chunks, spellings
from data.store.tables import consent, consent_domain, talent
from data.store.talents import present
from detector.errors import Conflict, NotFound, StoreError
from detector.events import EventType
from detector.record import USE_KINDS, ConsentRecord, revoked
from detector.terms import ConsentKind, host_in, host_of


@dataclass(frozen=True, slots=True)
class ConsentFilter:
    """Which consents a list shows: of a talent, of an agency's talents, to a client (names in any capitals), of a
    kind; None: any."""

    talent_id: str | None = None
    agency: str | None = None
    client: str | None = None
    kind: ConsentKind | None = None


class Consents:
    """Repository of consent records. Answers with the very values that were added."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: ConsentRecord) -> ConsentRecord:
        """Keep the first version of a record, or the next one.

        Raises NotFound (no such talent) and Conflict (the talent is erased, the version is not the next one,
        or the versions before are another talent's or of another kind).
        """
        self._append("consent.added", record)
        return record

    def revoke(
        self,
        consent_id: str,
        *,
        effective_at: datetime | None = None,
        reason: str | None = None,
        revoked_at: datetime | None = None,
    ) -> ConsentRecord:
        """Append a version that is revoked: at `revoked_at` (now unless given), with effect from
        `effective_at`.

        Raises NotFound, or Conflict when the newest version is revoked already.
        """
        newest = self.get(consent_id)
        if newest.life.revoked_at is not None:
            raise Conflict(
                f"consent {consent_id} is revoked already, since {newest.life.revoked_at.isoformat()}"
            )
        moment = revoked_at or self._database.clock()
        record = revoked(newest, moment, effective_at=effective_at, reason=reason)
        self._append("consent.revoked", record)
        return record

    def get(self, consent_id: str, version: int | None = None) -> ConsentRecord:
        """The newest version, or the one asked for. Raises NotFound."""
        query = select(consent).where(consent.c.consent_id == consent_id)
        if version is not None:
            query = query.where(consent.c.version == version)
        with self._database.reading() as connection:
            row = connection.execute(query.order_by(consent.c.version.desc()).limit(1)).one_or_none()
        if row is None:
            which = consent_id if version is None else f"{consent_id}, version {version}"
            raise NotFound(f"no consent {which} is on record; see `lookalike consent list`")
        return _record(row)

    def versions(self, consent_id: str) -> Sequence[ConsentRecord]:
        """Every version, oldest first; empty when there is no such consent."""
        query = select(consent).where(consent.c.consent_id == consent_id).order_by(consent.c.version)
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(query)]

    def page(self, wanted: ConsentFilter, after: str | None, limit: int) -> Sequence[ConsentRecord]:
        """The newest versions of at most `limit` consents in the order of their ids, from behind the id `after` on."""
        with self._database.reading() as connection:
            query = _narrowed(connection, _newest().order_by(consent.c.consent_id).limit(limit), wanted)
            if after is not None:
                query = query.where(consent.c.consent_id > after)
            return [_record(row) for row in connection.execute(query)]

    def list(self, talent_id: str | None = None) -> list[ConsentRecord]:
        """Every version of every record, of one talent or all, by consent id and version."""
        query = select(consent).order_by(consent.c.consent_id, consent.c.version)
        if talent_id is not None:
            query = query.where(consent.c.talent_id == talent_id)
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(query)]

    def of_talents(self, talent_ids: Sequence[str]) -> Mapping[str, Sequence[ConsentRecord]]:
        """Every version of the records of these talents; a talent without any has an empty one."""
        found: dict[str, list[ConsentRecord]] = {talent_id: [] for talent_id in talent_ids}
        ordered = select(consent).order_by(consent.c.consent_id, consent.c.version)
        with self._database.reading() as connection:
            for some in chunks(talent_ids):
                for row in connection.execute(ordered.where(consent.c.talent_id.in_(some))):
                    found[row.talent_id].append(_record(row))
        return found

    def clients_of_domain(self, domain: str) -> Sequence[str]:
        """Clients whose newest versions name this web domain, or a parent of it, as theirs; alphabetical.

        Only signed records that grant a use say whose a domain is: a draft is nobody's word yet.
        """
        newest = select(consent.c.consent_id, func.max(consent.c.version).label("version"))
        last = newest.group_by(consent.c.consent_id).subquery()
        same = and_(
            last.c.consent_id == consent_domain.c.consent_id, last.c.version == consent_domain.c.version
        )
        its = and_(
            consent.c.consent_id == consent_domain.c.consent_id, consent.c.version == consent_domain.c.version
        )
        query = select(consent).distinct().join(consent_domain, its).join(last, same)
        with self._database.reading() as connection:
            hosts = list(_host_and_parents(domain))
            rows = connection.execute(query.where(consent_domain.c.domain.in_(hosts))).all()
        return sorted({row.client for row in rows if row.kind in USE_KINDS and _record(row).form.signed_at})

    def _append(self, action: str, record: ConsentRecord) -> None:
        body = canonical(record.model_dump(mode="json"))
        details: dict[str, str | int | bool | None] = {
            "talent": record.talent_id,
            "kind": str(record.kind),
            "version": record.version,
            "record_sha256": hashlib.sha256(body.encode()).hexdigest(),
        }
        with self._database.change(action, record.consent_id, details) as change:
            granting = present(change.connection, record.talent_id)
            before = _require_next(change.connection, record)
            _insert(change.connection, record, body, change.at)
            if record.life.revoked_at is not None and (before is None or before.life.revoked_at is None):
                _tell_revoked(change, record, granting.agency)


def _newest() -> Select[Any]:
    others = consent.alias("others")
    highest = select(func.max(others.c.version)).where(others.c.consent_id == consent.c.consent_id)
    return select(consent).where(consent.c.version == highest.scalar_subquery())


def _narrowed(connection: Connection, query: Select[Any], wanted: ConsentFilter) -> Select[Any]:
    if wanted.talent_id is not None:
        query = query.where(consent.c.talent_id == wanted.talent_id)
    if wanted.kind is not None:
        query = query.where(consent.c.kind == str(wanted.kind))
    if wanted.client is not None:
        query = query.where(consent.c.client.in_(spellings(connection, consent.c.client, wanted.client)))
    if wanted.agency is not None:
        its = talent.c.agency.in_(spellings(connection, talent.c.agency, wanted.agency))
        query = query.join(talent, talent.c.id == consent.c.talent_id).where(its)
    return query


def records_of(connection: Connection, talent_id: str) -> Sequence[ConsentRecord]:
    """Every version of every record of one talent."""
    query = select(consent).where(consent.c.talent_id == talent_id)
    return [
        _record(row) for row in connection.execute(query.order_by(consent.c.consent_id, consent.c.version))
    ]


def _tell_revoked(change: Change, record: ConsentRecord, agency: str | None) -> None:
    """The reason stays in the record: it may name people."""
    client, life = record.grantee.client if record.grantee else None, record.life
    payload = {
        "consent": record.consent_id,
        "version": record.version,
        "talent": record.talent_id,
        "client": client,
        "kind": str(record.kind),
        "revoked_at": life.revoked_at.isoformat() if life.revoked_at else None,
        "effective_at": life.effective_at.isoformat() if life.effective_at else None,
    }
    change.emit(EventType.CONSENT_REVOKED, record.consent_id, payload, Concerns(client, agency))


def _require_next(connection: Connection, record: ConsentRecord) -> ConsentRecord | None:
    """The version before, None for a first one. Raises Conflict when the record can't follow it."""
    query = select(consent)
    versions = query.where(consent.c.consent_id == record.consent_id).order_by(consent.c.version.desc())
    newest = connection.execute(versions.limit(1)).one_or_none()
    following = newest.version + 1 if newest else 1
    if record.version != following:
        raise Conflict(
            f"consent {record.consent_id} version {record.version} can't be added: "
            f"the next version is {following}"
        )
    if newest and (newest.talent_id, newest.kind) != (record.talent_id, record.kind):
        raise Conflict(
            f"consent {record.consent_id} is a {newest.kind} record of talent {newest.talent_id}; "
            "a new version can't change that: add another consent"
        )
    before = _record(newest) if newest else None
    if before and before.life.revoked_at is not None and record.life.revoked_at is None:
        raise Conflict(
            f"consent {record.consent_id} was revoked, and a new version can't undo that: "
            "what is granted again is another consent"
        )
    return before


def _insert(connection: Connection, record: ConsentRecord, body: str, at: datetime) -> None:
    grantee = record.grantee
    row = {
        "consent_id": record.consent_id,
        "version": record.version,
        "talent_id": record.talent_id,
        "kind": str(record.kind),
        "client": grantee.client if grantee else None,
        "record": body,
        "recorded_at": at,
    }
    connection.execute(insert(consent).values(row))
    for domain in dict.fromkeys(map(host_of, grantee.domains)) if grantee else ():
        named = {"consent_id": record.consent_id, "version": record.version, "domain": domain}
        connection.execute(insert(consent_domain).values(client=row["client"], **named))


def _record(row: Row[Any]) -> ConsentRecord:
    try:
        return ConsentRecord.model_validate(json.loads(row.record))
    except ValueError as error:
        raise StoreError(
            f"consent {row.consent_id} version {row.version} can't be read from the store: it was altered, "
            "or written by another version of Lookalike"
        ) from error


def _host_and_parents(domain: str) -> Iterator[str]:
    """`shop.brand.example`, `brand.example`, `example`: never half a label."""
    labels = host_in(domain).split(".")
    return (".".join(labels[start:]) for start in range(len(labels)))
