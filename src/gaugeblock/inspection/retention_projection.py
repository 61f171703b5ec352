"""From deletion records to the table of what is gone, and what is kept of it instead."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Float, Index, MetaData, String, Table

from gaugeblock.plant.control_facets import DeletionProcess, DeletionStatement, DeletionSubject
from gaugeblock.stores.projections import Add, Change, OpenRecord, Put

metadata = MetaData()

deleted = Table(
    "retention_deleted",
    metadata,
    Column("image_sha256", String(64), primary_key=True),
    Column("index", BigInteger, nullable=False),
    Column("deleted_at", String(32), nullable=False),
    Column("heatmap_sha256", String(64)),
    Column("thumbnail_sha256", String(64)),
    Index("retention_deleted_index", "index"),
)

deletions = Table(
    "retention_deletions",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("retention_class", String(16), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("images", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("kept_days", Float),
    Column("kept_share", Float),
    Column("rule_sha256", String(64)),
)

totals = Table(
    "retention_totals",
    metadata,
    Column("retention_class", String(16), primary_key=True),
    Column("images", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)


class RetentionProjection:
    """What was deleted, by record, by image and in sum."""

    name = "retention"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        if not (isinstance(subject, DeletionSubject) and isinstance(statement, DeletionStatement)):
            return
        process = record.facets.get("process")
        rule = process if isinstance(process, DeletionProcess) else None
        yield Put(
            "retention_deletions",
            {"index": record.index},
            {
                "retention_class": subject.retention_class,
                "stated_at": record.stated_at,
                "images": len(statement.images),
                "size_bytes": statement.size_bytes,
                "kept_days": rule.kept_days if rule else None,
                "kept_share": rule.kept_share if rule else None,
                "rule_sha256": rule.rule_sha256 if rule else None,
            },
        )
        yield Add(
            "retention_totals",
            {"retention_class": subject.retention_class},
            {"images": len(statement.images), "size_bytes": statement.size_bytes},
        )
        for image in statement.images:
            yield Put(
                "retention_deleted",
                {"image_sha256": image.image_sha256},
                {
                    "index": record.index,
                    "deleted_at": record.stated_at,
                    "heatmap_sha256": image.heatmap_sha256,
                    "thumbnail_sha256": image.thumbnail_sha256,
                },
            )
