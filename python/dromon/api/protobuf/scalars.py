"""Fields that are messages in protobuf though their JSON form is a scalar: times, quantities, and the like.

Source: the Marshal and Unmarshal methods that upstream writes by hand beside its generated ones.

Neighbours: convert uses `SPECIAL` for every field of one of these messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

_META = "k8s.io.apimachinery.pkg.apis.meta.v1."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = re.compile(r"\.(\d+)")


class Special(NamedTuple):
    """How one such message is written and read.

    Attributes:
        write: (value, message) fills the message.
        read: message -> value; None where the message stands for "not set".
    """

    write: Callable[[Any, Any], None]
    read: Callable[[Any], Any]


def _write_time(value: str, message: Any) -> None:
    fraction = _FRACTION.search(value)
    whole = value if fraction is None else value.replace(fraction.group(0), "", 1)
    whole = whole.upper().replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(whole) - _EPOCH
    except ValueError:  # the one date that the wire's pattern lets through: 29 February of a common year
        moment = datetime.fromisoformat(whole.replace("-02-29", "-02-28", 1)) - _EPOCH + timedelta(days=1)
    message.seconds = moment.days * 86400 + moment.seconds
    message.nanos = int(fraction.group(1)[:9].ljust(9, "0")) if fraction else 0


def _read_time(message: Any) -> str | None:
    if not message.seconds and not message.nanos:
        return None  # upstream's zero time
    return (_EPOCH + timedelta(seconds=message.seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_micro_time(message: Any) -> str | None:
    if not message.seconds and not message.nanos:
        return None
    text = (_EPOCH + timedelta(seconds=message.seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{message.nanos // 1000:06d}Z"


def _write_quantity(value: Any, message: Any) -> None:
    message.string = value if isinstance(value, str) else str(value)


def _write_int_or_string(value: Any, message: Any) -> None:
    if isinstance(value, str):
        message.type, message.strVal = 1, value
    else:
        message.type, message.intVal = 0, value


def _read_int_or_string(message: Any) -> Any:
    return message.strVal if message.type == 1 else message.intVal


def _json(attribute: str) -> Special:
    def write(value: Any, message: Any) -> None:
        setattr(message, attribute, msgspec.json.encode(value))

    def read(message: Any) -> Any:
        raw = getattr(message, attribute)
        return msgspec.json.decode(raw) if raw else None

    return Special(write, read)


_EXTRA = Special(lambda value, message: message.items.extend(value), lambda message: list(message.items))
"""A list that is a map's value, and so a message of its own."""

SPECIAL: dict[str, Special] = {
    "k8s.io.api.authentication.v1.AttestationValue": _EXTRA,
    "k8s.io.api.authentication.v1.ExtraValue": _EXTRA,
    "k8s.io.api.authorization.v1.ExtraValue": _EXTRA,
    "k8s.io.api.certificates.v1.ExtraValue": _EXTRA,
    _META + "Time": Special(_write_time, _read_time),
    _META + "MicroTime": Special(_write_time, _read_micro_time),
    _META + "FieldsV1": _json("Raw"),
    "k8s.io.apimachinery.pkg.runtime.RawExtension": _json("raw"),
    "k8s.io.apimachinery.pkg.api.resource.Quantity": Special(_write_quantity, lambda m: m.string),
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": Special(_write_int_or_string, _read_int_or_string),
}
