"""An informer's objects with their indexes, which cost as much as the change, not as the set.

Neighbours: client.informer fills it and hands its look-ups on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from dromon.api.types.base import Api

T = TypeVar("T", bound=Api)
Key = tuple[str, str]


def key_of(obj: Any) -> Key:
    """(namespace, name); the namespace of a cluster-scoped object is ""."""
    return obj.metadata.namespace, obj.metadata.name


class IndexedStore(Generic[T]):
    """Objects by (namespace, name) and by the values that index functions give.

    Args:
        indexes: name of the index -> function from an object to its values.
    """

    def __init__(self, indexes: Mapping[str, Callable[[T], Iterable[str]]]) -> None:
        self._functions = dict(indexes)
        self._objects: dict[Key, T] = {}
        self._indexes: dict[str, dict[str, dict[Key, T]]] = {name: {} for name in indexes}

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: Key) -> T | None:
        return self._objects.get(key)

    def items(self) -> list[T]:
        return list(self._objects.values())

    def keys(self) -> set[Key]:
        return set(self._objects)

    def by_index(self, name: str, value: str) -> list[T]:
        """Objects whose index `name` has `value`; KeyError if there is no such index."""
        return list(self._indexes[name].get(value, {}).values())

    def put(self, obj: T) -> T | None:
        """Store an object; what was there before."""
        key = key_of(obj)
        old = self._objects.get(key)
        self._objects[key] = obj
        for name, function in self._functions.items():
            index = self._indexes[name]
            values = set(function(obj))
            if old is not None:
                for gone in set(function(old)) - values:
                    self._drop(index, gone, key)
            for value in values:
                index.setdefault(value, {})[key] = obj
        return old

    def remove(self, key: Key) -> T | None:
        """Remove an object; what was there."""
        old = self._objects.pop(key, None)
        if old is not None:
            for name, function in self._functions.items():
                for value in set(function(old)):
                    self._drop(self._indexes[name], value, key)
        return old

    @staticmethod
    def _drop(index: dict[str, dict[Key, T]], value: str, key: Key) -> None:
        entries = index.get(value)
        if entries is not None:
            entries.pop(key, None)
            if not entries:
                del index[value]
