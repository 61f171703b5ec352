"""Modules that are files with a manifest and no network: enough for everything that does not look at an image."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import numpy as np

from gaugeblock.inspection.operating_points import candidate_facets, candidate_identity
from gaugeblock.plant.module_facets import ModuleInputs, ModuleStatement, ModuleSubject
from gaugeblock.vision.guards import Envelope
from gaugeblock.vision.inspector import Manifest, TrainingFacts
from gaugeblock.vision.kept_scores import point_of_scores
from gaugeblock.vision.module_file import ModuleFile, write_module
from gaugeblock.vision.module_manifest import manifest_of
from gaugeblock.vision.place_map import PlaceFooting
from gaugeblock.vision.reject_option import Costs
from gaugeblock.vision.score_fusion import DEFAULT_FUSION, Fusion

COSTS = Costs(escape=200.0, overkill=5.0, review=1.0)


def sample_module(seed: int, *, good: int = 120, defective: int = 40, costs: Costs | None = COSTS) -> bytes:
    """A ``.gbm`` file whose held-out scores are drawn by ``seed``."""
    rng = np.random.default_rng(seed)
    kept = sorted(np.round(rng.normal(1.0, 0.15, good), 6).tolist())
    bad = sorted(np.round(rng.normal(1.6, 0.3, defective), 6).tolist())
    patch = sorted(np.round(rng.normal(0.5, 0.05, good), 6).tolist())
    point = point_of_scores(kept, bad, patch=patch, costs=costs, defect_rate=None if costs is None else 0.02, seed=seed)
    values = {"patch_max": [1.0, 2.0], "patch_top": [1.0, 2.0], "patch_mean": [1.0, 2.0], "whole": [1.0, 2.0]}
    values["head_top"] = [1.0, 2.0]
    known: dict[str, Any] = {
        "product": "P1",
        "network_sha256": hashlib.sha256(b"network").hexdigest(),
        "bank_sha256": hashlib.sha256(bytes([seed])).hexdigest(),
        "side": 224,
        "channels": 4,
        "bank_vectors": 1,
        "whole_shape": (1, 1, 1),
        "head_shape": (1, 1),
        "places": _sample(PlaceFooting),
        "operating_point": point,
        "fusion": Fusion.fit(DEFAULT_FUSION, values),
        "envelope": _sample(Envelope),
        "training": TrainingFacts(good, 2, good // 3, "given", 5, defective, seed, f"{seed:064x}"),
        "held_out_scores": tuple(kept),
        "held_out_groups": tuple(range(good)),
        "held_out_patch": tuple(patch),
        "defective_scores": tuple(bad),
    }
    manifest = Manifest(**{name: value for name, value in known.items() if name in Manifest.__struct_fields__})
    return write_module(ModuleFile(msgspec.json.encode(manifest), {"network": b"network", "bank": bytes([seed])}))


def _sample(shape: Any) -> Any:
    """A struct with a number in every field: nothing here reads it."""
    values = {name: 1 if kind in (int, "int") else 1.0 for name, kind in shape.__annotations__.items()}
    return msgspec.convert(values, shape)


def introduce(plant: Any, station: str, module: bytes) -> str:
    """The station's first module; its digest."""
    sha256 = plant.services.desks.modules._files.put(module)
    manifest = manifest_of(module)
    point = manifest.operating_point
    facets = {
        "subject": ModuleSubject(module_sha256=sha256, product="P1", station=station),
        "statement": ModuleStatement(
            point.threshold, point.overkill_target, point.overkill_upper_bound, point.confidence, 120
        ),
        "inputs": ModuleInputs(manifest.network_sha256, manifest.bank_sha256),
    }
    plant.statements.state("server:plant", "inspection.module", f"module/{station}/{sha256}", facets)
    return sha256


def candidate(plant: Any, station: str, module: bytes, person: str = "person:chen") -> str:
    """A candidate as a training states it; its digest."""
    sha256 = plant.services.desks.modules._files.put(module)
    facets = candidate_facets(manifest_of(module), station=station, product="P1", person=person)
    plant.statements.state("server:plant", "inspection.candidate", candidate_identity(station, sha256), facets)
    return sha256
