"""The door to numba: imported only where a kernel is, and it says when something is being compiled.

Kernels are compiled once and kept by numba beside their source, or where ``NUMBA_CACHE_DIR`` says; a later process
loads them. A shell that wants to tell its user passes a callable to :func:`telling_of_compilation`: it is called with
each function's name when numba's own event ``numba:compile`` begins, which it does not where the cache has the code.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

from gaugeblock.twin.errors import NumbaMissingError

try:
    import numba
    from numba.core import event, types
    from numba.extending import intrinsic
except ModuleNotFoundError as fault:
    raise NumbaMissingError from fault

_KERNEL_FILES = (
    "compiled",
    "distributions",
    "event_kernel",
    "event_parts",
    "event_starts",
    "layout",
    "max_plus",
    "streams",
)


def _sources() -> int:
    """A digest of every file whose code or constants stand in a kernel."""
    digest = 0
    for name in _KERNEL_FILES:
        digest = zlib.crc32((resources.files(__package__) / f"{name}.py").read_bytes(), digest)
    return digest


_SOURCES = _sources()


def kernel(function: Callable[..., Any]) -> Any:
    """Compile on first call, keep the code on disk; divisions follow IEEE 754, no operation is reordered."""
    made: Any = numba.njit(cache=True, error_model="numpy", fastmath=False)(function)
    kept = getattr(made._cache, "_cache_file", None)
    if kept is not None:
        # numba asks only whether the function's own file has changed, not those whose code was compiled into it.
        kept._source_stamp = (kept._source_stamp, _SOURCES)
    return made


def inlined(function: Callable[..., Any]) -> Any:
    """A part of a kernel, written into its callers."""
    return numba.njit(forceinline=True, error_model="numpy", fastmath=False)(function)


@contextmanager
def telling_of_compilation(tell: Callable[[str], None]) -> Iterator[None]:
    """While this lasts, ``tell`` hears the name of each function whose compilation begins."""

    class _Teller(event.Listener):
        def on_start(self, happening: Any) -> None:
            tell(happening.data["dispatcher"].py_func.__name__)

        def on_end(self, happening: Any) -> None:
            pass

    with event.install_listener("numba:compile", _Teller()):
        yield


def _pointer(words: Any) -> Any:
    pointer = types.CPointer(words)  # type: ignore[no-untyped-call]

    @intrinsic
    def of(_context: Any, array: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            return builder.bitcast(data, context.get_value_type(pointer))

        return pointer(array), code

    return of


word_pointer = _pointer(types.int64)
float_pointer = _pointer(types.float64)
"""The memory of a block inside a kernel, as words and as floats: an index is an offset, with no test of its sign and no
counting of references; a third of the time is saved by it. The array must outlive the call, as an argument does."""
