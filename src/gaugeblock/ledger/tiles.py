"""The tree cut into tiles of 256 hashes, and the entries into bundles of 256: static files any tool can read.

A tile at level L, number N holds the roots of 256 consecutive subtrees of 256^L leaves each. A full tile never
changes; the growing edge is served as partial tiles of a stated width.

Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gaugeblock.ledger.detail import because, visible
from gaugeblock.ledger.errors import SizeLimitError, TileFormError, TreeRangeError
from gaugeblock.ledger.merkle import EMPTY_ROOT, HASH_BYTES, MAX_TREE_SIZE, node_hash
from gaugeblock.ledger.record import MAX_ENTRY_BYTES

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_LEVEL = 6
"""256^7 leaves exceed :data:`~gaugeblock.ledger.merkle.MAX_TREE_SIZE`."""
ENTRIES = -1
"""The level that stands for entry bundles."""

_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Coordinates of a tile, or of an entry bundle where ``level`` is :data:`ENTRIES`.

    Examples
    --------
    >>> Tile(0, 1234067, 5).path
    'tile/0/x001/x234/067.p/5'
    >>> Tile.from_path("tile/entries/000")
    Tile(level=-1, index=0, width=256)
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where the tile is served, below the log's prefix."""
        digits = f"{self.index:03d}"
        digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{number}" + (f".p/{self.width}" if self.width != TILE_WIDTH else "")

    @classmethod
    def from_path(cls, path: str) -> Tile:
        """Read a path; only the spelling that :attr:`path` writes is one.

        Raises
        ------
        TileFormError
        """
        match = _PATH.fullmatch(path)
        if match is None or len(path) > 64:
            raise TileFormError(**because("tile_path", path=visible(path)))
        level, number, width = match.groups()
        tile = cls(
            ENTRIES if level == "entries" else int(level),
            int(number.replace("x", "").replace("/", "")),
            int(width) if width else TILE_WIDTH,
        )
        if tile.path != path or tile.level > MAX_LEVEL or tile.width > TILE_WIDTH:
            raise TileFormError(**because("tile_path", path=visible(path)))
        return tile

    def exists_in(self, size: int) -> bool:
        """Whether a log of ``size`` entries has all of this tile."""
        whole = size >> (TILE_HEIGHT * max(self.level, 0))
        return self.width > 0 and self.index * TILE_WIDTH + self.width <= whole


def tiles_of(size: int) -> list[Tile]:
    """The tiles, without entry bundles, that hold the right edge of a log of ``size`` entries, one a level.

    A full edge is named as the last full tile.

    >>> [t.path for t in tiles_of(70_000)]
    ['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1']
    """
    edge: list[Tile] = []
    for level in range(MAX_LEVEL + 1):
        count = size >> (TILE_HEIGHT * level)
        if count == 0:
            break
        index, width = divmod(count, TILE_WIDTH)
        edge.append(Tile(level, index, width) if width else Tile(level, index - 1))
    return edge


