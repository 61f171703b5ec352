"""Images in a folder and below it, for commands and jobs that read photographs from files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.vision.decode import decode
from gaugeblock.vision.errors import ImageUnreadableError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
FILES_MAX = 200_000

Pixels = npt.NDArray[np.uint8]


class FolderMissingError(GaugeblockError):
    """Not a folder that can be read. Facts: ``path``."""

    code = "vision.folder_missing"


class FolderEmptyError(GaugeblockError):
    """No file in it has the name of an image. Facts: ``path``."""

    code = "vision.folder_empty"


class FolderTooLargeError(GaugeblockError):
    """More images than the limit. Facts: ``path``, ``limit``."""

    code = "vision.folder_too_large"


@dataclass(frozen=True)
class ImageFolder:
    """The images below a folder in the order of their names, decoded when asked for."""

    root: Path
    paths: tuple[Path, ...]

    @classmethod
    def open(cls, root: Path) -> ImageFolder:
        """List the images.

        Raises
        ------
        FolderMissingError, FolderEmptyError, FolderTooLargeError
        """
        if not root.is_dir() or not os.access(root, os.R_OK | os.X_OK):
            raise FolderMissingError(path=str(root))
        paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not paths:
            raise FolderEmptyError(path=str(root))
        if len(paths) > FILES_MAX:
            raise FolderTooLargeError(path=str(root), limit=FILES_MAX)
        return cls(root, tuple(paths))

    def name(self, index: int) -> str:
        """Relative to the folder, with forward slashes."""
        return self.paths[index].relative_to(self.root).as_posix()

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Pixels:
        try:
            data = self.paths[index].read_bytes()
        except OSError as error:
            raise ImageUnreadableError(detail=error.strerror or type(error).__name__) from error
        return decode(data)


def images_in(folder: Path) -> int | None:
    """How many images there are below a folder; ``None`` where it cannot be read, holds none, or too many."""
    try:
        return len(ImageFolder.open(folder))
    except GaugeblockError:
        return None
