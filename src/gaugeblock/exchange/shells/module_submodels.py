"""An inspection module as an AI asset: model (IDTA 02060), the data it was set on (02058), where it runs (02059).

What a kind of module is, Gaugeblock knows; every figure is a record's. Neither weights nor pictures leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gaugeblock.exchange.aas.references import model_reference
from gaugeblock.exchange.shells.reading import Built, Reading, built
from gaugeblock.exchange.submodels import ai_dataset, ai_deployment, ai_model
from gaugeblock.exchange.submodels.ai_dataset import Classification, Dataset
from gaugeblock.exchange.submodels.ai_deployment import Deployment, InferenceTime
from gaugeblock.exchange.submodels.ai_model import Model, Output, TrainedOn
from gaugeblock.exchange.view_model import RecordView

MODULE, RELEASE = "inspection.module", "inspection.release"
STORAGE = "with the plant; it does not leave"
_FIGURES = ("threshold", "overkill_target", "overkill_upper_bound", "confidence", "good_parts_held_out")


class ModuleKnown(msgspec.Struct, frozen=True, kw_only=True):
    """What may be seen of a module.

    Parameters
    ----------
    introduced
        The record that introduced it.
    released
        Its newest release or return to service.
    """

    sha256: str
    introduced: RecordView | None = None
    released: RecordView | None = None

    @property
    def said(self) -> Mapping[str, Any]:
        """The statement of the module's record."""
        return self.introduced.facets.get("statement", {}) if self.introduced is not None else {}

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Its digests."""
        return self.introduced.facets.get("inputs", {}) if self.introduced is not None else {}

    @property
    def sources(self) -> tuple[int, ...]:
        """The records."""
        return tuple(each.record_index for each in (self.introduced, self.released) if each is not None)

    @property
    def product(self) -> str | None:
        """What it inspects."""
        for each in (self.introduced, self.released):
            product = each.facets.get("subject", {}).get("product") if each is not None else None
            if isinstance(product, str):
                return product
        return None

    @property
    def held_out(self) -> int | None:
        """How many good parts its operating point was set on."""
        found = self.said.get("good_parts_held_out")
        return found if isinstance(found, int) else None

    @property
    def in_service(self) -> bool:
        """Whether its newest release put it in service."""
        action = self.released.facets.get("statement", {}).get("action") if self.released is not None else None
        return action in ("release", "rollback")


def modules_of(reading: Reading, page: int = 500, pages: int = 20) -> dict[str, ModuleKnown]:
    """All modules that records tell of, by digest."""
    found: dict[str, ModuleKnown] = {}
    for record_type, field in ((MODULE, "introduced"), (RELEASE, "released")):
        before: int | None = None
        for _ in range(pages):
            listed = reading.view.records(record_type, before, page)
            for record in listed.items:
                sha256 = record.facets.get("subject", {}).get("module_sha256")
                known = found.setdefault(sha256, ModuleKnown(sha256=sha256)) if isinstance(sha256, str) else None
                # Newest first.
                if known is not None and getattr(known, field) is None:
                    found[known.sha256] = msgspec.structs.replace(known, **{field: record})
            if not isinstance(listed.next, int):
                break
            before = listed.next
    return dict(sorted(found.items()))


def model_of(reading: Reading, identifier: str, module: ModuleKnown, dataset: str | None, contact: str | None) -> Built:
    """What the module takes and gives, and the figures of its record."""
    trained = () if dataset is None else (TrainedOn(dataset=model_reference(("Submodel", dataset))),)
    digests = {f"{name}": str(module.inputs[name]) for name in ("network_sha256", "bank_sha256", "training_sha256")
               if name in module.inputs}  # fmt: skip
    given = Model(
        uri=reading.names.asset("module", module.sha256),
        version=module.sha256[:12],
        contact=reading.contact(contact),
        storage=STORAGE,
        kind_of_learning={"en": "One class: learned from good parts", "zh": "单类学习：由合格件训练"},
        kind_of_input="Photograph of a part",
        outputs=(Output(size="1", result={"en": "Anomaly score", "zh": "异常分数"}),),
        file_extension=".gbm",
        framework="ONNX Runtime",
        language="Python",
        type={"en": "Anomaly detection by patch features and a memory bank", "zh": "基于局部特征与记忆库的异常检测"},
        results={name: str(module.said[name]) for name in _FIGURES if name in module.said},
        datasets=trained,
        hyperparameters=digests,
    )
    return built(ai_model.build(identifier, given), *module.sources)


def dataset_of(reading: Reading, identifier: str, module: ModuleKnown, contact: str | None) -> Built:
    """The good parts, held out of the training, on which the operating point was set."""
    assert module.held_out is not None, "without a size there is no data set to speak of"
    size = module.held_out
    given = Dataset(
        uri=reading.names.asset("module", module.sha256) + "/held-out",
        version=str(module.inputs.get("training_sha256", module.sha256))[:12],
        contact=reading.contact(contact),
        storage=STORAGE,
        size=size,
        test_size=size,
        file_types=("image",),
        classification=Classification(samples={"good": size}),
        information={"Purpose": "Parts held out of the training, on which threshold and overkill bound were set"},
    )
    return built(ai_dataset.build(identifier, given), *module.sources)


def deployment_of(reading: Reading, identifier: str, module: ModuleKnown, model: str, contact: str | None) -> Built:
    """That it is in service, and how long its newest answers took, by station."""
    times: list[InferenceTime] = []
    sources = list(module.sources)
    for health in reading.view.health():
        if health.module_sha256 != module.sha256:
            continue
        verdicts = (reading.view.inspection(index) for index in reversed(health.record_indices))
        newest = next((each for each in verdicts if each is not None), None)
        if newest is not None and newest.latency_ms is not None:
            said = f"{newest.latency_ms:g} ms, {health.station}"
            times.append(InferenceTime(time={"en": said}))
            sources.append(newest.record_index)
    given = Deployment(
        uri=reading.names.asset("module", module.sha256) + "/deployment",
        version=module.sha256[:12],
        contact=reading.contact(contact),
        model_nameplate=model_reference(("Submodel", model)),
        format="Gaugeblock module (.gbm)",
        inputs={"Photograph": "image"},
        outputs={"Verdict": "OK, NOK or UNDECIDED"},
        inference_times=tuple(times),
    )
    return built(ai_deployment.build(identifier, given), *sources)
