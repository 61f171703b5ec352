"""The assignment as a file that the plant writes whole and the station reads."""

from __future__ import annotations

from pathlib import Path

from gaugeblock.connectors.errors import AssignmentUnreadableError
from gaugeblock.plant.assignment import Assignment, read_assignment

BYTES_MAX = 1 << 20


class AssignmentFile:
    """Satisfies the station's ``Assignments``.

    Examples
    --------
    >>> AssignmentFile(Path("/nowhere/assignment.json")).read() is None
    True
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[tuple[int, int, int], Assignment] | None = None

    def read(self) -> Assignment | None:
        """The present assignment, ``None`` where there is no file.

        Raises
        ------
        AssignmentUnreadableError, AssignmentError, ChallengeSetError
        """
        try:
            stat = self._path.stat()
            state = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if self._known is not None and self._known[0] == state:
                return self._known[1]
            if stat.st_size > BYTES_MAX:
                raise AssignmentUnreadableError(file=str(self._path), detail=f"{stat.st_size} > {BYTES_MAX} bytes")
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AssignmentUnreadableError(file=str(self._path), detail=error.strerror or str(error)) from error
        assignment = read_assignment(data)
        self._known = (state, assignment)
        return assignment
