"""Label selectors: parsing, matching, and the canonical text. The readable reference of rust/src/selector.

"Labels and selectors: the only grouping mechanism" (talk). Syntax and error texts are those of upstream's
apimachinery (labels.Parse), so that clients read the messages they know.

Neighbours: types.meta.LabelSelector (the structured form), dromon._core.Selector (the fast form, whose
oracle in the parity tests this is), label_parser (the grammar), label_syntax (what a key and a value may be).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dromon.api.label_syntax import key_errors, quote, quote_list, value_errors
from dromon.api.types.meta import LabelSelector

EQUALS, DOUBLE_EQUALS, NOT_EQUALS = "=", "==", "!="
IN, NOT_IN = "in", "notin"
EXISTS, DOES_NOT_EXIST = "exists", "!"
GREATER_THAN, LESS_THAN = "gt", "lt"

BINARY_OPERATORS = (IN, NOT_IN, EQUALS, DOUBLE_EQUALS, NOT_EQUALS, GREATER_THAN, LESS_THAN)

_STRUCTURED = {"In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": DOES_NOT_EXIST}
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one key.

    Attributes:
        key: label key.
        operator: one of this module's operators.
        values: sorted and distinct when parsed from text.
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the condition holds; a missing key satisfies !=, notin and ! only."""
        value = labels.get(self.key)
        match self.operator:
            case "in" | "=" | "==":
                return value is not None and value in self.values
            case "notin" | "!=":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        left = integer(value) if value is not None else None
        right = integer(self.values[0])
        if left is None or right is None:
            return False
        return left > right if self.operator == GREATER_THAN else left < right

    def __str__(self) -> str:
        values = ",".join(sorted(self.values))
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return "!" + self.key
            case "in" | "notin":
                return f"{self.key} {self.operator} ({values})"
        symbol = {GREATER_THAN: ">", LESS_THAN: "<"}.get(self.operator, self.operator)
        return f"{self.key}{symbol}{values}"


@dataclass(frozen=True, slots=True)
class Selector:
    """A conjunction of requirements, sorted by key.

    Attributes:
        requirements: all must hold; none: everything matches.
        nothing: matches no object at all (a LabelSelector that is not given).
    """

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return not self.nothing and all(r.matches(labels) for r in self.requirements)

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.nothing and not self.requirements

    def __str__(self) -> str:
        """Canonical text; `parse(str(s)) == s` for every parsed selector (`nothing` has no text: "")."""
        return ",".join(str(r) for r in self.requirements)


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


def integer(text: str) -> int | None:
    """A signed 64-bit decimal, or None where `text` is none (gt and lt compare as integers)."""
    if len(text) > 64 or not _INTEGER.fullmatch(text):
        return None
    value = int(text)
    return value if -(2**63) <= value < 2**63 else None


def requirement(key: str, operator: str, values: Sequence[str]) -> Requirement:
    """A checked requirement.

    Raises:
        ValueError: with upstream's text, for a malformed key or value or the wrong number of values.
    """
    faults = [f"key: Invalid value: {quote(key)}: {'; '.join(e)}"] if (e := key_errors(key)) else []
    wrong = f"values: Invalid value: {quote_list(values)}: "
    match operator:
        case "in" | "notin":
            if not values:
                faults.append(wrong + "for 'in', 'notin' operators, values set can't be empty")
        case "=" | "==" | "!=":
            if len(values) != 1:
                faults.append(wrong + "exact-match compatibility requires one single value")
        case "exists" | "!":
            if values:
                faults.append(wrong + "values set must be empty for exists and does not exist")
        case "gt" | "lt":
            if len(values) != 1:
                faults.append(wrong + "for 'Gt', 'Lt' operators, exactly one value is required")
            why = "for 'Gt', 'Lt' operators, the value must be an integer"
            faults += [
                f"values[{i}]: Invalid value: {quote(v)}: {why}"
                for i, v in enumerate(values)
                if integer(v) is None
            ]
        case _:
            allowed = ", ".join(f'"{o}"' for o in sorted((*BINARY_OPERATORS, EXISTS, DOES_NOT_EXIST)))
            faults.append(f"operator: Unsupported value: {quote(operator)}: supported values: {allowed}")
    faults += [
        f"values[{i}][{key}]: Invalid value: {quote(v)}: {'; '.join(e)}"
        for i, v in enumerate(values)
        if (e := value_errors(v))
    ]
    if faults:
        distinct = list(dict.fromkeys(faults))
        raise ValueError(distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]")
    return Requirement(key, operator, tuple(values))


def parse(text: str) -> Selector:
    """The selector that `text` writes: "a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1,m<2".

    Raises:
        ValueError: with upstream's text.
    """
    from dromon.api.label_parser import parse_requirements  # the parser makes this module's requirements

    return Selector(tuple(sorted(parse_requirements(text), key=lambda r: r.key)))


def from_set(labels: Mapping[str, str]) -> Selector:
    """Selects objects that have all of these labels (unchecked: a ReplicationController's selector)."""
    return Selector(tuple(Requirement(k, EQUALS, (labels[k],)) for k in sorted(labels)))


def from_label_selector(selector: LabelSelector | None) -> Selector:
    """The structured form's selector: None selects nothing, an empty one everything.

    Raises:
        ValueError: for an unknown operator or a malformed requirement, with upstream's text.
    """
    if selector is None:
        return NOTHING
    found = [requirement(k, EQUALS, [v]) for k, v in selector.match_labels.items()]
    for expression in selector.match_expressions:
        operator = _STRUCTURED.get(expression.operator)
        if operator is None:
            raise ValueError(f"{quote(expression.operator)} is not a valid label selector operator")
        found.append(requirement(expression.key, operator, expression.values))
    return Selector(tuple(sorted(found, key=lambda r: r.key)))
