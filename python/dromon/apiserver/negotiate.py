"""Content negotiation: which wire form and which shape a request asks for, and which its body has.

Shapes are the object itself, a Table, or metadata alone (Accept: ...;as=Table;v=v1;g=meta.k8s.io).
Source: Kubernetes API concepts, "Alternate representations"; RFC 9110, 12.5.1 for quality values.

Neighbours: dromon.apiserver.verbs and .reply; dromon.store.cache.Format names the wire forms. A new wire form
is one line in MEDIA_TYPES.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dromon.api import codec
from dromon.api.errors import not_acceptable, unsupported_media_type
from dromon.store.cache import Format

MEDIA_TYPES: dict[str, Format] = {
    codec.JSON: Format.JSON,
    codec.MSGPACK: Format.MSGPACK,
    codec.PROTOBUF: Format.PROTOBUF,
}
"""Wire forms that are answered in, by media type; the first is the default."""

CONTENT_TYPES: dict[Format, str] = {f: m for m, f in MEDIA_TYPES.items()}

BODY_TYPES = (*MEDIA_TYPES, codec.YAML)
"""Media types that bodies of create, update and delete may have."""

SHAPES = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the client wants to read.

    Attributes:
        format: wire form.
        shape: "" the object, "Table", "PartialObjectMetadata" (lists too).
    """

    format: Format
    shape: str = ""

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.format]


@lru_cache(maxsize=1024)
def accept(header: str) -> Accepted:
    """The best of the clauses of an Accept header that we serve.

    Raises:
        ApiError: 406 when there is none.
    """
    if not header.strip():
        return Accepted(Format.JSON)
    clauses = []
    for position, clause in enumerate(header.split(",")):
        media, parameters = _parameters(clause)
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            quality = 0.0
        if quality > 0:
            clauses.append((-quality, position, media, parameters))
    for _, _, media, parameters in sorted(clauses, key=lambda c: c[:2]):
        found = _clause(media, parameters)
        if found is not None:
            return found
    raise not_acceptable(list(MEDIA_TYPES))


def _clause(media: str, parameters: dict[str, str]) -> Accepted | None:
    if media in ("*/*", "application/*"):
        format = Format.JSON
    elif media in MEDIA_TYPES:
        format = MEDIA_TYPES[media]
    else:
        return None
    shape = parameters.get("as", "")
    if not shape:
        return Accepted(format)
    if shape not in SHAPES or parameters.get("g") != "meta.k8s.io" or parameters.get("v") != "v1":
        return None
    if shape == "Table" and format is Format.PROTOBUF:
        return None  # upstream's Table has no protobuf form
    return Accepted(format, shape.removesuffix("List"))


def body_type(header: str, allowed: tuple[str, ...] = BODY_TYPES) -> str:
    """The media type of a body; JSON when the header is absent.

    Raises:
        ApiError: 415 for a type that is not read.
    """
    media, _ = _parameters(header)
    if not media:
        return codec.JSON
    if media not in allowed:
        raise unsupported_media_type(allowed)
    return media


@lru_cache(maxsize=1024)
def _parameters(clause: str) -> tuple[str, dict[str, str]]:
    media, *rest = clause.split(";")
    parameters = {}
    for part in rest:
        key, _, value = part.partition("=")
        parameters[key.strip().lower()] = value.strip().strip('"')
    return media.strip().lower(), parameters
