"""Reviews over HTTP: roles, CSRF, forms and JSON, and that a blind part gives nothing away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.settings import Enterprise, PlantSettings, Product, Review
from tests.web.conftest import SamplePlant, SignedIn, signed_in

EVERYTHING = PlantSettings(
    enterprise=Enterprise(name="示例"),
    review=Review(second_opinion_share=1.0),
    products=[Product(id="bracket-7"), Product(id="bracket-8")],
)
GOOD = {"decision": "good", "seconds": 1.5}
BAD = {"decision": "defective", "defects": ["scratch"]}


class Team:
    """A plant with one NOK part, and sessions of several people at one application."""

    def __init__(self, stack: ExitStack, owner: PlantSettings | None = None) -> None:
        self.sample = SamplePlant(owner)
        self.index = self.sample.inspect(Verdict.NOK, "defective")
        self._stack, self._app = stack, self.sample.app()
        self._known: dict[str, SignedIn] = {}

    def as_(self, name: str) -> SignedIn:
        if name not in self._known:
            self._known[name] = self._stack.enter_context(signed_in(self._app, name))
        return self._known[name]

    def get(self, name: str, address: str, **headers: str):  # type: ignore[no-untyped-def]
        return self.as_(name).client.get(address, headers={"Accept-Language": "en", **headers})

    def post(self, name: str, address: str, body: object = None, **headers: str):  # type: ignore[no-untyped-def]
        who = self.as_(name)
        given = {"Accept-Language": "en", "x-csrf-token": who.csrf, **headers}
        return who.client.post(address, json=body, headers=given)

    def form(self, name: str, address: str, **data: str):  # type: ignore[no-untyped-def]
        who = self.as_(name)
        return who.client.post(
            address,
            data={"csrf": who.csrf, **data},
            headers={"Accept": "text/html", "Accept-Language": "en"},
            follow_redirects=False,
        )


@pytest.fixture
def team() -> Iterator[Team]:
    with ExitStack() as stack:
        yield Team(stack, EVERYTHING)


def test_the_queue_and_a_decision_as_json(team: Team) -> None:
    queue = team.get("quality", "/api/v1/reviews").json()
    assert queue["state"]["waiting"] == 1
    assert queue["state"]["by_reason"]["nok"] == 1
    (part,) = queue["parts"]
    assert (part["index"], part["verdict"], part["due"]) == (team.index, "NOK", "nok")
    assert team.get("quality", part["image"]).status_code == 200
    answer = team.post("quality", f"/api/v1/reviews/{team.index}", BAD)
    assert answer.status_code == 201, answer.text
    decided = answer.json()
    assert (decided["role"], decided["standing"]["stage"], decided["left"]) == ("first", "second", 0)
    record = team.get("quality", f"/api/v1/records/{decided['index']}").json()
    assert (record["author"], record["record_type"]) == ("person:quality", "inspection.review")
    assert record["facets"]["statement"]["defects"] == ["scratch"]
    assert record["facets"]["inputs"]["image_sha256"] == part["image_sha256"]
    undone = team.post("quality", f"/api/v1/reviews/{team.index}/undo").json()
    assert (undone["standing"]["stage"], undone["left"]) == ("open", 1)


def test_only_people_of_quality_decide_and_only_with_the_token(team: Team) -> None:
    address = f"/api/v1/reviews/{team.index}"
    refused = team.post("viewer", address, GOOD)
    assert (refused.status_code, refused.json()["code"]) == (403, "web.role_required")
    forged = team.as_("quality").client.post(address, json=GOOD)
    assert (forged.status_code, forged.json()["code"]) == (403, "web.csrf")
    for path in ("/api/v1/reviews/catalogue",):
        answer = team.as_("viewer").client.put(
            path, json={"kinds": []}, headers={"x-csrf-token": team.as_("viewer").csrf}
        )
        assert answer.status_code == 403
    assert team.form("viewer", f"/review/{team.index}", decision="good").status_code == 403
    page = team.get("viewer", "/review", Accept="text/html").text
    assert 'name="decision"' not in page
    assert "Your role may look" in page


def test_refusals_are_named(team: Team) -> None:
    for index, body, status, code in (
        (team.index, {"decision": "defective"}, 422, "inspection.review_defects"),
        (team.index, {"decision": "perhaps"}, 400, "web.bad_request"),
        (team.index, {"decision": "good", "asked": "second"}, 409, "inspection.review_not_begun"),
        (0, GOOD, 404, "inspection.review_unknown"),
    ):
        answer = team.post("quality", f"/api/v1/reviews/{index}", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["remedy"]
    assert team.get("quality", "/api/v1/reviews/0").status_code == 404


def test_two_at_once_and_a_third(team: Team) -> None:
    address = f"/api/v1/reviews/{team.index}"
    team.post("quality", address, GOOD)
    assert team.post("admin", address, GOOD).json()["role"] == "second"
    told = team.post("quality", address, BAD)
    assert (told.status_code, told.json()["code"]) == (409, "inspection.review_decided")
    assert "admin has already decided" in told.json()["detail"]


def test_a_blind_part_gives_nothing_away(team: Team) -> None:
    row = team.sample.plant.inspections.verdict(team.index)
    assert row is not None
    team.post("quality", f"/api/v1/reviews/{team.index}", BAD)
    answer = team.get("admin", "/api/v1/reviews/second").json()
    (part,) = answer["parts"]
    assert set(part) == {"index", "station", "unit", "product", "image_sha256", "image"}
    fragment = team.get("admin", "/fragments/review/second").text
    page = team.get("admin", "/review/second", Accept="text/html").text
    work = page[page.index("data-review=") : page.index("data-toast")]
    assert f'data-part="{team.index}"' in fragment
    for text in (json.dumps(part), fragment, work):
        assert row.heatmap_sha256 not in text
        assert f"{row.score:.3f}" not in text
        assert f"{row.threshold:.3f}" not in text
        assert "NOK" not in text.replace("icon-NOK", "")  # the sign on the button "defective"
        for secret in ("heatmap", "score", "threshold", "verdict", "person:", ">quality", "/inspections/"):
            assert secret not in text, secret
    # Whatever the station and the first person said, the page is the same but for the part's name and image.
    passed = team.sample.inspect(Verdict.OK, "good")
    team.post("quality", f"/api/v1/reviews/{passed}", {**GOOD, "asked": "overrule"})
    other = team.sample.plant.inspections.verdict(passed)
    assert other is not None
    second = team.get("admin", f"/fragments/review/second?after={team.index}").text
    for mine, theirs in (
        (str(row.unit), str(other.unit)),
        (str(row.image_sha256), str(other.image_sha256)),
        (f'data-part="{row.index}"', f'data-part="{other.index}"'),
        (f'data-decide="{row.index}"', f'data-decide="{other.index}"'),
        (f"/review/{row.index}", f"/review/{other.index}"),
        (f"after={row.index}", f"after={other.index}"),
    ):
        fragment = fragment.replace(mine, theirs)
    assert fragment == second
    reviewed = team.get("admin", f"/api/v1/reviews/{team.index}").json()
    assert (reviewed["standing"]["stage"], reviewed["opinions"]) == ("second", [])
    own_page = team.get("admin", f"/inspections/{team.index}", Accept="text/html").text
    assert "hidden until somebody has given a blind second one" in own_page
    assert "person:quality" not in own_page
    assert len(team.get("quality", f"/api/v1/reviews/{team.index}").json()["opinions"]) == 1
    assert team.get("quality", "/api/v1/reviews/second").json()["parts"] == []


def test_a_disagreement_is_judged_by_a_third(team: Team) -> None:
    team.post("quality", f"/api/v1/reviews/{team.index}", GOOD)
    team.post("admin", f"/api/v1/reviews/{team.index}", {**BAD, "asked": "second"})
    (found,) = team.get("viewer", "/api/v1/reviews/disagreements").json()["disagreements"]
    assert [opinion["decision"] for opinion in found["opinions"]] == ["good", "defective"]
    page = team.get("quality", "/review/disagreements", Accept="text/html").text
    assert "a third person or an administrator decides" in page
    assert f'action="/review/{team.index}"' not in page
    refused = team.form("quality", f"/review/{team.index}", decision="good", asked="adjudication")
    assert refused.status_code == 409
    assert "You have given an opinion" in refused.text
    page = team.get("admin", "/review/disagreements", Accept="text/html").text
    assert f'action="/review/{team.index}"' in page
    done = team.form(
        "admin", f"/review/{team.index}", defect="scratch", asked="adjudication", back="/review/disagreements"
    )
    assert done.headers["location"] == f"/review/disagreements?done={team.index}"
    assert team.get("quality", "/api/v1/reviews/disagreements").json()["disagreements"] == []
    people = {person["person"]: person for person in team.get("quality", "/api/v1/reviews/agreement").json()["people"]}
    assert people["person:quality"]["overturned"] == 1
    # The reference of the sample plant says defective too.
    assert people["person:quality"]["missed"] == 1
    (label,) = team.get("quality", "/api/v1/reviews/labels").json()["labels"]
    assert (label["condition"], label["source"]) == ("defective", "reference")
    assert team.get("quality", "/api/v1/reviews/contradictions").json() == {"contradictions": []}


def test_the_pages_work_as_plain_forms(team: Team) -> None:
    page = team.get("quality", "/review", Accept="text/html").text
    assert f'data-part="{team.index}"' in page
    done = team.form("quality", f"/review/{team.index}", defect="pit", asked="first", back="/review?due=nok")
    assert (done.status_code, done.headers["location"]) == (303, f"/review?due=nok&done={team.index}")
    after = team.get("quality", done.headers["location"], Accept="text/html").text
    assert "Nothing to review" in after
    assert f'action="/review/{team.index}/undo"' in after
    undone = team.form("quality", f"/review/{team.index}/undo", back="/review")
    assert undone.headers["location"] == "/review"
    assert f'data-part="{team.index}"' in team.get("quality", "/review", Accept="text/html").text
    elsewhere = team.form("quality", f"/review/{team.index}", decision="good", back="https://evil.example")
    assert elsewhere.headers["location"] == "/"


def test_overruling_on_the_parts_own_page(team: Team) -> None:
    passed = team.sample.inspect(Verdict.OK, None)
    address = f"/inspections/{passed}"
    assert "No person was asked" in team.get("quality", address, Accept="text/html").text
    done = team.form("quality", f"/review/{passed}", defect="crack", asked="overrule", back=address)
    assert done.headers["location"] == address
    page = team.get("quality", address, Accept="text/html").text
    assert "crack" in page[page.index('id="reviews"') :]
    viewer = team.get("viewer", address, Accept="text/html").text
    assert 'value="overrule"' not in viewer


def test_the_catalogue_by_form_and_by_json(team: Team) -> None:
    catalogue = team.get("viewer", "/api/v1/reviews/catalogue").json()
    assert (catalogue["index"], len(catalogue["kinds"])) == (None, 10)
    fields: dict[str, str] = {"seen": "", "product": ""}
    for row, kind in enumerate(catalogue["kinds"]):
        fields |= {
            f"code.{row}": kind["code"],
            f"zh.{row}": kind["zh"],
            f"en.{row}": kind["en"],
            f"order.{row}": str(9 - row),
        }
        if kind["code"] != "stain":
            fields[f"active.{row}"] = "on"
    wrong = team.form(
        "quality", "/review/catalogue", **fields, **{"code.10": "Weld!", "zh.10": "焊渣", "en.10": "weld"}
    )
    assert wrong.status_code == 422
    assert "Weld!" in wrong.text
    right = team.form(
        "quality",
        "/review/catalogue",
        **fields,
        **{"code.10": "weld", "zh.10": "焊渣", "en.10": "weld", "active.10": "on"},
    )
    assert right.headers["location"] == "/review/catalogue?saved=true"
    saved = team.get("viewer", "/api/v1/reviews/catalogue").json()
    assert [kind["code"] for kind in saved["kinds"]][:2] == ["other", "uneven"]
    assert saved["kinds"][-1]["code"] == "weld"
    assert saved["person"] == "person:quality"
    review = team.get("quality", "/review", Accept="text/html").text
    assert 'value="weld"' in review
    assert 'value="stain"' not in review
    who = team.as_("quality")
    stale = who.client.put(
        "/api/v1/reviews/catalogue", json={"kinds": saved["kinds"], "seen": None}, headers={"x-csrf-token": who.csrf}
    )
    assert (stale.status_code, stale.json()["code"]) == (409, "inspection.catalogue_changed")
    own = who.client.put(
        "/api/v1/reviews/catalogue",
        json={"kinds": saved["kinds"], "seen": saved["index"], "product": "bracket-8"},
        headers={"x-csrf-token": who.csrf},
    )
    assert own.json()["product"] == "bracket-8"
    page = team.get("quality", "/review/catalogue?product=bracket-7", Accept="text/html").text
    assert "This product has the list of all products" in page


def test_lists_show_what_waits(team: Team) -> None:
    assert "1 to review" in team.get("quality", "/", Accept="text/html").text
    docs = team.get("viewer", "/api", Accept="text/html").text
    assert "Take back one" in docs
    assert "/api/v1/reviews/second" in docs
