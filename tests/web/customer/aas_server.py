"""A server of the AAS interface for tests: the published environment behind a token."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

AAS = Path(__file__).resolve().parents[4] / "shared" / "conformance" / "aas"
ENVIRONMENT = AAS / "environment_full.json"
TOKEN = "a-token-of-the-test"

_APP = """
import hmac, json, pathlib
from gaugeblock.exchange.aas.view import MemoryAasView, StoredFile
from gaugeblock.web.customer.aas import AasFace

picture = StoredFile("image/png", b"\\x89PNG\\r\\n\\x1a\\n")
view = MemoryAasView(
    json.loads(pathlib.Path({environment!r}).read_bytes()),
    {{"/TestFile.pdf": StoredFile("application/pdf", b"%PDF-1.4"), "file:///path/to/thumbnail.png": picture}},
)
face = AasFace(lambda scope: view, "/aas-api")

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    shown = dict(scope["headers"]).get(b"authorization", b"")
    if not hmac.compare_digest(shown, b"Bearer {token}"):
        await send({{"type": "http.response.start", "status": 401, "headers": []}})
        await send({{"type": "http.response.body", "body": b""}})
        return
    await face(scope, receive, send)
"""


@contextmanager
def aas_server(folder: Path) -> Iterator[tuple[str, str]]:
    """Where the interface is, and the token that opens it.

    ``GAUGEBLOCK_AAS_URL`` and ``GAUGEBLOCK_AAS_TOKEN`` name another server.
    """
    if "GAUGEBLOCK_AAS_URL" in os.environ:
        yield os.environ["GAUGEBLOCK_AAS_URL"], os.environ["GAUGEBLOCK_AAS_TOKEN"]
        return
    (folder / "aas_app.py").write_text(_APP.format(environment=str(ENVIRONMENT), token=TOKEN), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        running = subprocess.Popen([*command, "aas_app:app"], cwd=folder, stdout=log, stderr=log)
        try:
            _wait_until_it_answers(port, folder / "server.log")
            yield f"http://127.0.0.1:{port}/aas-api", TOKEN
        finally:
            running.terminate()
            running.wait(timeout=10)


def _wait_until_it_answers(port: int, log: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=2)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")
