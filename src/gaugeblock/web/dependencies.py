"""What every handler may ask for by name: the services and the reader."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from gaugeblock.web.events import EventHub
from gaugeblock.web.metrics import Metrics
from gaugeblock.web.ports import Services
from gaugeblock.web.reader import Reader, reader_of

GivenServices = NamedDependency[SkipValidation[Services]]
GivenReader = NamedDependency[SkipValidation[Reader]]
GivenHub = NamedDependency[SkipValidation[EventHub]]
GivenMetrics = NamedDependency[SkipValidation[Metrics]]


def give_services(state: State) -> Services:
    """The composition's services."""
    services: Services = state.services
    return services


def give_hub(state: State) -> EventHub:
    """The application's event hub."""
    hub: EventHub = state.hub
    return hub


def give_metrics(state: State) -> Metrics:
    """The application's metrics."""
    metrics: Metrics = state.metrics
    return metrics


async def give_reader(request: Request[Any, Any, Any]) -> Reader:
    """Who asks."""
    return await reader_of(request)
