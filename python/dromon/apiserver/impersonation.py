"""Act as somebody else: the Impersonate-* headers, for those who may.

Source: documentation, "Authenticating: user impersonation"; texts as upstream's.

Neighbours: handler asks after authentication; the Authorizer says who may be impersonated.
"""

from __future__ import annotations

from urllib.parse import unquote

from dromon.api import errors
from dromon.apiserver.authn import AUTHENTICATED, User
from dromon.apiserver.authz import Attributes, Authorizer
from dromon.base.http.messages import Request

USER, GROUP, UID, EXTRA = "impersonate-user", "impersonate-group", "impersonate-uid", "impersonate-extra-"
_ACCOUNT = "system:serviceaccount:"
_ANONYMOUS = "system:anonymous"


def asked(request: Request) -> bool:
    """Whether a request wants to be another user's."""
    headers = request.headers
    return bool(headers.get(USER) or headers.get(GROUP) or headers.get(UID))


def become(request: Request, user: User, authorizer: Authorizer) -> User:
    """The user that a request is made for.

    Raises:
        ApiError: 400 where no user is named, 403 where the requester may not.
    """
    headers = request.headers
    name, groups, uid = headers.get(USER), headers.get_all(GROUP), headers.get(UID)
    extra = {
        unquote(key[len(EXTRA) :].lower()): value
        for key, value in headers.items()
        if key.lower().startswith(EXTRA)
    }
    if not name:
        raise errors.bad_request("requested to impersonate groups, uid or extra without a user")
    for attributes in _asks(name, groups, uid, extra):
        refused = authorizer.authorize(user, attributes)
        if refused is not None:
            a = attributes
            what = a.resource + (f"/{a.subresource}" if a.subresource else "")
            where = f'in the namespace "{a.namespace}"' if a.namespace else "at the cluster scope"
            why = f'User "{user.name}" cannot impersonate resource "{what}" in API group "{a.group}" {where}'
            raise errors.forbidden(a.resource, a.group, a.name, why)
    if name.startswith(_ACCOUNT) and not groups:
        namespace = name[len(_ACCOUNT) :].partition(":")[0]
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    if name != _ANONYMOUS and AUTHENTICATED not in groups:
        groups = [*groups, AUTHENTICATED]
    return User(name, tuple(groups), uid)


def _asks(name: str, groups: list[str], uid: str, extra: dict[str, str]) -> list[Attributes]:
    """What the requester must be allowed, one by one."""
    found: list[Attributes] = []
    verb, group = "impersonate", "authentication.k8s.io"
    account = name.removeprefix(_ACCOUNT).split(":") if name.startswith(_ACCOUNT) else []
    if len(account) == 2:
        found.append(Attributes(verb, "", "", "serviceaccounts", "", account[0], account[1]))
    else:
        found.append(Attributes(verb, "", "", "users", name=name))
    found += [Attributes(verb, "", "", "groups", name=g) for g in groups]
    if uid:
        found.append(Attributes(verb, "", group, "uids", name=uid))
    found += [Attributes(verb, "", group, "userextras", key, name=value) for key, value in extra.items()]
    return found
