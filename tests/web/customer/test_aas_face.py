from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from gaugeblock.exchange.aas.identifiers import encoded
from gaugeblock.exchange.aas.view import MemoryAasView, StoredFile
from gaugeblock.web.customer.aas import AasFace

SHELL = {
    "modelType": "AssetAdministrationShell",
    "id": "urn:a",
    "assetInformation": {
        "assetKind": "Instance",
        "globalAssetId": "urn:asset",
        "defaultThumbnail": {"path": '/a"\r\nx-evil: 1.png', "contentType": "image/png"},
    },
}
VIEW = MemoryAasView(
    {"assetAdministrationShells": [SHELL], "submodels": [{"modelType": "Submodel", "id": "urn:s/ä"}]},
    {'/a"\r\nx-evil: 1.png': StoredFile("image/png\r\nx-evil: 1", b"png")},
    {"urn:a": (5, 2)},
)


def fetched(path: str, query: str = "", method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes, Any]:
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": f"/aas{path}",
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "root_path": "",
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        if not sent:
            # Whoever records what is served has to know before anything leaves.
            assert "derived_from" in scope["state"]
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("no body is read")

    asyncio.run(AasFace(lambda _: VIEW, "/aas")(scope, receive, send))
    named = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    if method == "GET" and sent[0]["status"] != 304:
        assert scope["state"]["body_sha256"] == hashlib.sha256(sent[1]["body"]).hexdigest()
    return sent[0]["status"], named, sent[1]["body"], scope["state"]["derived_from"]


def test_an_answer_and_what_it_is_derived_from() -> None:
    status, headers, body, derived = fetched(f"/shells/{encoded('urn:a')}")
    assert (status, headers["content-type"], derived) == (200, "application/json", [2, 5])
    assert headers["content-length"] == str(len(body))
    assert fetched(f"/submodels/{encoded('urn:s/ä')}")[0] == 200


def test_head_has_the_length_and_no_body() -> None:
    got, head = fetched("/shells"), fetched("/shells", method="HEAD")
    assert head[2] == b""
    assert head[1] == got[1]


def test_known_is_not_sent_again() -> None:
    tag = fetched("/shells")[1]["etag"]
    status, headers, body, derived = fetched("/shells", if_none_match=tag)
    assert (status, body, derived) == (304, b"", [2, 5])
    assert "content-length" not in headers


def test_queries_are_decoded() -> None:
    assert fetched("/shells", "limit=0")[0] == 400
    assert fetched("/shells", "limit=1&limit=2")[0] == 400
    assert fetched("/shells", "idShort=%E9%87%8F&cursor")[0] == 400
    assert fetched("/shells", "&".join(["x=1"] * 5000))[0] == 200


def test_errors_follow_the_language_that_is_asked_for() -> None:
    assert "接口" in fetched("/nonsense", accept_language="zh-CN")[2].decode()
    assert "address" in fetched("/nonsense")[2].decode()


def test_nothing_stored_can_end_a_header() -> None:
    _, headers, body, _ = fetched(f"/shells/{encoded('urn:a')}/asset-information/thumbnail")
    assert body == b"png"
    assert not any("\n" in value or "\r" in value for value in headers.values())
    assert headers["content-disposition"] == 'attachment; filename="a_x-evil_1.png"'


@pytest.mark.parametrize("path", ["", "/", "//", "/shells/", "//shells"])
def test_slashes_do_not_matter(path: str) -> None:
    assert fetched(path)[0] == (200 if "shells" in path else 404)
