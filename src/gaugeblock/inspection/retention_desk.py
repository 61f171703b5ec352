"""Retention at work: looks for images that need not be kept, records what will be deleted, then deletes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, get_args

import msgspec
from sqlalchemy import Connection, Row, and_, func, or_, select

from gaugeblock.inspection.ports import Images, Statements
from gaugeblock.inspection.projection import references, verdicts
from gaugeblock.inspection.retention import (
    ImageFacts,
    RetentionClass,
    cutoff,
    kept_days,
    kept_share,
    rule_sha256,
    why_kept,
)
from gaugeblock.inspection.retention_projection import deleted, deletions, totals
from gaugeblock.inspection.review_projection import opinions, parts
from gaugeblock.inspection.watch_projection import alarms
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.plant.control_facets import DeletedImage, DeletionProcess, DeletionStatement, DeletionSubject
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.settings import Retention
from gaugeblock.plant.times import Clock
from gaugeblock.stores.database import Database

SCAN_ROWS = 500
"""Verdicts looked at in one step, for each class."""
IMAGES_A_RECORD = 100
PAUSE_S = 600.0
"""Between two passes over everything, when the last one has reached its end."""
LISTED = 50
CLASSES: tuple[RetentionClass, ...] = get_args(RetentionClass)
_VERDICT_OF: dict[RetentionClass, Verdict] = {"good": Verdict.OK, "undecided": Verdict.UNDECIDED}


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """An image that is gone: the record that says so, when, and the digest of the thumbnail that is kept."""

    image_sha256: str
    index: int
    deleted_at: str
    heatmap_sha256: str | None
    thumbnail_sha256: str | None


class DeletionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One deletion record. ``index`` is the record's."""

    index: int
    retention_class: RetentionClass
    stated_at: str
    images: int
    size_bytes: int
    kept_days: float | None
    kept_share: float | None
    rule_sha256: str | None


class ClassSum(msgspec.Struct, frozen=True, kw_only=True):
    """A class: its rule, verdicts with an image, and what was deleted so far (images and bytes)."""

    retention_class: RetentionClass
    kept_days: float
    kept_share: float
    verdicts: int
    deleted: int
    deleted_bytes: int


