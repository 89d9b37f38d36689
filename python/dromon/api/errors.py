"""The one error of the API: a Status with reason, code and the fields at fault.

The apiserver raises them and answers with their status; the client raises them from what it was answered.
Source: Kubernetes API conventions, "Response Status Kind"; texts as upstream's apimachinery gives them.

Neighbours: types.status (the wire form), validation (makes FieldError), apiserver and client (raise them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from dromon.api.types.meta import ListMeta
from dromon.api.types.status import Status, StatusCause, StatusDetails


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of a field.

    Attributes:
        path: JSON path from the object's root, "spec.containers[0].name".
        reason: a CauseType: FieldValueRequired, FieldValueInvalid, FieldValueNotSupported,
            FieldValueDuplicate, FieldValueForbidden, FieldValueNotFound, FieldValueTooLong, ...
        message: the text as upstream gives it, without the path ("Required value", ...).
    """

    path: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def required(path: str, detail: str = "") -> FieldError:
    """The field must be given."""
    return FieldError(path, "FieldValueRequired", "Required value" + (f": {detail}" if detail else ""))


def invalid_value(path: str, value: Any, detail: str) -> FieldError:
    """The field's value is malformed or out of range."""
    return FieldError(path, "FieldValueInvalid", f"Invalid value: {_quote(value)}: {detail}")


def not_supported(path: str, value: Any, allowed: Sequence[str]) -> FieldError:
    """The field's value is none of `allowed`."""
    choice = ", ".join(f'"{a}"' for a in sorted(allowed))
    return FieldError(
        path, "FieldValueNotSupported", f"Unsupported value: {_quote(value)}: supported values: {choice}"
    )


def duplicate(path: str, value: Any) -> FieldError:
    """A value that must be unique stands twice."""
    return FieldError(path, "FieldValueDuplicate", f"Duplicate value: {_quote(value)}")


def not_found_value(path: str, value: Any) -> FieldError:
    """The field names something that is not there."""
    return FieldError(path, "FieldValueNotFound", f"Not found: {_quote(value)}")


def forbidden_field(path: str, detail: str) -> FieldError:
    """The field may not be set, or not be changed, here."""
    return FieldError(path, "FieldValueForbidden", f"Forbidden: {detail}")


def too_long(path: str, limit: int) -> FieldError:
    """The field has more than `limit` bytes."""
    return FieldError(path, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes")


def _quote(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return msgspec.json.encode(value).decode()


class ApiError(Exception):
    """A refusal, as the Status that is or was sent.

    Attributes:
        status: the wire object; `code`, `reason` and `message` are its fields.
        headers: extra response headers, e.g. Retry-After (seconds).
    """

    def __init__(self, status: Status, headers: dict[str, str] | None = None) -> None:
        super().__init__(status.message)
        self.status = status
        self.headers = headers or {}

    @property
    def code(self) -> int:
        return self.status.code

    @property
    def reason(self) -> str:
        return self.status.reason

    @property
    def message(self) -> str:
        return self.status.message


def make(
    code: int,
    reason: str,
    message: str,
    *,
    details: StatusDetails | None = None,
    headers: dict[str, str] | None = None,
) -> ApiError:
    """An ApiError from its parts."""
    status = Status(
        metadata=ListMeta(), status="Failure", message=message, reason=reason, details=details, code=code
    )
    return ApiError(status, headers)


def qualified(plural: str, group: str) -> str:
    """A resource's name in messages: "pods", "endpointslices.discovery.k8s.io"."""
    return f"{plural}.{group}" if group else plural


def not_found(plural: str, group: str, name: str) -> ApiError:
    """404 NotFound: `pods "x" not found`."""
    details = StatusDetails(name=name, group=group, kind=plural)
    return make(404, "NotFound", f'{qualified(plural, group)} "{name}" not found', details=details)


def already_exists(plural: str, group: str, name: str) -> ApiError:
    """409 AlreadyExists."""
    details = StatusDetails(name=name, group=group, kind=plural)
    return make(409, "AlreadyExists", f'{qualified(plural, group)} "{name}" already exists', details=details)


def conflict(plural: str, group: str, name: str, why: str = "") -> ApiError:
    """409 Conflict: the object changed since it was read."""
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    details = StatusDetails(name=name, group=group, kind=plural)
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return make(409, "Conflict", message, details=details)


def invalid(kind: str, group: str, name: str, errors: Sequence[FieldError]) -> ApiError:
    """422 Invalid, with a cause for each field at fault."""
    causes = [StatusCause(reason=e.reason, message=e.message, field=e.path) for e in errors]
    texts = list(dict.fromkeys(str(e) for e in errors))
    text = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details = StatusDetails(name=name, group=group, kind=kind, causes=causes)
    return make(422, "Invalid", f'{qualified(kind, group)} "{name}" is invalid: {text}', details=details)


def bad_request(message: str) -> ApiError:
    """400 BadRequest: the body or a parameter can't be understood."""
    return make(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """401 Unauthorized: no credentials, or none that we know."""
    return make(401, "Unauthorized", "Unauthorized")


def forbidden(plural: str, group: str, name: str, why: str) -> ApiError:
    """403 Forbidden."""
    details = StatusDetails(name=name, group=group, kind=plural)
    what = qualified(plural, group) + (f' "{name}"' if name else "")
    return make(403, "Forbidden", f"{what} is forbidden: {why}", details=details)


def path_not_found() -> ApiError:
    """404 for a path that names no resource."""
    return make(404, "NotFound", "the server could not find the requested resource", details=StatusDetails())


def method_not_allowed(method: str) -> ApiError:
    """405: the resource does not have this verb."""
    return make(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def not_acceptable(accepted: Sequence[str]) -> ApiError:
    """406: none of the media types asked for is served."""
    return make(406, "NotAcceptable", "only the following media types are accepted: " + ", ".join(accepted))


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    """415: the body's media type is not read."""
    text = "the body of the request was in an unknown format - accepted media types include: "
    return make(415, "UnsupportedMediaType", text + ", ".join(accepted))


def too_large(limit: int) -> ApiError:
    """413: the body has more than `limit` bytes."""
    return make(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def expired(message: str) -> ApiError:
    """410 Expired: the revision asked for is compacted; list again."""
    return make(410, "Expired", message)


def too_many_requests(message: str, retry_after: int = 1) -> ApiError:
    """429 TooManyRequests; `retry_after` in seconds."""
    details = StatusDetails(retry_after_seconds=retry_after)
    return make(429, "TooManyRequests", message, details=details, headers={"Retry-After": str(retry_after)})


def unavailable(message: str, retry_after: int = 1) -> ApiError:
    """503 ServiceUnavailable; `retry_after` in seconds."""
    details = StatusDetails(retry_after_seconds=retry_after)
    return make(
        503, "ServiceUnavailable", message, details=details, headers={"Retry-After": str(retry_after)}
    )


def timeout(message: str, retry_after: int = 0) -> ApiError:
    """504 Timeout: whether the request took effect is not known; `retry_after` in seconds, 0: not said."""
    if not retry_after:
        return make(504, "Timeout", message)
    details = StatusDetails(retry_after_seconds=retry_after)
    return make(504, "Timeout", message, details=details, headers={"Retry-After": str(retry_after)})


def internal(message: str) -> ApiError:
    """500 InternalError."""
    details = StatusDetails(causes=[StatusCause(message=message)])
    return make(500, "InternalError", f"Internal error occurred: {message}", details=details)
