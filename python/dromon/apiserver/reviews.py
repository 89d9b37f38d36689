"""Answers reviews: what somebody may do, and who somebody is. Nothing is kept.

Source: the API references of authorization.k8s.io/v1 and authentication.k8s.io/v1.

Neighbours: handler sends creates of api.kinds.reviews here; the Authorizer and the authenticators decide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dromon.api import errors
from dromon.api.types.authentication import SelfSubjectReview, TokenReview, UserInfo
from dromon.api.types.authorization import (
    LocalSubjectAccessReview,
    NonResourceAttributes,
    NonResourceRule,
    ResourceAttributes,
    ResourceRule,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
    SubjectAccessReviewStatus,
)
from dromon.apiserver import body, reply
from dromon.apiserver.authn import AUTHENTICATED, User
from dromon.apiserver.authz import Attributes
from dromon.apiserver.call import Call
from dromon.base.http.messages import Reply


async def create(call: Call) -> Reply:
    """POST of a review: answered with its status filled in."""
    r = call.resource
    review = body.typed(call, r.struct, r.api_version, r.kind)
    if review.metadata.name or review.metadata.generate_name:
        text = "must be empty except for namespace"
        raise errors.invalid(r.kind, r.group, "", [errors.invalid_value("metadata", {}, text)])
    _ANSWERS[r.struct](call, review)
    return reply.plain(call, review, 201)


def _access(call: Call, review: Any) -> None:
    spec = review.spec
    user = call.user
    if not isinstance(review, SelfSubjectAccessReview):
        user = User(spec.user, tuple(spec.groups), spec.uid)
    _check(call, review)
    if spec.resource_attributes is not None:
        attributes = _resource(spec.resource_attributes)
    else:
        attributes = _path(spec.non_resource_attributes)
    why = call.services.authorizer.why(user, attributes)
    review.status = SubjectAccessReviewStatus(allowed=why is not None, reason=why or "")


def _check(call: Call, review: Any) -> None:
    r, spec = call.resource, review.spec
    found = []
    if (spec.resource_attributes is None) == (spec.non_resource_attributes is None):
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        found.append(errors.invalid_value("spec.resourceAttributes", None, text))
    if not isinstance(review, SelfSubjectAccessReview) and not (spec.user or spec.groups):
        found.append(errors.invalid_value("spec.user", "", "at least one of user or group must be specified"))
    if isinstance(review, LocalSubjectAccessReview):
        asked = spec.resource_attributes.namespace if spec.resource_attributes is not None else ""
        if asked != call.route.namespace:
            text = f"must match metadata.namespace: {call.route.namespace}"
            found.append(errors.invalid_value("spec.resourceAttributes.namespace", asked, text))
    if found:
        raise errors.invalid(r.kind, r.group, "", found)


def _rules(call: Call, review: SelfSubjectRulesReview) -> None:
    if not review.spec.namespace:
        raise errors.bad_request("no namespace on request")
    for rule in call.services.authorizer.rules(call.user, review.spec.namespace):
        if rule.non_resource_urls:
            review.status.non_resource_rules.append(
                NonResourceRule(verbs=list(rule.verbs), non_resource_urls=list(rule.non_resource_urls))
            )
            continue
        review.status.resource_rules.append(
            ResourceRule(
                verbs=list(rule.verbs),
                api_groups=list(rule.api_groups),
                resources=list(rule.resources),
                resource_names=list(rule.resource_names),
            )
        )


def _token(call: Call, review: TokenReview) -> None:
    if not review.spec.token:
        fault = errors.required("spec.token")
        raise errors.invalid(call.resource.kind, call.resource.group, "", [fault])
    user = call.services.token_user(review.spec.token)
    review.spec.token = ""  # the answer may be logged
    if user is None:
        review.status.error = "the token is not known"
        return
    review.status.authenticated = True
    review.status.user = _info(user)


def _self(call: Call, review: SelfSubjectReview) -> None:
    review.status.user_info = _info(call.user)


_ANSWERS: dict[type[Any], Callable[[Call, Any], None]] = {
    SubjectAccessReview: _access,
    SelfSubjectAccessReview: _access,
    LocalSubjectAccessReview: _access,
    SelfSubjectRulesReview: _rules,
    TokenReview: _token,
    SelfSubjectReview: _self,
}


def _resource(a: ResourceAttributes) -> Attributes:
    return Attributes(a.verb, "", a.group, a.resource, a.subresource, a.namespace, a.name)


def _path(a: NonResourceAttributes | None) -> Attributes:
    return Attributes(a.verb, a.path) if a is not None else Attributes("", "")


def _info(user: User) -> UserInfo:
    groups = list(user.groups) if user.groups else [AUTHENTICATED]
    return UserInfo(username=user.name, uid=user.uid, groups=groups)
