"""AI Model Nameplate 1.0 (IDTA 02060-1-0-1): what a model takes, gives and reached. Weights do not leave."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import msgspec

from gaugeblock.exchange.aas.elements import Texts, prop
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels.vocabulary import HeldFile, Vocabulary, check_demanded, numbered

SEMANTIC_ID = "https://admin-shell.io/idta/SubmodelTemplate/AIModelNameplate/1/0"

_BASE = "https://admin-shell.io/idta/AIModelNameplate/"
_SPECIFIC = f"{_BASE}AITypeSpecificInformation/"
_WORDS = Vocabulary(
    _BASE + "{}/1/0",
    {
        "URIOfTheProduct": "0112/2///61987#ABN590#002",
        "Version": "0173-1#02-AAS354#002",
        "ContactInformation": f"{_BASE}Contactinformation/1/0",
        "KindOfInput": f"{_BASE}Inputs/KindOfInput/1/0",
        "InputDimension": f"{_BASE}Inputs/DimensionN/1/0",
        "InputSize": f"{_BASE}Inputs/DimensionN/Size/1/0",
        "InputInformation": f"{_BASE}Inputs/DimensionN/Information/1/0",
        "Preprocessing": f"{_BASE}Inputs/Preprocessing/1/0",
        "OutputDimension": f"{_BASE}Outputs/DimensionN/1/0",
        "OutputSize": f"{_BASE}Outputs/DimensionN/Size/1/0",
        "OutputResult": f"{_BASE}Outputs/DimensionN/Result/1/0",
        "GeneralPlots": f"{_BASE}Plots/GeneralPlots/1/0",
        "Plot": f"{_BASE}Plots/GeneralPlots/Plot/1/0",
        "FileExtension": f"{_BASE}Details/DataEnding/1/0",
        "AIFramework": f"{_BASE}Details/AIFramework/1/0",
        "ProgramLanguage": f"{_BASE}Details/ProgramLanguage/1/0",
        "AIDatasetReference": f"{_BASE}AIDataset/DatasetReference/1/0",
        "TimeStamp": f"{_BASE}AIDataset/TimeStamp/1/0",
        "TransferLearning": f"{_SPECIFIC}TransferLearning/1/0",
        "TransferName": f"{_SPECIFIC}NeuralNetwork/TransferLearning/Name/1/0",
        "Hyperparameter": f"{_SPECIFIC}Hyperparameter/1/0",
        "Type": f"{_SPECIFIC}Type/1/0",
    },
)


class Dimension(msgspec.Struct, frozen=True, kw_only=True):
    """A dimension of what goes in."""

    size: str
    information: str | None = None


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A dimension of what comes out, and what it means."""

    size: str
    result: Texts


class TrainedOn(msgspec.Struct, frozen=True, kw_only=True):
    """A data set and when it was used."""

    dataset: Tree
    first: dt.datetime | None = None
    last: dt.datetime | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What the submodel says.

    Parameters
    ----------
    contact
        Reference.
    storage
        Where the model is kept, in words.
    outputs
        At least one.
    results, hyperparameters
        By a name of the caller's: what was reached in training, with its unit, and what was set.
    backbone
        The pretrained network that was built upon.
    """

    uri: str
    version: str
    contact: Tree
    storage: str
    kind_of_learning: Texts
    kind_of_input: str
    outputs: tuple[Output, ...]
    file_extension: str
    framework: str
    language: str
    type: Texts
    dimensions: tuple[Dimension, ...] = ()
    results: Mapping[str, str] = {}
    plots: tuple[HeldFile, ...] = ()
    datasets: tuple[TrainedOn, ...] = ()
    backbone: str | None = None
    hyperparameters: Mapping[str, str] = {}


def build(identifier: str, given: Model) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
    """
    check_demanded(given)
    # The template has one example each and a place for one only; several of its meaning would break it.
    results = [prop(*each) for each in given.results.items()]
    return submodel(
        identifier,
        "AIModelNameplate",
        SEMANTIC_ID,
        [
            _WORDS.prop("URIOfTheProduct", given.uri),
            _WORDS.prop("Version", given.version),
            _WORDS.reference("ContactInformation", given.contact),
            _WORDS.prop("Storage", given.storage),
            _WORDS.texts("KindOfLearning", given.kind_of_learning),
            _inputs(given),
            _WORDS.group("Outputs", [_output(place, each) for place, each in enumerate(given.outputs)]),
            _WORDS.group("TrainingResults", results),
            _plots(given.plots),
            _WORDS.group(
                "Details",
                [
                    _WORDS.prop("FileExtension", given.file_extension),
                    _WORDS.prop("AIFramework", given.framework),
                    _WORDS.prop("ProgramLanguage", given.language),
                ],
            ),
            *[_dataset(place, each) for place, each in enumerate(given.datasets)],
            _specific(given),
        ],
        version="1",
        revision="0",
    )


def _inputs(given: Model) -> Tree | None:
    dimensions = [
        _WORDS.group(
            numbered("Dimension", place),
            [
                _WORDS.prop("Size", each.size, means="InputSize"),
                _WORDS.prop("Information", each.information, means="InputInformation"),
            ],
            means="InputDimension",
        )
        for place, each in enumerate(given.dimensions)
    ]
    return _WORDS.group("Inputs", [_WORDS.prop("KindOfInput", given.kind_of_input), *dimensions])


def _output(place: int, given: Output) -> Tree | None:
    return _WORDS.group(
        numbered("Dimension", place),
        [
            _WORDS.prop("Size", given.size, means="OutputSize"),
            _WORDS.texts("Result", given.result, means="OutputResult"),
        ],
        means="OutputDimension",
    )


def _plots(given: tuple[HeldFile, ...]) -> Tree | None:
    plots = [_WORDS.file(numbered("Plot", place), each, means="Plot") for place, each in enumerate(given)]
    return _WORDS.group("Plots", [_WORDS.group("GeneralPlots", plots)]) if plots else None


def _dataset(place: int, given: TrainedOn) -> Tree | None:
    return _WORDS.group(
        numbered("AIDataset", place),
        [
            _WORDS.reference("AIDatasetReference", given.dataset),
            _WORDS.range("TimeStamp", given.first, given.last, "xs:dateTime"),
        ],
        means="AIDataset",
    )


def _specific(given: Model) -> Tree | None:
    parameters = [prop(*each) for each in given.hyperparameters.items()]
    backbone = [_WORDS.prop("Name", given.backbone, means="TransferName")]
    return _WORDS.group(
        "AITypeSpecificInformation",
        [
            _WORDS.group("TransferLearning", backbone, unless_empty=True),
            _WORDS.group("Hyperparameter", parameters, unless_empty=True),
            _WORDS.texts("Type", given.type),
        ],
    )
