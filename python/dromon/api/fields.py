"""Field selectors: "spec.nodeName=n1,status.phase!=Running". The reference of rust/src/selector/field.rs.

Terms are joined by commas; =, == and != compare with text; in a value, a backslash escapes a backslash, a
comma or an equals sign. Source: Kubernetes documentation "Field Selectors"; texts as upstream's apimachinery.

Neighbours: resource.Resource.selectable says which fields a kind has; dromon.store.cache selects by them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

_OPERATORS = ("!=", "==", "=")


@dataclass(frozen=True, slots=True)
class Term:
    """`field` equals `value` (or, when `negated`, doesn't)."""

    field: str
    value: str
    negated: bool = False

    def matches(self, values: Mapping[str, str]) -> bool:
        """Whether the term holds; a field that is not given is the empty text."""
        return (values.get(self.field, "") == self.value) != self.negated

    def __str__(self) -> str:
        return f"{self.field}{'!=' if self.negated else '='}{escape(self.value)}"


@dataclass(frozen=True, slots=True)
class Selector:
    """A conjunction of terms; none: everything matches."""

    terms: tuple[Term, ...] = ()

    def matches(self, values: Mapping[str, str]) -> bool:
        """Whether an object with these field values is selected."""
        return all(t.matches(values) for t in self.terms)

    def required(self, field: str) -> str | None:
        """The value that `field` must have, or None where any may do."""
        return next((t.value for t in self.terms if t.field == field and not t.negated), None)

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.terms

    def __str__(self) -> str:
        return ",".join(str(t) for t in self.terms)


EVERYTHING = Selector()


def escape(value: str) -> str:
    """`value` as it is written in a selector."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def unescape(text: str) -> str:
    """The value that `text` writes; ValueError for an unknown escape or a bare comma or equals sign."""
    found: list[str] = []
    characters = iter(text)
    for c in characters:
        if c == "\\":
            escaped = next(characters, "")
            if escaped not in ("\\", ",", "="):
                raise ValueError(f"invalid field selector: invalid escape sequence: \\{escaped}")
            found.append(escaped)
        elif c in ",=":
            # Upstream prints the character's number here.
            raise ValueError(f"invalid field selector: unescaped character in value: {ord(c)}")
        else:
            found.append(c)
    return "".join(found)


def parse(text: str, known: Collection[str] | None = None) -> Selector:
    """The selector that `text` writes, its terms sorted by their text.

    Args:
        known: the fields that may be named; None: any.

    Raises:
        ValueError: with upstream's text.
    """
    terms: list[Term] = []
    for part in sorted(_split(text)):
        if not part:
            continue
        name, operator, value = _split_term(text, part)
        terms.append(Term(name, unescape(value), operator == "!="))
    for term in terms:
        if known is not None and term.field not in known:
            raise ValueError(f"field label not supported: {term.field}")
    return Selector(tuple(terms))


def _split(text: str) -> list[str]:
    """The parts between commas that no backslash precedes; escapes stay."""
    parts, start, escaped = [], 0, False
    for at, c in enumerate(text):
        if escaped:
            escaped = False
        elif c == "\\":
            escaped = True
        elif c == ",":
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _split_term(whole: str, part: str) -> tuple[str, str, str]:
    for at in range(len(part)):
        for operator in _OPERATORS:
            if part.startswith(operator, at):
                return part[:at], operator, part[at + len(operator) :]
    raise ValueError(f"invalid selector: '{whole}'; can't understand '{part}'")
