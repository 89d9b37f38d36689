"""The rules of names, each with what it takes and what it refuses."""

from __future__ import annotations

import pytest

from dromon.api import names
from dromon.api.names import NameRule

GOOD: list[tuple[NameRule, list[str]]] = [
    (names.subdomain, ["a", "a.b", "a-b.c1", "1", "a" * 253]),
    (names.label, ["a", "a-b", "1a", "a" * 63]),
    (names.label_1035, ["a", "a-1", "a" * 63]),
    (names.path_segment, ["a", "A:b", "..."]),
    (names.env_var, ["A", "my.name", "a b", "1A", "_"]),
    (names.config_key, ["a", "A.b_c-d", ".hidden", "a..b"]),
    (names.port_name, ["http", "a", "80a", "a-b"]),
    (names.http_header, ["X-Header", "a"]),
    (names.qualified, ["a", "example.com/a", "a.b_c"]),
    (names.label_value, ["", "a", "A.b_c"]),
]
BAD: list[tuple[NameRule, list[str]]] = [
    (names.subdomain, ["", "A", "a..b", ".a", "a_b", "a" * 254, "é", "a\n"]),
    (names.label, ["", "a.b", "-a", "a-", "a" * 64, "a\n"]),
    (names.label_1035, ["", "1a", "a.b", "A"]),
    (names.path_segment, [".", "..", "a/b", "a%b"]),
    (names.env_var, ["", "a=b", "é", "a\n"]),
    (names.config_key, ["", "a/b", "..", ".", "..a", "é", "a" * 254]),
    (names.port_name, ["", "80", "-a", "a-", "a--b", "A", "abcdefghijklmnop"]),
    (names.http_header, ["", "a b"]),
    (names.qualified, ["", "/a", "a/b/c", "A_/b", "a" * 64]),
    (names.label_value, ["-", "a b", "a" * 64]),
]


@pytest.mark.parametrize(("rule", "name"), [(rule, n) for rule, given in GOOD for n in given])
def test_names_that_keep_the_rule(rule: NameRule, name: str) -> None:
    assert rule(name) == []


@pytest.mark.parametrize(("rule", "name"), [(rule, n) for rule, given in BAD for n in given])
def test_names_that_break_the_rule(rule: NameRule, name: str) -> None:
    assert rule(name)


def test_a_dotted_label_is_told_what_is_wrong() -> None:
    assert names.label("a.b") == ["must not contain dots"]


def test_a_closing_dash_is_fine_before_a_generated_end() -> None:
    assert names.subdomain(names.as_prefix("web-")) == []
    assert names.subdomain("web-")
