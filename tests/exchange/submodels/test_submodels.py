"""Every submodel that is built satisfies the official engine, its template's table and another implementation."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.exchange.submodels.drawn import (
    assert_basyx_reads_it,
    assert_official_engine_finds_nothing,
    assert_template_is_followed,
    environment_of,
    given_of,
)

SUBMODELS = [
    ("nameplate", "Nameplate", None),
    ("technical_data", "TechnicalData", None),
    ("handover", "HandoverDocumentation", None),
    ("steel_inspection", "SteelInspection", "IDTA_02032*"),
    ("machining_quality", "MachiningQuality", "IDTA_02049*"),
    ("quality_documents", "QualityDocument", "IDTA_02065*"),
    ("time_series", "TimeSeries", "IDTA_02008*"),
    ("carbon_footprint", "CarbonFootprint", None),
    ("predictive_maintenance", "Prediction", "IDTA_02048*"),
    ("ai_dataset", "Dataset", "IDTA_02058*"),
    ("ai_deployment", "Deployment", "IDTA_02059*"),
    ("ai_model", "Model", "IDTA_02060*"),
]
FEW = settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(("module", "struct", "template"), SUBMODELS, ids=[each[0] for each in SUBMODELS])
@FEW
@given(data=st.data())
def test_whatever_is_given_the_checkers_accept_it(module: str, struct: str, template: str | None, data: Any) -> None:
    room = importlib.import_module(f"gaugeblock.exchange.submodels.{module}")
    drawn = data.draw(given_of(getattr(room, struct)))
    submodel = room.build("urn:example:submodel", drawn)
    environment = environment_of(submodel)
    assert_official_engine_finds_nothing(environment)
    assert_basyx_reads_it(environment)
    assert_template_is_followed(environment, template)
