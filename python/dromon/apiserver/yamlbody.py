"""YAML bodies (application/yaml), as upstream accepts them: one document, made into JSON.

Neighbours: dromon.apiserver.body. Aliases are refused: they let a small body grow without bound.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from dromon.api.errors import bad_request


class _Loader(yaml.SafeLoader):
    """Plain scalars, lists and maps; no aliases; times stay text."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


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
        document = yaml.load(body, Loader=_Loader)  # noqa: S506 (a SafeLoader)
        return json.dumps(document, allow_nan=False).encode()
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as e:
        raise bad_request(f"the YAML body can't be read: {e}") from None
