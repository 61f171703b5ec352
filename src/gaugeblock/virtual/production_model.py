"""The virtual line as its makers would describe it to the twin: the same stations, buffers and times."""

from __future__ import annotations

from itertools import pairwise

from gaugeblock.twin.distributions import Deterministic, Distribution, Exponential, Gamma
from gaugeblock.twin.line import FINISHED, SCRAP, Buffer, Failures, Line, Outcome, Station, Step, Supply
from gaugeblock.virtual.production import ProductionConfig, StationConfig

REPAIR_CV = 0.5


def model_of(config: ProductionConfig, name: str, product: str, reject_share: float) -> Line:
    """The line's description; ``reject_share`` is what the inspection takes out.

    Examples
    --------
    >>> from gaugeblock.virtual.production import demo_production
    >>> [buffer.name for buffer in model_of(demo_production(), "L1", "P100", 0.1).buffers][:2]
    ['L1-TURN → L1-WASH', 'L1-WASH → L1-ST10']
    """
    stations = config.stations
    between = [f"{a.name} → {b.name}" for a, b in pairwise(stations)]
    steps = []
    for k, station in enumerate(stations):
        to = between[k] if k < len(between) else FINISHED
        judged = station.name == config.inspection and reject_share > 0.0
        steps.append(
            Step(
                station=station.name,
                product=product,
                takes=(between[k - 1] if k else "raw",),
                service=_service(station, inspection=station.name == config.inspection),
                to=None if judged else to,
                outcomes=(
                    (Outcome(share=1.0 - reject_share, to=(to,)), Outcome(share=reject_share, to=(SCRAP,)))
                    if judged
                    else ()
                ),
            )
        )
    return Line(
        name=name,
        time_unit="s",
        products=(product,),
        supplies=(Supply(name="raw", products=(product,)),),
        buffers=tuple(
            Buffer(name=label, capacity=station.places) for label, station in zip(between, stations, strict=False)
        ),
        stations=tuple(
            Station(name=station.name, blocking="after_service", failures=_failures(station)) for station in stations
        ),
        steps=tuple(steps),
    )


def _service(station: StationConfig, *, inspection: bool) -> Distribution:
    if inspection or station.cv == 0.0:
        return Deterministic(station.mean_s)
    return Gamma(mean=station.mean_s, cv=station.cv)


def _failures(station: StationConfig) -> Failures | None:
    if station.between_s is None:
        return None
    return Failures(
        counts="operating_time",
        between=Exponential(station.between_s),
        repair=Gamma(mean=station.repair_s, cv=REPAIR_CV),
    )
