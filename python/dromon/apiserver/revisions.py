"""Resource versions in parameters: what each combination asks for, and which make no sense. Pure.

Source: Kubernetes API concepts, "Resource versions"; KEP-3157 (watch-list); the refusals' texts are those of
apimachinery's ValidateListOptions.

Neighbours: dromon.apiserver.reads and .watches do what is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dromon.api import errors
from dromon.api.errors import FieldError

Param = Callable[[str], str]
"""A query parameter by name, "" where it is absent."""

EXACT = "Exact"
NOT_OLDER = "NotOlderThan"
_MATCH = "resourceVersionMatch"
_INITIAL = "sendInitialEvents"


@dataclass(frozen=True, slots=True)
class Asked:
    """The state that a read wants to see.

    Attributes:
        fresh: whether it must have all that was written before, by whichever server.
        revision: at least this revision, 0: any; `exact`: this one.
    """

    fresh: bool = False
    revision: int = 0
    exact: bool = False


@dataclass(frozen=True, slots=True)
class WatchAsked:
    """Where a watch wants to begin.

    Attributes:
        fresh: as Asked.
        after: with the changes after this revision; None: with the state as it is, as ADDED.
        now: with changes from now on, without what is there.
        initial: with the state as it is, not older than `after`, and a mark at its end.
    """

    fresh: bool = False
    after: int | None = None
    now: bool = False
    initial: bool = False


def get(param: Param) -> Asked:
    """What a GET of one object asks for. Raises ApiError 400."""
    revision = parse_revision("resourceVersion", param("resourceVersion"))
    return Asked(fresh=revision is None, revision=revision or 0)


def list_(param: Param, limit: int) -> Asked:
    """What a list asks for; with `continue` the token says it. Raises ApiError 400 or 422."""
    revision = parse_revision("resourceVersion", param("resourceVersion"))
    match, continue_ = param(_MATCH), param("continue")
    faults = []
    if match:
        if revision is None:
            text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            faults.append(errors.forbidden_field(_MATCH, text))
        if continue_:
            text = "resourceVersionMatch is forbidden when continue is provided"
            faults.append(errors.forbidden_field(_MATCH, text))
        if match not in (EXACT, NOT_OLDER):
            faults.append(errors.not_supported(_MATCH, match, (EXACT, NOT_OLDER, "")))
        if match == EXACT and revision == 0:
            text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            faults.append(errors.forbidden_field(_MATCH, text))
    if param(_INITIAL):
        faults.append(errors.forbidden_field(_INITIAL, "sendInitialEvents is forbidden for list"))
    _refuse(faults)
    if continue_:
        if revision:
            raise errors.bad_request("specifying resource version is not allowed when using continue")
        return Asked()
    exact = bool(revision) and (match == EXACT or (not match and limit > 0))
    return Asked(revision is None, revision or 0, exact)


def watch(param: Param, initial: bool) -> WatchAsked:
    """What a watch asks for; `initial` is sendInitialEvents as a truth value. Raises ApiError 400 or 422."""
    revision = parse_revision("resourceVersion", param("resourceVersion"))
    match, given = param(_MATCH), bool(param(_INITIAL))
    faults = []
    if given and match != NOT_OLDER:
        text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        faults.append(errors.forbidden_field(_MATCH, text))
    if match:
        if not given:
            text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            faults.append(errors.forbidden_field(_MATCH, text))
        if match != NOT_OLDER:
            faults.append(errors.not_supported(_MATCH, match, (NOT_OLDER,)))
        if param("continue"):
            text = "resourceVersionMatch is forbidden when continue is provided"
            faults.append(errors.forbidden_field(_MATCH, text))
    _refuse(faults)
    fresh = revision is None
    if initial:
        return WatchAsked(fresh, revision or None, initial=True)
    return WatchAsked(fresh, revision or None, now=given and not revision)


def _refuse(faults: list[FieldError]) -> None:
    if faults:
        raise errors.invalid("ListOptions", "meta.k8s.io", "", faults)


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
