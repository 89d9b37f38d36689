"""What a label's key and value may be, and how messages quote them.

Source: Kubernetes documentation "Labels and Selectors: syntax and character set"; texts as upstream's
apimachinery gives them. rust/src/selector/syntax.rs is its fast twin.

Neighbours: labels and label_parser (refuse malformed requirements), validation (objects' labels).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_CHARACTERS = (
    "must consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_NAME_RULE = (
    f"{_CHARACTERS} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
    f"regex used for validation is '({_NAME})?')"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', "
    f"regex used for validation is '{_SUBDOMAIN}')"
)
_MAX_NAME = 63
_MAX_PREFIX = 253

_NAME_RE = re.compile(_NAME)
_VALUE_RE = re.compile(f"({_NAME})?")
_SUBDOMAIN_RE = re.compile(_SUBDOMAIN)


def key_errors(key: str) -> list[str]:
    """Why `key` is no label key ("[prefix/]name"); empty: it is one."""
    parts = key.split("/")
    if len(parts) > 2:
        return [
            f"a valid label key {_NAME_RULE} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        ]
    found = [f"prefix part {e}" for e in _prefix_errors(parts[0])] if len(parts) == 2 else []
    name = parts[-1]
    if not name:
        found.append("name part must be non-empty")
    elif len(name.encode()) > _MAX_NAME:
        found.append(f"name part must be no more than {_MAX_NAME} bytes")
    if not _NAME_RE.fullmatch(name):
        found.append(f"name part {_NAME_RULE}")
    return found


def _prefix_errors(prefix: str) -> list[str]:
    if not prefix:
        return ["must be non-empty"]
    found = []
    if len(prefix.encode()) > _MAX_PREFIX:
        found.append(f"must be no more than {_MAX_PREFIX} bytes")
    if not _SUBDOMAIN_RE.fullmatch(prefix):
        found.append(_SUBDOMAIN_RULE)
    return found


def value_errors(value: str) -> list[str]:
    """Why `value` is no label value; empty: it is one."""
    found = []
    if len(value.encode()) > _MAX_NAME:
        found.append(f"must be no more than {_MAX_NAME} bytes")
    if not _VALUE_RE.fullmatch(value):
        found.append(_VALUE_RULE)
    return found


_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def quote(text: str) -> str:
    """`text` in double quotes with control characters escaped, as messages show values."""
    shown = (_ESCAPES.get(c) or (f"\\x{ord(c):02x}" if ord(c) < 0x20 or ord(c) == 0x7F else c) for c in text)
    return f'"{"".join(shown)}"'


def quote_list(values: Sequence[str]) -> str:
    """A list of values as messages show it: compact JSON."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))
