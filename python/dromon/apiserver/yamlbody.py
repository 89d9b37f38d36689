"""YAML bodies (application/yaml), as upstream accepts them: one document, made into JSON.

Neighbours: dromon.apiserver.body. Aliases are refused: they let a small body grow without bound.
"""

from __future__ import annotations

import json

import yaml

from dromon.api.errors import bad_request

MAX_DEPTH = 500  # of nested lists and maps; the parser in C would go on until its stack ends


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain scalars, lists and maps; times stay text. In C: Python takes half a minute for 3 MiB."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def to_json(body: bytes) -> bytes:
    """The document as JSON.

    Raises:
        ApiError: 400 when it is malformed.
    """
    try:
        _check(body)
        document = yaml.load(body, Loader=_Loader)  # noqa: S506 (a SafeLoader)
        return json.dumps(document, allow_nan=False).encode()
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as e:
        raise bad_request(f"the YAML body can't be read: {e}") from None


def _check(body: bytes) -> None:
    """Refuse aliases, and more depth than is safe to build; both are seen before anything is built."""
    depth = 0
    for event in yaml.parse(body, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise yaml.YAMLError("too deeply nested")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
