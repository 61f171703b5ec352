"""Challenge parts: which parts of known condition test a station, and how it has fared with them.

A person registers the set; the plant hands it to the station with the next assignment, and from then on the station
answers UNDECIDED until the parts have passed (``edge.challenge_gate``). An empty set withdraws the former one.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import msgspec
from sqlalchemy import select

from gaugeblock.inspection.challenge_projection import outcomes
from gaugeblock.inspection.module_errors import StationUnknownError
from gaugeblock.inspection.modules_projection import challenge_sets
from gaugeblock.inspection.ports import Statements
from gaugeblock.plant.assignment import check_challenge_set
from gaugeblock.plant.control_facets import ChallengeAnswer, ChallengePart, ChallengeSetStatement, ChallengeSubject
from gaugeblock.plant.settings import PlantSettings, Station
from gaugeblock.stores.database import Database

OUTCOMES_LIMIT = 100


class ChallengeSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set as it was last stated; ``index`` is its record. Without parts it was withdrawn."""

    station: str
    product: str | None
    index: int
    parts: ChallengeSetStatement


class ChallengeOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a station said of a challenge; ``index`` is its record."""

    index: int
    station: str
    product: str | None
    state: str
    cause: str
    at: str
    answers: tuple[ChallengeAnswer, ...]
    module_sha256: str | None


class ChallengeDesk:
    """Sets and outcomes by station.

    Parameters
    ----------
    statements
        Where sets are stated.
    database
        Holds the tables of modules and challenges.
    settings
        The stations there are.
    """

    def __init__(self, statements: Statements, database: Database, settings: PlantSettings) -> None:
        self._statements, self._database, self._settings = statements, database, settings

    @property
    def stations(self) -> Sequence[Station]:
        """Those of ``plant.toml``."""
        return self._settings.stations

    def sets(self, station: str) -> list[ChallengeSet]:
        """The sets in force at a station, those for all products first."""
        query = select(challenge_sets).where(challenge_sets.c.station == station).order_by(challenge_sets.c.product)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        found = [
            ChallengeSet(
                station=row["station"],
                product=row["product"] or None,
                index=row["index"],
                parts=msgspec.json.decode(row["statement"], type=ChallengeSetStatement),
            )
            for row in rows
        ]
        return [each for each in found if each.parts.parts]

    def outcomes(self, station: str, limit: int = OUTCOMES_LIMIT) -> list[ChallengeOutcome]:
        """Newest first."""
        query = select(outcomes).where(outcomes.c.station == station).order_by(outcomes.c.index.desc())
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(max(1, min(limit, OUTCOMES_LIMIT)))).mappings().all()
        return [
            ChallengeOutcome(
                **{**row, "answers": msgspec.json.decode(row["answers"], type=tuple[ChallengeAnswer, ...])}
            )
            for row in rows
        ]

    def register(
        self,
        by: str,
        station: str,
        product: str | None,
        good: Sequence[str],
        defective: Sequence[str],
        *,
        valid_h: float = 12.0,
        each_shift: bool = True,
        each_changeover: bool = True,
    ) -> int:
        """State a set; the record's index.

        Parameters
        ----------
        by
            ``person:<name>``.
        good, defective
            Serials as the PLC reads them; one of each at least.
        valid_h
            For how many hours a passed challenge counts.

        Raises
        ------
        StationUnknownError, ChallengeSetError
        """
        parts = ChallengeSetStatement(
            tuple(ChallengePart(unit, "good") for unit in good)
            + tuple(ChallengePart(unit, "defective") for unit in defective),
            each_shift=each_shift,
            each_changeover=each_changeover,
            valid_h=valid_h,
        )
        check_challenge_set(parts)
        return self._state(by, station, product, parts)

    def withdraw(self, by: str, station: str, product: str | None) -> int:
        """No parts test the station any more; where it requires a challenge, it then judges nothing.

        Raises
        ------
        StationUnknownError
        """
        return self._state(by, station, product, ChallengeSetStatement(()))

    def _state(self, by: str, station: str, product: str | None, parts: ChallengeSetStatement) -> int:
        if self._settings.station(station) is None:
            raise StationUnknownError(station=station)
        identity = f"challenge_set/{station}/{uuid.uuid4().hex}"
        subject = ChallengeSubject(station, product)
        return self._statements.state(
            by, "inspection.challenge_set", identity, {"subject": subject, "statement": parts}
        )
