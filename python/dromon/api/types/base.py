"""What every API struct shares: wire names, omission of defaults, scalar types of the wire.

Field names are snake_case in Python and the upstream API's names on the wire. A field without
`omitempty` upstream is made with `always`, so that it is encoded even when it holds its default:
clients read `restartCount: 0` and `items: []`.

Neighbours: every module of dromon.api.types.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

_DATE = r"(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|(?<!02-)30|(?<!02-|04-|06-|09-|11-)31)"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?"
_OFFSET = r"(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_RFC3339 = rf"^{_DATE}[Tt ]{_CLOCK}{_OFFSET}$"

Time = Annotated[str, Meta(pattern=_RFC3339, extra_json_schema={"format": "date-time"})]
"""metav1.Time: RFC 3339, seconds, UTC when we write it (`dromon.api.times`)."""

MicroTime = Annotated[str, Meta(pattern=_RFC3339, extra_json_schema={"format": "date-time"})]
"""metav1.MicroTime: RFC 3339 with exactly six digits of a second when we write it."""

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
"""An integer field of 32 bits; what does not fit is refused when it is decoded, as upstream does."""

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer field of 64 bits. Without a bound, one object could not be written as MessagePack or protobuf,
and would break every list and watch that it is in."""

Quantity = str | Int64 | float
"""resource.Quantity: "500m", "1Gi"; clients may send a bare number (`dromon.api.quantity`)."""

IntOrString = Int32 | str
"""intstr.IntOrString: a port number or name, a count or percentage."""


class Api(Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """Base of every API struct."""


def always(default: Any, name: str | None = None) -> Any:
    """A field that is encoded even when it holds `default` (no omitempty upstream)."""
    return field(default_factory=lambda: default, name=name)


def always_list(name: str | None = None) -> Any:
    """A list field that is encoded as [] when empty."""
    # Not `list` itself: msgspec leaves a field out when it equals what that makes.
    return field(default_factory=lambda: [], name=name)  # noqa: PIE807
