"""AI Dataset 1.0 (IDTA 02058-1-0-1): what a model was trained and tested on. Counts of samples, never the samples."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gaugeblock.exchange.aas.elements import Texts, prop
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels.vocabulary import HeldFile, Vocabulary, check_demanded, numbered

SEMANTIC_ID = "https://admin-shell.io/idta/SubmodelTemplate/AIDataset/1/0"

_BASE = "https://admin-shell.io/idta/AIDataset/"
_CLASSES = f"{_BASE}labeled/Classification/"
_WORDS = Vocabulary(
    _BASE + "{}/1/0",
    {
        "URIOfTheProduct": "0112/2///61987#ABN590#002",
        "Version": "0173-1#02-AAS354#002",
        "Labeled": f"{_BASE}labeled/1/0",
        "Classification": f"{_BASE}Labeled/Classification/1/0",
        # The template's own spelling of the name; its semantic id has it right.
        "NumberLables": f"{_CLASSES}NumberLabels/1/0",
        "Labels": f"{_CLASSES}Labels/1/0",
        "Label": f"{_CLASSES}Labels/Label/1/0",
        "ClassName": f"{_CLASSES}Labels/Label/ClassName/1/0",
        "NumberOfSamples": f"{_CLASSES}Labels/Label/NumberOfSamples/1/0",
        "Balance": f"{_CLASSES}Balance/1/0",
        "AnnotationFile": f"{_CLASSES}AnnotationFile/1/0",
        "CompleteSize": f"{_BASE}/SizeInformation/CompleteSize/1/0",
        "TrainSize": f"{_BASE}SizeInformation/TrainSize/1/0",
        "ValSize": f"{_BASE}SizeInformationValSize/1/0",
        "TestSize": f"{_BASE}SizeInformation/TestSize/1/0",
        "SplitRatio": f"{_BASE}SizeInformation/SplitRatio/1/0",
        "FileType": f"{_BASE}MetaData/FileType/1/0",
        "AdditionalInformation": f"{_BASE}MetaData/AdditionalInformation/1/0",
        "Info": f"{_BASE}MetaData/AdditionalInformation/Info/1/0",
        "EnviromentConditions": f"{_BASE}BoundaryConditions/EnviromentConditions/1/0",
        "SyntheticData": f"{_BASE}BoundaryConditions/SyntheticData/1/0",
    },
)


class Classification(msgspec.Struct, frozen=True, kw_only=True):
    """Labels of a classification: samples by class, None where a class's count is not said."""

    samples: Mapping[str, int | None]
    balance: str | None = None
    annotations: HeldFile | None = None


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """What the submodel says.

    Parameters
    ----------
    contact
        Reference to the contact information of who answers for it.
    storage
        Where it is kept, in words: it does not leave.
    file_types
        At least one.
    metrics, conditions, information
        By a name of the caller's.
    """

    uri: str
    version: str
    contact: Tree
    storage: str
    size: int
    file_types: tuple[str, ...]
    train_size: int | None = None
    validation_size: int | None = None
    test_size: int | None = None
    split_ratio: str | None = None
    classification: Classification | None = None
    information: Mapping[str, str] = {}
    metrics: Mapping[str, str] = {}
    conditions: Mapping[str, str] = {}
    synthetic: Texts | None = None


def build(identifier: str, given: Dataset) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
    """
    check_demanded(given)
    labelled = given.classification
    return submodel(
        identifier,
        "AIDataset",
        SEMANTIC_ID,
        [
            _WORDS.prop("URIOfTheProduct", given.uri),
            _WORDS.prop("Version", given.version),
            _WORDS.reference("ContactInformation", given.contact),
            _WORDS.prop("Storage", given.storage),
            None if labelled is None else _WORDS.group("Labeled", [_classification(labelled)]),
            _sizes(given),
            _WORDS.group(
                "MetaData",
                [
                    *_WORDS.props("FileType", given.file_types),
                    _free("AdditionalInformation", "Info", given.information),
                ],
            ),
            _free("Metrics", None, given.metrics),
            _WORDS.group(
                "BoundaryConditions",
                [
                    _free("EnviromentConditions", None, given.conditions),
                    _WORDS.texts("SyntheticData", given.synthetic),
                ],
                unless_empty=True,
            ),
        ],
        version="1",
        revision="0",
    )


def _free(name: str, means: str | None, inside: Mapping[str, str]) -> Tree | None:
    """A collection of properties that the caller names.

    Parameters
    ----------
    means
        None where the template has one example and a place for one only: several of that meaning would break it.
    """
    semantic = None if means is None else _WORDS.of(means)
    properties = [prop(each, value, semantic) for each, value in inside.items()]
    return _WORDS.group(name, properties, unless_empty=True)


def _classification(given: Classification) -> Tree | None:
    labels = [
        _WORDS.group(
            numbered("Label", place),
            [_WORDS.prop("ClassName", name), _WORDS.prop("NumberOfSamples", None if count is None else str(count))],
            means="Label",
        )
        for place, (name, count) in enumerate(given.samples.items())
    ]
    return _WORDS.group(
        "Classification00",
        [
            _WORDS.prop("NumberLables", str(len(given.samples))),
            _WORDS.group("Labels", labels, unless_empty=True),
            _WORDS.prop("Balance", given.balance),
            _WORDS.file("AnnotationFile", given.annotations),
        ],
        means="Classification",
    )


def _sizes(given: Dataset) -> Tree | None:
    sizes = {
        "CompleteSize": given.size,
        "TrainSize": given.train_size,
        "ValSize": given.validation_size,
        "TestSize": given.test_size,
    }
    return _WORDS.group(
        "SizeInformation",
        [
            *[_WORDS.prop(name, None if size is None else str(size)) for name, size in sizes.items()],
            _WORDS.prop("SplitRatio", given.split_ratio),
        ],
    )
