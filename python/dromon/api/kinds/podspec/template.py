"""Validity of a pod template: the labels its pods will have, and their spec.

Neighbours: kinds.podtemplate, kinds.replicationcontroller.
"""

from __future__ import annotations

from dromon.api import names
from dromon.api.errors import FieldError, forbidden_field
from dromon.api.kinds.podspec.spec import check_spec
from dromon.api.types.workload import PodTemplateSpec
from dromon.api.validation import annotation_map, invalid, labels


def check_template(template: PodTemplateSpec, path: str) -> list[FieldError]:
    """Faults of a template; `path` is where it stands ("spec.template")."""
    meta = template.metadata
    found = labels(meta.labels, f"{path}.metadata.labels")
    found += annotation_map(meta.annotations, f"{path}.metadata.annotations")
    for finalizer in meta.finalizers:
        found += invalid(f"{path}.metadata.finalizers", finalizer, names.qualified(finalizer))
    check_spec(template.spec, f"{path}.spec", found)
    if template.spec.ephemeral_containers:
        text = "ephemeral containers not allowed in pod template"
        found.append(forbidden_field(f"{path}.spec.ephemeralContainers", text))
    return found
