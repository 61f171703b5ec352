"""The desk of operating points: what other costs would mean for a module, and making a candidate of it.

Nothing is measured again: the module keeps its held-out scores, and from them the thresholds follow that training would
have chosen for these costs. What comes out is another module with the same network and bank. It is a candidate like
any other: shadow, comparison, release.
"""

from __future__ import annotations

from typing import Literal

from gaugeblock.inspection.module_errors import ModuleUnknownError, PointUnchangedError, ScoresMissingError
from gaugeblock.inspection.modules import KeptModules
from gaugeblock.inspection.modules_read_model import ModuleReader
from gaugeblock.inspection.ports import Statements
from gaugeblock.inspection.training_set import HELD_OUT_SEED
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.module_facets import CandidateInputs, CandidateStatement, ModuleSubject
from gaugeblock.plant.settings import InspectionCosts
from gaugeblock.vision.inspector import Manifest
from gaugeblock.vision.kept_scores import point_of_scores
from gaugeblock.vision.module_manifest import manifest_of, with_operating_point
from gaugeblock.vision.operating_point import ZonedOperatingPoint
from gaugeblock.vision.reject_option import Costs

SCORES_LEAST = 2

Source = Literal["training", "operating_point"]


def candidate_identity(station: str, module_sha256: str) -> str:
    """The name of a candidate's record: one module is one candidate of a station, however often it is made."""
    return f"candidate/{station}/{module_sha256}"


def candidate_facets(
    manifest: Manifest,
    *,
    station: str,
    product: str | None,
    person: str,
    contradictions: int = 0,
    predecessor: str | None = None,
    source: Source = "training",
) -> dict[str, Facet]:
    """What is stated of a new candidate, from its manifest.

    Parameters
    ----------
    person
        Who asked for it.
    predecessor
        The module in service then.
    """
    facts, point = manifest.training, manifest.operating_point
    counted = point.cross_fitted or point.on_chosen
    overkill = counted.overkill.value if counted is not None else None
    return {
        "subject": ModuleSubject(module_sha256=manifest.module_sha256, product=product, station=station),
        "statement": CandidateStatement(
            good=facts.images,
            defective=facts.defective,
            left_out=facts.left_out,
            groups=facts.groups,
            groups_source=facts.groups_source,
            threshold=point.threshold,
            review_from=point.review_from,
            overkill_held_out=point.overkill_upper_bound if overkill is None else overkill,
            escape_held_out=counted.escape.value if counted is not None else None,
            quantised=manifest.quantisation is not None and manifest.quantisation.accepted,
            source=source,
            requested_by=person,
            held_out_seed=HELD_OUT_SEED,
            contradictions=contradictions,
        ),
        "inputs": CandidateInputs(
            network_sha256=manifest.network_sha256,
            bank_sha256=manifest.bank_sha256,
            training_sha256=facts.training_sha256,
            operating_point_sha256=point.digest(),
            predecessor_sha256=predecessor,
        ),
    }


class OperatingPointDesk:
    """Reads manifests, tries costs, makes candidates."""

    def __init__(self, reader: ModuleReader, files: KeptModules, statements: Statements) -> None:
        self._reader, self._files, self._statements = reader, files, statements

    def manifest(self, module_sha256: str) -> Manifest:
        """The module's manifest.

        Raises
        ------
        ModuleUnknownError
            No record names it.
        GaugeblockError
            Its file is missing or damaged.
        """
        return manifest_of(self._data(module_sha256))

    def attempt(
        self, module_sha256: str, costs: InspectionCosts | None, overkill_target: float = 0.05
    ) -> ZonedOperatingPoint:
        """The operating point for these costs, or for good parts alone.

        Raises
        ------
        ModuleUnknownError, ScoresMissingError, CostRangeError, LevelRangeError
        """
        return _attempt(self.manifest(module_sha256), costs, overkill_target)

    def make(
        self,
        person: str,
        station: str,
        module_sha256: str,
        costs: InspectionCosts | None,
        overkill_target: float = 0.05,
    ) -> str:
        """A candidate with this operating point; its digest.

        Raises
        ------
        ModuleUnknownError, ScoresMissingError, PointUnchangedError, CostRangeError, LevelRangeError
        GaugeblockError
            The file cannot be read or written.
        """
        data = self._data(module_sha256)
        manifest = manifest_of(data)
        point = _attempt(manifest, costs, overkill_target)
        at = self._reader.station(station)
        if at is None:
            raise ModuleUnknownError(module=module_sha256[:64])
        if point == manifest.operating_point:
            raise PointUnchangedError(module=module_sha256)
        made = with_operating_point(data, point)
        sha256 = self._files.put(made)
        known = next((row for row in at.candidates if row.module_sha256 == module_sha256), None)
        facets = candidate_facets(
            manifest_of(made),
            station=station,
            product=at.product,
            person=person,
            contradictions=0 if known is None else known.statement.contradictions,
            predecessor=None if at.in_service is None else at.in_service.module_sha256,
            source="operating_point",
        )
        self._statements.state(SERVER, "inspection.candidate", candidate_identity(station, sha256), facets)
        return sha256

    def _data(self, module_sha256: str) -> bytes:
        if self._reader.known(module_sha256) is None:
            raise ModuleUnknownError(module=module_sha256[:64])
        return self._files.get(module_sha256)


def _attempt(manifest: Manifest, costs: InspectionCosts | None, overkill_target: float) -> ZonedOperatingPoint:
    if len(manifest.held_out_scores) < SCORES_LEAST:
        raise ScoresMissingError(module=manifest.module_sha256)
    return point_of_scores(
        manifest.held_out_scores,
        manifest.defective_scores,
        groups=manifest.held_out_groups,
        patch=manifest.held_out_patch,
        costs=None if costs is None else Costs(costs.escape, costs.overkill, costs.review),
        defect_rate=None if costs is None else costs.defect_rate,
        overkill_target=overkill_target,
        confidence=manifest.operating_point.confidence,
        seed=manifest.training.seed,
    )
