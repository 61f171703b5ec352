from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.ledger.errors import SizeLimitError, TileFormError, TreeRangeError
from gaugeblock.ledger.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    reader_of,
    root_of,
)
from gaugeblock.ledger.tiles import (
    ENTRIES,
    MAX_LEVEL,
    GrowingTiles,
    Tile,
    TileReader,
    decode_bundle,
    encode_bundle,
    tiles_of,
)

LEAVES = [leaf_hash(number.to_bytes(4, "big")) for number in range(70_000)]
EDGES = [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537, 70_000]


def grown(sizes: list[int]) -> tuple[GrowingTiles, dict[tuple[int, int], bytes]]:
    tiles, files = GrowingTiles(), {}
    for size in sizes:
        for tile, data in tiles.append(LEAVES[tiles.size : size]):
            assert len(data) == 32 * tile.width
            files[tile.level, tile.index] = data
    return tiles, files


def test_grown_at_any_pace_the_tree_is_the_same() -> None:
    tiles, files = grown(EDGES)
    at_once, files_at_once = grown([70_000])
    assert files == files_at_once
    assert tiles.root() == at_once.root() == root_of(LEAVES)
    assert GrowingTiles().root() == EMPTY_ROOT
    # Level 1 holds the roots of full tiles below.
    assert files[1, 0][:32] == root_of(LEAVES[:256])
    assert files[2, 0] == root_of(LEAVES[:65_536])


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_growth_restoring_and_reading(steps: list[int]) -> None:
    tiles, files, size = GrowingTiles(), {}, 0
    memory = reader_of(LEAVES[: sum(steps)])
    for step in steps:
        before = tiles.copy()
        for tile, data in tiles.append(LEAVES[size : size + step]):
            assert tile.exists_in(size + step)
            files[tile.level, tile.index] = data
        assert before.size == size
        size += step

        def read_tile(tile: Tile) -> bytes:
            return files[tile.level, tile.index][: 32 * tile.width]

        restored = GrowingTiles.restore(size, read_tile)
        assert restored.root() == tiles.root() == root_of(LEAVES[:size])
        again = restored.append(LEAVES[size : size + 300])
        assert again == tiles.copy().append(LEAVES[size : size + 300])
        reader = TileReader(read_tile, size, tiles_kept=1)
        for index in {0, size // 2, size - 1}:
            assert inclusion_proof(reader, index, size) == inclusion_proof(memory, index, size)
        for old in {1, size // 2, size - 1, size}:
            assert consistency_proof(reader, old, size) == consistency_proof(memory, old, size)
        assert [tile for tile in tiles_of(size) if not tile.exists_in(size)] == []


def test_a_smaller_tree_is_read_from_the_tiles_of_a_larger_one() -> None:
    _, files = grown([70_000])
    for size in EDGES[1:]:
        reader = TileReader(lambda tile: files[tile.level, tile.index][: 32 * tile.width], size)
        memory = reader_of(LEAVES[:size])
        assert inclusion_proof(reader, size - 1, size) == inclusion_proof(memory, size - 1, size)


def test_the_reader_refuses_what_the_tree_has_not() -> None:
    reader = TileReader(lambda tile: b"", 10)
    for level, index in ((0, 10), (4, 0), (-1, 0), (0, -1)):
        with pytest.raises(TreeRangeError):
            reader(level, index)
    with pytest.raises(TileFormError):
        reader(0, 0)
    with pytest.raises(TileFormError):
        GrowingTiles.restore(10, lambda tile: bytes(31))
    with pytest.raises(TreeRangeError):
        GrowingTiles.restore(-1, lambda tile: b"")


@given(st.integers(-1, MAX_LEVEL), st.integers(0, 10**10), st.integers(1, 256))
@settings(max_examples=200, deadline=None)
def test_paths_round_trip(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert Tile.from_path(tile.path) == tile


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 999), "tile/0/999"),
        (Tile(0, 1000, 1), "tile/0/x001/000.p/1"),
        (Tile(3, 1234067), "tile/3/x001/x234/067"),
        (Tile(ENTRIES, 1234067, 255), "tile/entries/x001/x234/067.p/255"),
    ],
)
def test_paths_of_the_specification(tile: Tile, path: str) -> None:
    assert tile.path == path


@pytest.mark.parametrize(
    "path",
    [
        "", "tile/0/0", "tile/0/0000", "tile/00/000", "tile/7/000", "tile/63/000", "tile/0/x000/001", "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/257", "tile/0/000.p/01", "tile/0/000/", "/tile/0/000", "tile/0/001/000",
        "tile/-1/000", "tile/data/000", "tile/0/../000", "tile/0/٠٠٠", "tile/0/" + "x001/" * 20 + "000",
    ],
)  # fmt: skip
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(TileFormError):
        Tile.from_path(path)


@given(st.lists(st.binary(max_size=40), max_size=256))
@settings(max_examples=100, deadline=None)
def test_bundles_round_trip(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == entries


def test_bundle_limits() -> None:
    assert decode_bundle(encode_bundle([b"x" * 65_535])) == [b"x" * 65_535]
    with pytest.raises(SizeLimitError):
        encode_bundle([b"x" * 65_536])
    with pytest.raises(TileFormError):
        encode_bundle([b""] * 257)
    for damaged in (b"\x00", b"\x00\x02a", b"\x00\x00" * 257, b"\x00\x01ab"):
        with pytest.raises(TileFormError):
            decode_bundle(damaged)


@given(st.integers(1, 300), st.data())
@settings(max_examples=100, deadline=None)
def test_a_flipped_bit_in_a_tile_is_found(size: int, data: st.DataObject) -> None:
    """Whoever reads a damaged tile gets another root than the checkpoint's."""
    _, files = grown([size])
    level, index = data.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[level, index])
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    files[level, index] = bytes(content)
    memory = reader_of(LEAVES[:size])
    found = False
    for tile in tiles_of(size):
        for number in range(tile.index + 1):
            stored = files[tile.level, number]
            for place in range(len(stored) // 32):
                node = number * 256 + place
                found |= stored[32 * place : 32 * place + 32] != memory(8 * tile.level, node)
    assert found
    restored = GrowingTiles.restore(size, lambda tile: files[tile.level, tile.index][: 32 * tile.width])
    level_0 = b"".join(files[0, number] for number in range(-(-size // 256)))
    rebuilt = root_of([level_0[i : i + 32] for i in range(0, len(level_0), 32)])
    assert restored.root() != root_of(LEAVES[:size]) or rebuilt != root_of(LEAVES[:size])
    assert node_hash(bytes(32), bytes(32)) != bytes(32)
