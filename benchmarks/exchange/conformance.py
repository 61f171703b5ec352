"""How much of what others publish to check by is met: AAS suites, schemathesis, Metals and EPCIS examples.

The checkers run over HTTP against real servers, as a caller who has to show a credential. Documents are read into types
and written again. What is not there – a checker, the published files – is said, and its figure is left out.

Run with ``python -m benchmarks exchange.conformance``; takes about three minutes.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from benchmarks.exchange._documents import RoundTrips, epcis_round_trips, metals_fixtures
from benchmarks.harness import SHARED, Figure

CONFORMANCE = SHARED / "conformance"
METALS = CONFORMANCE / "metals" / "fixtures"
EPCIS = CONFORMANCE / "epcis" / "JSON"
CONFIG = Path(__file__).resolve().parents[2] / "schemathesis.toml"
SECONDS = 30
SEED = 1
SUITES = (
    ("AssetAdministrationShellRepository", 112),
    ("SubmodelRepository", 106),
    ("AssetAdministrationShell", 94),
    ("Submodel", 76),
)
BASYX = "BaSyx Python server (2025-10), recorded earlier on another machine"
BASYX_TESTS = 151
BASYX_FAILURES = 31


def run() -> list[Figure]:
    """Count."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        figures += _aas(Path(folder))
        figures += _schemathesis(Path(folder))
    figures += _documents()
    return figures


def _missing(*modules: str) -> bool:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        print(f"not installed, its figure is left out: {', '.join(missing)}")
    return bool(missing)


def _aas(folder: Path) -> list[Figure]:
    """The official suites of SSP-002, as the tests drive them."""
    if _missing("aas_test_engines", "pytest"):
        return []
    import pytest

    from tests.web.customer import test_aas_conformance as driver
    from tests.web.customer.aas_server import ENVIRONMENT, aas_server

    if not ENVIRONMENT.is_file():
        print(f"not there, its figure is left out: {ENVIRONMENT}")
        return []
    bases = {
        "AssetAdministrationShell": (f"/services/shells/{driver._encoded(driver.SHELL)}/aas", "/aas"),
        "Submodel": (f"/services/submodels/{driver._encoded(driver.SUBMODEL)}/submodel", "/submodel"),
    }
    counts = {}
    with aas_server(folder) as (url, token):
        for suite, _ in SUITES:
            base, prefix = bases.get(suite, ("", ""))
            with pytest.MonkeyPatch.context() as patch:
                passed, failed, said = driver._tests_passed(suite, url + base, prefix, token, patch)
            counts[suite] = passed
            if failed:
                print(said)
    total = sum(tests for _, tests in SUITES)
    passed = sum(counts.values())
    told = " + ".join(f"{counts[suite]}/{tests}" for suite, tests in SUITES)
    protocol = f"aas-test-engines 1.0.3, four SSP-002 suites, with a credential: {told}"
    figure = Figure(
        "aas_tests_passed",
        passed,
        f"of {total}",
        protocol,
        peer=BASYX,
        peer_value=BASYX_TESTS,
        ratio=passed / BASYX_TESTS,
    )
    return [figure]


def _schemathesis(folder: Path) -> list[Figure]:
    """Our own API, and the read profile of the AAS Submodel Repository."""
    if _missing("schemathesis", "yaml"):
        return []
    from tests.web.customer.aas_description import description
    from tests.web.customer.aas_server import AAS, ENVIRONMENT, aas_server
    from tests.web.customer.serving import serving
    from tests.web.customer.trading import Trade

    trade = Trade()
    trade.gate.strict = True
    found = {}
    try:
        with serving(trade.gate) as url:
            for phases in ("coverage", "fuzzing,stateful"):
                arguments = [f"{url}/api/v1/openapi.json", "--header", "Authorization: Bearer acme", "--checks", "all"]
                arguments += ["--phases", phases, "--max-examples", "3", "--max-time", str(SECONDS)]
                found[f"API {phases}"] = _failures(folder, arguments)
    finally:
        trade.close()
    if ENVIRONMENT.is_file():
        file = folder / "profile.json"
        file.write_text(json.dumps(description(AAS / "openapi-3.0.3")), encoding="utf-8")
        with aas_server(folder) as (url, token):
            arguments = [str(file), "--url", url, "--header", f"Authorization: Bearer {token}"]
            arguments += ["--phases", "coverage,fuzzing", "--max-examples", "8"]
            found["Submodel Repository"] = _failures(folder, arguments)
    told = "; ".join(f"{name}: {failures} in {cases} cases" for name, (failures, cases) in found.items())
    figure = Figure(
        "schemathesis_failures",
        sum(failures for failures, _ in found.values()),
        "failures",
        f"schemathesis, all checks, seed {SEED}; {told}",
        seed=SEED,
        peer=f"{BASYX}; Submodel Repository alone, 146 cases",
        peer_value=BASYX_FAILURES,
    )
    return [figure]


def _failures(folder: Path, arguments: list[str]) -> tuple[int, int]:
    """Failures, and how many cases there were.

    Raises
    ------
    RuntimeError
        The tester itself did not come to its end.
    """
    report = folder / "junit.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", *arguments]
    command += ["--seed", str(SEED), "--no-color", "--suppress-health-check", "all"]
    command += ["--report", "junit", "--report-junit-path", str(report)]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False
    )
    if done.returncode not in (0, 1) or not report.is_file():
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-1000:])
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    failures = sum(int(suite.get("failures", 0)) + int(suite.get("errors", 0)) for suite in suites)
    if done.returncode == 1 and not failures:
        raise RuntimeError(done.stdout[-2000:])
    cases = next((line.split()[0] for line in done.stdout.splitlines() if " generated," in line), "0")
    return failures, int(cases)


def _documents() -> list[Figure]:
    """Published examples that say the same after they were read into types and written."""
    figures = []
    for name, what, folder, count in (
        ("metals_fixtures", "Metals 0.1.1 certificates", METALS, metals_fixtures),
        ("epcis_round_trips", "EPCIS 2.0 standard examples", EPCIS, epcis_round_trips),
    ):
        if not folder.is_dir():
            print(f"not there, its figure is left out: {folder}")
            continue
        result: RoundTrips = count(folder)
        protocol = f"{what} read into types and written, equal as JSON with exact numbers"
        if result.remarks:
            protocol += "; " + "; ".join(f"{file}: {said}" for file, said in result.remarks.items())
        figures.append(Figure(name, result.passed, f"of {result.files}", protocol))
    return figures
