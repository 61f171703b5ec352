"""Hosts as network namespaces, joined by virtual cables. Nothing in them reaches the machine's own network."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

TOOLS = ("ip", "nft")


def missing(*more: str) -> str | None:
    """Why no namespaces can be made here; ``None`` where they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    absent = [tool for tool in (*TOOLS, *more) if shutil.which(tool) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    name = f"gb{uuid.uuid4().hex[:6]}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"no network namespaces here: {made.stderr.strip()}"
    try:
        rules = subprocess.run(
            ["ip", "netns", "exec", name, "nft", "add", "table", "inet", "t"],
            capture_output=True,
            text=True,
            check=False,
        )
        return None if rules.returncode == 0 else f"no nftables here: {rules.stderr.strip()}"
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


class Hosts:
    """Namespaces by short name, and the processes in them; all end with :meth:`close`."""

    def __init__(self) -> None:
        self._prefix = f"gb{uuid.uuid4().hex[:6]}"
        self._names: list[str] = []
        self._running: list[subprocess.Popen[bytes]] = []
        self._cables = 0

    def name(self, host: str) -> str:
        return f"{self._prefix}-{host}"

    def add(self, *hosts: str) -> None:
        for host in hosts:
            subprocess.run(["ip", "netns", "add", self.name(host)], check=True)
            self._names.append(host)
            self.run(host, "ip", "link", "set", "lo", "up")

    def cable(self, one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
        """Join two hosts: (host, interface, address/prefix) each."""
        self._cables += 1
        ends = [f"{self._prefix}{self._cables}{side}" for side in "ab"]
        subprocess.run(["ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1]], check=True)
        for end, (host, interface, address) in zip(ends, (one, other), strict=True):
            subprocess.run(["ip", "link", "set", end, "netns", self.name(host)], check=True)
            self.run(host, "ip", "link", "set", end, "name", interface)
            self.run(host, "ip", "addr", "add", address, "dev", interface)
            self.run(host, "ip", "link", "set", interface, "up")

    def run(self, host: str, *command: str) -> None:
        subprocess.run(["ip", "netns", "exec", self.name(host), *command], check=True, capture_output=True)

    def start(self, host: str, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as stream:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.name(host), *command],
                stdout=stream,
                stderr=stream,
                stdin=subprocess.DEVNULL,
            )
        self._running.append(process)
        return process

    @contextlib.contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """This thread's sockets are the host's, meanwhile. For a thread of its own: see :meth:`ask`."""
        with Path(f"/var/run/netns/{self.name(host)}").open("rb") as there:
            os.setns(there.fileno(), os.CLONE_NEWNET) if hasattr(os, "setns") else _setns(there.fileno())
            yield

    def ask(self, host: str, question: Callable[[], object]) -> object:
        """What ``question`` returns when it is asked from that host."""
        answer: list[object] = []

        def there() -> None:
            with self.inside(host):
                try:
                    answer.append(question())
                except OSError as error:
                    answer.append(error)

        thread = threading.Thread(target=there)
        thread.start()
        thread.join(30)
        return answer[0]

    def connects(self, host: str, address: str, port: int) -> bool:
        """Whether a TCP connection from the host gets through within a second."""

        def question() -> bool:
            with socket.create_connection((address, port), timeout=1.0):
                return True

        return self.ask(host, question) is True

    def wait_for(self, host: str, address: str, port: int, seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while not self.connects(host, address, port):
            assert time.monotonic() < end, f"nothing listens at {address}:{port} as seen from {host}"
            time.sleep(0.1)

    def close(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        for host in self._names:
            # Children that made themselves daemons are in the namespace still.
            found = subprocess.run(
                ["ip", "netns", "pids", self.name(host)], capture_output=True, text=True, check=False
            )
            for pid in found.stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            subprocess.run(["ip", "netns", "del", self.name(host)], check=False)


def _setns(descriptor: int) -> None:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")
