"""Resource versions in parameters: reading them, and waiting until the cache has seen them.

Source: Kubernetes API concepts, "Resource versions": a read "not older than" a revision that the server
does not know yet waits a little, then is answered 504 with the cause ResourceVersionTooLarge.

Neighbours: dromon.apiserver.reads and .watches.
"""

from __future__ import annotations

from dromon.api import errors
from dromon.api.types.status import StatusCause, StatusDetails
from dromon.base.clock import Clock
from dromon.store.cache import CachedStore

PATIENCE = 3.0
"""Seconds that a read waits for a revision from the future."""

_STEP = 0.05


def parse_revision(name: str, value: str) -> int | None:
    """A revision parameter; None when absent.

    Raises:
        ApiError: 400 for what is no revision.
    """
    if not value:
        return None
    if not (value.isascii() and value.isdecimal()):
        raise _malformed(name, value, "invalid syntax")
    if len(value) > 20 or int(value) >= 2**63:
        raise _malformed(name, value, "value out of range")
    return int(value)


def _malformed(name: str, value: str, why: str) -> errors.ApiError:
    fault = errors.invalid_value(name, value, f'strconv.ParseUint: parsing "{value}": {why}')
    return errors.bad_request(str(fault))


async def wait_for(store: CachedStore, clock: Clock, revision: int) -> None:
    """Return once the cache shows `revision`.

    Raises:
        ApiError: 504 when it does not come.
    """
    if store.revision >= revision:
        return
    until = clock.monotonic() + PATIENCE
    while store.revision < revision:
        if clock.monotonic() >= until:
            raise too_large(revision, store.revision)
        await clock.sleep(_STEP)


def too_large(revision: int, current: int) -> errors.ApiError:
    """504: the revision asked for is from the future."""
    error = errors.timeout(f"Too large resource version: {revision}, current: {current}")
    cause = StatusCause(reason="ResourceVersionTooLarge", message="Too large resource version")
    error.status.details = StatusDetails(causes=[cause], retry_after_seconds=1)
    error.headers = {"Retry-After": "1"}
    return error
