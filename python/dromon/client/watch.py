"""A watch's answer as typed events, for JSON lines and for MessagePack frames.

Neighbours: client.rest opens them, client.informer reads them in batches.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from functools import cache
from types import TracebackType
from typing import Any, Generic, TypeVar

import msgspec

from dromon.api import codec, errors
from dromon.api.types.base import Api
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.status import Status
from dromon.base.http.client import ClientStream

T = TypeVar("T", bound=Api)

_LENGTH = struct.Struct(">I")


class WatchEvent(msgspec.Struct, Generic[T], frozen=True):
    """One change.

    Attributes:
        type: "ADDED", "MODIFIED", "DELETED" or "BOOKMARK".
        object: the object as it is now (DELETED: as it was last); of a bookmark only
            metadata.resourceVersion counts.
    """

    type: str
    object: T


class ConnectionFailed(ConnectionError):
    """The server can't be reached, or the connection was lost; whether a write took effect is unknown."""


def split_lines(data: bytes) -> tuple[list[bytes], bytes]:
    """Complete JSON lines, and the rest."""
    *lines, rest = data.split(b"\n")
    return [line for line in lines if line.strip()], rest


def split_frames(data: bytes) -> tuple[list[bytes], bytes]:
    """Complete frames with a 4-byte big-endian length, and the rest."""
    frames, at = [], 0
    while len(data) - at >= 4:
        end = at + 4 + _LENGTH.unpack_from(data, at)[0]
        if end > len(data):
            break
        frames.append(data[at + 4 : end])
        at = end
    return frames, data[at:]


@cache
def _lines_decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(WatchEvent[kind])


class _Frame(msgspec.Struct):
    """The outer form of an event; the object's bytes stay as they are until its type is known."""

    type: str
    object: msgspec.Raw  # a bytes-like view


class _Marked(msgspec.Struct):
    metadata: ObjectMeta


class WatchStream(Generic[T]):
    """An open watch: `async for event in stream`, or `async for events in stream.batches()`.

    Ends when the server ends it (time-out, restart). Raises ApiError for an ERROR event (410 Expired: list
    again), ConnectionFailed when the connection is lost. Use it as an async context manager, or `aclose` it.
    """

    def __init__(self, stream: ClientStream, kind: type[T], binary: bool) -> None:
        self._stream = stream
        self._binary = binary
        self._decode_as = codec.decode_msgpack if binary else codec.decode_json
        self._kind = kind
        self._rest = b""
        self._failure: errors.ApiError | None = None
        self._ready: list[WatchEvent[T]] = []

    def __aiter__(self) -> WatchStream[T]:
        return self

    async def __anext__(self) -> WatchEvent[T]:
        while not self._ready:
            self._ready = await self.next_batch()
            self._ready.reverse()
        return self._ready.pop()

    async def next_batch(self) -> list[WatchEvent[T]]:
        """All events that have arrived since the last call, at least one.

        Raises:
            StopAsyncIteration: the server ended the watch.
        """
        while True:
            if self._failure is not None:
                raise self._failure
            try:
                data = await self._stream.__anext__()
            except OSError as error:
                raise ConnectionFailed(f"watch broken off: {error}") from error
            try:
                events = self._decode(self._rest + data if self._rest else data)
            except codec.DecodeError as error:
                raise ConnectionFailed(f"watch event not understood: {error}") from error
            if events:
                return events

    async def batches(self) -> AsyncIterator[list[WatchEvent[T]]]:
        """The events in batches as they arrive."""
        while True:
            try:
                batch = await self.next_batch()
            except StopAsyncIteration:
                return
            yield batch

    def _decode(self, data: bytes) -> list[WatchEvent[T]]:
        if not self._binary and (events := self._decode_lines(data)) is not None:
            return events
        return self._decode_each(data)

    def _decode_lines(self, data: bytes) -> list[WatchEvent[T]] | None:
        """All complete JSON lines at once; None where one is an error, or needs a closer look (nulls)."""
        end = data.rfind(b"\n") + 1
        try:
            events: list[WatchEvent[T]] = _lines_decoder(self._kind).decode_lines(data[:end])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if any(event.type == "ERROR" for event in events):
            return None
        self._rest = data[end:]
        return events

    def _decode_each(self, data: bytes) -> list[WatchEvent[T]]:
        raws, self._rest = split_frames(data) if self._binary else split_lines(data)
        events: list[WatchEvent[T]] = []
        for raw in raws:
            frame = self._decode_as(_Frame, raw)
            if frame.type == "BOOKMARK":
                marked: Any = self._kind()
                marked.metadata = self._decode_as(_Marked, frame.object).metadata
                events.append(WatchEvent("BOOKMARK", marked))
            elif frame.type == "ERROR":
                # What came before the error counts; it is raised by the next call.
                self._failure = errors.ApiError(self._decode_as(Status, frame.object))
                break
            else:
                events.append(WatchEvent(frame.type, self._decode_as(self._kind, frame.object)))
        return events

    async def aclose(self) -> None:
        """End the watch."""
        await self._stream.aclose()

    async def __aenter__(self) -> WatchStream[T]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
