"""The HTTP API: access, problem details, records, blobs, cursors, log tiles, OpenAPI, health, metrics."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import time

import pytest
from litestar.testing import TestClient
from openapi_spec_validator import validate
from PIL import Image

from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.tiles import decode_bundle
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.plant.record_types import InspectionStatement, InspectionSubject, Verdict
from gaugeblock.stores.blobs import BlobStore
from gaugeblock.stores.errors import QueueFullError, StoreBusyError, StoreFullError, StoreUnavailableError
from gaugeblock.web.app import create_app
from gaugeblock.web.events import EventHub
from gaugeblock.web.follower import Follower
from gaugeblock.web.metrics import Metrics
from gaugeblock.web.ports import Concern

READS = [
    "/api/v1/overview",
    "/api/v1/inspections",
    "/api/v1/inspections/2",
    "/api/v1/units/U-1",
    "/api/v1/records/0",
    "/api/v1/records/0/evidence",
    "/api/v1/log",
    "/api/v1/stations",
    "/api/v1/events",
    f"/api/v1/blobs/{'0' * 64}",
]


def guest(sample):  # type: ignore[no-untyped-def]
    return TestClient(sample.app())


def submission(record) -> dict[str, object]:  # type: ignore[no-untyped-def]
    return {"jws": record.jws.decode(), "disclosures": dict(record.disclosures)}


def verdict_record(sample, identity: str | None = None, verdict: Verdict = Verdict.OK):  # type: ignore[no-untyped-def]
    facets = {
        "subject": InspectionSubject(station="L1-ST10", unit="U-9"),
        "statement": InspectionStatement(verdict=verdict),
    }
    return sample.signed("inspection.verdict", facets, identity)


# ── access ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("address", READS)
def test_reading_needs_a_session(plant, address: str) -> None:  # type: ignore[no-untyped-def]
    with guest(plant) as client:
        answer = client.get(address, headers={"Accept-Language": "en"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "web.sign_in_required"
    assert problem["type"] == "urn:gaugeblock:problem:web.sign_in_required"
    assert problem["status"] == 401
    assert problem["instance"] == address
    assert problem["detail"] == "Nobody is signed in."
    assert problem["remedy"]


def test_pages_send_guests_to_the_sign_in_form_and_back(plant) -> None:  # type: ignore[no-untyped-def]
    with guest(plant) as client:
        answer = client.get("/inspections?verdict=NOK", headers={"Accept": "text/html"}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Finspections%3Fverdict%3DNOK"


def test_session_cookie_is_out_of_reach_of_scripts_and_other_sites(plant) -> None:  # type: ignore[no-untyped-def]
    with guest(plant) as client:
        form = client.get("/sign-in").text
        csrf = form.split('name="csrf" value="', 1)[1].split('"', 1)[0]
        data = {"csrf": csrf, "name": "viewer", "password": "correct horse battery", "next": "//evil.example/"}
        answer = client.post("/sign-in", data=data, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("gaugeblock_session"))
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_sign_in_without_the_forms_token_is_refused(plant, token: str | None) -> None:  # type: ignore[no-untyped-def]
    with guest(plant) as client:
        client.get("/sign-in")
        data = {"name": "viewer", "password": "correct horse battery"} | ({} if token is None else {"csrf": token})
        answer = client.post("/sign-in", data=data, headers={"Accept": "application/json"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "web.csrf"


def test_failed_sign_ins_slow_down(plant) -> None:  # type: ignore[no-untyped-def]
    with guest(plant) as client:
        csrf = client.get("/sign-in").text.split('name="csrf" value="', 1)[1].split('"', 1)[0]
        statuses = [
            client.post("/sign-in", data={"csrf": csrf, "name": "viewer", "password": f"guess {n}"}).status_code
            for n in range(8)
        ]
        right = client.post("/sign-in", data={"csrf": csrf, "name": "viewer", "password": "correct horse battery"})
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert right.status_code == 429


def test_unsafe_calls_by_session_need_the_csrf_header(viewer) -> None:  # type: ignore[no-untyped-def]
    assert viewer.client.post("/api/v1/records/0/verify").json()["code"] == "web.csrf"
    wrong = viewer.client.post("/api/v1/records/0/verify", headers={"X-CSRF-Token": "x"})
    assert wrong.status_code == 403
    right = viewer.client.post("/api/v1/records/0/verify", headers={"X-CSRF-Token": viewer.csrf})
    assert right.json()["ok"] is True


def test_signing_out_ends_the_session_on_the_server(viewer, plant) -> None:  # type: ignore[no-untyped-def]
    token = viewer.client.cookies["gaugeblock_session"]
    viewer.client.post("/sign-out", data={"csrf": viewer.csrf}, follow_redirects=False)
    again = viewer.client.get("/api/v1/log", headers={"Cookie": f"gaugeblock_session={token}"})
    assert again.status_code == 401


def test_roles_reach_as_far_as_they_should() -> None:
    from gaugeblock.web.access import _rank

    assert [_rank(role) for role in ("viewer", "quality", "admin", "nobody")] == [0, 1, 2, -1]


@pytest.mark.parametrize("address", ["/sign-in", "/nowhere", "/api/v1/log", "/healthz", "/log/checkpoint"])
def test_security_headers_are_on_every_answer(plant, address: str) -> None:  # type: ignore[no-untyped-def]
    with guest(plant) as client:
        headers = client.get(address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


# ── problems ────────────────────────────────────────────────────────────────────────────────────────────


def test_problems_speak_the_readers_language(viewer) -> None:  # type: ignore[no-untyped-def]
    zh = viewer.client.get("/api/v1/records/999", headers={"Accept-Language": "zh-CN"}).json()
    en = viewer.client.get("/api/v1/records/999", headers={"Accept-Language": "en"}).json()
    assert zh["code"] == en["code"] == "web.record_not_found"
    assert "没有记录 #999" in zh["detail"]
    assert "no record #999" in en["detail"]


@pytest.mark.parametrize(
    ("method", "address", "code"),
    [
        ("GET", "/api/v1/nowhere", "web.not_found"),
        ("DELETE", "/api/v1/records", "web.method_not_allowed"),
        ("GET", "/api/v1/inspections?limit=0", "web.bad_request"),
        ("GET", "/api/v1/inspections?limit=5000", "web.bad_request"),
        ("GET", "/api/v1/inspections?verdict=MAYBE", "web.bad_request"),
        ("GET", "/api/v1/inspections?cursor=-1", "web.bad_request"),
        ("GET", "/api/v1/inspections/0", "web.inspection_not_found"),
        ("GET", "/api/v1/units/nobody", "web.unit_not_found"),
        ("GET", "/api/v1/records/0/evidence?facets=secret", "web.bad_request"),
        ("GET", "/api/v1/blobs/zz", "web.bad_request"),
        ("GET", f"/api/v1/blobs/{'0' * 64}", "stores.blob_missing"),
        ("GET", "/log/tile/0/999", "web.tile_not_found"),
        ("GET", "/log/tile/../../etc/passwd", "web.tile_not_found"),
        ("GET", "/log/tile/0/000.p/0", "web.tile_not_found"),
    ],
)
def test_every_refusal_is_named(viewer, method: str, address: str, code: str) -> None:  # type: ignore[no-untyped-def]
    answer = viewer.client.request(method, address)
    if "etc/passwd" in address:  # clients fold the dots away
        assert answer.status_code == 404
        return
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert answer.json()["code"] == code
    assert answer.json()["status"] == answer.status_code


def test_a_fault_of_ours_is_named_without_its_inside(plant, session_of) -> None:  # type: ignore[no-untyped-def]
    app = plant.app()
    with session_of(app) as session:

        def broken():  # type: ignore[no-untyped-def]
            raise RuntimeError("password=hunter2")

        plant.plant.inspections.overview = broken
        answer = session.client.get("/api/v1/overview")
    assert answer.status_code == 500
    assert answer.json()["code"] == "plant.unexpected"
    assert "hunter2" not in answer.text


def test_a_fault_of_ours_is_a_page_for_people(plant, session_of) -> None:  # type: ignore[no-untyped-def]
    with session_of(plant.app()) as session:

        def broken():  # type: ignore[no-untyped-def]
            raise RuntimeError("password=hunter2")

        plant.plant.inspections.overview = broken
        answer = session.client.get("/", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert answer.status_code == 500
    assert "Internal fault" in answer.text
    assert "hunter2" not in answer.text


# ── records ─────────────────────────────────────────────────────────────────────────────────────────────


def test_records_are_taken_in_order_and_once(plant) -> None:  # type: ignore[no-untyped-def]
    first, second = verdict_record(plant), verdict_record(plant)
    with guest(plant) as client:
        size = plant.log.size
        body = {"records": [submission(first), submission(second)]}
        receipts = client.post("/api/v1/records", json=body).json()["receipts"]
        again = client.post("/api/v1/records", json=body).json()["receipts"]
    assert [receipt["index"] for receipt in receipts] == [size, size + 1]
    assert [receipt["duplicate"] for receipt in receipts] == [False, False]
    assert [receipt["index"] for receipt in again] == [size, size + 1]
    assert [receipt["duplicate"] for receipt in again] == [True, True]
    assert plant.log.size == size + 2
    assert "error" not in receipts[0]


def test_a_refused_record_harms_only_itself(plant) -> None:  # type: ignore[no-untyped-def]
    good, bad = submission(verdict_record(plant)), submission(verdict_record(plant))
    bad["jws"] = bad["jws"][:-8] + "AAAAAAAA"  # type: ignore[index]
    with guest(plant) as client:
        answer = client.post("/api/v1/records", json={"records": [bad, good]}, headers={"Accept-Language": "en"})
    refusal, receipt = answer.json()["receipts"]
    assert answer.status_code == 200
    assert refusal["error"]["code"] == "ledger.signature"
    assert refusal["error"]["text"]
    assert refusal["error"]["remedy"]
    assert receipt["duplicate"] is False


def test_full_queue_asks_to_come_again(plant) -> None:  # type: ignore[no-untyped-def]
    plant.plant.submitter.refuse = QueueFullError(limit=10)
    with guest(plant) as client:
        answer = client.post("/api/v1/records", json={"records": [submission(verdict_record(plant))]})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "stores.queue_full"


def test_limits_of_submissions_are_named(make_plant) -> None:  # type: ignore[no-untyped-def]
    sample = make_plant(records_per_request=2, records_body_bytes=20_000)
    with guest(sample) as client:
        many = client.post("/api/v1/records", json={"records": [submission(verdict_record(sample))] * 3})
        large = client.post("/api/v1/records", json={"records": [{"jws": "x" * 30_000, "disclosures": {}}]})
        shape = client.post("/api/v1/records", json={"records": [{"jws": 1}]})
        strange = client.post("/api/v1/records", content=b"{", headers={"Content-Type": "application/json"})
    assert (many.status_code, many.json()["code"]) == (413, "web.too_many_records")
    assert (large.status_code, large.json()["code"]) == (413, "web.body_too_large")
    assert "20000" in large.json()["detail"]
    assert (shape.status_code, shape.json()["code"]) == (400, "web.bad_request")
    assert (strange.status_code, strange.json()["code"]) == (400, "web.bad_request")


def test_a_record_shows_payload_facets_and_a_proof_that_holds(viewer, plant) -> None:  # type: ignore[no-untyped-def]
    index = plant.plant.inspections.rows[1].index
    record = viewer.client.get(f"/api/v1/records/{index}").json()
    assert record["record_type"] == "inspection.verdict"
    assert record["facets"]["statement"]["verdict"] == "NOK"
    assert record["payload"]["iss"] == record["author"]
    node = bytes.fromhex(record["proof"]["leaf_hash"])
    assert node == hashlib.sha256(b"\x00" + record["jws"].encode()).digest()
    from gaugeblock.ledger.merkle import verify_inclusion

    path = [bytes.fromhex(step) for step in record["proof"]["path"]]
    size, root = record["proof"]["tree_size"], bytes.fromhex(record["proof"]["root"])
    assert verify_inclusion(node, index, size, path, root)
    assert root.hex() == viewer.client.get("/api/v1/log").json()["root"]


def test_evidence_verifies_and_withholds_what_is_not_asked_for(viewer, plant) -> None:  # type: ignore[no-untyped-def]
    index = plant.plant.inspections.rows[0].index
    whole = viewer.client.get(f"/api/v1/records/{index}/evidence")
    part = viewer.client.get(f"/api/v1/records/{index}/evidence?facets=statement")
    assert "attachment" in whole.headers["content-disposition"]
    assert verify_evidence(whole.content, plant.log.log_key).ok
    assert verify_evidence(part.content, plant.log.log_key).ok
    assert list(json.loads(part.content)["record"]["disclosures"]) == ["statement"]


def test_the_server_names_its_steps(viewer, plant) -> None:  # type: ignore[no-untyped-def]
    index = plant.plant.inspections.rows[0].index
    answer = viewer.client.post(
        f"/api/v1/records/{index}/verify", headers={"X-CSRF-Token": viewer.csrf, "Accept-Language": "zh"}
    ).json()
    assert answer["ok"]
    names = [step["name"] for step in answer["steps"]]
    assert names[-3:] == ["signature", "disclosures", "facets"]
    assert all(step["ok"] and step["text"] for step in answer["steps"])


# ── blobs ───────────────────────────────────────────────────────────────────────────────────────────────


def put(client, sample, data: bytes, **header):  # type: ignore[no-untyped-def]
    sha256 = hashlib.sha256(data).hexdigest()
    headers = {"Authorization": sample.key_header(sha256, **header), "Content-Type": "application/octet-stream"}
    return client.put(f"/api/v1/blobs/{sha256}", content=data, headers=headers)


def test_blobs_are_put_by_key_and_read_by_session(plant, session_of) -> None:  # type: ignore[no-untyped-def]
    data = b"\xff\xd8\xff" + b"frame"
    with session_of(plant.app()) as session:
        assert put(session.client, plant, data).status_code == 201
        again = put(session.client, plant, data)
        assert again.status_code == 200
        assert again.json() == {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
        answer = session.client.get(f"/api/v1/blobs/{again.json()['sha256']}")
    assert answer.content == data
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]


def test_lists_get_images_as_thumbnails(plant, session_of) -> None:  # type: ignore[no-untyped-def]
    out = io.BytesIO()
    Image.effect_noise((900, 600), 60).convert("RGB").save(out, "PNG")
    with session_of(plant.app()) as session:
        address = f"/api/v1/blobs/{put(session.client, plant, out.getvalue()).json()['sha256']}"
        small = session.client.get(f"{address}?width=320")
        assert session.client.get(f"{address}?width=77").status_code == 400
    assert small.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(small.content)).size == (320, 213)


def test_a_second_delivery_mends_a_damaged_blob(plant, session_of, tmp_path) -> None:  # type: ignore[no-untyped-def]
    store = BlobStore(tmp_path)
    app = create_app(dataclasses.replace(plant.plant.services, blobs=store))
    data = b"\xff\xd8\xff" + b"frame"
    with session_of(app) as session:
        address = f"/api/v1/blobs/{put(session.client, plant, data).json()['sha256']}"
        store.path(address.rsplit("/", 1)[1]).write_bytes(b"\xff\xd8\xff" + b"frAme")
        assert session.client.get(address).status_code == 500
        assert put(session.client, plant, data).status_code == 200
        assert session.client.get(address).content == data


def test_blobs_never_come_back_as_something_a_browser_runs(plant, session_of) -> None:  # type: ignore[no-untyped-def]
    data = b"<html><script>alert(1)</script>"
    with session_of(plant.app()) as session:
        sha256 = put(session.client, plant, data).json()["sha256"]
        assert session.client.get(f"/api/v1/blobs/{sha256}").headers["content-type"] == "application/octet-stream"


def test_blobs_are_refused_without_a_good_key(plant) -> None:  # type: ignore[no-untyped-def]
    data = b"frame"
    sha256 = hashlib.sha256(data).hexdigest()
    with guest(plant) as client:

        def code(header: str | None) -> tuple[int, str]:
            headers = {} if header is None else {"Authorization": header}
            answer = client.put(f"/api/v1/blobs/{sha256}", content=data, headers=headers)
            return answer.status_code, answer.json()["code"]

        good = plant.key_header(sha256)
        assert code(None) == (401, "web.key_header")
        assert code("Bearer x") == (401, "web.key_header")
        assert code(good.replace(" ", "  ")) == (401, "web.key_header")
        assert code(good[:-4] + "AAAA") == (401, "web.key_refused")
        assert code(plant.key_header(sha256, key=SigningKey.generate())) == (401, "web.key_refused")
        assert code(plant.key_header("0" * 64)) == (401, "web.key_refused")
        assert code(plant.key_header(sha256, unix_s=int(time.time()) - 4000)) == (401, "web.key_time")
        other = client.put(
            f"/api/v1/blobs/{'0' * 64}", content=data, headers={"Authorization": plant.key_header("0" * 64)}
        )
    assert (other.status_code, other.json()["code"]) == (400, "web.digest_mismatch")
    assert not plant.plant.blobs.has(sha256)


def test_blob_size_has_a_named_limit(make_plant) -> None:  # type: ignore[no-untyped-def]
    sample = make_plant(blob_bytes=1000)
    with guest(sample) as client:
        answer = put(client, sample, b"x" * 2000)
    assert (answer.status_code, answer.json()["code"]) == (413, "web.body_too_large")


# ── inspections ─────────────────────────────────────────────────────────────────────────────────────────


def test_cursors_reach_every_verdict_once_while_new_ones_come(make_plant, session_of) -> None:  # type: ignore[no-untyped-def]
    sample = make_plant()
    expected = [sample.inspect(condition=None) for _ in range(23)][::-1]
    seen: list[int] = []
    with session_of(sample.app()) as session:
        cursor = ""
        for _ in range(10):
            page = session.client.get(f"/api/v1/inspections?limit=5{cursor}").json()
            seen += [row["index"] for row in page["inspections"]]
            sample.inspect(condition=None)
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
    assert seen == expected


def test_filters_and_what_is_wrong(make_plant, session_of) -> None:  # type: ignore[no-untyped-def]
    sample = make_plant()
    sample.run_line(40)
    with session_of(sample.app()) as session:
        wrong = session.client.get("/api/v1/inspections?wrong=true").json()["inspections"]
        nok = session.client.get("/api/v1/inspections?verdict=NOK").json()["inspections"]
        unit = session.client.get("/api/v1/units/U-TWICE").json()["inspections"]
        overview = session.client.get("/api/v1/overview").json()
    assert sorted(row["wrong"] for row in wrong) == ["escape", "overkill"]
    assert {row["verdict"] for row in nok} == {"NOK"}
    assert [row["verdict"] for row in unit] == ["NOK", "OK"]
    assert unit[0]["image"] == f"/api/v1/blobs/{unit[0]['image_sha256']}"
    assert sum(overview["counts"].values()) == 43
    assert overview["escape"]["hits"] == 1


@pytest.mark.parametrize("address", ["/", "/stations", "/fragments/overview", "/fragments/stations"])
def test_pages_show_a_fault_of_the_supervision_in_its_place(plant, session_of, address: str) -> None:  # type: ignore[no-untyped-def]
    plant.plant.stations.fault = StoreUnavailableError(store="run/supervision.json", detail="no rights")
    with session_of(plant.app()) as session:
        answer = session.client.get(address, headers={"Accept": "text/html", "Accept-Language": "en"})
        assert answer.status_code == 200
        assert "run/supervision.json" in answer.text
        # What the records say of the station is still there, and nobody claims to know how its process fares.
        assert "L1-ST10" in answer.text
        assert "condition-unknown" in answer.text
        assert session.client.get("/metrics").status_code == 200
        problem = session.client.get("/api/v1/stations")
    assert (problem.status_code, problem.json()["code"]) == (503, "stores.unavailable")


def test_news_of_parts_come_while_the_supervision_is_away(plant) -> None:  # type: ignore[no-untyped-def]
    hub = EventHub("boot")
    follower = Follower(plant.plant.services, hub, Metrics(plant.plant.services))
    follower.tell(follower.look())
    known = plant.plant.stations.stations()
    plant.plant.stations.fault = StoreUnavailableError(store="run/supervision.json", detail="no rights")
    plant.inspect()
    listener = hub.listen("boot-0")
    follower.tell(follower.look())
    assert "verdict" in [event.name for event in listener._events]
    plant.plant.stations.fault = None
    listener._events.clear()
    follower.tell(follower.look())
    assert plant.plant.stations.stations() == known
    assert "station" not in [event.name for event in listener._events]


@pytest.mark.parametrize(
    "fault",
    [
        StoreUnavailableError(store="s", detail="d"),
        StoreBusyError(store="s"),
        StoreFullError(store="s", detail="d"),
    ],
)
def test_a_store_that_cannot_now_asks_to_come_again(plant, session_of, fault) -> None:  # type: ignore[no-untyped-def]
    with session_of(plant.app()) as session:

        def away():  # type: ignore[no-untyped-def]
            raise fault

        plant.plant.inspections.overview = away
        answer = session.client.get("/api/v1/overview")
    assert (answer.status_code, answer.json()["code"]) == (503, fault.code)
    assert int(answer.headers["retry-after"]) >= 1


def test_stations_join_supervisor_and_records(viewer) -> None:  # type: ignore[no-untyped-def]
    first, second = viewer.client.get("/api/v1/stations", headers={"Accept-Language": "en"}).json()["stations"]
    assert (first["station"], first["condition"], first["boot_epoch"]) == ("L1-ST10", "running", 1)
    assert (second["condition"], second["boot_epoch"], second["fault"]) == (
        "restarting",
        None,
        "An unexpected fault: camera.",
    )


# ── log, health, metrics, description ───────────────────────────────────────────────────────────────────


def test_log_tiles_follow_c2sp(make_plant) -> None:  # type: ignore[no-untyped-def]
    sample = make_plant()
    for _ in range(3):
        sample.inspect()
    with guest(sample) as client:
        checkpoint = client.get("/log/checkpoint")
        size = int(checkpoint.text.split("\n")[1])
        tile = client.get(f"/log/tile/0/000.p/{size}")
        entries = client.get(f"/log/tile/entries/000.p/{size}")
        beyond = client.get(f"/log/tile/0/000.p/{size + 1}")
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "no-cache"
    assert size == sample.log.size
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" in tile.headers["cache-control"]
    leaves = [hashlib.sha256(b"\x00" + entry).digest() for entry in decode_bundle(entries.content)]
    assert b"".join(leaves) == tile.content
    assert beyond.status_code == 404


def test_log_can_be_closed_to_guests(make_plant, session_of) -> None:  # type: ignore[no-untyped-def]
    sample = make_plant(public_log=False)
    with guest(sample) as client:
        assert client.get("/log/checkpoint").status_code == 401
    with session_of(sample.app()) as session:
        assert session.client.get("/log/checkpoint").status_code == 200


def test_health_says_what_is_wrong(plant) -> None:  # type: ignore[no-untyped-def]
    with guest(plant) as client:
        assert client.get("/healthz").json()["status"] == "ok"
        plant.plant.health.list.append(Concern("plant.unexpected", {"detail": "disk"}))
        answer = client.get("/healthz", headers={"Accept-Language": "en"}).json()
    assert answer["status"] == "concerned"
    assert answer["concerns"] == [{"code": "plant.unexpected", "text": "An unexpected fault: disk."}]


def test_metrics_are_prometheus_text(plant) -> None:  # type: ignore[no-untyped-def]
    from prometheus_client.parser import text_string_to_metric_families

    with guest(plant) as client:
        time.sleep(0.4)
        plant.inspect()
        time.sleep(0.6)
        text = client.get("/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["gaugeblock_log_size"].samples[0].value == plant.log.size
    verdicts = {sample.labels["verdict"]: sample.value for sample in families["gaugeblock_verdicts"].samples}
    assert verdicts == {"OK": 2, "NOK": 1, "UNDECIDED": 1}
    window = {name: families[f"gaugeblock_window_{name}"] for name in ("verdicts", "late", "escapes", "overkills")}
    assert window["verdicts"].samples[0].value == 4
    assert {family.type for family in window.values()} == {"gauge"}, "a window's sum may fall"
    assert "gaugeblock_checkpoint_age_seconds" in families
    counts = [s for s in families["gaugeblock_verdict_latency_seconds"].samples if s.name.endswith("_count")]
    assert counts[0].value == 1
    running = [s for s in families["gaugeblock_station_condition"].samples if s.value == 1]
    assert {(s.labels["station"], s.labels["condition"]) for s in running} == {
        ("L1-ST10", "running"),
        ("L1-ST20", "restarting"),
    }
    assert "gaugeblock_queue_depth" in families
    assert "gaugeblock_spool_backlog" in families


def test_openapi_description_is_valid_and_whole(plant, session_of) -> None:  # type: ignore[no-untyped-def]
    with guest(plant) as client:
        document = client.get("/api/v1/openapi.json").json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    operations = {(method, path) for path, item in document["paths"].items() for method in item}
    assert operations == {
        ("post", "/api/v1/records"),
        ("get", "/api/v1/records/{index}"),
        ("get", "/api/v1/records/{index}/evidence"),
        ("post", "/api/v1/records/{index}/verify"),
        ("put", "/api/v1/blobs/{sha256}"),
        ("get", "/api/v1/blobs/{sha256}"),
        ("get", "/api/v1/overview"),
        ("get", "/api/v1/inspections"),
        ("get", "/api/v1/inspections/{index}"),
        ("get", "/api/v1/units/{unit}"),
        ("get", "/api/v1/stations"),
        ("get", "/api/v1/log"),
        ("get", "/api/v1/events"),
        ("get", "/api/v1/lines"),
        ("get", "/api/v1/lines/{line}"),
        ("get", "/api/v1/lines/{line}/dates"),
        ("post", "/api/v1/lines/{line}/questions"),
        ("get", "/api/v1/questions/{question}"),
        ("get", "/api/v1/modules"),
        ("get", "/api/v1/modules/{module_sha256}"),
        ("get", "/api/v1/modules/{module_sha256}/file"),
        ("get", "/api/v1/modules/{module_sha256}/operating-point"),
        ("post", "/api/v1/modules/{module_sha256}/operating-point"),
        ("post", "/api/v1/modules/{module_sha256}/release"),
        ("post", "/api/v1/modules/{module_sha256}/rollback"),
        ("post", "/api/v1/modules/{module_sha256}/reject"),
        ("post", "/api/v1/modules/{module_sha256}/compare"),
        ("get", "/api/v1/trainings"),
        ("post", "/api/v1/trainings"),
        ("post", "/api/v1/trainings/preview"),
        ("get", "/api/v1/trainings/{job}"),
        ("post", "/api/v1/trainings/{job}/cancel"),
        ("get", "/api/v1/reviews"),
        ("get", "/api/v1/reviews/second"),
        ("get", "/api/v1/reviews/disagreements"),
        ("get", "/api/v1/reviews/labels"),
        ("get", "/api/v1/reviews/contradictions"),
        ("get", "/api/v1/reviews/agreement"),
        ("get", "/api/v1/reviews/catalogue"),
        ("put", "/api/v1/reviews/catalogue"),
        ("get", "/api/v1/reviews/{index}"),
        ("post", "/api/v1/reviews/{index}"),
        ("post", "/api/v1/reviews/{index}/undo"),
        ("get", "/api/v1/nonconformities"),
        ("post", "/api/v1/nonconformities"),
        ("get", "/api/v1/nonconformities/{nonconformity}"),
        ("get", "/api/v1/nonconformities/{nonconformity}/8d"),
        ("post", "/api/v1/nonconformities/{nonconformity}/steps"),
        ("get", "/api/v1/sampling/lots"),
        ("post", "/api/v1/sampling/lots"),
        ("get", "/api/v1/sampling/lots/{index}"),
        ("get", "/api/v1/sampling/plans"),
        ("post", "/api/v1/sampling/plans"),
        ("get", "/api/v1/studies"),
        ("post", "/api/v1/studies/records"),
        ("post", "/api/v1/studies/table"),
        ("get", "/api/v1/studies/{index}"),
        ("post", "/api/v1/certificates"),
        ("get", "/api/v1/contracts"),
        ("post", "/api/v1/contracts"),
        ("post", "/api/v1/contracts/preview"),
        ("get", "/api/v1/contracts/{contract}"),
        ("post", "/api/v1/contracts/{contract}/approve"),
        ("post", "/api/v1/contracts/{contract}/revoke"),
        ("post", "/api/v1/genealogy"),
        ("post", "/api/v1/lots"),
        ("get", "/api/v1/lots/{lot}"),
        ("get", "/api/v1/order-imports"),
        ("post", "/api/v1/order-imports"),
        ("post", "/api/v1/order-imports/{batch}/undo"),
        ("get", "/api/v1/orders"),
        ("post", "/api/v1/orders"),
        ("get", "/api/v1/orders/{order}"),
        ("post", "/api/v1/orders/{order}/versions"),
        ("post", "/api/v1/results"),
        ("post", "/api/v1/shipments"),
        ("get", "/api/v1/transfers"),
        ("get", "/api/v1/units/{unit}/genealogy"),
    }
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert "application/problem+json" in response["content"], (path, status)


def test_docs_page_names_every_operation(plant) -> None:  # type: ignore[no-untyped-def]
    with guest(plant) as client:
        page = client.get("/api").text
        document = client.get("/api/v1/openapi.json").json()
    for path in document["paths"]:
        assert path in page
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in page


def test_static_files_are_kept_for_ever_under_an_address_of_their_content(plant) -> None:  # type: ignore[no-untyped-def]
    from gaugeblock.web.templating import static_prefix

    with guest(plant) as client:
        answer = client.get(f"{static_prefix()}/app.js")
        assert answer.status_code == 200
        assert "javascript" in answer.headers["content-type"]
        assert "immutable" in answer.headers["cache-control"]
        assert client.get("/static/other/app.js").status_code == 404
