"""The paths that describe the API itself: discovery and OpenAPI, made from the declared resources.

All are the same for every user and for as long as the server runs, so each is encoded once.

Neighbours: dromon.apiserver.discovery and .openapi make the documents, dromon.apiserver.handler asks here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from dromon.api import codec
from dromon.api.errors import not_acceptable
from dromon.api.resource import Resource
from dromon.apiserver import discovery, health, negotiate
from dromon.apiserver.negotiate import CONTENT_TYPES
from dromon.apiserver.openapi import PROTOBUF, PROTOBUF_ANSWER, OpenApiV2, OpenApiV3
from dromon.base.http.messages import Request, Response
from dromon.store.cache import Format

_V2_PROTOBUF = (PROTOBUF, PROTOBUF_ANSWER)


class Documents:
    """Answers paths that describe the API.

    Args:
        resources: everything that is served.
        address: tells where the server is reached, "10.0.0.1:6443", once it listens.
    """

    def __init__(self, resources: Sequence[Resource[Any]], address: Callable[[], str]) -> None:
        self._resources = resources
        self._address = address
        version = health.GIT_VERSION
        self._v2 = OpenApiV2(resources, version)
        self._v3 = OpenApiV3(resources, version)
        self._discovery = lru_cache(maxsize=64)(self._make)
        self._roots = self._paths()

    def answer(self, request: Request) -> Response | None:
        """The answer to a GET; None for other paths. Raises ApiError 406."""
        path = request.path.rstrip("/")
        if path == "":
            return _json({"paths": self._roots})
        if path == "/openapi/v2":
            return self._openapi_v2(request)
        if path == "/openapi/v3":
            return Response(200, self._v3.index(), codec.JSON)
        if path.startswith("/openapi/v3/"):
            return self._openapi_v3(request, path.removeprefix("/openapi/v3/"))
        if path in ("/api", "/apis"):
            version = _aggregated_version(request.headers.get("accept"))
            if version:
                return self._aggregated(path, version)
        accepted = negotiate.accept(request.headers.get("accept"))
        made = self._discovery(path, accepted.format)
        return None if made is None else Response(200, made[0], made[1])

    def _make(self, path: str, format: Format) -> tuple[bytes, str] | None:
        """Unaggregated discovery of one path, and its media type."""
        document = self._document(path.split("/")[1:])
        if document is None:
            return None
        if format is Format.MSGPACK:
            return codec.encode_msgpack(document), codec.MSGPACK
        return codec.encode_json(document), codec.JSON  # which every client that likes protobuf takes as well

    def _document(self, parts: list[str]) -> Any:
        match parts:
            case ["api"]:
                return discovery.core_versions(self._address())
            case ["apis"]:
                return discovery.group_list(self._resources)
            case ["api", version]:
                return discovery.resource_list("", version, self._resources)
            case ["apis", group]:
                return discovery.group(group, self._resources)
            case ["apis", group, version]:
                return discovery.resource_list(group, version, self._resources)
        return None

    def _aggregated(self, path: str, version: str) -> Response:
        body = codec.encode_json(discovery.aggregated(path == "/api", version, self._resources))
        kind = f"application/json;g=apidiscovery.k8s.io;v={version};as={discovery.AGGREGATED_KIND}"
        return Response(200, body, kind, {"ETag": _etag(body), "Vary": "Accept"})

    def _openapi_v2(self, request: Request) -> Response:
        for clause in request.headers.get("accept").split(",") or [""]:
            media = clause.partition(";")[0].strip()
            if media in _V2_PROTOBUF:
                return _document(request, self._v2.protobuf(), PROTOBUF_ANSWER)
            if media in ("", codec.JSON, "*/*", "application/*"):
                return _document(request, self._v2.json(), codec.JSON)
        raise not_acceptable([codec.JSON, *_V2_PROTOBUF])

    def _openapi_v3(self, request: Request, root: str) -> Response | None:
        body = self._v3.document(root)
        return None if body is None else _document(request, body, codec.JSON)

    def _paths(self) -> list[str]:
        """What / tells of."""
        groups = sorted({r.group for r in self._resources if r.group})
        versions = sorted({f"/apis/{r.group}/{r.version}" for r in self._resources if r.group})
        found = ["/api", "/api/v1", "/apis", *(f"/apis/{g}" for g in groups), *versions]
        return [*found, *(f"/{e}" for e in health.ENDPOINTS), "/openapi/v2", "/openapi/v3", "/version"]


def _aggregated_version(accept: str) -> str:
    """The version of the aggregated document that an Accept header prefers, "" for the plain one."""
    for clause in accept.split(","):
        media, *rest = (p.strip() for p in clause.split(";"))
        parameters = dict(p.partition("=")[::2] for p in rest)
        if parameters.get("as") != discovery.AGGREGATED_KIND:
            if media in CONTENT_TYPES.values():
                return ""
            continue
        version = parameters.get("v", "")
        known = version in discovery.AGGREGATED_VERSIONS
        if media == codec.JSON and parameters.get("g") == "apidiscovery.k8s.io" and known:
            return version
    return ""


def _document(request: Request, body: bytes, kind: str) -> Response:
    """A large document, sent only to those who do not have it yet (RFC 9110, 13.1.2)."""
    etag = _etag(body)
    headers = {"ETag": etag, "Vary": "Accept", "Cache-Control": "no-cache, private"}
    if etag in (e.strip() for e in request.headers.get("if-none-match").split(",")):
        return Response(304, b"", "", headers)
    return Response(200, body, kind, headers)


def _etag(body: bytes) -> str:
    return '"' + hashlib.sha256(body).hexdigest().upper() + '"'


def _json(value: Any) -> Response:
    return Response(200, msgspec.json.format(codec.encode_json(value), indent=2), codec.JSON)
