"""What may be restored to a store, whatever the backend. Pure.

Neighbours: each backend's `restore` asks before it writes; interface.Restored is one key.
"""

from __future__ import annotations

from collections.abc import Sequence

from dromon.store.interface import Restored, StoreError


def check_restorable(items: Sequence[Restored], revision: int) -> None:
    """Refuse what no store can hold.

    Args:
        items, revision: as Store.restore has them.

    Raises:
        StoreError: a key stands twice, a revision is impossible, or a time to live is negative.
    """
    seen: set[str] = set()
    for item in items:
        if not item.key or item.key in seen:
            raise StoreError(f"the key {item.key!r} is empty or stands twice")
        seen.add(item.key)
        if not 0 < item.create_revision <= item.mod_revision <= revision:
            raise StoreError(
                f"{item.key}: created at {item.create_revision} and changed at {item.mod_revision} "
                f"can't be in a store at revision {revision}"
            )
        if item.ttl is not None and item.ttl < 0:
            raise StoreError(f"{item.key}: {item.ttl} seconds to live")
