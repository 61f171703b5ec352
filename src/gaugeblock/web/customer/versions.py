"""Dated versions of the customer's API: which there are, and what is said of one that will go. Pure.

A customer names a version by the header ``Gaugeblock-Version``; without it the newest answers. A version that is
deprecated says so in each answer (``Deprecation``, RFC 9745, and ``Sunset``, RFC 8594).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from email.utils import format_datetime

import msgspec

from gaugeblock.web.customer.rest_errors import VersionUnknownError

HEADER = "Gaugeblock-Version"


class ApiVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version.

    Parameters
    ----------
    name
        Its date.
    deprecated, sunset
        Since when it should not be used, and from when it will not answer.
    link
        Where the change is described.
    """

    name: str
    deprecated: date | None = None
    sunset: date | None = None
    link: str = "/portal/changelog"


VERSIONS: tuple[ApiVersion, ...] = (ApiVersion(name="2026-11-25"),)
"""Oldest first; the last one answers where none is named."""


def version_of(asked: str | None, versions: Sequence[ApiVersion] = VERSIONS) -> ApiVersion:
    """The version that answers.

    Raises
    ------
    VersionUnknownError

    >>> version_of(None).name
    '2026-11-25'
    """
    if asked is None:
        return versions[-1]
    for version in versions:
        if version.name == asked.strip():
            return version
    raise VersionUnknownError(value=asked[:40], known=", ".join(version.name for version in versions))


def version_headers(version: ApiVersion) -> dict[str, str]:
    """What an answer says of its version.

    >>> version_headers(ApiVersion(name="2026-01-01", deprecated=date(2026, 11, 25)))["Deprecation"]
    '@1795564800'
    """
    headers = {HEADER: version.name}
    if version.deprecated is not None:
        headers["Deprecation"] = f"@{int(_midnight(version.deprecated).timestamp())}"
        headers["Link"] = f'<{version.link}>; rel="deprecation"; type="text/html"'
    if version.sunset is not None:
        headers["Sunset"] = format_datetime(_midnight(version.sunset), usegmt=True)
    return headers


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
