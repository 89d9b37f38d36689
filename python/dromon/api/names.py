"""The rules of names: each returns why a text is no such name, nothing when it is one.

Source: RFC 1123 (host names), RFC 1035 (labels that begin with a letter), RFC 6335 (service names), the API
documentation "Object Names and IDs"; texts as upstream's apimachinery gives them.

Neighbours: validation and kinds (put the field's path before the texts), label_syntax (labels).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from dromon.api import label_syntax

NameRule = Callable[[str], list[str]]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_ENV = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HEADER = "[-A-Za-z0-9]+"

_label = re.compile(_LABEL).fullmatch
_subdomain = re.compile(_SUBDOMAIN).fullmatch
_label_1035 = re.compile(_LABEL_1035).fullmatch
_config_key = re.compile(_CONFIG_KEY).fullmatch
_header = re.compile(_HEADER).fullmatch
_port_charset = re.compile("[-a-z0-9]+").fullmatch
_letter = re.compile("[a-z]").search

_ENDS = "and must start and end with an alphanumeric character"
_LABEL_RULE = (
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS} "
    f"(e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_SUBDOMAIN_RULE = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS} "
    f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, and end with an alphanumeric character "
    f"(e.g. 'my-name',  or 'abc-123', regex used for validation is '{_LABEL_1035}')"
)
_CONFIG_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
    f"(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '{_CONFIG_KEY}')"
)
_HEADER_RULE = (
    "a valid HTTP header must consist of alphanumeric characters or '-' "
    f"(e.g. 'X-Header-Name', regex used for validation is '{_HEADER}')"
)
_ENV_RULE = "a valid environment variable name must consist only of printable ASCII characters other than '='"


def subdomain(name: str) -> list[str]:
    """RFC 1123 subdomain, at most 253 characters: the name of most kinds."""
    if len(name) <= 253 and _subdomain(name):
        return []
    return _too_long(name, 253) + ([] if _subdomain(name) else [_SUBDOMAIN_RULE])


def label(name: str) -> list[str]:
    """RFC 1123 label, at most 63 characters: namespaces, containers, volumes."""
    if len(name) <= 63 and _label(name):
        return []
    if _label(name):
        return _too_long(name, 63)
    return [*_too_long(name, 63), "must not contain dots" if _subdomain(name) else _LABEL_RULE]


def label_1035(name: str) -> list[str]:
    """RFC 1035 label, at most 63 characters: services."""
    if len(name) <= 63 and _label_1035(name):
        return []
    return _too_long(name, 63) + ([] if _label_1035(name) else [_LABEL_1035_RULE])


def path_segment(name: str) -> list[str]:
    """What can stand in a URL: the names of kinds with no stricter rule."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{c}'" for c in ("/", "%") if c in name]


def as_prefix(name: str) -> str:
    """A generateName as the name rules should see it: a closing dash is fine, more will follow."""
    return name[:-2] + "a" if len(name) > 1 and name.endswith("-") else name


@lru_cache(maxsize=4096)
def qualified(name: str) -> list[str]:
    """[prefix/]name: labels' keys, finalizers, resources, taints. The answer is shared: don't change it."""
    return label_syntax.key_errors(name)


@lru_cache(maxsize=4096)
def label_value(value: str) -> list[str]:
    """The value of a label. The answer is shared: don't change it."""
    return label_syntax.value_errors(value)


@lru_cache(maxsize=4096)
def env_var(name: str) -> list[str]:
    """The name of an environment variable. The answer is shared: don't change it."""
    if name and name.isascii() and name.isprintable() and "=" not in name:
        return []
    return [_ENV_RULE] if name else ["environment variable name must be non-empty"]


def config_key(key: str) -> list[str]:
    """A key of a ConfigMap or Secret: it becomes a file name."""
    found = _too_long(key, 253)
    if not _config_key(key):
        found.append(_CONFIG_KEY_RULE)
    if key in (".", ".."):
        found.append(f"must not be '{key}'")
    elif key.startswith(".."):
        found.append("must not start with '..'")
    return found


def port_name(name: str) -> list[str]:
    """RFC 6335 service name: at most 15 characters, a letter among them."""
    found = _too_long(name, 15)
    if not _port_charset(name):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _letter(name):
        found.append("must contain at least one letter (a-z)")
    if "--" in name:
        found.append("must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        found.append("must not begin or end with a hyphen")
    return found


def http_header(name: str) -> list[str]:
    """The name of an HTTP header."""
    return [] if _header(name) else [_HEADER_RULE]


def in_range(value: int, low: int, high: int) -> list[str]:
    """An integer between two bounds, both included."""
    return [] if low <= value <= high else [f"must be between {low} and {high}, inclusive"]


def port_number(value: int) -> list[str]:
    """A port, 1 to 65535."""
    return in_range(value, 1, 65535)


def _too_long(name: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} characters"] if len(name.encode()) > limit else []
