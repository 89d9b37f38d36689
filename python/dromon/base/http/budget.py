"""A bound that all connections of a server share: bytes of request bodies that are held at a time.

Neighbours: base.http.server makes one, base.http.parser takes from it, base.http.connection gives back.
"""

from __future__ import annotations

FREE = 16 * 1024
"""Bodies of up to so many bytes are not counted: what nodes report always fits, however many uploads hang."""


class Budget:
    """Counts bytes against a limit; for one thread.

    Args:
        limit: bytes.
    """

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, size: int) -> bool:
        """Count `size` bytes more; False, and nothing counted, when they don't fit."""
        if self.used + size > self.limit:
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        """Count `size` bytes less."""
        self.used -= size
