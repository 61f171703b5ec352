"""A site of pages, served to browsers and clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.web.customer.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Behind a socket at ``site.url``."""
    from tests.web.customer.site import Site, free_port, serving

    port = free_port()
    made = Site(tmp_path_factory.mktemp("exchange"), f"http://127.0.0.1:{port}")
    with serving(made, port):
        yield made
    made.close()
