"""Checks that kinds share: object metadata, labels, annotations, label selectors.

Every check returns the faults with the field's path; none of them raises. Texts as upstream's apimachinery.

Neighbours: names (the rules), kinds (their own fields), apiserver (object_meta on every write).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dromon.api import names
from dromon.api.errors import FieldError, forbidden_field, invalid_value, required, too_long
from dromon.api.resource import Resource
from dromon.api.types.meta import LabelSelector, ObjectMeta, OwnerReference

MAX_ANNOTATIONS = 256 * 1024
"""Bytes of all keys and values together."""

IMMUTABLE = "field is immutable"
_ORPHAN, _FOREGROUND = "orphan", "foregroundDeletion"


def object_meta(resource: Resource[Any], meta: ObjectMeta) -> list[FieldError]:
    """Faults of a new object's metadata, after its name was generated."""
    found: list[FieldError] = []
    rule = resource.strategy.name_errors
    if meta.generate_name:
        found += invalid(
            "metadata.generateName", meta.generate_name, rule(names.as_prefix(meta.generate_name))
        )
    if not meta.name:
        found.append(required("metadata.name", "name or generateName is required"))
    else:
        found += invalid("metadata.name", meta.name, rule(meta.name))
    found += _namespace(meta.namespace, resource.namespaced)
    return found + _common(meta)


def object_meta_update(resource: Resource[Any], new: ObjectMeta, old: ObjectMeta) -> list[FieldError]:
    """Faults of an updated object's metadata. Names are not judged again: they can't change.

    The apiserver carries what clients may leave out (uid, timestamps) over before it asks.
    """
    found: list[FieldError] = []
    if old.deletion_timestamp is not None:
        extra = sorted(set(new.finalizers) - set(old.finalizers))
        if extra:
            text = "no new finalizers can be added if the object is being deleted, found new finalizers "
            listed = ", ".join(f'"{e}"' for e in extra)
            found.append(forbidden_field("metadata.finalizers", f"{text}[]string{{{listed}}}"))
    if new.generation < old.generation:
        found.append(invalid_value("metadata.generation", new.generation, "must not be decremented"))
    for wire, attribute in _FIXED:
        now = getattr(new, attribute)
        if now != getattr(old, attribute):
            found.append(invalid_value(f"metadata.{wire}", now, IMMUTABLE))
    return found if new == old else found + _common(new)  # what stands is not judged again


def _common(meta: ObjectMeta) -> list[FieldError]:
    """Faults that a create and an update can have."""
    found: list[FieldError] = []
    if meta.generation < 0:
        found.append(invalid_value("metadata.generation", meta.generation, NOT_NEGATIVE))
    if meta.labels:
        found += labels(meta.labels, "metadata.labels")
    if meta.annotations:
        found += annotation_map(meta.annotations, "metadata.annotations")
    if meta.owner_references:
        found += _owner_references(meta.owner_references)
    if meta.finalizers:
        found += _finalizers(meta.finalizers)
    return found


_FIXED = (
    ("name", "name"),
    ("namespace", "namespace"),
    ("uid", "uid"),
    ("creationTimestamp", "creation_timestamp"),
    ("deletionTimestamp", "deletion_timestamp"),
    ("deletionGracePeriodSeconds", "deletion_grace_period_seconds"),
)
NOT_NEGATIVE = "must be greater than or equal to 0"


def invalid(path: str, value: Any, why: Iterable[str]) -> list[FieldError]:
    """One FieldValueInvalid for each text that a name rule returned."""
    return [invalid_value(path, value, text) for text in why]


def labels(given: Mapping[str, str], path: str) -> list[FieldError]:
    """Faults of labels' keys and values."""
    found: list[FieldError] = []
    for key, value in given.items():
        if why := names.qualified(key):
            found += invalid(path, key, why)
        if value and (why := names.label_value(value)):
            found += invalid(path, value, why)
    return found


def annotation_map(given: Mapping[str, str], path: str) -> list[FieldError]:
    """Faults of annotations: their keys (upper case counts as lower) and their size together."""
    found: list[FieldError] = []
    size = 0
    for key, value in given.items():
        if why := names.qualified(key.lower()):
            found += invalid(path, key, why)
        size += len(key) + len(value) if key.isascii() and value.isascii() else _bytes(key, value)
    if size > MAX_ANNOTATIONS:
        found.append(too_long(path, MAX_ANNOTATIONS))
    return found


def label_selector(selector: LabelSelector | None, path: str) -> list[FieldError]:
    """Faults of a label selector; None has none."""
    if selector is None:
        return []
    found = labels(selector.match_labels, f"{path}.matchLabels")
    for i, requirement in enumerate(selector.match_expressions):
        at = f"{path}.matchExpressions[{i}]"
        if requirement.operator in ("In", "NotIn"):
            if not requirement.values:
                found.append(required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif requirement.operator in ("Exists", "DoesNotExist"):
            if requirement.values:
                text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                found.append(forbidden_field(f"{at}.values", text))
        else:
            found.append(
                invalid_value(f"{at}.operator", requirement.operator, "not a valid selector operator")
            )
        found += invalid(f"{at}.key", requirement.key, names.qualified(requirement.key))
        for n, value in enumerate(requirement.values):
            found += invalid(f"{at}.values[{n}]", value, names.label_value(value))
    return found


def _namespace(namespace: str, namespaced: bool) -> list[FieldError]:
    path = "metadata.namespace"
    if not namespaced:
        return [forbidden_field(path, "not allowed on this type")] if namespace else []
    if not namespace:
        return [required(path)]
    return invalid(path, namespace, names.label(namespace))


def _owner_references(references: list[OwnerReference]) -> list[FieldError]:
    path = "metadata.ownerReferences"
    found: list[FieldError] = []
    controller = ""
    for i, ref in enumerate(references):
        at = f"{path}[{i}]"
        if not ref.api_version:
            found.append(required(f"{at}.apiVersion", "must not be empty"))
        elif ref.api_version.count("/") > 1 or ref.api_version.endswith("/"):
            text = "must be <group>/<version> or <version>"
            found.append(invalid_value(f"{at}.apiVersion", ref.api_version, text))
        for wire in ("kind", "name", "uid"):
            if not getattr(ref, wire):
                found.append(required(f"{at}.{wire}", "must not be empty"))
        if ref.api_version == "v1" and ref.kind == "Event":
            found.append(invalid_value(at, ref.name, "/v1, Kind=Event is disallowed from being an owner"))
        if ref.controller:
            this = f"{ref.kind}/{ref.name}"
            if controller:
                text = 'Only one reference can have Controller set to true. Found "true" in references for '
                found.append(invalid_value(path, this, f"{text}{controller} and {this}"))
            controller = controller or this
    return found


def _finalizers(finalizers: list[str]) -> list[FieldError]:
    found: list[FieldError] = []
    for finalizer in finalizers:
        found += invalid("metadata.finalizers", finalizer, names.qualified(finalizer))
    if _ORPHAN in finalizers and _FOREGROUND in finalizers:
        text = f"finalizer {_ORPHAN} and {_FOREGROUND} cannot be both set"
        found.append(invalid_value("metadata.finalizers", _ORPHAN, text))
    return found


def _bytes(*texts: str) -> int:
    return sum(len(text.encode()) for text in texts)
