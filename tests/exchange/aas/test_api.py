from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.exchange.aas.answers import AasAnswer, AasRequest
from gaugeblock.exchange.aas.api import PROFILES, answer
from gaugeblock.exchange.aas.identifiers import decoded, encoded
from gaugeblock.exchange.aas.package import MEDIA_TYPE
from gaugeblock.exchange.aas.view import MemoryAasView, StoredFile
from tests.exchange.aas.full import ALL, BLOB, CONCEPT, ENVIRONMENT, SHELLS, SMALL, SPEED

PICTURE = StoredFile("image/png", b"\x89PNG")
SOURCES = {"urn:example:all": (7, 3), "urn:example:shell": (9,), "urn:example:small:0": (3, 11)}


@pytest.fixture
def view() -> MemoryAasView:
    files = {
        "/aasx/files/manual.pdf": StoredFile("application/pdf", b"%PDF"),
        "/aasx/files/machine.png": PICTURE,
    }
    return MemoryAasView(ENVIRONMENT, files, SOURCES)


def asked(view: MemoryAasView, address: str, query: dict[str, list[str]] | None = None, **more: Any) -> AasAnswer:
    return answer(AasRequest(path=tuple(filter(None, address.split("/"))), query=query or {}, **more), view)


def said(view: MemoryAasView, address: str, query: dict[str, list[str]] | None = None, **more: Any) -> Any:
    answered = asked(view, address, query, **more)
    assert answered.status == 200, answered.body
    assert answered.media_type == "application/json"
    return json.loads(answered.body)


ONE = f"submodels/{encoded('urn:example:all')}"
MACHINE = f"shells/{encoded('urn:example:shell')}"


# ── one object ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_shell_and_what_belongs_to_it(view: MemoryAasView) -> None:
    assert said(view, MACHINE) == SHELLS[0]
    assert said(view, f"{MACHINE}/asset-information") == SHELLS[0]["assetInformation"]
    assert said(view, f"{MACHINE}/$reference")["keys"] == [
        {"type": "AssetAdministrationShell", "value": "urn:example:shell"}
    ]
    assert said(view, f"{MACHINE}/submodel-refs")["result"] == SHELLS[0]["submodels"]
    assert said(view, f"{MACHINE}/{ONE}/$value") == said(view, f"{ONE}/$value")
    picture = asked(view, f"{MACHINE}/asset-information/thumbnail")
    assert (picture.status, picture.media_type, picture.body) == (200, "application/octet-stream", PICTURE.body)
    assert ("content-disposition", 'attachment; filename="machine.png"') in picture.headers


def test_a_shell_leads_only_to_its_own_submodels(view: MemoryAasView) -> None:
    assert asked(view, f"{MACHINE}/submodels/{encoded('urn:example:small:1')}").status == 404


def test_a_submodel_with_and_without_blobs(view: MemoryAasView) -> None:
    assert said(view, ONE, {"extent": ["withBlobValue"]}) == ALL
    assert BLOB.encode() not in asked(view, ONE).body
    assert asked(view, ONE, {"extent": ["withBlobValue"]}).body.count(BLOB.encode()) == 2


def test_core_ends_at_direct_children(view: MemoryAasView) -> None:
    elements = {each["idShort"]: each for each in said(view, ONE, {"level": ["core"]})["submodelElements"]}
    assert "value" not in elements["Inside"]
    assert "statements" not in elements["Spindle"]
    inside = said(view, f"{ONE}/submodel-elements/Inside", {"level": ["core"]})
    assert [each["idShort"] for each in inside["value"]] == ["Deeper", "Note"]
    assert "value" not in inside["value"][0]


