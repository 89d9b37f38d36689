"""Continue tokens of paged lists: where the next page begins, at which revision. Opaque to clients.

The form is upstream's (base64 of JSON with version, revision and start), with the number of objects that are
left, so that counting them again costs nothing.

Neighbours: cache makes and reads them.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import msgspec

_VERSION = "meta.k8s.io/v1"


class _Wire(msgspec.Struct, omit_defaults=True):
    v: str
    rv: int
    start: str
    left: int | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """Attributes:
    revision: of the first page; None: go on at the newest (the list may then be inconsistent).
    after: the last key of the page before, below the resource's prefix.
    left: objects after that key, None: not known.
    """

    revision: int | None
    after: str
    left: int | None = None

    def encode(self) -> str:
        """The token as clients get it."""
        revision = -1 if self.revision is None else self.revision
        # Upstream writes the next key that could exist: the last one and a NUL.
        wire = _Wire(_VERSION, revision, self.after + "\0", self.left)
        return base64.urlsafe_b64encode(msgspec.json.encode(wire)).rstrip(b"=").decode()


def decode(text: str) -> Token:
    """Read a client's token; ValueError with upstream's text."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        wire = msgspec.json.decode(raw, type=_Wire)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise ValueError(f"continue key is not valid: {error}") from None
    if wire.v != _VERSION:
        text = "server does not recognize this encoded version"
        raise ValueError(f'continue key is not valid: {text} "{wire.v}"')
    if wire.rv == 0 or wire.rv < -1:
        raise ValueError("continue key is not valid: incorrect encoded start resourceVersion")
    if not wire.start:
        raise ValueError("continue key is not valid: encoded start key empty")
    left = wire.left if wire.left is not None and wire.left >= 0 else None
    return Token(None if wire.rv < 0 else wire.rv, wire.start.removesuffix("\0"), left)
