"""JSON pointers (RFC 6901), and changes at them that leave the given document as it was.

Neighbours: jsonpatch (its only user).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class PointerError(Exception):
    """The pointer is malformed, or the document has no such place."""


def get(doc: Any, path: str) -> Any:
    """The value at `path`."""
    for token in _tokens(path):
        doc = _child(doc, token, path)
    return doc


def add(doc: Any, path: str, value: Any) -> Any:
    """Set a member, or insert before an element ("-": after the last)."""

    def change(parent: Any, token: str) -> Any:
        if isinstance(parent, dict):
            return {**parent, token: value}
        at = len(parent) if token == "-" else _index(token, len(parent) + 1, path)  # noqa: S105
        return [*parent[:at], value, *parent[at:]]

    return _change(doc, _tokens(path), path, change, value)


def replace(doc: Any, path: str, value: Any) -> Any:
    """Change a value that is there."""

    def change(parent: Any, token: str) -> Any:
        _child(parent, token, path)
        if isinstance(parent, dict):
            return {**parent, token: value}
        at = int(token)
        return [*parent[:at], value, *parent[at + 1 :]]

    return _change(doc, _tokens(path), path, change, value)


def remove(doc: Any, path: str) -> Any:
    """Take a value that is there away."""

    def change(parent: Any, token: str) -> Any:
        _child(parent, token, path)
        if isinstance(parent, dict):
            return {k: v for k, v in parent.items() if k != token}
        at = int(token)
        return [*parent[:at], *parent[at + 1 :]]

    return _change(doc, _tokens(path), path, change, None)


def _change(doc: Any, tokens: Sequence[str], path: str, change: Callable[[Any, str], Any], whole: Any) -> Any:
    """`doc` with the parent of the last token changed; `whole` where the pointer means the document."""
    if not tokens:
        return whole
    parents = [doc]
    for token in tokens[:-1]:
        parents.append(_child(parents[-1], token, path))
    if not isinstance(parents[-1], dict | list):
        raise PointerError(f"{path}: its parent is neither an object nor a list")
    new = change(parents.pop(), tokens[-1])
    for parent, token in zip(reversed(parents), reversed(tokens[:-1]), strict=True):
        if isinstance(parent, dict):
            new = {**parent, token: new}
        else:
            at = int(token)
            new = [*parent[:at], new, *parent[at + 1 :]]
    return new


def _child(doc: Any, token: str, path: str) -> Any:
    if isinstance(doc, dict) and token in doc:
        return doc[token]
    if isinstance(doc, list):
        return doc[_index(token, len(doc), path)]
    raise PointerError(f"{path}: there is no such value")


def _index(token: str, end: int, path: str) -> int:
    if not (token.isascii() and token.isdigit()) or (token[0] == "0" and token != "0"):  # noqa: S105
        raise PointerError(f'{path}: "{token}" is no index of a list')
    if len(token) > 9 or int(token) >= end:
        raise PointerError(f"{path}: index {token} is out of bounds")
    return int(token)


def _tokens(path: str) -> list[str]:
    if not path:
        return []
    if path[0] != "/":
        raise PointerError(f"{path}: a JSON pointer begins with /")
    return [token.replace("~1", "/").replace("~0", "~") for token in path[1:].split("/")]