class RetentionDesk:
    """Deletes what the rule lets go; a keeper.

    First the record, then the deletion: after a crash between both, what is recorded as deleted is deleted. An image
    that several verdicts name is kept while one of them keeps it.

    Parameters
    ----------
    database
        Tables of this room's projections.
    images
        Where images are.
    statements
        Where deletions are stated.
    clock
        Ages and pauses.
    rule
        ``[retention]`` of ``plant.toml``.
    thumbnail
        Makes a small picture of an image's bytes; ``None`` keeps no thumbnails.
    """

    name = "retention"

    def __init__(
        self,
        database: Database,
        images: Images,
        statements: Statements,
        clock: Clock,
        rule: Retention,
        thumbnail: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._database, self._images, self._statements = database, images, statements
        self._clock, self._rule, self._thumbnail = clock, rule, thumbnail
        self._lock = threading.Lock()
        self._cursor: dict[RetentionClass, int] = dict.fromkeys(CLASSES, -1)
        self._next_pass_ns: dict[RetentionClass, int] = dict.fromkeys(CLASSES, 0)
        self._finished = False

    def step(self) -> None:
        """Look at the next verdicts of each class, and let go of what may go."""
        with self._lock:
            if not self._finished:
                self._finish()
                self._finished = True
            for retention_class in CLASSES:
                if self._clock.monotonic_ns() >= self._next_pass_ns[retention_class]:
                    self._scan(retention_class)

    # ── what pages show ───────────────────────────────────────────────────────────────────────────────────

    @property
    def rule(self) -> Retention:
        """The rule in force."""
        return self._rule

    def sums(self) -> list[ClassSum]:
        """Each class."""
        query = select(verdicts.c.verdict, func.count()).where(verdicts.c.image_sha256.is_not(None))
        with self._database.reading() as connection:
            counted = {row[0]: int(row[1]) for row in connection.execute(query.group_by(verdicts.c.verdict))}
            gone = {row.retention_class: row for row in connection.execute(select(totals))}
        return [
            ClassSum(
                retention_class=name,
                kept_days=kept_days(self._rule, name),
                kept_share=kept_share(self._rule, name),
                verdicts=counted.get(_VERDICT_OF[name].value, 0),
                deleted=int(gone[name].images) if name in gone else 0,
                deleted_bytes=int(gone[name].size_bytes) if name in gone else 0,
            )
            for name in CLASSES
        ]

    def deletions(self) -> list[DeletionRow]:
        """Newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(deletions).order_by(deletions.c.index.desc()).limit(LISTED)).all()
        return [DeletionRow(**row._mapping) for row in rows]

    def deleted(self, image_sha256: str) -> Deleted | None:
        """What is known of an image that is gone."""
        query = select(deleted).where(
            or_(deleted.c.image_sha256 == image_sha256, deleted.c.heatmap_sha256 == image_sha256)
        )
        with self._database.reading() as connection:
            row = connection.execute(query.limit(1)).first()
        return None if row is None else Deleted(**row._mapping)

    # ── the work ──────────────────────────────────────────────────────────────────────────────────────────

    def _finish(self) -> None:
        """What the last records say is deleted, but was not when the process ended."""
        with self._database.reading() as connection:
            last = connection.execute(select(func.max(deletions.c.index))).scalar()
            if last is None:
                return
            rows = connection.execute(select(deleted).where(deleted.c.index == last)).all()
        for row in rows:
            self._delete(row.image_sha256, row.heatmap_sha256)

    def _delete(self, image_sha256: str, heatmap_sha256: str | None) -> None:
        self._images.delete(image_sha256)
        if heatmap_sha256 is not None:
            self._images.delete(heatmap_sha256)

    def _scan(self, retention_class: RetentionClass) -> None:
        now = self._clock.now()
        with self._database.reading() as connection:
            rows = self._old(connection, retention_class, now)
            chosen = self._choose(connection, rows, now)
        for start in range(0, len(chosen), IMAGES_A_RECORD):
            self._let_go(retention_class, chosen[start : start + IMAGES_A_RECORD])
        # Only now: a step that failed looks at the same verdicts again. After the last row, from the beginning.
        if len(rows) < SCAN_ROWS:
            self._next_pass_ns[retention_class] = self._clock.monotonic_ns() + round(PAUSE_S * 1e9)
        self._cursor[retention_class] = rows[-1]._mapping["index"] if len(rows) == SCAN_ROWS else -1

    def _old(self, connection: Connection, retention_class: RetentionClass, now: datetime) -> Sequence[Row[Any]]:
        gone = select(deleted.c.image_sha256).where(deleted.c.image_sha256 == verdicts.c.image_sha256)
        query = select(verdicts).where(
            and_(
                verdicts.c.verdict == _VERDICT_OF[retention_class].value,
                verdicts.c.image_sha256.is_not(None),
                verdicts.c.index > self._cursor[retention_class],
                verdicts.c.observed_at < cutoff(self._rule, retention_class, now),
                ~gone.exists(),
            )
        )
        return connection.execute(query.order_by(verdicts.c.index).limit(SCAN_ROWS)).all()

    def _choose(self, connection: Connection, rows: Sequence[Row[Any]], now: datetime) -> list[Row[Any]]:
        """The rows whose image no verdict keeps."""
        digests = {row.image_sha256 for row in rows}
        if not digests:
            return []
        sharing = connection.execute(select(verdicts).where(verdicts.c.image_sha256.in_(digests))).all()
        facts = self._facts(connection, sharing)
        kept = {
            row.image_sha256
            for row, fact in zip(sharing, facts, strict=True)
            if why_kept(fact, self._rule, now) is not None
        }
        seen: set[str] = set()
        chosen = []
        for row in rows:
            if row.image_sha256 not in kept and row.image_sha256 not in seen:
                seen.add(row.image_sha256)
                chosen.append(row)
        return chosen

    def _facts(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[ImageFacts]:
        units = {row.unit for row in rows if row.unit is not None}
        digests = {row.image_sha256 for row in rows}
        of_unit = select(references.c.unit, references.c.condition).where(references.c.unit.in_(units))
        condition = {row.unit: row.condition for row in connection.execute(of_unit)}
        indices = {row._mapping["index"] for row in rows}
        by_verdict = select(opinions.c.verdict_index).where(opinions.c.verdict_index.in_(indices))
        seen_indices = set(connection.execute(by_verdict).scalars())
        by_unit = select(parts.c.unit).where(parts.c.unit.in_(units), parts.c.first_decision.is_not(None))
        seen_units = set(connection.execute(by_unit).scalars())
        shown = select(alarms.c.before_sha256, alarms.c.now_sha256).where(
            or_(alarms.c.before_sha256.in_(digests), alarms.c.now_sha256.in_(digests))
        )
        pointed_at = {digest for row in connection.execute(shown) for digest in row}
        return [
            ImageFacts(
                verdict_index=row._mapping["index"],
                verdict=Verdict(row.verdict),
                observed_at=row.observed_at,
                purpose=row.purpose,
                condition=condition.get(row.unit),
                reviewed=row._mapping["index"] in seen_indices or row.unit in seen_units,
                alarm=row.image_sha256 in pointed_at,
            )
            for row in rows
        ]

    def _let_go(self, retention_class: RetentionClass, rows: Sequence[Row[Any]]) -> None:
        images = [image for row in rows if (image := self._deleted_image(row)) is not None]
        if not images:
            return
        self._statements.state(
            SERVER,
            "retention.deletion",
            f"retention/{retention_class}/{images[0].verdict_index}/{images[-1].verdict_index}/{images[0].image_sha256[:12]}",
            {
                "subject": DeletionSubject(retention_class=retention_class),
                "statement": DeletionStatement(images=tuple(images), size_bytes=sum(i.size_bytes for i in images)),
                "process": DeletionProcess(
                    rule_sha256=rule_sha256(self._rule),
                    kept_days=kept_days(self._rule, retention_class),
                    kept_share=kept_share(self._rule, retention_class),
                    seed=self._rule.seed,
                ),
            },
        )
        for image in images:
            self._delete(image.image_sha256, image.heatmap_sha256)

    def _deleted_image(self, row: Row[Any]) -> DeletedImage | None:
        try:
            data = self._images.get(row.image_sha256)
        except GaugeblockError as error:
            if error.code != "stores.blob_missing":
                raise
            return None  # never handed over, or gone by other hands: there is nothing to delete
        thumbnail = self._images.put(self._thumbnail(data)) if self._thumbnail is not None else None
        if thumbnail == row.image_sha256:
            return None  # so small a picture is its own thumbnail
        size_bytes, heatmap = len(data), row.heatmap_sha256
        if heatmap is not None and self._images.has(heatmap):
            size_bytes += len(self._images.get(heatmap))
        else:
            heatmap = None
        return DeletedImage(
            image_sha256=row.image_sha256,
            verdict_index=row._mapping["index"],
            size_bytes=size_bytes,
            heatmap_sha256=heatmap,
            thumbnail_sha256=thumbnail,
        )
