"""The log as the exchange shows it to witnesses, and the way of their cosignatures to the plant."""

from __future__ import annotations

from gaugeblock.apps.plant_link import PlantLink
from gaugeblock.stores.log_reader import LogReader


class ExchangeLog:
    """A :class:`~gaugeblock.web.customer.log_window.LogWindow` over the log's database and the link to the plant."""

    def __init__(self, reader: LogReader, link: PlantLink) -> None:
        self._reader, self._link = reader, link

    def checkpoint(self) -> bytes:
        """See the port."""
        return self._reader.checkpoint()

    def tile(self, path: str) -> bytes:
        """See the port."""
        return self._reader.tile(path)

    async def carry(self, note: bytes) -> tuple[int, bytes, str]:
        """See the port."""
        status, body = await self._link.request(
            b"POST", b"/log/cosignatures", note, b"content-type: text/plain\r\naccept-language: en\r\n"
        )
        return status, body, "text/plain; charset=utf-8" if status == 200 else "application/problem+json"
