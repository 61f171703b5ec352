"""Measurement studies: from a table, or from the plant's own records, to figures, two blobs and one signed record.

The station is an appraiser like the people beside it. From records: parts of known condition that the station judged
several times with the module it has now are its trials; a person who reviewed every one of these photographs is an
appraiser too. Parts of a station that photographs the *same image* again prove nothing; the analysis says so where no
score ever differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from gaugeblock.inspection.agreement import (
    AgreementStudy,
    AppraiserDecision,
    AppraiserResult,
    Band,
    Criterion,
    PartReference,
    Share,
    analyse_agreement,
)
from gaugeblock.inspection.gauge_rr import GaugeStudy, Measurement, analyse_gauge
from gaugeblock.inspection.ports import Images, Statements
from gaugeblock.inspection.studies_queries import Presentation, ProjectedStudies, StudyRow
from gaugeblock.inspection.study_errors import StudyFewPartsError, StudyFewTrialsError
from gaugeblock.inspection.study_table import StudyTable, read_table, write_table
from gaugeblock.plant.control_facets import StudyInputs, StudyMeasurement, StudyStatement, StudySubject
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Facet, Verdict
from gaugeblock.signals.kappa import FleissKappa

FORM = "gaugeblock-study/1"
TEXT_MAX = 200


class StudyNameError(GaugeblockError):
    """A study or station without a name, or with too long a one. Facts: ``limit``."""

    code = "inspection.study_name"


class StudyStationError(GaugeblockError):
    """The table has no appraiser of the station's name. Facts: ``station``, ``known``."""

    code = "inspection.study_station"


class StudyNoPresentationsError(GaugeblockError):
    """No part of known condition was judged so often. Facts: ``station``, ``trials``."""

    code = "inspection.study_no_presentations"


class StudyResult(msgspec.Struct, frozen=True, kw_only=True):
    """A whole study as it is kept.

    Parameters
    ----------
    station
        The appraiser whose capability the study is about.
    source
        ``table`` somebody brought, or the plant's ``records``.
    gauge
        Of the scores; ``None`` where there are none, or too few to tell.
    left_out
        Of ``records``: parts of known condition that were judged too seldom; people who did not judge every photograph.
    """

    form: str = FORM
    study: str
    station: str
    product: str | None
    source: Literal["table", "records"]
    agreement: AgreementStudy
    gauge: GaugeStudy | None
    module_sha256: str | None = None
    left_out_parts: int = 0
    left_out_people: tuple[str, ...] = ()

    @property
    def of_station(self) -> AppraiserResult:
        """The station's own figures."""
        return next(one for one in self.agreement.appraisers if one.appraiser == self.station)

    @property
    def conclusion(self) -> Band:
        """AIAG's, of the station: the worst of effectiveness, miss and false alarm."""
        return self.of_station.verdict

    @property
    def warnings(self) -> tuple[str, ...]:
        """Catalogue keys: of the agreement, then of the gauge."""
        return (*self.agreement.warnings, *(self.gauge.warnings if self.gauge else ()))


def analyse(
    table: StudyTable,
    study: str,
    station: str,
    product: str | None = None,
    source: Literal["table", "records"] = "table",
    module_sha256: str | None = None,
) -> StudyResult:
    """A study's figures.

    Raises
    ------
    StudyNameError, StudyStationError, and what ``analyse_agreement`` refuses
    """
    study, station = _named(study), _named(station)
    if station not in table.appraisers:
        raise StudyStationError(station=station, known=", ".join(table.appraisers[:10]))
    gauge: GaugeStudy | None = None
    own = [score for score in table.scores if score.appraiser == station]
    if own:
        # People give no scores of the same scale; the gauge is the station alone.
        try:
            gauge = analyse_gauge(own)
        except (StudyFewPartsError, StudyFewTrialsError):
            gauge = None
    return StudyResult(
        study=study,
        station=station,
        product=(product or "").strip() or None,
        source=source,
        agreement=analyse_agreement(table.decisions, table.references),
        gauge=gauge,
        module_sha256=module_sha256,
    )