def test_values(view: MemoryAasView) -> None:
    assert said(view, f"{ONE}/$value") == {
        "Speed": 3,
        "Label": [{"en": "Gauge block"}, {"zh": "量块"}],
        "Limits": {"min": -1.5, "max": 2.5},
        "Manual": {"contentType": "application/pdf", "value": "/aasx/files/manual.pdf"},
        "Picture": {"contentType": "image/png"},
        "Elsewhere": SPEED,
        "Turns": {"first": SPEED, "second": SPEED},
        "Drives": {"first": SPEED, "second": SPEED, "annotations": [{"Ratio": 2.0}]},
        "Faster": {"observed": SPEED},
        "Spindle": {
            "entityType": "SelfManagedEntity",
            "statements": {"Serial": "S1"},
            "globalAssetId": "urn:example:spindle",
        },
        "Inside": {"Deeper": {"Raw": {"contentType": "image/png"}}, "Note": "a"},
        "Runs": [{"Hours": 1.0}, {"Hours": 2.0}],
        "Codes": ["a", "b"],
    }


def test_metadata_has_no_values_and_stays_valid(view: MemoryAasView) -> None:
    assert "submodelElements" not in said(view, f"{ONE}/$metadata")
    page = said(view, f"{ONE}/submodel-elements/$metadata")["result"]
    assert [each["idShort"] for each in page] == [each["idShort"] for each in ALL["submodelElements"]]
    speed = said(view, f"{ONE}/submodel-elements/Speed/$metadata")
    assert speed == {key: value for key, value in ALL["submodelElements"][0].items() if key != "value"}
    assert said(view, f"{ONE}/submodel-elements/Turns/$metadata")["first"] == SPEED


def test_elements_by_path(view: MemoryAasView) -> None:
    assert said(view, f"{ONE}/submodel-elements/Runs[1].Hours/$value") == 2.0
    assert said(view, f"{ONE}/submodel-elements/Spindle.Serial")["value"] == "S1"
    assert said(view, f"{ONE}/submodel-elements/Runs[1].Hours/$reference")["keys"] == [
        {"type": "Submodel", "value": "urn:example:all"},
        {"type": "SubmodelElementList", "value": "Runs"},
        {"type": "SubmodelElementCollection", "value": "1"},
        {"type": "Property", "value": "Hours"},
    ]
    assert said(view, f"{ONE}/submodel-elements/Inside/$path") == [
        "Inside",
        "Inside.Deeper",
        "Inside.Deeper.Raw",
        "Inside.Note",
    ]
    assert said(view, f"{ONE}/submodel-elements/Inside/$path", {"level": ["core"]})[1:] == [
        "Inside.Deeper",
        "Inside.Note",
    ]


def test_every_path_that_is_listed_leads_to_an_element(view: MemoryAasView) -> None:
    listed = said(view, f"{ONE}/$path")
    assert len(listed) > len(ALL["submodelElements"])
    for path in listed:
        assert asked(view, f"{ONE}/submodel-elements/{path}").status == 200, path


@pytest.mark.parametrize("path", ["Speed.X", "Runs.X", "Runs[2]", "Inside[0]", "Speed[0]", "Absent", "Turning.X"])
def test_a_path_to_nothing(view: MemoryAasView, path: str) -> None:
    assert asked(view, f"{ONE}/submodel-elements/{path}").status == 404


@pytest.mark.parametrize("path", ["1", "A..B", "A[", "A[-1]", "A[01]", ".A", "A.[0]", "A" * 5000])
def test_what_is_no_path(view: MemoryAasView, path: str) -> None:
    assert asked(view, f"{ONE}/submodel-elements/{path}").status == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Turning/$metadata", 400),
        ("Start/$value", 400),
        ("Speed/$path", 400),
        ("Speed/attachment", 405),
        ("Speed/$nonsense", 404),
        ("Speed/$value/more", 404),
    ],
)
def test_forms_that_an_element_does_not_have(view: MemoryAasView, path: str, status: int) -> None:
    assert asked(view, f"{ONE}/submodel-elements/{path}").status == status


def test_an_attachment(view: MemoryAasView) -> None:
    manual = asked(view, f"{ONE}/submodel-elements/Manual/attachment")
    assert (manual.status, manual.body, manual.media_type) == (200, b"%PDF", "application/octet-stream")
    assert manual.derived_from == (3, 7)


def test_a_file_that_is_not_held_here_is_not_found() -> None:
    without = MemoryAasView(ENVIRONMENT)
    assert asked(without, f"{ONE}/submodel-elements/Manual/attachment").status == 404
    assert asked(without, f"{MACHINE}/asset-information/thumbnail").status == 404


