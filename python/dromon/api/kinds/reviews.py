"""Access and token reviews: questions that are answered and not kept (authorization and authentication, v1).

Source: the API reference of SubjectAccessReview, SelfSubjectAccessReview, LocalSubjectAccessReview,
SelfSubjectRulesReview, TokenReview and SelfSubjectReview.

Neighbours: dromon.apiserver.reviews answers them.
"""

from __future__ import annotations

from typing import TypeVar

from dromon.api.resource import Resource
from dromon.api.types.authentication import SelfSubjectReview, TokenReview
from dromon.api.types.authorization import (
    LocalSubjectAccessReview,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
)
from dromon.api.types.base import Api

T = TypeVar("T", bound=Api)


def _review(group: str, struct: type[T], plural: str, *, namespaced: bool = False) -> Resource[T]:
    return Resource(
        group=group,
        version="v1",
        kind=struct.__name__,
        plural=plural,
        struct=struct,
        list_struct=None,
        namespaced=namespaced,
        verbs=("create",),
    )


_AUTHORIZATION, _AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"

REVIEWS = (
    _review(_AUTHENTICATION, SelfSubjectReview, "selfsubjectreviews"),
    _review(_AUTHENTICATION, TokenReview, "tokenreviews"),
    _review(_AUTHORIZATION, LocalSubjectAccessReview, "localsubjectaccessreviews", namespaced=True),
    _review(_AUTHORIZATION, SelfSubjectAccessReview, "selfsubjectaccessreviews"),
    _review(_AUTHORIZATION, SelfSubjectRulesReview, "selfsubjectrulesreviews"),
    _review(_AUTHORIZATION, SubjectAccessReview, "subjectaccessreviews"),
)
