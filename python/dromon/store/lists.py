"""Pages of lists: what a client may ask for, and how it is refused.

Neighbours: cache lists by it; token is how a page is gone on from; dromon._core.Cache has the objects.
"""

from __future__ import annotations

from dataclasses import dataclass

from dromon._core import Cache, Page, TooOld
from dromon.api import errors
from dromon.api.types.status import StatusCause, StatusDetails
from dromon.store.token import Token, decode

_CONTINUE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new "
    "list without the continue parameter, or use the continue token in this response to retrieve the "
    "remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
    "that were created, modified, or deleted between the time the first chunk was returned and now may show "
    "up in the list."
)


@dataclass(frozen=True, slots=True)
class ListBody:
    """A list as it is sent.

    Attributes:
        body: the whole <Kind>List object.
        revision: that it shows.
        remaining: objects after it, where that is known.
        continue_: token for the next page, "" at the end.
    """

    body: bytes
    revision: int
    remaining: int | None
    continue_: str


@dataclass(frozen=True, slots=True)
class Objects:
    """A list's objects one by one, as JSON; otherwise as ListBody."""

    items: list[bytes]
    revision: int
    remaining: int | None
    continue_: str


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a list, at which revision.

    Attributes:
        limit: at most so many objects, 0: all.
        continue_: token of the page before, "": this is the first.
        revision: at least this one; `exact`: this one.
    """

    limit: int
    continue_: str
    revision: int
    exact: bool


def read_page(cache: Cache, number: int, query: tuple[str, str, str], span: Span) -> Page:
    """A page of a resource's objects.

    Args:
        query: namespace, label selector, field selector.

    Raises:
        ApiError: 400 for a selector or token, 410 when the revision is gone, 504 when it is yet to come.
    """
    try:
        token = decode(span.continue_) if span.continue_ else None
    except ValueError as error:
        raise errors.bad_request(str(error)) from None
    shown = token.revision if token else (span.revision if span.exact else None)
    wanted = max(shown or 0, span.revision)
    if wanted > cache.revision:
        raise too_large(wanted, cache.revision)
    after, left = (token.after, token.left) if token else ("", None)
    try:
        return cache.page(number, *query, after=after, limit=span.limit, revision=shown, left=left)
    except ValueError as error:
        raise errors.bad_request(str(error)) from None
    except TooOld:
        if token is None:
            raise errors.expired("The resourceVersion for the provided list is too old.") from None
        refusal = errors.expired(_CONTINUE_TOO_OLD)
        refusal.status.metadata.continue_ = Token(None, token.after).encode()
        raise refusal from None


def next_token(page: Page) -> str:
    """The token that goes on after a page, "" where nothing follows."""
    return Token(page.revision, page.last_key, page.remaining).encode() if page.more else ""


def too_large(wanted: int, newest: int) -> errors.ApiError:
    """504: the cache has not seen revision `wanted` (yet)."""
    cause = StatusCause(reason="ResourceVersionTooLarge", message="Too large resource version")
    return errors.make(
        504,
        "Timeout",
        f"Too large resource version: {wanted}, current: {newest}",
        details=StatusDetails(causes=[cause], retry_after_seconds=1),
        headers={"Retry-After": "1"},
    )
