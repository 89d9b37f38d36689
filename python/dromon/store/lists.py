"""Pages of lists: what a client may ask for, and how it is refused.

Neighbours: cache lists by it; token is how a page is gone on from; dromon._core.Cache has the objects, missed
reads those that it does not remember any more.
"""

from __future__ import annotations

from dataclasses import dataclass

from dromon._core import Cache, Page, Past
from dromon.api import errors
from dromon.api.types.status import StatusCause, StatusDetails
from dromon.store.interface import Compacted, Store
from dromon.store.missed import Part, past_page
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
class Query:
    """Which objects of a resource are meant."""

    namespace: str
    labels: str
    fields: str

    @property
    def selects(self) -> bool:
        """Whether labels or fields narrow it."""
        return bool(self.labels or self.fields)


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a list, at which revision.

    Attributes:
        limit: at most so many objects, 0: all.
        token: of the page before, None: this is the first.
        revision: at least this one; `exact`: this one.
    """

    limit: int
    token: Token | None
    revision: int
    exact: bool

    @classmethod
    def of(cls, limit: int, continue_: str, revision: int, exact: bool) -> Span:
        """As a client asks for it. Raises ApiError (400) for a token that is none."""
        try:
            token = decode(continue_) if continue_ else None
        except ValueError as error:
            raise errors.bad_request(str(error)) from None
        return cls(limit, token, revision, exact)

    @property
    def shown(self) -> int | None:
        """The revision that must be shown, None: the newest."""
        if self.token is not None:
            return self.token.revision
        return self.revision if self.exact else None

    @property
    def wanted(self) -> int:
        """The revision that must be known before any can be shown."""
        return max(self.shown or 0, self.revision)

    @property
    def after(self) -> str:
        """Only keys greater than this one, below the resource's prefix."""
        return self.token.after if self.token else ""

    @property
    def left(self) -> int | None:
        """How many objects follow `after`, where the page before knew it."""
        return self.token.left if self.token else None


def read_page(cache: Cache, number: int, query: Query, span: Span) -> Page:
    """A page of a resource's objects as the cache has them.

    Raises:
        ApiError: 400 for a selector.
        TooOld: the cache does not remember the revision.
    """
    try:
        return cache.page(
            number,
            query.namespace,
            query.labels,
            query.fields,
            after=span.after,
            limit=span.limit,
            revision=span.shown,
            left=span.left,
        )
    except ValueError as error:
        raise errors.bad_request(str(error)) from None


async def read_past_page(
    store: Store, cache: Cache, resource: tuple[int, str], query: Query, span: Span
) -> tuple[Page, str]:
    """The same as the store remembers it, and the token that goes on after it.

    Args:
        resource: its number and prefix.

    Raises:
        ApiError: 410 when the store does not remember it, either.
        Unavailable: it does not answer.
    """
    number, prefix = resource
    revision = span.shown
    assert revision is not None  # the cache always has the newest
    past = Past(cache, number, query.namespace, query.labels, query.fields)
    within = f"{prefix}{query.namespace}/" if query.namespace else prefix
    after = prefix + span.after if span.after else ""
    part = Part(within, after, span.limit, span.left, query.selects)
    try:
        page, last = await past_page(store, past, part, revision)
    except Compacted:
        raise _gone(span.token) from None
    token = Token(revision, last.removeprefix(prefix), page.remaining).encode() if last else ""
    return page, token


def next_token(page: Page) -> str:
    """The token that goes on after a page of the cache, "" where nothing follows."""
    return Token(page.revision, page.last_key, page.remaining).encode() if page.more else ""


def _gone(token: Token | None) -> errors.ApiError:
    """410, with a token to go on at the newest revision where this was one."""
    if token is None:
        return errors.expired("The resourceVersion for the provided list is too old.")
    refusal = errors.expired(_CONTINUE_TOO_OLD)
    refusal.status.metadata.continue_ = Token(None, token.after).encode()
    return refusal


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


def unavailable(why: str) -> errors.ApiError:
    """503: the store does not answer."""
    return errors.unavailable(f"the store can't be read: {why}")
