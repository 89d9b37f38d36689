"""Health endpoints, /version, generated names, warnings."""

from __future__ import annotations

import json
import logging
import re
import uuid
from random import Random

import pytest

from dromon.api.errors import ApiError
from dromon.apiserver import names
from dromon.apiserver.health import Health, version_answer
from dromon.apiserver.reply import warning_header
from dromon.base.http.messages import Headers, Request

health = Health(live={"ping": lambda: None}, ready={"etcd": lambda: "disk is full"})


def get(target: str) -> tuple[int, str]:
    answer = health.answer(Request("GET", target, Headers([])))
    return answer.status, answer.body.decode()


def test_healthy() -> None:
    assert get("/livez") == (200, "ok")
    assert get("/healthz?verbose") == (200, "[+]ping ok\nhealthz check passed\n")
    assert get("/livez/ping") == (200, "ok")


def test_unhealthy_says_what_but_not_why(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        status, body = get("/readyz")
    assert (status, body) == (500, "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n")
    assert "disk is full" in caplog.text
    assert get("/readyz?exclude=etcd")[0] == 200


def test_unknown_checks() -> None:
    with pytest.raises(ApiError):
        get("/readyz/nothing")


def test_version_makes_clients_choose_1_32() -> None:
    version = json.loads(version_answer().body)
    assert (version["major"], version["minor"]) == ("1", "32")
    assert re.fullmatch(r"v1\.32\.0\+dromon-\d+\.\d+\.\d+", version["gitVersion"])


def test_generated_names() -> None:
    random = Random(1)
    for base in ("web-", "x" * 100):
        name = names.generate(base, random)
        assert name.startswith(base[:58])
        assert len(name) <= 63
        assert set(name[-5:]) <= set(names.ALPHABET)
    for _ in range(100):
        uid = names.uid(random)
        assert str(uuid.UUID(uid)) == uid
        assert (uuid.UUID(uid).version, uuid.UUID(uid).variant) == (4, uuid.RFC_4122)


def test_warnings_stay_one_header() -> None:
    assert warning_header(['unknown field "a"', "x\r\ny: é"]) == (
        '299 - "unknown field \\"a\\"", 299 - "x\\r\\ny: \\xe9"'
    )
