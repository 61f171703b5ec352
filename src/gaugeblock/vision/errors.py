"""The named errors of visual inspection. Each stands for UNDECIDED at a station, never for OK."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class ImageError(GaugeblockError):
    """Base of everything that is wrong with one image, as opposed to a module or a training set."""


class ImageEmptyError(ImageError):
    """No bytes at all."""

    code = "vision.image_empty"


class ImageCorruptError(ImageError):
    """Not an image of a known format, or damaged beyond decoding. Facts: ``detail``."""

    code = "vision.image_corrupt"


class ImageUnknownFormatError(ImageCorruptError):
    """Not an image of any format we read."""

    code = "vision.image_unknown_format"


class ImageUnreadableError(ImageError):
    """The system does not give the file's bytes. Facts: ``detail`` (the system's words)."""

    code = "vision.image_unreadable"


class ImageTruncatedError(ImageError):
    """The file ends before the picture does. Facts: ``detail``."""

    code = "vision.image_truncated"


class ImageDepthError(ImageError):
    """More than 8 bits a channel. Facts: ``depth``."""

    code = "vision.image_depth"


class ImageModeError(ImageError):
    """A colour model that is neither grey, palette nor RGB. Facts: ``mode``."""

    code = "vision.image_mode"


class ImageAnimatedError(ImageError):
    """Several frames in one file: which one is the part? Facts: ``frames``."""

    code = "vision.image_animated"


class ImageTooLargeError(ImageError):
    """More pixels than the limits allow. Facts: ``limit``."""

    code = "vision.image_too_large"


class ImageFileTooLargeError(ImageTooLargeError):
    """More bytes than the limits allow. Facts: ``limit``."""

    code = "vision.image_file_too_large"


class ImageTooNarrowError(ImageTooLargeError):
    """So long and narrow that it needs too many cells. Facts: ``limit``."""

    code = "vision.image_too_narrow"


class ImageTooSmallError(ImageError):
    """Too few pixels to inspect. Facts: ``width``, ``height``, ``limit``."""

    code = "vision.image_too_small"


class ImageArrayError(ImageError):
    """An array that is not (height, width, 3) uint8. Facts: ``shape``, ``dtype``."""

    code = "vision.image_array"


class ImageSizeMismatchError(ImageError):
    """Size or aspect far from the training images: wrong camera or crop.

    Facts: ``width``, ``height``, ``expected``.
    """

    code = "vision.image_size_mismatch"


class ImageBlankError(ImageError):
    """Hardly any contrast: lens cap, black or empty frame. Facts: ``contrast``, ``limit``."""

    code = "vision.image_blank"


class ImageSaturatedError(ImageError):
    """Far more overexposed pixels than any training image. Facts: ``share``, ``limit``."""

    code = "vision.image_saturated"


class ImageExposureError(ImageError):
    """Mean brightness far outside what was seen in training. Facts: ``mean``, ``low``, ``high``."""

    code = "vision.image_exposure"


class ImageContradictionError(ImageError):
    """Given as good, and the same picture as defective too. Facts: ``defective`` (its number there, from 1)."""

    code = "vision.image_contradiction"


class CheckpointError(GaugeblockError):
    """A weights file that is not the legacy torch form this reader knows. Facts: ``detail``."""

    code = "vision.checkpoint"


class CheckpointDigestError(GaugeblockError):
    """A weights file with another digest than expected. Facts: ``expected``, ``found``."""

    code = "vision.checkpoint_digest"


class NetworkShapeError(GaugeblockError):
    """A network whose inputs or outputs are not those of a feature extractor. Facts: ``detail``."""

    code = "vision.network_shape"


class NetworkNotQuantisableError(GaugeblockError):
    """A network without convolutions that could be brought to 8 bits. Facts: ``convolutions``."""

    code = "vision.network_not_quantisable"


class NoCalibrationImagesError(GaugeblockError):
    """No image to find the ranges of an 8-bit network with."""

    code = "vision.no_calibration_images"


class ModuleFormatError(GaugeblockError):
    """Not a ``.gbm`` file, or not of a version this release reads."""

    code = "vision.module_format"


class ModuleVersionError(ModuleFormatError):
    """A ``.gbm`` file of an earlier version, which lacks what this release inspects with. Facts: ``version``."""

    code = "vision.module_version"


class ModuleLimitError(ModuleFormatError):
    """A part of a module is larger than any module's. Facts: ``part``."""

    code = "vision.module_limit"


class ModuleLayoutError(ModuleFormatError):
    """A part of a module is missing or does not fit the others. Facts: ``part``."""

    code = "vision.module_layout"


class ModuleDigestError(GaugeblockError):
    """A ``.gbm`` file whose bytes do not match its digest: damaged or altered."""

    code = "vision.module_digest"


class NoTrainingImagesError(GaugeblockError):
    """Nothing to train on. Facts: ``left_out``."""

    code = "vision.no_training_images"


class TooFewPartsError(GaugeblockError):
    """Too few good parts, or groups, to train on. Facts: ``found``, ``needed``."""

    code = "vision.too_few_parts"


class GroupsMismatchError(GaugeblockError):
    """Not one group for each image. Facts: ``groups``, ``images``."""

    code = "vision.groups_mismatch"


class HeatmapFormatError(GaugeblockError):
    """A heat-map that is not an 8-bit grey PNG of the agreed form. Facts: ``detail``."""

    code = "vision.heatmap_format"


class LevelRangeError(GaugeblockError):
    """A share or confidence outside the open interval 0…1. Facts: ``name``, ``value``."""

    code = "vision.level_range"


class TooManyImagesError(GaugeblockError):
    """More training images than one training takes. Facts: ``found``, ``limit``."""

    code = "vision.too_many_images"


class WeightsMissingError(GaugeblockError):
    """The package that carries the network's weights is not installed."""

    code = "vision.weights_missing"


class CostRangeError(GaugeblockError):
    """A cost of an escape, an overkill or a review below zero or not finite. Facts: ``value``."""

    code = "vision.cost_range"


class ScoreNotFiniteError(GaugeblockError):
    """A score that is not a number or infinite. Facts: ``position`` (from 0)."""

    code = "vision.score_not_finite"


class FoldsMismatchError(GaugeblockError):
    """Fewer than two folds, or not as many of good as of defective parts. Facts: ``good``, ``defective``."""

    code = "vision.folds_mismatch"


class TooManyScoresError(LimitError):
    """More scores than one choice of thresholds takes. Facts: ``found``, ``limit``."""

    code = "vision.too_many_scores"
