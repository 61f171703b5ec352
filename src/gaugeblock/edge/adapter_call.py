"""A call of an adapter, from which only named errors come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gaugeblock.plant.errors import GaugeblockError

DETAIL_CHARS_MAX = 500


@contextmanager
def adapter_call(failed: type[GaugeblockError]) -> Iterator[None]:
    """Whatever an adapter raises without a name of its own becomes ``failed``, and ends no station.

    Examples
    --------
    >>> from gaugeblock.edge.errors import CameraFailedError
    >>> try:
    ...     with adapter_call(CameraFailedError):
    ...         raise KeyError("exposure")
    ... except CameraFailedError as error:
    ...     print(error.facts["detail"])
    KeyError: 'exposure'
    """
    try:
        yield
    except GaugeblockError:
        raise
    except Exception as error:
        # The detail goes into JSON, and a file name in it need not be text.
        detail = f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace").decode()
        raise failed(detail=detail[:DETAIL_CHARS_MAX]) from error
