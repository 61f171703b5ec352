"""The official test engines against the interface over HTTP, as a caller who has to show a token."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator

import httpx
import pytest

from tests.web.customer.aas_server import ENVIRONMENT, aas_server

pytest.importorskip("aas_test_engines", reason="aas-test-engines is not installed")
NEEDS_ENVIRONMENT = pytest.mark.skipif(
    not ENVIRONMENT.is_file(), reason="../shared/conformance/aas/environment_full.json is not there"
)
SHELL = "https://acplt.org/Test_AssetAdministrationShell"
SUBMODEL = "https://acplt.org/Test_Submodel"


def _encoded(identifier: str) -> str:
    return urlsafe_b64encode(identifier.encode()).decode().rstrip("=")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with aas_server(tmp_path_factory.mktemp("aas")) as running:
        yield running


def _tests_passed(
    suite: str, url: str, prefix: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, int, str]:
    """How many tests of a suite pass and fail, and what the failing ones say.

    The suites of services ask for the root of the service both as ``/`` and under ``prefix``, which is taken off.
    """
    from aas_test_engines import api, config, http

    send = http.requests.request

    def with_token(**asked: object) -> object:
        headers = {**(asked.pop("headers", None) or {}), "Authorization": f"Bearer {token}"}  # type: ignore[dict-item]
        return send(**asked, headers=headers, timeout=30)

    monkeypatch.setattr(http.requests, "request", with_token)
    name = next(each for each in api.supported_versions()["3.0"] if f"/{suite}ServiceSpecification/SSP-002" in each)
    result, counts = api.execute_tests(
        http.HttpClient(host=url, remove_path_prefix=prefix), config.CheckApiConfig(suite=name, version="3.0")
    )
    said = "\n".join(line for line in result.to_lines() if "\033[91m" in line or "\033[94m" in line)
    return (
        counts.valid_accepted + counts.invalid_rejected,
        counts.valid_rejected + counts.invalid_accepted,
        said,
    )


@NEEDS_ENVIRONMENT
@pytest.mark.parametrize(
    ("suite", "base", "prefix", "all_of_them"),
    [
        ("AssetAdministrationShellRepository", "", "", 112),
        ("SubmodelRepository", "", "", 106),
        ("AssetAdministrationShell", f"/services/shells/{_encoded(SHELL)}/aas", "/aas", 94),
        ("Submodel", f"/services/submodels/{_encoded(SUBMODEL)}/submodel", "/submodel", 76),
    ],
)
def test_every_test_of_the_official_suite_passes(
    server: tuple[str, str], suite: str, base: str, prefix: str, all_of_them: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, token = server
    passed, failed, said = _tests_passed(suite, url + base, prefix, token, monkeypatch)
    assert (passed, failed) == (all_of_them, 0), said


@NEEDS_ENVIRONMENT
def test_without_the_token_nothing_is_shown(server: tuple[str, str]) -> None:
    assert httpx.get(f"{server[0]}/shells").status_code == 401
