"""Leader election by a Lease, as one contender sees it: pure decisions, no clock and no I/O.

A lease belongs to its holder until its record has not changed for its duration, by the monotonic clock of
whoever looks: the times in the record are another machine's, and only for people. The holder itself acts no
longer than the renew deadline, which is shorter, after it began to send its last successful renewal; the
server stored that renewal later, and everybody else saw it later still. So there are never two who may act,
as long as no monotonic clock runs faster than another by the ratio of the two spans.

A holder of this kind says in an annotation after how long it stops by itself. Contenders that know the
annotation wait for half of what the duration has beyond that (12.5 of 15 s), so that work moves on within the
duration, also when the holder dies right after a renewal. It names the holder: another implementation that
takes the lease keeps annotations, and its word must not be taken for that.

What can break this is somebody who deletes the Lease of a living leader: contenders that have seen it wait as
if it were there, and the leader makes it anew, but one that has just started can't know.

Source: client-go tools/leaderelection, with the same record and defaults.

Neighbours: client.leader carries it out; api.types.coordination has the Lease.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from dromon.api import times
from dromon.api.types.coordination import Lease, LeaseSpec
from dromon.api.types.meta import ObjectMeta

JITTER = 1.2
"""A contender waits up to so many retry periods more than one between two looks."""

STOPS_AFTER = "leases.dromon.io/stops-after"
"""Annotation: "<seconds> <holder>": so long after its last renewal this holder acts no more."""

RELEASED = 1
"""leaseDurationSeconds of a lease that its holder gave back."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Spans in seconds.

    Attributes:
        lease_duration: others respect a holder that is not heard of for so long.
        renew_deadline: a holder that could not renew for so long stops to act.
        retry_period: between two renewals, or tries.

    Raises:
        ValueError: they don't fit each other.
    """

    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0

    def __post_init__(self) -> None:
        if self.retry_period <= 0:
            raise ValueError("the retry period must be more than 0 seconds")
        if self.renew_deadline <= self.retry_period * JITTER:
            raise ValueError(
                f"the renew deadline ({self.renew_deadline:g} s) must be more than {JITTER:g} times "
                f"the retry period ({self.retry_period:g} s)"
            )
        if self.lease_duration <= self.renew_deadline:
            raise ValueError(
                f"the lease duration ({self.lease_duration:g} s) must be more than "
                f"the renew deadline ({self.renew_deadline:g} s)"
            )


@dataclass(frozen=True, slots=True)
class Seen:
    """What a contender knows of the lease.

    Attributes:
        lease: as last read; None: there is none.
        since: when that state was first seen, by the contender's monotonic clock.
        respect: seconds from `since` on for which it belongs to whoever held it; 0: it is free.
    """

    lease: Lease | None
    since: float
    respect: float

    @property
    def expires(self) -> float:
        """When it may be taken, if it doesn't change until then."""
        return self.since + self.respect


def see(before: Seen | None, lease: Lease | None, now: float, timing: Timing) -> Seen:
    """What is known after the lease was read: a state that was seen before keeps the time of its first sight.

    Args:
        lease: as read at `now` or shortly before; None: there is none.
    """
    if before is not None and _version(before.lease) == _version(lease):
        return before
    if lease is None:
        # Deleted under its holder, who doesn't know it yet: the holder has as long as if it were there.
        return Seen(None, now, before.respect if before is not None else 0.0)
    if not lease.spec.holder_identity:
        return Seen(lease, now, 0.0)
    return Seen(
        lease, now, _respect(lease, float(lease.spec.lease_duration_seconds or timing.lease_duration))
    )


def _respect(lease: Lease, duration: float) -> float:
    """For how long a held lease is its holder's: its duration, or less where the holder says so."""
    text, _, holder = lease.metadata.annotations.get(STOPS_AFTER, "").partition(" ")
    try:
        stops = float(text) if holder and holder == lease.spec.holder_identity else duration
    except ValueError:
        return duration
    return (stops + duration) / 2 if 0 < stops < duration else duration


def held_by(seen: Seen | None) -> str:
    """The holder's identity; "" for none."""
    return (seen.lease.spec.holder_identity or "") if seen is not None and seen.lease is not None else ""


def may_take(seen: Seen, identity: str, now: float, leading: bool) -> bool:
    """Whether the contender may write itself into the lease, if that still is as seen (the write checks it).

    Args:
        leading: its fence is open: a lease that was deleted under it, it may make anew.
    """
    if leading and seen.lease is None:
        return True
    return held_by(seen) == identity or now >= seen.expires


def claim(lease: Lease | None, name: tuple[str, str], identity: str, timing: Timing, wall: float) -> Lease:
    """The lease to write in order to hold it, or to go on holding it.

    Args:
        lease: as last read; the write must replace exactly this.
        name: (namespace, name), for the first one.
        wall: seconds since the epoch, for people.
    """
    stamp = times.micro(wall)
    spec = lease.spec if lease is not None else LeaseSpec()
    if stamp == spec.renew_time:
        stamp = times.micro(
            wall + 1e-6
        )  # a renewal that changes nothing is none, even if the clock stands still
    if lease is None:
        spec = LeaseSpec(acquire_time=stamp, lease_transitions=0)
        lease = Lease(metadata=ObjectMeta(namespace=name[0], name=name[1]))
    elif spec.holder_identity != identity:
        transitions = (spec.lease_transitions or 0) + 1
        spec = msgspec.structs.replace(spec, acquire_time=stamp, lease_transitions=transitions)
    spec = msgspec.structs.replace(
        spec,
        holder_identity=identity,
        lease_duration_seconds=math.ceil(timing.lease_duration),
        renew_time=stamp,
    )
    stops = {STOPS_AFTER: f"{timing.renew_deadline:g} {identity}"}
    meta = msgspec.structs.replace(lease.metadata, annotations={**lease.metadata.annotations, **stops})
    return msgspec.structs.replace(lease, metadata=meta, spec=spec)


def release(lease: Lease, wall: float) -> Lease:
    """The lease to write in order to give it back."""
    stamp = times.micro(wall)
    spec = msgspec.structs.replace(
        lease.spec,
        holder_identity="",
        lease_duration_seconds=RELEASED,
        acquire_time=stamp,
        renew_time=stamp,
    )
    return msgspec.structs.replace(lease, spec=spec)


def _version(lease: Lease | None) -> tuple[str, str]:
    return (lease.metadata.uid, lease.metadata.resource_version) if lease is not None else ("", "")