def table_of_presentations(
    presentations: Sequence[Presentation], opinions: Mapping[int, Mapping[str, Verdict]], station: str, trials: int
) -> tuple[StudyTable, int, tuple[str, ...]]:
    """The plant's own records as a table; how many parts and which people were left out.

    Parameters
    ----------
    presentations
        Verdicts of the station on parts of known condition, oldest first.
    opinions
        By verdict and person.
    trials
        So many presentations of each part count: the newest.
    """
    by_part: dict[str, list[Presentation]] = {}
    for one in presentations:
        by_part.setdefault(one.unit, []).append(one)
    kept = {unit: shown[-trials:] for unit, shown in by_part.items() if len(shown) >= trials}
    if not kept:
        raise StudyNoPresentationsError(station=station, trials=trials)
    references = tuple(PartReference(unit, shown[0].condition) for unit, shown in kept.items())
    decisions: list[AppraiserDecision] = []
    scores: list[Measurement] = []
    for unit, shown in kept.items():
        for trial, one in enumerate(shown, start=1):
            decisions.append(AppraiserDecision(unit, station, trial, one.verdict))
            if one.score is not None:
                scores.append(Measurement(unit, station, trial, one.score))
    if len(scores) < len(decisions):  # so far all are the station's
        scores = []
    everything = [one.verdict_index for shown in kept.values() for one in shown]
    people = sorted({person for index in everything for person in opinions.get(index, {})})
    whole = [person for person in people if all(person in opinions.get(index, {}) for index in everything)]
    for person in whole:
        for unit, shown in kept.items():
            decisions += [
                AppraiserDecision(unit, person, trial, opinions[one.verdict_index][person])
                for trial, one in enumerate(shown, start=1)
            ]
    left = tuple(person for person in people if person not in whole)
    return StudyTable(references, tuple(decisions), tuple(scores)), len(by_part) - len(kept), left


class StudyDesk:
    """Commands of people."""

    def __init__(self, statements: Statements, images: Images, reader: ProjectedStudies) -> None:
        self._statements, self._images, self.reader = statements, images, reader

    def from_table(self, author: str, token: str, study: str, station: str, product: str | None, data: bytes) -> int:
        """A study of a CSV table; the record's index.

        Raises
        ------
        GaugeblockError
            What :func:`~gaugeblock.inspection.study_table.read_table` and :func:`analyse` refuse.
        """
        table = read_table(data)
        station = station.strip() or table.appraisers[0]
        return self._state(author, token, analyse(table, study, station, product), data)

    def from_records(self, author: str, token: str, study: str, station: str, trials: int) -> int:
        """A study of what the plant has recorded already; the record's index.

        Raises
        ------
        StudyNoPresentationsError, and what :func:`analyse` refuses
        """
        module_sha256, presentations = self.reader.presentations(station)
        opinions = self.reader.opinions([one.verdict_index for one in presentations])
        table, left, people = table_of_presentations(presentations, opinions, station, trials)
        products = {one.product for one in presentations}
        result = analyse(
            table, study, station, next(iter(products)) if len(products) == 1 else None, "records", module_sha256
        )
        result = msgspec.structs.replace(result, left_out_parts=left, left_out_people=people)
        return self._state(author, token, result, write_table(table))

    def result(self, index: int) -> tuple[StudyRow, StudyResult]:
        """A study with all its figures.

        Raises
        ------
        StudyMissingError; ``stores.blob_missing`` where the result is gone
        """
        row = self.reader.study(index)
        return row, msgspec.json.decode(self._images.get(row.result_sha256), type=StudyResult)

    def _state(self, author: str, token: str, result: StudyResult, table: bytes) -> int:
        # Blobs first: a record must not name what is not there.
        table_sha256 = self._images.put(table)
        result_sha256 = self._images.put(msgspec.json.encode(result))
        facets: dict[str, Facet] = {
            "subject": StudySubject(result.study, result.station, result.product),
            "statement": StudyStatement(result.conclusion.value, result.warnings),
            "measurement": measurement_of(result),
            "inputs": StudyInputs(table_sha256, result_sha256, result.module_sha256),
        }
        return self._statements.state(author, "inspection.agreement_study", f"study/{token}", facets)


def measurement_of(result: StudyResult) -> StudyMeasurement:
    """The figures that stand in the record itself."""
    own, agreement = result.of_station, result.agreement
    kappa = own.reference_kappa.kappa
    gauge = result.gauge
    return StudyMeasurement(
        parts=agreement.parts,
        trials=agreement.trials,
        appraisers=len(agreement.appraisers),
        effectiveness=_figures(own.effectiveness) or (0.0, 0.0, 1.0),
        miss_rate=_figures(own.miss),
        false_alarm_rate=_figures(own.false_alarm),
        kappa=None if kappa.value is None else _interval(kappa.value, kappa.low, kappa.high),
        fleiss_kappa=_fleiss(agreement.between_kappa),
        gauge_rr_percent=None if gauge is None else gauge.gauge.study,
    )


def _figures(criterion: Criterion) -> tuple[float, float, float] | None:
    share: Share = criterion.share
    return None if share.value is None else (share.value, share.low, share.high)


def _fleiss(found: FleissKappa | None) -> tuple[float, float, float] | None:
    """With the jackknife's interval: the other one presumes agreement by chance."""
    if found is None or found.kappa.value is None:
        return None
    return _interval(found.kappa.value, found.jackknife_low, found.jackknife_high)


def _interval(value: float, low: float | None, high: float | None) -> tuple[float, float, float]:
    return value, value if low is None else low, value if high is None else high


def _named(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= TEXT_MAX:
        raise StudyNameError(limit=TEXT_MAX)
    return name
