"""The types in _core.pyi against what the binary exports."""

from __future__ import annotations

import ast
from pathlib import Path

import dromon
from dromon import _core

STUB = ast.parse((Path(dromon.__file__).parent / "_core.pyi").read_text())
# Methods of every class that a stub need not repeat.
IMPLIED = set(dir(type("Bare", (), {}))) | {"__str__", "__new__", "__len__"}


def test_what_the_stub_declares_is_there() -> None:
    for node in STUB.body:
        if isinstance(node, ast.ClassDef):
            found = getattr(_core, node.name)
            for member in node.body:
                if isinstance(member, ast.FunctionDef):
                    assert hasattr(found, member.name), f"{node.name}.{member.name}"
        elif isinstance(node, ast.FunctionDef):
            assert callable(getattr(_core, node.name))


def test_what_is_there_is_declared() -> None:
    declared = {n.name: n for n in STUB.body if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    for name in dir(_core):
        if name.startswith("_"):
            continue
        assert name in declared, name
        node = declared[name]
        if not isinstance(node, ast.ClassDef) or issubclass(getattr(_core, name), BaseException):
            continue
        members = {m.name for m in node.body if isinstance(m, ast.FunctionDef)}
        members |= {
            m.target.id for m in node.body if isinstance(m, ast.AnnAssign) and isinstance(m.target, ast.Name)
        }
        assert {m for m in dir(getattr(_core, name)) if m not in IMPLIED} <= members, name


def test_parameters_agree() -> None:
    for node in STUB.body:
        if not isinstance(node, ast.ClassDef):
            continue
        for member in node.body:
            if not isinstance(member, ast.FunctionDef) or member.decorator_list:
                continue
            signature = getattr(getattr(getattr(_core, node.name), member.name), "__text_signature__", None)
            if member.name.startswith("__") or not signature:
                continue
            names = [a.arg for a in (*member.args.posonlyargs, *member.args.args, *member.args.kwonlyargs)]
            inside = signature.strip("()").split(",")
            there = [part.strip().lstrip("$").split("=")[0].strip() for part in inside]
            assert [n for n in there if n not in ("/", "*", "")] == names, f"{node.name}.{member.name}"
