"""Which replica set is a deployment's newest, which are old, and what their names and annotations say. Pure.

A revision is found again by its template, not by a name: another implementation's replica sets are ours, too.

Source: documentation, "Deployments"; annotations as upstream's controller and kubectl rollout read them.

Neighbours: rollout and status plan with what is found here; controller writes it.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from dromon.api.types.deployment import Deployment, ReplicaSet, ReplicaSetSpec
from dromon.api.types.meta import LabelSelector, ObjectMeta, OwnerReference
from dromon.api.types.workload import PodTemplateSpec
from dromon.controllers import pods as about

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"

_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    MAXIMUM,
}
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, no look-alikes
_HISTORY_BYTES = 2000


def same_template(rs: ReplicaSet, d: Deployment) -> bool:
    """Whether a replica set makes the pods that the deployment asks for now."""
    return _plain(rs.spec.template) == _plain(d.spec.template)


def _plain(template: PodTemplateSpec) -> object:
    labels = {k: v for k, v in template.metadata.labels.items() if k != HASH_LABEL}
    meta = msgspec.structs.replace(template.metadata, labels=labels)
    return msgspec.to_builtins(msgspec.structs.replace(template, metadata=meta))


def newest(d: Deployment, sets: Sequence[ReplicaSet]) -> ReplicaSet | None:
    """The replica set of the present template; the oldest where there are several."""
    found = [rs for rs in sets if same_template(rs, d)]
    return min(found, key=lambda rs: (about.created(rs.metadata), rs.metadata.name), default=None)


def template_hash(d: Deployment) -> str:
    """A short text that follows from the template and status.collisionCount alone."""
    encoded = msgspec.json.encode(d.spec.template, order="deterministic")
    encoded += str(d.status.collision_count or 0).encode()
    number = int.from_bytes(hashlib.sha256(encoded).digest()[:8])
    text = ""
    for _ in range(10):
        number, rest = divmod(number, len(_ALPHABET))
        text += _ALPHABET[rest]
    return text


def new_set(d: Deployment, replicas: int, annotations: Mapping[str, str]) -> ReplicaSet:
    """The replica set for the present template."""
    digest = template_hash(d)
    template = copy.deepcopy(d.spec.template)
    template.metadata.labels = {**template.metadata.labels, HASH_LABEL: digest}
    selector = copy.deepcopy(d.spec.selector) or LabelSelector()
    selector.match_labels = {**selector.match_labels, HASH_LABEL: digest}
    return ReplicaSet(
        metadata=ObjectMeta(
            name=f"{d.metadata.name}-{digest}",
            namespace=d.metadata.namespace,
            labels=dict(template.metadata.labels),
            annotations=dict(annotations),
            owner_references=[owner_reference(d)],
        ),
        spec=ReplicaSetSpec(
            replicas=replicas,
            min_ready_seconds=d.spec.min_ready_seconds,
            selector=selector,
            template=template,
        ),
    )


def owner_reference(d: Deployment) -> OwnerReference:
    """How a replica set names its deployment."""
    return OwnerReference(
        api_version=d.api_version,
        kind=d.kind,
        name=d.metadata.name,
        uid=d.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )


def revision_of(annotations: Mapping[str, str]) -> int:
    """The number in the revision annotation, 0 where there is none."""
    text = annotations.get(REVISION, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def next_revision(old: Sequence[ReplicaSet]) -> int:
    """One more than the highest revision among the old replica sets."""
    return max((revision_of(rs.metadata.annotations) for rs in old), default=0) + 1


def annotations_for(d: Deployment, rs: ReplicaSet | None, revision: int, maximum: int) -> dict[str, str]:
    """What the newest replica set's annotations shall be.

    Args:
        rs: as it stands; its revision moves up when an old template comes back, and the past is kept.
        maximum: replicas and surge together.
    """
    had = dict(rs.metadata.annotations) if rs is not None else {}
    wanted = had | {k: v for k, v in d.metadata.annotations.items() if k not in _NOT_COPIED}
    before = revision_of(had)
    if before < revision:
        wanted[REVISION] = str(revision)
        if before:
            history = [*filter(None, had.get(REVISION_HISTORY, "").split(",")), str(before)]
            while len(",".join(history)) > _HISTORY_BYTES:
                history.pop(0)
            wanted[REVISION_HISTORY] = ",".join(history)
    return wanted | scale_annotations(d, maximum)


def scale_annotations(d: Deployment, maximum: int) -> dict[str, str]:
    """By these a replica set remembers which size of the deployment its own share belongs to."""
    return {DESIRED: str(d.spec.replicas or 0), MAXIMUM: str(maximum)}


def annotated(rs: ReplicaSet, name: str) -> int | None:
    """A number among a replica set's annotations, None where there is none."""
    text = rs.metadata.annotations.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else None


def superfluous(d: Deployment, old: Sequence[ReplicaSet]) -> list[ReplicaSet]:
    """Old replica sets beyond revisionHistoryLimit that have no pods any more, lowest revision first."""
    limit = d.spec.revision_history_limit
    if limit is None:
        return []
    idle = [
        rs
        for rs in old
        if not (rs.spec.replicas or rs.status.replicas)
        and rs.status.observed_generation >= rs.metadata.generation
        and rs.metadata.deletion_timestamp is None
    ]
    idle.sort(key=lambda rs: (revision_of(rs.metadata.annotations), about.created(rs.metadata)))
    return idle[: max(len(idle) - limit, 0)]
