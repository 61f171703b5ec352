"""The description of the customer's API (OpenAPI 3.1): what Litestar derives, and what it cannot know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from litestar import Litestar, MediaType, Request
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import Method

from gaugeblock.web.customer.versions import HEADER, VERSIONS

PREFIX = "/api/v1"
OCTETS = "application/octet-stream"
FILE_TYPES = (
    "application/json",
    "application/pdf",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/webp",
    "text/plain",
)
"""What bytes are handed out as, beside plain bytes."""


def operation_id(handler: HTTPRouteHandler, _method: Method, _path: list[Any]) -> str:
    """The name of an operation in generated clients: the handler's own."""
    return handler.handler_name.rsplit(".", 1)[-1]


def described(app: Litestar) -> dict[str, Any]:
    """The application's OpenAPI document. See :func:`completed`."""
    return completed(app.openapi_schema.to_schema())


def completed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What Litestar made, completed, as plain JSON values.

    Bodies are closed (a misspelt member is refused, so the schema says it); answers stay open, for a later version may
    add members. Every operation takes the version header; every GET may answer 304.
    """
    document: dict[str, Any] = json.loads(json.dumps(schema, default=list))
    schemas = document.get("components", {}).get("schemas", {})
    operations = [
        (method, operation)
        for path, methods in document["paths"].items()
        if path.startswith(PREFIX)
        for method, operation in methods.items()
    ]
    for name in set(_bodies(operations, schemas)):
        schemas[name]["additionalProperties"] = False
    for method, operation in operations:
        operation.setdefault("parameters", []).append(_version_parameter())
        if "412" in operation["responses"]:
            operation["parameters"].append(_if_match(required="428" in operation["responses"]))
        if method == "get":
            operation["responses"]["304"] = {
                "description": "You have it already: the ETag you sent is the one there is."
            }
            operation["parameters"].append(_if_none_match())
            if "200" in operation["responses"]:
                _file_types(operation["responses"]["200"])
                operation["responses"]["200"].setdefault("headers", {})["ETag"] = _etag_header()
    return document


def _file_types(response: dict[str, Any]) -> None:
    # What a file is, its bytes say.
    content = response.get("content", {})
    if OCTETS in content:
        content.update(dict.fromkeys(FILE_TYPES, content[OCTETS]))
        content["application/json"] = {"schema": {}}


def _bodies(operations: list[tuple[str, dict[str, Any]]], schemas: Mapping[str, Any]) -> Iterator[str]:
    todo = [operation["requestBody"] for _, operation in operations if "requestBody" in operation]
    seen: set[str] = set()
    while todo:
        for name in _references(todo.pop()):
            if name not in seen and name in schemas:
                seen.add(name)
                todo.append(schemas[name])
                yield name


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value.rsplit("/", 1)[1]
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _version_parameter() -> dict[str, Any]:
    return {
        "name": HEADER,
        "in": "header",
        "required": False,
        "description": "The dated version to answer by; the newest where it is not given.",
        "schema": {"type": "string", "enum": [version.name for version in VERSIONS]},
    }


def _if_none_match() -> dict[str, Any]:
    return {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "ETags that you have.",
        "schema": {"type": "string"},
    }


def _if_match(*, required: bool) -> dict[str, Any]:
    return {
        "name": "If-Match",
        "in": "header",
        "required": required,
        "description": "The ETag of what you decided on, or `*`.",
        "schema": {"type": "string"},
    }


def _etag_header() -> dict[str, Any]:
    return {"description": "Digest of this representation.", "schema": {"type": "string"}}


class DescriptionPlugin(JsonRenderPlugin):
    """Renders the completed document at ``/openapi.json`` below the configuration's path, as plain JSON."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=MediaType.JSON)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document; it says nothing of any customer."""
        del request
        return json.dumps(completed(openapi_schema), ensure_ascii=False).encode()