def test_a_concept(view: MemoryAasView) -> None:
    assert said(view, f"concept-descriptions/{encoded(CONCEPT)}")["id"] == CONCEPT
    assert len(said(view, "concept-descriptions")["result"]) == 1


# ── listings ────────────────────────────────────────────────────────────────────────────────────────────────────

LISTINGS = [
    "shells",
    "shells/$reference",
    "submodels",
    "submodels/$metadata",
    "submodels/$value",
    "submodels/$reference",
    "submodels/$path",
    f"{MACHINE}/submodel-refs",
    f"{ONE}/submodel-elements",
    f"{ONE}/submodel-elements/$metadata",
    f"{ONE}/submodel-elements/$value",
    f"{ONE}/submodel-elements/$reference",
    f"{ONE}/submodel-elements/$path",
    "concept-descriptions",
]
VIEW = MemoryAasView(ENVIRONMENT, sources=SOURCES)


@pytest.mark.parametrize("address", LISTINGS)
@given(limit=st.integers(1, 12))
def test_pages_together_are_the_whole(address: str, limit: int) -> None:
    whole = said(VIEW, address)
    assert whole["paging_metadata"] == {}
    gathered: list[Any] = []
    query = {"limit": [str(limit)]}
    for _ in range(len(whole["result"]) + 1):
        page = said(VIEW, address, query)
        assert len(page["result"]) <= limit
        gathered += page["result"]
        if "cursor" not in page["paging_metadata"]:
            break
        query = {**query, "cursor": [page["paging_metadata"]["cursor"]]}
    assert gathered == whole["result"]


@pytest.mark.parametrize("address", LISTINGS)
def test_a_cursor_of_another_listing_is_refused(address: str) -> None:
    for cursor in (encoded("urn:elsewhere"), "====", "a", encoded("urn:example:all\nAbsent"), ""):
        refused = asked(VIEW, address, {"cursor": [cursor]})
        assert refused.status == 400
        assert json.loads(refused.body)["messages"][0]["code"] == "aas_cursor"


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "1.5", "²", "000"])
def test_a_limit_is_a_positive_number(limit: str) -> None:
    assert asked(VIEW, "shells", {"limit": [limit]}).status == 400


def test_a_limit_beyond_the_most_gives_the_most() -> None:
    many = [{**SMALL[0], "id": f"urn:many:{place}"} for place in range(1200)]
    view = MemoryAasView({"submodels": many})
    listed = said(view, "submodels", {"limit": ["5000"]})
    assert said(view, "submodels", {"limit": ["9" * 5000]}) == listed
    assert len(said(view, "submodels", {"limit": ["0003"]})["result"]) == 3
    assert len(listed["result"]) == 1000
    assert decoded(listed["paging_metadata"]["cursor"]) == "urn:many:999"


