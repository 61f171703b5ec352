"""The assignment as a file: there, not there yet, not readable, too large, exchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaugeblock.connectors.assignment_file import BYTES_MAX, AssignmentFile
from gaugeblock.connectors.errors import AssignmentUnreadableError
from gaugeblock.plant.assignment import Assignment, AssignmentError, write_assignment


def _put(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)


def test_it_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "assignment.json"
    file = AssignmentFile(path)
    assert file.read() is None
    for digest in ("a" * 64, "b" * 64):
        one = Assignment(module="/m", module_sha256=digest)
        _put(path, write_assignment(one))
        assert file.read() == one
        assert file.read() is file.read(), "an unchanged file is not parsed again"
    _put(path, b"{")
    with pytest.raises(AssignmentError):
        file.read()


def test_what_is_no_file_of_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "assignment.json"
    path.write_bytes(b" " * (BYTES_MAX + 1))
    with pytest.raises(AssignmentUnreadableError):
        AssignmentFile(path).read()
    path.unlink()
    path.mkdir()
    with pytest.raises(AssignmentUnreadableError):
        AssignmentFile(path).read()
