"""What the review desk refuses, each by name."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class ReviewUnknownError(GaugeblockError):
    """No such verdict, or none whose image can be judged. Facts: ``index``."""

    code = "inspection.review_unknown"


class ReviewDecidedError(GaugeblockError):
    """Somebody else has decided meanwhile; nothing was recorded. Facts: ``index``, ``person``."""

    code = "inspection.review_decided"


class ReviewOwnError(GaugeblockError):
    """A second opinion or an adjudication by someone who has given an opinion already. Facts: ``index``."""

    code = "inspection.review_own"


class ReviewNotBegunError(GaugeblockError):
    """A second opinion, an adjudication or an undo where there is nothing to add to. Facts: ``index``."""

    code = "inspection.review_not_begun"


class ReviewDefectsError(GaugeblockError):
    """Defects that do not fit the decision: unknown to the catalogue, or none for a defective part.

    Facts: ``found``.
    """

    code = "inspection.review_defects"


class ReviewNoteError(LimitError):
    """A note that is too long. Facts: ``found``, ``limit``."""

    code = "inspection.review_note"


class CatalogueCodeError(GaugeblockError):
    """A defect's code with other characters than a-z, 0-9 and ``_``, or twice in one list. Facts: ``value``."""

    code = "inspection.catalogue_code"


class CatalogueNameError(GaugeblockError):
    """A kind of defect without a name in both languages, or with one that is too long. Facts: ``value``, ``limit``."""

    code = "inspection.catalogue_name"


class CatalogueLimitError(LimitError):
    """Too many kinds of defect, or none in use. Facts: ``found``, ``limit``."""

    code = "inspection.catalogue_limit"


class CatalogueDroppedError(GaugeblockError):
    """A list that leaves out a kind which was there: kinds are taken out of use, never dropped. Facts: ``value``."""

    code = "inspection.catalogue_dropped"


class CatalogueChangedError(GaugeblockError):
    """Somebody else has saved the list since it was read. Facts: ``person``."""

    code = "inspection.catalogue_changed"
