"""OpenAPI documents made from the structs and the declarations.

Neighbours: dromon.apiserver.handler serves OpenApiV2 under /openapi/v2 and OpenApiV3 under /openapi/v3.
"""

from __future__ import annotations

from dromon.apiserver.openapi.v2 import PROTOBUF, PROTOBUF_ANSWER, OpenApiV2
from dromon.apiserver.openapi.v3 import OpenApiV3

__all__ = ["PROTOBUF", "PROTOBUF_ANSWER", "OpenApiV2", "OpenApiV3"]
