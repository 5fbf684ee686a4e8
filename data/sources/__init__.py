"""Where pictures come from: a file, a folder, a manifest (CSV) or a feed (JSON Lines), as items in a fixed
order."""

from data.sources.files import MAX_BYTES, file_item
from data.sources.items import Item
from data.sources.opening import Source, open_source

__all__ = ["MAX_BYTES", "Item", "Source", "file_item", "open_source"]
