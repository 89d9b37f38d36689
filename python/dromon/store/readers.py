"""Readers side by side, who can be kept out for a moment.

Neighbours: sqlite lets reads of the kept history in by it, and pauses them to cut the file's log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Readers:
    """For one event loop. Pausing is for one at a time."""

    def __init__(self) -> None:
        self._count = 0
        self._open = asyncio.Event()
        self._open.set()
        self._none = asyncio.Event()
        self._none.set()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Read, once nobody pauses the readers."""
        await self._open.wait()
        self._count += 1
        self._none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if self._count == 0:
                self._none.set()

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Let those end who read, and nobody begin."""
        self._open.clear()
        try:
            await self._none.wait()
            yield
        finally:
            self._open.set()
