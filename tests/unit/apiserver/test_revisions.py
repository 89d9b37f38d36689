"""Every combination of resourceVersion, resourceVersionMatch, limit, continue and sendInitialEvents.

The tables are those of the Kubernetes API concepts page, "Resource versions"; the texts apimachinery's.
"""

from __future__ import annotations

import itertools

import pytest

from dromon.api.errors import ApiError
from dromon.apiserver.revisions import Asked, Param, WatchAsked, get, list_, parse_revision, watch

RECENT, ANY = Asked(fresh=True), Asked()
NOT_OLDER, EXACT = Asked(revision=7), Asked(revision=7, exact=True)
UNPROVIDED = (
    "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
)
CONTINUED = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided"
ZERO = 'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
UNSUPPORTED = (
    'resourceVersionMatch: Unsupported value: "Maybe": supported values: "", "Exact", "NotOlderThan"'
)
BOTH = "specifying resource version is not allowed when using continue"


def params(**given: str) -> Param:
    return lambda name: given.get(name, "")


@pytest.mark.parametrize(("revision", "asked"), [("", RECENT), ("0", ANY), ("7", NOT_OLDER)])
def test_get(revision: str, asked: Asked) -> None:
    assert get(params(resourceVersion=revision)) == asked


LISTS: list[tuple[str, int, str, str, Asked | str]] = [
    # match, limit, continue, resourceVersion
    ("", 0, "", "", RECENT),
    ("", 0, "", "0", ANY),
    ("", 0, "", "7", NOT_OLDER),
    ("", 5, "", "", RECENT),
    ("", 5, "", "0", ANY),
    ("", 5, "", "7", EXACT),
    ("", 5, "t", "", ANY),
    ("", 5, "t", "0", ANY),
    ("", 5, "t", "7", BOTH),
    ("Exact", 0, "", "", UNPROVIDED),
    ("Exact", 0, "", "0", ZERO),
    ("Exact", 0, "", "7", EXACT),
    ("Exact", 5, "", "", UNPROVIDED),
    ("Exact", 5, "", "0", ZERO),
    ("Exact", 5, "", "7", EXACT),
    ("Exact", 5, "t", "", f"[{UNPROVIDED}, {CONTINUED}]"),
    ("Exact", 5, "t", "7", CONTINUED),
    ("NotOlderThan", 0, "", "", UNPROVIDED),
    ("NotOlderThan", 0, "", "0", ANY),
    ("NotOlderThan", 0, "", "7", NOT_OLDER),
    ("NotOlderThan", 5, "", "", UNPROVIDED),
    ("NotOlderThan", 5, "", "0", ANY),
    ("NotOlderThan", 5, "", "7", NOT_OLDER),
    ("NotOlderThan", 5, "t", "7", CONTINUED),
    ("Maybe", 0, "", "7", UNSUPPORTED),
    ("Maybe", 0, "", "", f"[{UNPROVIDED}, {UNSUPPORTED}]"),
]


@pytest.mark.parametrize(("match", "limit", "continue_", "revision", "expected"), LISTS)
def test_list(match: str, limit: int, continue_: str, revision: str, expected: Asked | str) -> None:
    param = params(resourceVersionMatch=match, resourceVersion=revision, **{"continue": continue_})
    if isinstance(expected, Asked):
        assert list_(param, limit) == expected
        return
    with pytest.raises(ApiError) as refusal:
        list_(param, limit)
    assert refusal.value.code == (400 if expected == BOTH else 422)
    assert refusal.value.message.endswith(expected)


def test_a_list_has_no_initial_events() -> None:
    with pytest.raises(ApiError, match="sendInitialEvents is forbidden for list"):
        list_(params(sendInitialEvents="true"), 0)


REQUIRED = (
    "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
)
UNASKED = (
    "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents "
    "is provided"
)
ONLY = 'resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"'
WATCHES: list[tuple[str, str, str, WatchAsked | str]] = [
    # sendInitialEvents, match, resourceVersion
    ("", "", "", WatchAsked(fresh=True)),
    ("", "", "0", WatchAsked()),
    ("", "", "7", WatchAsked(after=7)),
    ("true", "NotOlderThan", "", WatchAsked(fresh=True, initial=True)),
    ("true", "NotOlderThan", "0", WatchAsked(initial=True)),
    ("true", "NotOlderThan", "7", WatchAsked(after=7, initial=True)),
    ("false", "NotOlderThan", "", WatchAsked(fresh=True, now=True)),
    ("false", "NotOlderThan", "0", WatchAsked(now=True)),
    ("false", "NotOlderThan", "7", WatchAsked(after=7)),
    *(
        (sent, "", revision, REQUIRED)
        for sent, revision in itertools.product(("true", "false"), ("", "0", "7"))
    ),
    *((sent, "Exact", "7", f"[{REQUIRED}, {ONLY}]") for sent in ("true", "false")),
    ("", "NotOlderThan", "7", UNASKED),
    ("", "Exact", "7", f"[{UNASKED}, {ONLY}]"),
]


@pytest.mark.parametrize(("sent", "match", "revision", "expected"), WATCHES)
def test_watch(sent: str, match: str, revision: str, expected: WatchAsked | str) -> None:
    param = params(sendInitialEvents=sent, resourceVersionMatch=match, resourceVersion=revision)
    if isinstance(expected, WatchAsked):
        assert watch(param, sent == "true") == expected
        return
    with pytest.raises(ApiError) as refusal:
        watch(param, sent == "true")
    assert refusal.value.code == 422
    assert refusal.value.message.endswith(expected)


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "9" * 30, "٣"])
def test_what_is_no_revision(text: str) -> None:
    for read in (get, lambda p: list_(p, 0), lambda p: watch(p, False)):
        with pytest.raises(ApiError) as refusal:
            read(params(resourceVersion=text))
        assert refusal.value.code == 400
    assert parse_revision("resourceVersion", "") is None
