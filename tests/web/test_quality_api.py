"""Nonconformities, sampling and studies over HTTP: who may what, what is refused, and what comes back."""

from __future__ import annotations

import pytest

from tests.web.quality_plant import keep, quality_plant, scored_table

JSON = {"Accept": "application/json", "Accept-Language": "en"}
POSTS = {
    "/api/v1/nonconformities": {"token": "abcdef12", "severity": "minor", "text": "dented boxes"},
    "/api/v1/sampling/plans": {"token": "abcdef12", "product": "bracket-7", "level": "II", "aql": "1.0"},
    "/api/v1/sampling/lots": {"token": "abcdef12", "product": "bracket-7", "lot": "L-1", "lot_size": 50},
    "/api/v1/studies/table": {"token": "abcdef12", "study": "November", "table": scored_table().decode()},
}


@pytest.fixture(scope="module")
def quality():  # type: ignore[no-untyped-def]
    sample, pages = quality_plant()
    return sample, pages, sample.app()


def _name(pages: dict[str, str]) -> str:
    return pages["nonconformity"].rsplit("/", 1)[1]


@pytest.mark.parametrize("address", POSTS)
def test_only_quality_may_state_and_only_with_the_sessions_token(quality, session_of, address: str) -> None:  # type: ignore[no-untyped-def]
    _, _, app = quality
    with session_of(app, "viewer") as session:
        answer = session.client.post(address, json=POSTS[address], headers={**JSON, "x-csrf-token": session.csrf})
        assert (answer.status_code, answer.json()["code"]) == (403, "web.role_required")
    with session_of(app, "quality") as session:
        answer = session.client.post(address, json=POSTS[address], headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (403, "web.csrf")
        headers = {**JSON, "x-csrf-token": session.csrf}
        first = session.client.post(address, json=POSTS[address], headers=headers)
        assert first.status_code == 201, first.text
        if "lots" not in address:
            again = session.client.post(address, json=POSTS[address], headers=headers)
            assert again.json() == first.json()


@pytest.mark.parametrize(
    "address", ["/quality", "/quality/sampling/plans", "/quality/sampling/lots", "/quality/studies/table"]
)
def test_forms_too(quality, session_of, address: str) -> None:  # type: ignore[no-untyped-def]
    _, _, app = quality
    with session_of(app, "viewer") as session:
        answer = session.client.post(address, data={"csrf": session.csrf}, follow_redirects=False)
        assert answer.status_code == 403
    with session_of(app, "quality") as session:
        answer = session.client.post(address, data={"csrf": "wrong"}, follow_redirects=False)
        assert answer.status_code == 403


def test_steps_and_their_refusals(quality, session_of) -> None:  # type: ignore[no-untyped-def]
    _, pages, app = quality
    steps = f"/api/v1/nonconformities/{_name(pages)}/steps"
    with session_of(app, "quality") as session:
        headers = {**JSON, "x-csrf-token": session.csrf}
        refused = session.client.post(
            steps, json={"token": "abcdef12", "step": "closure", "text": "x"}, headers=headers
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "inspection.units_open")
        nowhere = session.client.post(
            "/api/v1/nonconformities/NC-none/steps",
            json={"token": "abcdef12", "step": "note", "text": "x"},
            headers=headers,
        )
        assert nowhere.status_code == 404
        wrong = session.client.post(steps, json={"token": "abcdef12", "step": "dance"}, headers=headers)
        assert wrong.status_code == 400
        stated = session.client.post(
            steps, json={"token": "abcdef12", "step": "note", "text": "customer told"}, headers=headers
        )
        assert stated.status_code == 201
        case = session.client.get(f"/api/v1/nonconformities/{_name(pages)}", headers=JSON).json()
        assert case["steps"][-1]["index"] == stated.json()["index"]
        assert case["head"]["overdue"] is True
        report = session.client.get(f"/quality/nonconformities/{_name(pages)}/8d.json")
        assert report.headers["content-disposition"].startswith("attachment")
        assert [d["number"] for d in report.json()["disciplines"] if d["missing"]] == ["D3", "D6", "D7", "D8"]
        same = session.client.get(f"/api/v1/nonconformities/{_name(pages)}/8d", headers=JSON)
        assert same.json() == report.json()


def test_a_refused_form_comes_back_with_what_is_wrong(quality, session_of) -> None:  # type: ignore[no-untyped-def]
    _, pages, app = quality
    with session_of(app, "quality") as session:
        form = {"csrf": session.csrf, "token": "abcdef12", "step": "disposition", "disposition": "concession"}
        answer = session.client.post(
            pages["nonconformity"] + "/steps", data=form, headers={"Accept": "text/html", "Accept-Language": "en"}
        )
        assert answer.status_code == 422
        assert "does not name who grants it" in answer.text


def test_lists_and_lots(quality, session_of) -> None:  # type: ignore[no-untyped-def]
    sample, pages, app = quality
    keep(sample)
    with session_of(app) as session:
        get = lambda address: session.client.get(address, headers=JSON).json()  # noqa: E731
        everything = get("/api/v1/nonconformities?all=true")
        still_open = get("/api/v1/nonconformities")
        assert len(everything["nonconformities"]) > len(still_open["nonconformities"]) >= 1
        assert {plan["product"] for plan in get("/api/v1/sampling/plans")} == {"bracket-7", "bracket-8"}
        index = int(pages["lot-waiting"].rsplit("/", 1)[1])
        lot = get(f"/api/v1/sampling/lots/{index}")
        assert lot["progress"]["state"] == "filling"
        assert any(line["opened"]["index"] == index for line in get("/api/v1/sampling/lots")["lots"])
        assert session.client.get("/api/v1/sampling/lots/0", headers=JSON).status_code == 404
        studies = get("/api/v1/studies")
        study = get(f"/api/v1/studies/{studies[-1]['index']}")
        assert study["result"]["agreement"]["parts"] == 24
        assert session.client.get("/api/v1/studies/0", headers=JSON).status_code == 404
        table = session.client.get(f"/quality/studies/{studies[-1]['index']}/table.csv")
        assert table.content.startswith(b"part,reference")
