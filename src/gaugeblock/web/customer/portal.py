"""The portal: what a customer's developer reads first. Open; nothing on it is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from gaugeblock.exchange.webhooks import (
    ATTEMPTS_MAX,
    DISABLED_AFTER_S,
    EVENT_TYPES,
    RETRY_AFTER_S,
    Event,
    EventData,
)
from gaugeblock.plant.language import LANGUAGES
from gaugeblock.web.customer.page_answers import PAGE_ANSWERS
from gaugeblock.web.customer.page_errors import PageMissingError
from gaugeblock.web.customer.portal_ports import PortalSettings
from gaugeblock.web.customer.reading import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    THEMES,
    local,
    preference_cookie,
    reader_of,
    services_of,
)
from gaugeblock.web.customer.rendering import page
from gaugeblock.web.customer.verifiers import FOLDER as VERIFIERS
from gaugeblock.web.docs_page import operations

SAMPLES = Path(__file__).parent / "samples"
VERIFIER_FILES: Mapping[str, str] = {
    "gaugeblock_verify.py": "python3 gaugeblock_verify.py EVIDENCE.json --key '{key}'",
    "gaugeblock-verify.mjs": "node gaugeblock-verify.mjs EVIDENCE.json '{key}'",
}
MEDIA_TYPES: Mapping[str, str] = {".mjs": "text/javascript; charset=utf-8"}
CHANGES: tuple[tuple[str, tuple[str, ...]], ...] = (("2026-11-25", ("first", "webhooks", "pages")),)
"""Versions of the API, newest first, and the words that say what is new."""

WebRequest = Request[Any, Any, Any]
Asked = Annotated[str | None, QueryParameter(max_length=10)]


class Sample(msgspec.Struct, frozen=True):
    """A program that goes from key to verified evidence; ``run`` is how."""

    title: str
    file: str
    run: str
    text: str


_SAMPLES: tuple[tuple[str, str, str], ...] = (
    ("curl", "first_evidence.sh", "sh first_evidence.sh {url} {key}"),
    ("Python", "first_evidence.py", "python3 first_evidence.py {url} {key}"),
    ("Java", "FirstEvidence.java", "java FirstEvidence.java {url} {key}"),
    ("C#", "FirstEvidence.cs", "dotnet run FirstEvidence.cs {url} {key}"),
    ("Python", "webhook_receiver.py", "python3 webhook_receiver.py 8080 whsec_…"),
)


@cache
def _text_of(path: Path) -> str:
    return path.read_text("utf-8")


def samples(settings: PortalSettings) -> list[Sample]:
    """All samples, with the address and key of this portal in their command."""
    key = settings.sandbox_key or "$KEY"
    return [
        Sample(title, file, run.format(url=settings.public_url, key=key), _text_of(SAMPLES / file))
        for title, file, run in _SAMPLES
    ]


def commands(settings: PortalSettings) -> list[tuple[str, str]]:
    """From nothing to verified evidence, in five commands that can be copied as they stand."""
    url, key = settings.public_url, settings.sandbox_key or "gbk_…"
    log_key = settings.sandbox_log_key or settings.log_key
    bearer = '-H "Authorization: Bearer $KEY"'
    return [
        ("key", f"export KEY={key}"),
        ("orders", f"curl -s {bearer} {url}/api/v1/orders"),
        ("inspections", f"curl -s {bearer} '{url}/api/v1/inspections?limit=1'"),
        (
            "evidence",
            f"curl -s {bearer} '{url}/api/v1/inspections?limit=1' | grep -o '\"record_index\":[0-9]*' | head -1"
            f" | cut -d: -f2 | xargs -I {{}} curl -s {bearer} -o evidence.json '{url}/api/v1/records/{{}}/evidence'",
        ),
        ("verify", f"curl -s {url}/portal/verifiers/gaugeblock_verify.py | python3 - evidence.json --key '{log_key}'"),
    ]


@get("/", include_in_schema=False, sync_to_thread=False)
def start(request: WebRequest) -> Response[str]:
    """Where everything begins."""
    settings = services_of(request).settings
    return page(request, reader_of(request), "start.html.j2", here_nav="docs", commands=commands(settings))


@get("/portal/api", include_in_schema=False, sync_to_thread=False)
def api(request: WebRequest) -> Response[str]:
    """The API's reference, rendered here from its description."""
    schema = services_of(request).schema()
    return page(
        request, reader_of(request), "api.html.j2", here_nav="api", schema=schema, groups=operations(dict(schema))
    )


