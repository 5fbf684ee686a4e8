"""The SQL store of truth. `Store.open` is the door; the modules beside it hold one noun each."""

from data.store.book import StoreConsentBook
from data.store.changes import Change
from data.store.ids import CONSENT, REFERENCE, TALENT, new_id
from data.store.references import NewReference, Reference
from data.store.store import Store
from data.store.talents import Talent

__all__ = [
    "CONSENT",
    "REFERENCE",
    "TALENT",
    "Change",
    "NewReference",
    "Reference",
    "Store",
    "StoreConsentBook",
    "Talent",
    "new_id",
]
