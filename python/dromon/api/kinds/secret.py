"""Secret (core/v1): bytes that pods need and others should not see.

Source: API documentation "Secrets: types of Secret"; texts as upstream gives them. Contents never appear
in messages.

Neighbours: data has the checks that ConfigMaps share.
"""

from __future__ import annotations

import msgspec

from dromon.api.errors import FieldError, invalid_value, required, too_long
from dromon.api.kinds import data
from dromon.api.kinds.columns import age_column, name_column
from dromon.api.resource import Column, Resource, SelectableField, Strategy
from dromon.api.types.config import Secret, SecretList
from dromon.api.validation import IMMUTABLE

_ACCOUNT = "kubernetes.io/service-account.name"
_REQUIRED = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


class SecretStrategy(Strategy[Secret]):
    """Defaults and validity of secrets."""

    def default(self, obj: Secret) -> None:
        obj.type = obj.type or "Opaque"
        if obj.string_data:
            # Write-only: it is never stored or answered.
            obj.data.update({k: v.encode() for k, v in obj.string_data.items()})
            obj.string_data = {}

    def validate(self, obj: Secret) -> list[FieldError]:
        found = data.check_keys(obj.data, "data")
        if data.size(obj.data) > data.MAX_SIZE:
            found.append(too_long("data", data.MAX_SIZE))
        return found + _type_errors(obj)

    def validate_update(self, new: Secret, old: Secret) -> list[FieldError]:
        found = data.check_immutable(new, old, ("data",))
        if new.type != old.type:
            found.append(invalid_value("type", new.type, IMMUTABLE))
        return found


def _type_errors(secret: Secret) -> list[FieldError]:
    """What a well-known type demands."""
    found = [required(f"data[{key}]") for key in _REQUIRED.get(secret.type, ()) if key not in secret.data]
    if secret.type == "kubernetes.io/service-account-token" and not secret.metadata.annotations.get(_ACCOUNT):
        found.append(required(f"metadata.annotations[{_ACCOUNT}]"))
    if secret.type == "kubernetes.io/basic-auth" and not secret.data.keys() & {"username", "password"}:
        found += [required("data[username]"), required("data[password]")]
    if secret.type in ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson") and not found:
        key = _REQUIRED[secret.type][0]
        try:
            msgspec.json.decode(secret.data[key], type=dict[str, msgspec.Raw])
        except ValueError:
            text = "must be a JSON object"
            found.append(invalid_value(f"data[{key}]", "<secret contents redacted>", text))
    return found


SECRETS: Resource[Secret] = Resource(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    struct=Secret,
    list_struct=SecretList,
    strategy=SecretStrategy(),
    columns=(
        name_column(),
        Column("Type", "string", lambda secret, now: secret.type, description="What the secret is for."),
        Column("Data", "string", lambda secret, now: len(secret.data), description="How many keys it has."),
        age_column(),
    ),
    fields=(SelectableField("type"),),
)