def reference_query(value: str) -> str:
    return encoded(json.dumps({"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}))


@pytest.mark.parametrize(
    ("address", "query", "found"),
    [
        ("shells", {"idShort": ["Other"]}, ["urn:example:other"]),
        ("shells", {"idShort": ["absent"]}, []),
        (
            "shells",
            {"assetIds": [encoded('{"name": "globalAssetId", "value": "urn:example:asset"}')]},
            ["urn:example:shell"],
        ),
        ("shells", {"assetIds": [encoded('{"name": "serial", "value": "S-1"}')]}, ["urn:example:shell"]),
        ("shells", {"assetIds": [encoded('{"name": "serial", "value": "S-2"}')]}, []),
        (
            "shells",
            {"assetIds": [encoded('{"name": "serial", "value": "S-1"}')], "idShort": ["Other"]},
            [],
        ),
        ("submodels", {"semanticId": [reference_query("https://example.com/everything/1/0")]}, ["urn:example:all"]),
        ("submodels", {"semanticId": [encoded("https://example.com/everything/1/0")]}, ["urn:example:all"]),
        ("submodels", {"idShort": ["Small3"]}, ["urn:example:small:3"]),
        ("concept-descriptions", {"idShort": ["Speed"]}, [CONCEPT]),
    ],
)
def test_filters(address: str, query: dict[str, list[str]], found: list[str]) -> None:
    assert [each["id"] for each in said(VIEW, address, query)["result"]] == found


@pytest.mark.parametrize(
    ("address", "query"),
    [
        ("shells", {"assetIds": ["invalid====="]}),
        ("shells", {"assetIds": [encoded("[]")]}),
        ("shells", {"assetIds": [encoded("{")]}),
        ("shells", {"assetIds": [encoded("[" * 1900)]}),
        ("shells", {"assetIds": [encoded('{"name": "a", "value": "b"}')] * 17}),
        ("submodels", {"semanticId": [encoded('{"keys": 3}')]}),
        ("submodels", {"level": ["deeper"]}),
        ("submodels", {"level": ["core", "deep"]}),
        ("submodels", {"extent": [""]}),
        ("submodels/$reference", {"level": ["deep"]}),
        ("serialization", {"includeConceptDescriptions": ["perhaps"]}),
        ("serialization", {"aasIds": ["====="]}),
    ],
)
def test_parameters_with_values_they_cannot_have(address: str, query: dict[str, list[str]]) -> None:
    assert asked(VIEW, address, query).status == 400


def test_what_a_page_is_derived_from() -> None:
    assert asked(VIEW, "submodels").derived_from == (3, 7, 11)
    assert asked(VIEW, "submodels", {"limit": ["1"]}).derived_from == (3, 7)
    assert asked(VIEW, "submodels/$path", {"limit": ["1"]}).derived_from == (3, 7)


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.text(min_size=1, max_size=200).filter(lambda text: text.isprintable()))
def test_what_is_absent_and_what_is_foreign_answer_alike(identifier: str) -> None:
    """A view holds what its caller may see: the answer for all else differs by the identifier only."""
    template = asked(VIEW, f"submodels/{encoded('urn:absent')}")
    other = asked(VIEW, f"submodels/{encoded(identifier)}")
    assert (other.status, other.headers, other.media_type) == (404, template.headers, template.media_type)
    said_of_it = json.loads(other.body)["messages"][0]
    expected = json.loads(template.body)["messages"][0]
    assert said_of_it == {**expected, "text": expected["text"].replace("urn:absent", identifier)}
    assert other.derived_from == ()


@pytest.mark.parametrize("address", ["", "nonsense", "services", "services/shells", "shells/x/y/z", "description/x"])
def test_no_such_address(address: str) -> None:
    assert asked(VIEW, address).status in (400, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_it_is_read_only(method: str) -> None:
    for address in (ONE, f"submodels/{encoded('urn:absent')}"):
        refused = asked(VIEW, address, method=method)
        assert refused.status == 405
        assert ("allow", "GET, HEAD") in refused.headers


def test_errors_speak_both_languages() -> None:
    assert "不是" in json.loads(asked(VIEW, "shells/===", language="zh").body)["messages"][0]["text"]
    assert "base64url" in json.loads(asked(VIEW, "shells/===", language="en").body)["messages"][0]["text"]


# ── tags ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_known_is_not_sent_again() -> None:
    first = asked(VIEW, ONE)
    tag = dict(first.headers)["etag"]
    for known in (tag, f'W/{tag}, "other"', "*"):
        again = asked(VIEW, ONE, if_none_match=known)
        assert (again.status, again.body) == (304, b"")
        assert (again.derived_from, again.sha256) == (first.derived_from, first.sha256)
    assert asked(VIEW, ONE, if_none_match='"other"').status == 200
    assert asked(VIEW, "submodels/eA", if_none_match="*").status == 404


def test_a_new_view_gives_the_new_answer() -> None:
    changed = MemoryAasView({"submodels": [{**SMALL[0], "idShort": "Changed"}]})
    address = f"submodels/{encoded('urn:example:small:0')}"
    assert said(VIEW, address)["idShort"] == "Small0"
    assert said(changed, address)["idShort"] == "Changed"
    assert changed.version != VIEW.version


# ── services ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_shells_service_shows_it_and_its_submodels_only() -> None:
    base = f"services/{MACHINE}"
    assert said(VIEW, f"{base}/aas") == SHELLS[0]
    assert said(VIEW, f"{base}/aas/{ONE}/$value") == said(VIEW, f"{ONE}/$value")
    assert [each["id"] for each in said(VIEW, f"{base}/shells")["result"]] == ["urn:example:shell"]
    whole = said(VIEW, f"{base}/serialization")
    assert [each["id"] for each in whole["submodels"]] == ["urn:example:all", "urn:example:small:0"]
    assert asked(VIEW, f"{base}/shells/{encoded('urn:example:other')}").status == 404
    assert asked(VIEW, f"services/shells/{encoded('urn:absent')}/aas").status == 404


def test_a_submodels_service_shows_it_only() -> None:
    base = f"services/submodels/{encoded('urn:example:small:0')}"
    assert said(VIEW, f"{base}/submodel/$value") == {"Place": "x"}
    assert [each["id"] for each in said(VIEW, f"{base}/serialization")["submodels"]] == ["urn:example:small:0"]
    assert [each["id"] for each in said(VIEW, f"{base}/submodel/shells")["result"]] == [
        "urn:example:shell",
        "urn:example:other",
    ]
    assert asked(VIEW, f"{base}/{ONE}").status == 404


def test_the_profiles_are_listed() -> None:
    assert said(VIEW, "description") == {"profiles": list(PROFILES)}


# ── serialisation ───────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_as_one_environment() -> None:
    assert said(VIEW, "serialization") == ENVIRONMENT
    assert "conceptDescriptions" not in said(VIEW, "serialization", {"includeConceptDescriptions": ["false"]})


def test_chosen_objects_with_the_concepts_they_use() -> None:
    query = {"submodelIds": [encoded("urn:example:all")]}
    chosen = said(VIEW, "serialization", query)
    assert set(chosen) == {"submodels", "conceptDescriptions"}
    query = {"submodelIds": [encoded("urn:example:small:0")], "aasIds": [encoded("urn:example:other")]}
    chosen = said(VIEW, "serialization", query)
    assert set(chosen) == {"submodels", "assetAdministrationShells"}
    assert asked(VIEW, "serialization", {"aasIds": [encoded("urn:absent")]}).status == 404


def test_a_package_has_the_files_and_the_same_bytes_each_time(view: MemoryAasView) -> None:
    one = asked(view, "serialization", accept=MEDIA_TYPE)
    again = asked(
        MemoryAasView(
            ENVIRONMENT,
            {"/aasx/files/machine.png": PICTURE, "/aasx/files/manual.pdf": StoredFile("application/pdf", b"%PDF")},
            SOURCES,
        ),
        "serialization",
        accept=f"{MEDIA_TYPE};q=0.9, text/html",
    )
    assert one.media_type == MEDIA_TYPE
    assert one.body == again.body
    with zipfile.ZipFile(io.BytesIO(one.body)) as archive:
        assert archive.read("aasx/files/machine.png") == PICTURE.body
        assert json.loads(archive.read("aasx/environment.json")) == ENVIRONMENT


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        (f"application/json;q=0.5, {MEDIA_TYPE}", MEDIA_TYPE),
        (f"{MEDIA_TYPE};q=0.1, application/json;q=0.2", "application/json"),
        ("application/xml, text/html", "application/xml"),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=x", None),
    ],
)
def test_the_format_is_negotiated(accept: str, media_type: str | None) -> None:
    answered = asked(VIEW, "serialization", accept=accept)
    assert (answered.status, answered.media_type) == (
        (406, "application/json") if media_type is None else (200, media_type)
    )


def test_the_memo_is_bounded() -> None:
    small = MemoryAasView(ENVIRONMENT, memo_bytes=20_000)
    for _ in range(3):
        for place in range(7):
            for level in ("core", "deep"):
                address = f"submodels/{encoded(f'urn:example:small:{place}')}"
                assert said(small, address, {"level": [level]})["id"] == f"urn:example:small:{place}"
