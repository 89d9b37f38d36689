"""The grammar of label selectors, as a recursive descent over tokens.

    selector    = [ requirement { "," requirement } ]
    requirement = [ "!" ] KEY
                | KEY ( "=" | "==" | "!=" | ">" | "<" ) [ VALUE ]
                | KEY ( "in" | "notin" ) values
    values      = "(" [ VALUE ] { "," [ VALUE ] } ")"

"in" and "notin" are values where a value is expected. Blanks separate tokens. Error texts and the order in
which faults are found are upstream's (apimachinery, labels.Parse).

Neighbours: labels.parse is the way in; rust/src/selector/parse.rs is the fast twin.
"""

from __future__ import annotations

from typing import NamedTuple

from dromon.api import labels
from dromon.api.label_syntax import key_errors, quote

_BLANK = " \t\r\n"
_SPECIAL = "=!(),><"
_WORD = "word"
_END = "end"
_OPERATORS = {
    "in": labels.IN,
    "notin": labels.NOT_IN,
    "=": labels.EQUALS,
    "==": labels.DOUBLE_EQUALS,
    "!=": labels.NOT_EQUALS,
    ">": labels.GREATER_THAN,
    "<": labels.LESS_THAN,
}


class _Token(NamedTuple):
    """`kind` is the literal itself for symbols and keywords, _WORD or _END otherwise."""

    kind: str
    literal: str


def _tokens(text: str) -> list[_Token]:
    """A NUL ends a word, and at the start of a token the whole text, as in upstream's lexer."""
    found: list[_Token] = []
    at = 0
    while True:
        while at < len(text) and text[at] in _BLANK:
            at += 1
        if at == len(text) or text[at] == "\0":
            return [*found, _Token(_END, "")]
        start = at
        if text[at] in _SPECIAL:
            at += 2 if text[at : at + 2] in ("==", "!=") else 1
            found.append(_Token(text[start:at], text[start:at]))
            continue
        while at < len(text) and text[at] not in _BLANK and text[at] not in _SPECIAL and text[at] != "\0":
            at += 1
        word = text[start:at]
        found.append(_Token(word if word in ("in", "notin") else _WORD, word))
        if at < len(text) and text[at] == "\0":
            at += 1


class _Cursor:
    """The tokens and the place reached; keywords read as words unless an operator is expected."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def peek(self) -> _Token:
        token = self._tokens[self._at]
        return _Token(_WORD, token.literal) if token.kind in ("in", "notin") else token

    def take(self) -> _Token:
        token = self.peek()
        self._at += 1
        return token

    def take_operator(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]


def parse_requirements(text: str) -> list[labels.Requirement]:
    """The requirements in the order written; ValueError with upstream's text."""
    cursor = _Cursor(text)
    found: list[labels.Requirement] = []
    while True:
        token = cursor.peek()
        if token.kind == _END:
            return found
        if token.kind not in (_WORD, "!"):
            raise ValueError(f"found '{token.literal}', expected: !, identifier, or 'end of string'")
        try:
            found.append(_requirement(cursor))
        except ValueError as error:
            raise ValueError(f"unable to parse requirement: {error}") from None
        token = cursor.take()
        if token.kind == _END:
            return found
        if token.kind != ",":
            raise ValueError(f"found '{token.literal}', expected: ',' or 'end of string'")
        token = cursor.peek()
        if token.kind not in (_WORD, "!"):
            raise ValueError(f"found '{token.literal}', expected: identifier after ','")


def _requirement(cursor: _Cursor) -> labels.Requirement:
    token = cursor.take()
    negated = token.kind == "!"
    if negated:
        token = cursor.take()
    if token.kind != _WORD:
        raise ValueError(f"found '{token.literal}', expected: identifier")
    key = token.literal
    if faults := key_errors(key):
        # "<nil>" stands where upstream's message has the field's path, which this call has none of.
        raise ValueError(f"<nil>: Invalid value: {quote(key)}: {'; '.join(faults)}")
    if negated:
        return labels.requirement(key, labels.DOES_NOT_EXIST, [])
    if cursor.peek().kind in (_END, ","):
        return labels.requirement(key, labels.EXISTS, [])
    token = cursor.take_operator()
    operator = _OPERATORS.get(token.kind)
    if operator is None:
        expected = ", ".join(labels.BINARY_OPERATORS)
        raise ValueError(f"found '{token.literal}', expected: {expected}")
    values = _values(cursor) if operator in (labels.IN, labels.NOT_IN) else _exact_value(cursor)
    return labels.requirement(key, operator, sorted(values))


def _exact_value(cursor: _Cursor) -> set[str]:
    if cursor.peek().kind in (_END, ","):
        return {""}
    token = cursor.take()
    if token.kind != _WORD:
        raise ValueError(f"found '{token.literal}', expected: identifier")
    return {token.literal}


def _values(cursor: _Cursor) -> set[str]:
    token = cursor.take()
    if token.kind != "(":
        raise ValueError(f"found '{token.literal}' expected: '('")
    token = cursor.peek()
    if token.kind == ")":
        cursor.take()
        return {""}
    if token.kind not in (_WORD, ","):
        raise ValueError(f"found '{token.literal}', expected: ',', ')' or identifier")
    found = _value_list(cursor)
    cursor.take()  # the list ends only before ")"
    return found


def _value_list(cursor: _Cursor) -> set[str]:
    """Values up to the closing parenthesis; an empty place between commas is the value ""."""
    found: set[str] = set()
    while True:
        token = cursor.take()
        if token.kind == _WORD:
            found.add(token.literal)
            after = cursor.peek()
            if after.kind == ")":
                return found
            if after.kind != ",":
                raise ValueError(f"found '{after.literal}', expected: ',' or ')'")
        elif token.kind == ",":
            if not found:
                found.add("")
            after = cursor.peek()
            if after.kind == ")":
                return found | {""}
            if after.kind == ",":
                found.add("")
        else:
            raise ValueError(f"found '{token.literal}', expected: ',', or identifier")
