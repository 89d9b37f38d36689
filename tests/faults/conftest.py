"""Fault tests: things are broken under the real programs, and a checker judges what clients saw.

Each test runs short by default, and long with DROMON_FAULTS=long, which `make faults` sets.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .disk import Disk, compile_shim
from .form import LONG


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether to run the long form."""
    return LONG


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The failing disk's library."""
    if shutil.which("cc") is None:
        pytest.skip("needs cc")
    return compile_shim("disk", tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="session")
def clock_shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The jumping clock's library."""
    if shutil.which("cc") is None:
        pytest.skip("needs cc")
    return compile_shim("clock", tmp_path_factory.mktemp("shim"))


@pytest.fixture
def disk(shim: Path, tmp_path: Path) -> Disk:
    """A failing disk under tmp_path/store/db.sqlite."""
    (tmp_path / "store").mkdir()
    return Disk(shim, tmp_path / "store" / "db.sqlite", tmp_path)