@get("/portal/samples", include_in_schema=False, sync_to_thread=False)
def sample_page(request: WebRequest) -> Response[str]:
    """Programs to begin with."""
    found = samples(services_of(request).settings)
    return page(request, reader_of(request), "samples.html.j2", here_nav="samples", samples=found)


@get("/portal/samples/{name:str}", include_in_schema=False, sync_to_thread=False)
def sample(name: FromPath[str]) -> Response[str]:
    """A sample as a file."""
    if name not in {file for _, file, _ in _SAMPLES}:
        raise PageMissingError
    return _file(SAMPLES / name)


@get("/portal/webhooks", include_in_schema=False, sync_to_thread=False)
def webhooks(request: WebRequest) -> Response[str]:
    """What is sent, when, and how it is verified."""
    settings = services_of(request).settings
    example = Event(
        "inspection.recorded",
        "2026-11-25T08:15:30.000000Z",
        EventData(
            "your-id",
            index=1042,
            record_type="inspection.verdict",
            order="WO-1042",
            unit="U-2611-00042",
            link=f"{settings.public_url}/api/v1/inspections/1042",
        ),
    )
    return page(
        request,
        reader_of(request),
        "webhooks_docs.html.j2",
        here_nav="webhooks",
        example=msgspec.json.format(example.to_bytes(), indent=2).decode(),
        event_types=EVENT_TYPES,
        attempts=ATTEMPTS_MAX,
        waits=", ".join(_duration(wait_s) for wait_s in RETRY_AFTER_S),
        days=DISABLED_AFTER_S // 86_400,
    )


def _duration(seconds: int) -> str:
    """A wait in its largest whole unit.

    >>> _duration(5), _duration(300), _duration(7200)
    ('5 s', '5 min', '2 h')
    """
    if seconds >= 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


@get("/portal/verify", include_in_schema=False, sync_to_thread=False)
def verify(request: WebRequest) -> Response[str]:
    """The stand-alone verifiers, and what they prove."""
    settings = services_of(request).settings
    found = [(file, run.format(key=settings.log_key)) for file, run in VERIFIER_FILES.items()]
    return page(request, reader_of(request), "verify.html.j2", here_nav="verify", verifiers=found)


@get("/portal/verifiers/{name:str}", include_in_schema=False, sync_to_thread=False)
def verifier(name: FromPath[str]) -> Response[str]:
    """A verifier as a file; the browser's Verify button runs the same."""
    if name not in VERIFIER_FILES:
        raise PageMissingError
    return _file(VERIFIERS / name)


@get("/portal/changelog", include_in_schema=False, sync_to_thread=False)
def changelog(request: WebRequest) -> Response[str]:
    """Versions of the API."""
    return page(request, reader_of(request), "changelog.html.j2", here_nav="changes", changes=CHANGES)


@get("/portal/preferences", include_in_schema=False, sync_to_thread=False)
def preferences(
    request: WebRequest,
    language: Asked = None,
    theme: Asked = None,
    next: Annotated[str | None, QueryParameter(max_length=500)] = None,
) -> Redirect:
    """Language and appearance, kept in a cookie; nothing of anybody's changes by it."""
    secure = services_of(request).settings.secure_cookies
    response = Redirect(local(next), status_code=303)
    if language in LANGUAGES:
        response.set_cookie(preference_cookie(LANGUAGE_COOKIE, language, secure=secure))
    if theme in THEMES:
        response.set_cookie(preference_cookie(THEME_COOKIE, theme, secure=secure))
    return response


def _file(path: Path) -> Response[str]:
    media_type = MEDIA_TYPES.get(path.suffix, "text/plain; charset=utf-8")
    return Response(_text_of(path), media_type=media_type, headers={"Cache-Control": "no-cache"})


HANDLERS: list[Any] = [
    Router(
        "",
        route_handlers=[
            start,
            api,
            sample_page,
            sample,
            webhooks,
            verify,
            verifier,
            changelog,
            preferences,
        ],
        exception_handlers=PAGE_ANSWERS,
        include_in_schema=False,
    )
]
