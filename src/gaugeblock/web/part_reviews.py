"""What pages show of a part's reviews, each reader in their language and within their role."""

from __future__ import annotations

from typing import Any

from gaugeblock.inspection.read_model import VerdictRow
from gaugeblock.plant.language import Language
from gaugeblock.plant.review_facets import DefectKind
from gaugeblock.web.api_reviews import author_of, for_this_reader
from gaugeblock.web.ports import Services
from gaugeblock.web.reader import Reader


def names_of(kinds: tuple[DefectKind, ...], language: Language) -> dict[str, str]:
    """What the kinds of defect are called in a language."""
    return {kind.code: kind.zh if language == "zh" else kind.en for kind in kinds}


def may_decide(reader: Reader) -> bool:
    """Viewers see what waits, and decide nothing."""
    return reader.account is not None and reader.account.role in {"quality", "admin"}


def reviews_of(services: Services, reader: Reader, row: VerdictRow) -> dict[str, Any]:
    """What the part's page shows of its reviews; blocks."""
    desk, author = services.desks.reviews, author_of(reader)
    reviewed = desk.reader.reviewed(row.index)
    kinds = desk.catalogue(row.product)
    return {
        "reviewed": for_this_reader(reviewed, author) if reviewed else None,
        "kinds": kinds.offered,
        "names": names_of(kinds.kinds, reader.language),
        "may_decide": may_decide(reader) and row.purpose == "production",
    }
