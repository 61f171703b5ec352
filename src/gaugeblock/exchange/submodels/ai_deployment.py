"""AI Deployment 1.0 (IDTA 02059-1-0-1): where a model runs, how fast, and how it is watched."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gaugeblock.exchange.aas.elements import Texts
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels.vocabulary import HeldFile, Vocabulary, check_demanded, numbered

SEMANTIC_ID = "https://admin-shell.io/idta/SubmodelTemplate/AIDeployment/1/0"

_BASE = "https://admin-shell.io/idta/AIDeployment/"
_INFERENCE = f"{_BASE}PerformanceInformation/InferenceTime/"
_LIVE = f"{_BASE}LiveMonitoring/"
_WORDS = Vocabulary(
    _BASE + "{}/1/0",
    {
        "URIOfTheProduct": "0112/2///61987#ABN590#002",
        "Version": "0173-1#02-AAS354#002",
        "ContactInformation": f"{_BASE}Contactinformation/1/0",
        "Format": f"{_BASE}Storage/Format/1/0",
        "DeployedModel": f"{_BASE}Storage/DeployedModel/1/0",
        "InputProperty": f"{_BASE}Input/InputProperty/1/0",
        "OutputProperty": f"{_BASE}Output/OutputProperty/1/0",
        "InferenceTime": f"{_INFERENCE}1/0",
        "Time": f"{_INFERENCE}Time/1/0",
        "Hardware": f"{_INFERENCE}Hardware/1/0",
        "CPU": "0173-1#01-ACL481#008",
        "GPU": "0173-1#01-ACL476#008",
        "RAM": "0173-1#01-ACL340#008",
        "Confidence": f"{_LIVE}Confidence/1/0",
        "AverageConfidenceOverTime": f"{_LIVE}AverageConfidence/1/0",
        "RunTime": f"{_LIVE}RunTime/1/0",
        "DriftMetrics": f"{_LIVE}DriftMetrics/1/0",
        "DataDrift": f"{_LIVE}DriftMetrics/DataDrift/1/0",
        "ConceptDrift": f"{_LIVE}DriftMetrics/ConceptDrift/1/0",
        "PerformanceDrift": f"{_LIVE}DriftMetrics/PerformanceDrift/1/0",
        "RequirementsFile": f"{_BASE}SoftwareRequirements/RequirementsFile/1/0",
        "HardwareDescription": f"{_BASE}HardwareRequirements/HardwareDescription/1/0",
    },
)


class InferenceTime(msgspec.Struct, frozen=True, kw_only=True):
    """How long an answer takes, in words, and on what."""

    time: Texts
    cpu: str | None = None
    gpu: str | None = None
    ram: str | None = None


class Monitoring(msgspec.Struct, frozen=True, kw_only=True):
    """How the running model is watched: what was last seen, with its unit."""

    confidence: str | None = None
    average_confidence: str | None = None
    run_time: str | None = None
    data_drift: str | None = None
    concept_drift: str | None = None
    performance_drift: str | None = None


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """What the submodel says.

    Parameters
    ----------
    contact, model_nameplate
        References.
    inputs, outputs
        What goes in and comes out, by name; at least one each.
    """

    uri: str
    version: str
    contact: Tree
    model_nameplate: Tree
    format: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    software_requirements: HeldFile | None = None
    hardware_requirements: HeldFile | None = None
    inference_times: tuple[InferenceTime, ...] = ()
    monitoring: Monitoring | None = None
    risk_assessment: Tree | None = None


def build(identifier: str, given: Deployment) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
    """
    check_demanded(given)
    software, hardware = given.software_requirements, given.hardware_requirements
    times = [_inference_time(place, each) for place, each in enumerate(given.inference_times)]
    return submodel(
        identifier,
        "AIDeployment",
        SEMANTIC_ID,
        [
            _WORDS.prop("URIOfTheProduct", given.uri),
            _WORDS.prop("Version", given.version),
            _WORDS.reference("ContactInformation", given.contact),
            _WORDS.reference("ModelNameplateRef", given.model_nameplate),
            _WORDS.group("Storage", [_WORDS.prop("Format", given.format)]),
            _WORDS.group("Input", [_WORDS.prop(*each, means="InputProperty") for each in given.inputs.items()]),
            _WORDS.group("Output", [_WORDS.prop(*each, means="OutputProperty") for each in given.outputs.items()]),
            _WORDS.group(
                "SoftwareRequirements",
                [_WORDS.file("RequirementsFile", software)],
                unless_empty=True,
            ),
            _WORDS.group(
                "HardwareRequirements",
                [_WORDS.file("HardwareDescription", hardware)],
                unless_empty=True,
            ),
            _WORDS.group("PerformanceInformation", times, unless_empty=True),
            None if given.monitoring is None else _monitoring(given.monitoring),
            _WORDS.reference("RiskAssessment", given.risk_assessment),
        ],
        version="1",
        revision="0",
    )


def _inference_time(place: int, given: InferenceTime) -> Tree | None:
    hardware = [_WORDS.prop("CPU", given.cpu), _WORDS.prop("GPU", given.gpu), _WORDS.prop("RAM", given.ram)]
    return _WORDS.group(
        numbered("InferenceTime", place),
        [_WORDS.texts("Time", given.time), _WORDS.group("Hardware", hardware)],
        means="InferenceTime",
    )


def _monitoring(given: Monitoring) -> Tree | None:
    drift = [
        _WORDS.prop("DataDrift", given.data_drift),
        _WORDS.prop("ConceptDrift", given.concept_drift),
        _WORDS.prop("PerformanceDrift", given.performance_drift),
    ]
    return _WORDS.group(
        "LiveMonitoring",
        [
            _WORDS.prop("Confidence", given.confidence),
            _WORDS.prop("AverageConfidenceOverTime", given.average_confidence),
            _WORDS.prop("RunTime", given.run_time),
            _WORDS.group("DriftMetrics", drift, unless_empty=True),
        ],
        unless_empty=True,
    )
