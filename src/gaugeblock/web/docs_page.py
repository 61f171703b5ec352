"""The API's description, arranged for its own small documentation page (no script, nothing from elsewhere)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a member of a body or answer."""

    name: str
    type: str
    where: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One status of an operation."""

    status: str
    description: str
    media_type: str
    type: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: str
    answers: list[Answer]


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one tag."""

    name: str
    description: str
    operations: list[Operation]


def type_name(schema: dict[str, Any]) -> str:
    """A schema in a few words.

    >>> type_name({"type": "array", "items": {"$ref": "#/components/schemas/StepOut"}})
    'StepOut[]'
    >>> type_name({"oneOf": [{"type": "integer"}, {"type": "null"}]})
    'integer | null'
    """
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for union in ("oneOf", "anyOf"):
        if union in schema:
            return " | ".join(type_name(part) for part in schema[union])
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    if "const" in schema:
        return f'"{schema["const"]}"'
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " | ".join(str(part) for part in kind)
    if kind == "array":
        return f"{type_name(schema.get('items', {}))}[]"
    return str(schema.get("format", kind)) if kind == "string" else str(kind)


def fields_of(schema: dict[str, Any]) -> list[Field]:
    """The members of an object schema."""
    required = set(schema.get("required", ()))
    return [
        Field(name, type_name(member), "", name in required, member.get("description", ""))
        for name, member in schema.get("properties", {}).items()
    ]


def operations(document: dict[str, Any]) -> list[Group]:
    """All operations by tag, in the order of the tags."""
    groups: dict[str, Group] = {
        tag["name"]: Group(tag["name"], tag.get("description", ""), []) for tag in document.get("tags", ())
    }
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                for tag in operation.get("tags", ["other"]):
                    group = groups.setdefault(tag, Group(tag, "", []))
                    group.operations.append(_operation(method, path, operation))
    return [group for group in groups.values() if group.operations]


def _operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    parameters = [
        Field(
            parameter["name"],
            type_name(parameter.get("schema", {})),
            parameter["in"],
            bool(parameter.get("required")),
            parameter.get("description") or parameter.get("schema", {}).get("description", ""),
        )
        for parameter in operation.get("parameters", ())
    ]
    body = ", ".join(
        f"{type_name(content.get('schema', {}))} ({media_type})"
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items()
    )
    answers = []
    for status, response in sorted(operation.get("responses", {}).items()):
        contents = response.get("content") or {"": {}}
        media_type, content = next(iter(contents.items()))
        answers.append(
            Answer(status, response.get("description", ""), media_type, type_name(content["schema"]) if content else "")
        )
    return Operation(
        anchor=operation.get("operationId", f"{method}{path}"),
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=parameters,
        body=body,
        answers=answers,
    )
