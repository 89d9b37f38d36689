"""An HTTP answer that is no success, as the ApiError it stands for.

Neighbours: client.rest and client.watch raise them.
"""

from __future__ import annotations

from http import HTTPStatus

from dromon.api import codec, errors
from dromon.api.errors import ApiError
from dromon.api.types.status import Status
from dromon.base.http.client import ClientResponse

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Gone",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def from_response(response: ClientResponse) -> ApiError:
    """The error in the answer, or, where it has no Status (a proxy's page), one made from its code."""
    headers = {"Retry-After": wait} if (wait := response.headers.get("retry-after")) else {}
    media = response.headers.get("content-type").partition(";")[0].strip()
    decode = codec.decode_msgpack if media == codec.MSGPACK else codec.decode_json
    try:
        status = decode(Status, response.body)
    except codec.DecodeError:
        status = Status()
    if status.kind == "Status" and status.status == "Failure":
        status.code = status.code or response.status
        return ApiError(status, headers)
    text = response.body[:500].decode(errors="replace").strip()
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "unknown status"
    message = f"the server answered {response.status} {phrase}" + (f": {text}" if text else "")
    return errors.make(response.status, _REASONS.get(response.status, ""), message, headers=headers)
