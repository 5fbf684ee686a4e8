"""The store of truth: opens the database, brings its schema up to date, and groups the repositories.

store = Store.open("sqlite:////state/store.sqlite3", clock=clock)
talent = store.talents.add("AG-17", "Ada Example")
store.references.add(talent.id, NewReference(...))
store.changes.since(0, signal_id, 1000)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from data.audit import AuditLog
from data.blobs import Blobs
from data.store import erasure
from data.store.changes import Changes
from data.store.consents import Consents
from data.store.coverage import Coverage
from data.store.database import Clock, Database
from data.store.exports import Exports
from data.store.finding_erasure import evidence_names, sweep_evidence
from data.store.findings import Findings
from data.store.holds import Holds
from data.store.keys import Keys
from data.store.migrate import migrate
from data.store.notices import Notices
from data.store.outbox import Outbox
from data.store.queue import Queue
from data.store.references import References, blob_names, sweep_rows
from data.store.requests import Requests
from data.store.retention import Retention
from data.store.scan_work import ScanWork
from data.store.scans import Scans
from data.store.sealing import Sealing
from data.store.talents import Talent, Talents
from data.store.vectors import Templates
from data.store.webhooks import Webhooks
from data.uploads import Uploads
from data.vault import Vault
from detector.errors import StoreError

Forget = Callable[[], None]


class Store:
    """Talents, references, consents, changes and audit over one database. Threads may share it."""

    def __init__(
        self, database: Database, blobs: Blobs, evidence: Blobs, vault: Vault, forget: Forget
    ) -> None:
        """Use `Store.open`. evidence: the kept pictures of findings."""
        templates = Templates(vault)
        self._database = database
        self._blobs = blobs
        self.evidence = evidence
        self.talents = ErasableTalents(database, blobs, evidence, forget)
        self.references = References(database, blobs, templates, forget)
        self.consents = Consents(database)
        self.changes = Changes(database, templates)
        self.coverage = Coverage(database)
        self.holds = Holds(database)
        self.retention = Retention(database, evidence)
        self.sealing = Sealing(database, vault, (blobs, evidence))
        self.audit = AuditLog(database)
        self.keys = Keys(database)
        self.findings = Findings(database, evidence)
        self.exports = Exports(database)
        self.queue = Queue(database)
        self.webhooks = Webhooks(database, vault)
        self.outbox = Outbox(database)
        self.notices = Notices(database)
        self.requests = Requests(database)
        self.scans = Scans(database)
        self.scan_work = ScanWork(database, self.findings)
        self.uploads = Uploads(evidence.folder.with_name("uploads"), vault)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock,
        blob_dir: Path | None = None,
        vault: Vault | None = None,
        forget: Callable[[], None] = lambda: None,
    ) -> Store:
        """Open the store, creating or migrating its schema.

        Pictures of references lie in `blob_dir`, beside an SQLite file the folder `blobs` is the default; those of
        findings in the folder `evidence` beside it. `vault` seals what is kept; without one nothing is encrypted.
        `forget` is called when something was erased: it throws away caches on the disk that may still hold it.
        Raises StoreError when the database can't be used, and with code `store_newer` when a newer Lookalike made it.
        """
        database, vault = Database(url, clock), vault or Vault()
        try:
            folder = blob_dir or _beside(database)
            migrate(database)
            evidence = Blobs(folder.with_name("evidence"), vault)
            store = cls(database, Blobs(folder, vault), evidence, vault, forget)
            store.sweep(unnamed=False)
        except BaseException:
            database.close()
            raise
        return store

    def clients_of_domain(self, domain: str) -> Sequence[str]:
        """Clients whose consent records name this web domain or a parent of it."""
        return self.consents.clients_of_domain(domain)

    def sweep(self, *, unnamed: bool = True) -> int:
        """Delete pictures that no reference needs, left by a crash; returns how many.

        `unnamed` also looks through the folder for files that the database has never heard of.
        """
        for folder in (self._blobs, self.evidence):
            folder.clear_staging(self._database.clock())
        swept = sweep_rows(self._database, self._blobs) + sweep_evidence(self._database, self.evidence)
        return swept + (self._sweep_files() if unnamed else 0)

    def _sweep_files(self) -> int:
        with self._database.exclusively() as connection:
            others = self._blobs.discard_others(blob_names(connection))
            return others + self.evidence.discard_others(evidence_names(connection))

    def now(self) -> datetime:
        """The moment that a change made now would be dated with."""
        return self._database.clock()

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class ErasableTalents(Talents):
    """Talents, with the erasure that reaches all that is kept of one."""

    def __init__(self, database: Database, blobs: Blobs, evidence: Blobs, forget: Forget) -> None:
        super().__init__(database)
        self._blobs = blobs
        self._evidence = evidence
        self._forget = forget

    def erase(self, talent_id: str) -> Talent:
        """Remove references, vectors, pictures and names; returns the tombstone. Raises NotFound,
        Conflict, LegalHold."""
        tombstone = erasure.erase(self._database, self._blobs, self._evidence, talent_id)
        self._forget()
        return tombstone


def _beside(database: Database) -> Path:
    name = database.url.database
    if database.url.get_backend_name() != "sqlite" or not name or name == ":memory:":
        raise StoreError("this database keeps no files: name a folder for the pictures of references")
    return Path(name).parent / "blobs"