class GrowingTiles:
    """The tiles of an append-only tree while it grows; each leaf costs one or two hashes, amortised.

    Kept are only the right-edge tile of each level and the peaks (roots of the complete subtrees that the
    size's binary digits name), so memory does not grow with the log.

    Examples
    --------
    >>> from gaugeblock.ledger.merkle import leaf_hash, root_of
    >>> leaves = [leaf_hash(bytes([i])) for i in range(5)]
    >>> tiles = GrowingTiles()
    >>> [tile.path for tile, data in tiles.append(leaves)]
    ['tile/0/000.p/5']
    >>> tiles.root() == root_of(leaves)
    True
    """

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[bytearray] = []
        self._peaks: dict[int, bytes] = {}

    @classmethod
    def restore(cls, size: int, read_tile: Callable[[Tile], bytes]) -> GrowingTiles:
        """Continue a log of ``size`` entries from its stored tiles.

        Raises
        ------
        TileFormError, TreeRangeError
        """
        if not 0 <= size <= MAX_TREE_SIZE:
            raise TreeRangeError(index=size, size=size)
        tiles = cls()
        tiles.size = size
        reader = TileReader(read_tile, size)
        for level in range(MAX_LEVEL + 1):
            count = size >> (TILE_HEIGHT * level)
            if count == 0:
                break
            index, width = divmod(count, TILE_WIDTH)
            tiles._edge.append(bytearray(_checked(read_tile, Tile(level, index, width)) if width else b""))
        for level in range(size.bit_length()):
            if size >> level & 1:
                tiles._peaks[level] = reader(level, (size >> level) - 1)
        return tiles

    def copy(self) -> GrowingTiles:
        """For a transaction that may be rolled back."""
        twin = GrowingTiles()
        twin.size = self.size
        twin._edge = [bytearray(edge) for edge in self._edge]
        twin._peaks = dict(self._peaks)
        return twin

    def append(self, leaves: Iterable[bytes]) -> list[tuple[Tile, bytes]]:
        """Add leaf hashes; the tiles that changed, as they are now: full ones, then the partial edge.

        Raises
        ------
        TreeRangeError
        """
        changed: dict[tuple[int, int], bytes] = {}
        touched = 0
        edge, peaks, size = self._edge, self._peaks, self.size
        for leaf in leaves:
            if size >= MAX_TREE_SIZE:
                raise TreeRangeError(index=size, size=MAX_TREE_SIZE)
            carry, level = leaf, 0
            while True:
                if not level & 7:
                    tile_level = level >> 3
                    if tile_level == len(edge):
                        edge.append(bytearray())
                    edge[tile_level] += carry
                    touched = max(touched, tile_level + 1)
                    if len(edge[tile_level]) == TILE_WIDTH * HASH_BYTES:
                        changed[tile_level, size >> (level + TILE_HEIGHT)] = bytes(edge[tile_level])
                        edge[tile_level].clear()
                if not size >> level & 1:
                    peaks[level] = carry
                    break
                carry = node_hash(peaks.pop(level), carry)
                level += 1
            size += 1
        self.size = size
        result = [(Tile(level, index), data) for (level, index), data in sorted(changed.items())]
        for level in range(touched):
            if edge[level]:
                index = size >> (TILE_HEIGHT * (level + 1))
                result.append((Tile(level, index, len(edge[level]) // HASH_BYTES), bytes(edge[level])))
        return result

    def root(self) -> bytes:
        """Root of all leaves so far."""
        result: bytes | None = None
        for level in sorted(self._peaks):
            result = self._peaks[level] if result is None else node_hash(self._peaks[level], result)
        return EMPTY_ROOT if result is None else result


def _checked(read_tile: Callable[[Tile], bytes], tile: Tile) -> bytes:
    data = read_tile(tile)
    if len(data) != tile.width * HASH_BYTES:
        raise TileFormError(**because("tile_length", path=tile.path, bytes=len(data)))
    return data


class TileReader:
    """A :data:`~gaugeblock.ledger.merkle.HashReader` over stored tiles of a log of ``size`` entries.

    Parameters
    ----------
    read_tile
        Gives exactly ``32 × width`` bytes for the coordinates asked for.
    size
        Of the tree; partial tiles are asked for at the width that this size has.
    tiles_kept
        Bound on the tiles held in memory with their inner nodes (16 kB each).

    Raises
    ------
    TileFormError
        On reading, a tile of another length.
    TreeRangeError
        On reading, a subtree that is not complete in this tree.
    """

    def __init__(self, read_tile: Callable[[Tile], bytes], size: int, *, tiles_kept: int = 64) -> None:
        self._read_tile = read_tile
        self._size = size
        self._tiles_kept = max(1, tiles_kept)
        self._open: OrderedDict[tuple[int, int], list[list[bytes]]] = OrderedDict()

    def __call__(self, level: int, index: int) -> bytes:
        """Root of the complete subtree ``index`` of 2^level leaves."""
        if level < 0 or index < 0 or (index + 1) << level > self._size:
            raise TreeRangeError(index=index << max(level, 0), size=self._size)
        tile_level, height = divmod(level, TILE_HEIGHT)
        # The root of a full tile stands in the tile above as well; reading it there opens fewer tiles.
        tile_index = index << height >> TILE_HEIGHT
        nodes = self._nodes(tile_level, tile_index)
        return nodes[height][index - (tile_index << TILE_HEIGHT >> height)]

    def _nodes(self, level: int, index: int) -> list[list[bytes]]:
        nodes = self._open.get((level, index))
        if nodes is not None:
            self._open.move_to_end((level, index))
            return nodes
        width = min(TILE_WIDTH, (self._size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH)
        data = _checked(self._read_tile, Tile(level, index, width))
        nodes = [[data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]]
        while len(nodes) < TILE_HEIGHT and len(nodes[-1]) > 1:
            below = nodes[-1]
            nodes.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
        self._open[level, index] = nodes
        if len(self._open) > self._tiles_kept:
            self._open.popitem(last=False)
        return nodes


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries with their lengths before them, big-endian in two bytes.

    Raises
    ------
    SizeLimitError, TileFormError

    >>> encode_bundle([b"ab", b""])
    b'\\x00\\x02ab\\x00\\x00'
    """
    if len(entries) > TILE_WIDTH:
        raise TileFormError(**because("bundle_many", count=len(entries)))
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise SizeLimitError(what="entry", limit=MAX_ENTRY_BYTES)
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes) -> list[bytes]:
    """Inverse of :func:`encode_bundle`.

    Raises
    ------
    TileFormError
    """
    entries: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or position > len(data) or len(entries) == TILE_WIDTH:
            raise TileFormError(**because("bundle_form"))
        entries.append(data[start:position])
    return entries
