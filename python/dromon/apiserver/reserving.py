"""Writes that need something unique in the cluster: what they take is committed with them, or nothing is.

Two API servers on one store share nothing else, so uniqueness is a key in the store that one transaction can
create. Whoever loses the race for a key chooses another, or is refused when the client asked for that one.

Neighbours: dromon.apiserver.registry writes by it; ipalloc is a Hook.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from dromon.api import errors
from dromon.store.interface import CompareFailed, Op

R = TypeVar("R")

_ATTEMPTS = 100
"""How often a write is tried: each time somebody else took what it chose, so others make progress."""


class Reservation(Protocol):
    """What a Hook wants for one write."""

    @property
    def ops(self) -> Sequence[Op]:
        """To be committed together with the object's own, after it."""

    async def conflict(self, failure: CompareFailed) -> None:
        """One of `ops` did not hold. Raises ApiError (422) unless another choice may."""

    def undo(self) -> None:
        """Take out of the object what was written into it."""

    def keep(self) -> None:
        """The write is in the store."""

    def release(self) -> None:
        """It is not, or its outcome is unknown."""


class Hook(Protocol):
    """Allocates what is unique in the cluster (service addresses and ports) for one resource."""

    def prepare(self, new: Any, old: Any) -> None:
        """Carry over into an update what clients leave out; before validation."""

    async def reserve(self, new: Any | None, old: Any | None) -> Reservation:
        """Choose what `new` needs and write it in; after validation. `new` None: `old` is removed.

        Raises:
            ApiError: 422 when what is asked for can't be had.
        """


async def reserving(
    hook: Hook | None,
    new: Any | None,
    old: Any | None,
    write: Callable[[Sequence[Op]], Awaitable[R]],
    dry_run: bool = False,
) -> R:
    """Do `write` with the ops that a Hook adds to it; anew while others are faster to take what it chose."""
    if hook is None:
        return await write(())
    for _ in range(_ATTEMPTS):
        reservation = await hook.reserve(new, old)
        try:
            result = await write(reservation.ops)
        except BaseException as e:
            reservation.undo()
            reservation.release()
            if not isinstance(e, CompareFailed) or all(op.key != e.key for op in reservation.ops):
                raise
            await reservation.conflict(e)
            continue
        (reservation.release if dry_run else reservation.keep)()
        return result
    raise errors.internal("others were faster to take every address or port that was chosen: try again")
