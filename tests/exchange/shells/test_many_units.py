"""Many units: identifiers are listed and pages turned without building what is not on them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from gaugeblock.exchange.aas.answers import AasRequest
from gaugeblock.exchange.aas.api import answer
from gaugeblock.exchange.aas.view import MemoryAasView
from gaugeblock.exchange.shells.beside import Beside
from gaugeblock.exchange.shells.errors import AasIdentifierTakenError
from gaugeblock.exchange.shells.naming import Naming
from gaugeblock.exchange.shells.record_shells import RecordShells
from gaugeblock.plant.facet import Verdict
from tests.exchange.shells.story import Story

UNITS = 400
THEIRS = MemoryAasView(
    {
        "assetAdministrationShells": [
            {
                "modelType": "AssetAdministrationShell",
                "id": f"urn:theirs:{place}",
                "assetInformation": {"assetKind": "Instance", "globalAssetId": f"urn:a:{place}"},
            }
            for place in range(3)
        ]
    }
)


class Counting(RecordShells):
    """Counts what it builds."""

    built_shells = 0

    def _shell(self, kind: Any, number: str) -> Any:
        self.built_shells += 1
        return super()._shell(kind, number)


@pytest.fixture(scope="module")
def shells() -> Any:
    story = Story()
    for place in range(UNITS):
        story.verdict(f"M{place:04d}", Verdict.OK, 0.5)
    seen = story.shells()
    yield Counting(seen.reading)
    story.close()


def pages(view: Any, limit: str) -> list[list[str]]:
    found: list[list[str]] = []
    query = {"limit": [limit]}
    while True:
        answered = json.loads(answer(AasRequest(path=("shells",), query=query), view).body)
        found.append([each["id"] for each in answered["result"]])
        if "cursor" not in answered["paging_metadata"]:
            return found
        query = {"limit": [limit], "cursor": [answered["paging_metadata"]["cursor"]]}


def test_a_page_builds_no_more_than_it_shows(shells: Counting) -> None:
    view = Beside(shells, THEIRS)
    answered = answer(AasRequest(path=("shells",), query={"limit": ["50"]}), view)
    assert len(json.loads(answered.body)["result"]) == 50
    assert shells.built_shells == 50
    filtered = answer(AasRequest(path=("shells",), query={"idShort": ["Unit_M0399"]}), view)
    assert [each["id"][-6:] for each in json.loads(filtered.body)["result"]] == ["/M0399"]
    assert shells.built_shells <= 51


def test_all_pages_together_are_everything_once(shells: Counting) -> None:
    view = Beside(shells, THEIRS)
    turned = [each for page in pages(view, "70") for each in page]
    assert turned == list(view.ids("shell")) == list(dict.fromkeys(turned))
    assert turned[-3:] == ["urn:theirs:0", "urn:theirs:1", "urn:theirs:2"]
    assert [view.position("shell", each) for each in turned] == list(range(len(turned)))


def test_looking_again_builds_nothing_anew(shells: Counting) -> None:
    view = Beside(shells, THEIRS)
    pages(view, "1000")
    before, begun_s = shells.built_shells, time.perf_counter()
    pages(view, "1000")
    assert shells.built_shells == before
    assert time.perf_counter() - begun_s < 5


def test_a_document_that_names_something_of_ours_is_refused_by_name() -> None:
    names = Naming("plant.example/log")
    names.check_foreign({"submodels": [{"id": "https://plant.example/log/other"}]})
    for taken in (names.shell("unit", "U1"), names.base + "anything", names.base.rstrip("/")):
        for key in ("assetAdministrationShells", "submodels", "conceptDescriptions"):
            with pytest.raises(AasIdentifierTakenError, match=r"plant\.example"):
                names.check_foreign({key: [{"id": "urn:fine"}, {"id": taken}]})


@pytest.mark.parametrize("other", ["unit/SN/1/2", "unit/SN%2f1", "units/SN", "UNIT/A", "", "unit"])
def test_no_other_spelling_names_an_object(other: str) -> None:
    names = Naming("plant.example/log")
    assert names.read(names.base + other) is None
