"""Predictive Maintenance 1.0 (IDTA 02048): how long a machine will last, how sure that is, and under what conditions.

The template spells ``RemainingUsfulLifeDateTime`` so; a reader looks for that name.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from gaugeblock.exchange.aas.elements import entity
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels.vocabulary import Vocabulary, check_demanded

SEMANTIC_ID = "https://admin-shell.io/idta/SubmodelTemplate/PredictiveMaintenance/1/0"

_WORDS = Vocabulary("https://admin-shell.io/idta/PredictiveMaintenance/{}/1/0")


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A condition under which the prediction holds, as a bound on an indicator."""

    name: str
    used_in_model: bool
    bound: float
    unit: str
    drift: tuple[float, float] | None = None
    mean: float | None = None
    standard_deviation: float | None = None
    skewness: float | None = None
    description: str | None = None


class PreAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A warning this much before the end, in the life's unit."""

    value: float
    message: str | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What holds once the life is used up."""

    maintenance_required: bool
    message: str | None = None


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction of remaining useful life.

    Parameters
    ----------
    indication, unit
        What wears: ``time`` in ``h``, ``cycles`` in ``1``.
    remaining, interval
        The prediction and the interval around it, in the unit.
    start
        The life that was used when the prediction was made.
    conditions
        At least one.
    """

    indication: str
    remaining: float
    unit: str
    start: float
    interval: tuple[float, float]
    conditions: tuple[Condition, ...]
    model_type: str
    start_moment: dt.datetime | None = None
    end_moment: dt.datetime | None = None
    description: str | None = None
    model_description: str | None = None
    model_nameplate: Tree | None = None
    pre_alerts: tuple[PreAlert, ...] = ()
    alert: Alert | None = None


def build(identifier: str, given: Prediction) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
    """
    check_demanded(given)
    alert = given.alert and [
        _WORDS.prop("AlertMessage", given.alert.message),
        _WORDS.prop("MaintenanceRequired", given.alert.maintenance_required, "xs:boolean"),
    ]
    return submodel(
        identifier,
        "PredictiveMaintenance",
        SEMANTIC_ID,
        [
            _WORDS.group(
                "RemainingUsefulLifePrediction",
                [
                    _remaining(given),
                    _WORDS.prop("RemainingUsfulLifeDateTime", given.end_moment, "xs:dateTime"),
                    _WORDS.range("ConfidenceInterval", *given.interval),
                    _WORDS.list("ListRULBoundaryConditions", map(_condition, given.conditions)),
                    _WORDS.group(
                        "PredictionModelInformation",
                        [
                            _WORDS.prop("ModelType", given.model_type),
                            _WORDS.prop("ModelDescription", given.model_description),
                            _WORDS.reference("SMAIModelNamePlate", given.model_nameplate),
                        ],
                    ),
                    _WORDS.list("ListPreAlerts", map(_pre_alert, given.pre_alerts)),
                    _WORDS.group("AlertAfterExceedingRemainingUsableLife", alert) if alert else None,
                ],
            )
        ],
        version="1",
        revision="0",
    )


def _remaining(given: Prediction) -> Tree:
    return entity(
        "RemainingUsefulLifetime",
        [
            _WORDS.prop("IndicationType", given.indication),
            _WORDS.prop("DurationValue", given.remaining, "xs:double"),
            _WORDS.prop("EngineeringUnit", given.unit),
            _WORDS.prop("StartValue", given.start, "xs:double"),
            _WORDS.prop("StartDateTime", given.start_moment, "xs:dateTime"),
            _WORDS.prop("Description", given.description),
        ],
        _WORDS.of("RemainingUsefulLifetime"),
    )


def _condition(given: Condition) -> Tree | None:
    return _WORDS.group(
        "RULCondition",
        [
            _WORDS.prop("ConditionName", given.name),
            _WORDS.prop("IsBoundaryConditionUsedInModel", given.used_in_model, "xs:boolean"),
            _WORDS.prop("BoundaryValueRange", given.bound, "xs:double"),
            _WORDS.prop("BoundaryEngineeringUnit", given.unit),
            None if given.drift is None else _WORDS.range("DriftInfoAIModel", *given.drift),
            _WORDS.prop("MeanValue", given.mean, "xs:double"),
            _WORDS.prop("Standarddeviation", given.standard_deviation, "xs:double"),
            _WORDS.prop("Skewness", given.skewness, "xs:double"),
            _WORDS.prop("BoundaryDescription", given.description),
        ],
    )


def _pre_alert(given: PreAlert) -> Tree | None:
    return _WORDS.group(
        "PreAlerts",
        [_WORDS.prop("PreAlertMessage", given.message), _WORDS.prop("PreAlertValue", given.value, "xs:double")],
    )
