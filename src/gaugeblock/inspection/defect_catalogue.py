"""The kinds of defect that people choose from: a whole, ordered list, one for a product or for all.

A kind is never dropped: records name it by its code for ever. It is taken out of use, and then no longer offered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gaugeblock.inspection.review_errors import (
    CatalogueCodeError,
    CatalogueDroppedError,
    CatalogueLimitError,
    CatalogueNameError,
)
from gaugeblock.plant.review_facets import DefectKind

KINDS_MOST = 60
NAME_MOST = 40
_CODE = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")

DEFAULT_KINDS: tuple[DefectKind, ...] = (
    DefectKind("scratch", "划伤", "scratch", "minor"),
    DefectKind("dent", "碰伤", "dent", "major"),
    DefectKind("burr", "毛刺", "burr", "minor"),
    DefectKind("crack", "裂纹", "crack", "critical"),
    DefectKind("pit", "麻点", "pit", "major"),
    DefectKind("chip", "崩边", "chip", "major"),
    DefectKind("stain", "污渍", "stain", "minor"),
    DefectKind("porosity", "气孔", "porosity", "critical"),
    DefectKind("uneven", "磨削不均", "uneven grinding", "major"),
    DefectKind("other", "其他", "other", "major"),
)
"""What metal parts suffer from, until the plant has said otherwise."""


def check_kinds(kinds: Sequence[DefectKind], before: Sequence[DefectKind] = ()) -> tuple[DefectKind, ...]:
    """The list, if it may replace the one ``before``.

    Raises
    ------
    CatalogueCodeError, CatalogueNameError, CatalogueLimitError, CatalogueDroppedError

    Examples
    --------
    >>> check_kinds(DEFAULT_KINDS) == DEFAULT_KINDS
    True
    >>> check_kinds([DefectKind("Scratch!", "划伤", "scratch")])
    Traceback (most recent call last):
    gaugeblock.inspection.review_errors.CatalogueCodeError: ...
    """
    active = sum(kind.active for kind in kinds)
    if active == 0 or len(kinds) > KINDS_MOST:
        raise CatalogueLimitError(found=len(kinds) if active else 0, limit=KINDS_MOST)
    seen: set[str] = set()
    for kind in kinds:
        if not _CODE.match(kind.code) or kind.code in seen:
            raise CatalogueCodeError(value=kind.code[:40])
        seen.add(kind.code)
        if any(not name.strip() or len(name) > NAME_MOST or not name.isprintable() for name in (kind.zh, kind.en)):
            raise CatalogueNameError(value=kind.code, limit=NAME_MOST)
    dropped = [kind.code for kind in before if kind.code not in seen]
    if dropped:
        raise CatalogueDroppedError(value=dropped[0])
    return tuple(kinds)
