"""What the kinds of apps/v1 have in common: their template, selector, counts and percentages.

Source: the API reference of apps/v1; texts as upstream's validation gives them.

Neighbours: deployment, replicaset, daemonset, statefulset; podspec.template judges the template itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dromon.api import labels
from dromon.api.errors import FieldError, forbidden_field, invalid_value, not_supported, required
from dromon.api.kinds.podspec.template import check_template
from dromon.api.types.meta import LabelSelector
from dromon.api.types.workload import PodTemplateSpec
from dromon.api.validation import IMMUTABLE, NOT_NEGATIVE, label_selector

_PERCENT = re.compile(r"[0-9]+%")


def check_selector(selector: LabelSelector | None, template: PodTemplateSpec | None) -> list[FieldError]:
    """Faults of spec.selector, and of a template whose pods it does not select."""
    if selector is None:
        return [required("spec.selector")]
    found = label_selector(selector, "spec.selector")
    if not selector.match_labels and not selector.match_expressions:
        text = "empty selector is invalid for this resource"
        found.append(invalid_value("spec.selector", {}, text))
    if not found and template is not None:
        own = template.metadata.labels
        if not labels.from_label_selector(selector).matches(own):
            text = "`selector` does not match template `labels`"
            found.append(invalid_value("spec.template.metadata.labels", own, text))
    return found


def check_always_running(template: PodTemplateSpec, kind: str) -> list[FieldError]:
    """Faults of the template of pods that are meant to run for ever."""
    found = check_template(template, "spec.template")
    policy = template.spec.restart_policy
    if policy != "Always":
        found.append(not_supported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if template.spec.active_deadline_seconds is not None:
        text = f"activeDeadlineSeconds in {kind} is not Supported"
        found.append(forbidden_field("spec.template.spec.activeDeadlineSeconds", text))
    return found


def check_counts(counts: Mapping[str, int | None]) -> list[FieldError]:
    """Faults of numbers that may not be negative, by path."""
    return [invalid_value(path, n, NOT_NEGATIVE) for path, n in counts.items() if n is not None and n < 0]


def check_share(value: int | str | None, path: str, *, at_most_all: bool = False) -> list[FieldError]:
    """Faults of "a count or a percentage".

    Args:
        at_most_all: whether more than "100%" is a fault.
    """
    if value is None:
        return []
    if isinstance(value, int):
        return check_counts({path: value})
    if not _PERCENT.fullmatch(value):
        text = (
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%', or '93%', "
        )
        return [invalid_value(path, value, f"{text}regex used for validation is '[0-9]+%')")]
    if at_most_all and int(value[:-1]) > 100:
        return [invalid_value(path, value, "must not be greater than 100%")]
    return []


def scaled(value: int | str, total: int, *, up: bool) -> int:
    """A count or percentage of `total`, rounded up or down; malformed text counts as 0.

    Source: apimachinery's intstr.GetScaledValueFromIntOrPercent.
    """
    if isinstance(value, int):
        return value
    if not _PERCENT.fullmatch(value):
        return 0
    share = int(value[:-1]) * total
    return -(-share // 100) if up else share // 100


def is_zero(value: int | str | None) -> bool:
    """Whether a count or percentage is none at all."""
    return value == 0 or (isinstance(value, str) and value.rstrip("%").strip("0") == "")


def check_fixed_selector(new: Any, old: Any) -> list[FieldError]:
    """spec.selector can't change: the pods of the old one would have no owner."""
    if new.spec.selector == old.spec.selector:
        return []
    return [invalid_value("spec.selector", new.spec.selector, IMMUTABLE)]


def check_not_more(counts: Mapping[str, int], pairs: tuple[tuple[str, str, str], ...]) -> list[FieldError]:
    """Faults of status counts that can't be greater than others: (part, whole, name of the whole)."""
    found: list[FieldError] = []
    for part, whole, name in pairs:
        if counts[part] > counts[whole]:
            found.append(invalid_value(f"status.{part}", counts[part], f"cannot be greater than {name}"))
    return found
