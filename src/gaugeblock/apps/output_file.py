"""Files that commands write: tried before the work whose result they take, and never seen half written."""

from __future__ import annotations

import os
from pathlib import Path

from gaugeblock.apps.console import Console
from gaugeblock.plant.errors import GaugeblockError


class OutputIsFolderError(GaugeblockError):
    """A result is to be a file, and this names a folder. Facts: ``path``."""

    code = "vision.output_is_folder"


class OutputFolderMissingError(GaugeblockError):
    """The folder of a result is not there, nor the one above it. Facts: ``path``, ``folder``."""

    code = "vision.output_folder_missing"


class OutputUnwritableError(GaugeblockError):
    """A result that cannot be written. Facts: ``path``, ``detail`` (the system's words)."""

    code = "vision.output_unwritable"


def output_file(named: Path | str, console: Console) -> Path:
    """Where a result goes, tried before the work whose result it is.

    One missing folder is made, and said; two are taken for a slip of the pen.

    Raises
    ------
    OutputIsFolderError, OutputFolderMissingError, OutputUnwritableError
    """
    path = Path(named)
    try:
        if str(named).endswith(("/", os.sep)) or not path.name or path.is_dir():
            raise OutputIsFolderError(path=str(named))
        if not path.parent.exists():
            if not path.parent.parent.exists():
                raise OutputFolderMissingError(path=str(path), folder=str(path.parent))
            path.parent.mkdir()
            console.say("report.command.folder_made", folder=path.parent)
        beside = _beside(path)
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise OutputUnwritableError(path=str(path), detail=error.strerror or type(error).__name__) from error
    return path


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def write_output(path: Path, data: bytes) -> None:
    """Written beside, then renamed: a reader never sees half a file."""
    beside = _beside(path)
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OutputUnwritableError(path=str(path), detail=error.strerror or type(error).__name__) from error
