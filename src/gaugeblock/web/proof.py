"""A record's place in the tree, step by step, as the record page draws it and the API gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gaugeblock.ledger.checkpoint import Checkpoint
from gaugeblock.ledger.merkle import inclusion_proof, leaf_hash, node_hash
from gaugeblock.ledger.tiles import Tile, TileReader
from gaugeblock.web.ports import LogAccess


@dataclass(frozen=True, slots=True)
class Rung:
    """One step up: our node stands beside ``sibling``, which is on ``side``; together they hash to ``result``."""

    side: Literal["left", "right"]
    sibling: bytes
    result: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A leaf, the rungs above it, and the root they end at."""

    leaf: bytes
    index: int
    tree_size: int
    rungs: list[Rung]

    @property
    def root(self) -> bytes:
        """The root that the rungs lead to."""
        return self.rungs[-1].result if self.rungs else self.leaf


def read_checkpoint(note: bytes) -> Checkpoint:
    r"""What a checkpoint note says. Only for showing: whoever relies on it verifies the note's signature.

    >>> import base64
    >>> read_checkpoint(b"plant.example/log\n7\n" + base64.b64encode(bytes(32)) + b"\n\n...").size
    7
    """
    return Checkpoint.from_text(note.decode("utf-8").split("\n\n", 1)[0] + "\n")


def climb(leaf: bytes, index: int, size: int, path: list[bytes]) -> list[Rung]:
    """The rungs of an inclusion proof (RFC 9162, 2.1.3.2).

    >>> from gaugeblock.ledger.merkle import root_of
    >>> rungs = climb(leaf_hash(b"b"), 1, 2, [leaf_hash(b"a")])
    >>> rungs[0].side, rungs[0].result == root_of([leaf_hash(b"a"), leaf_hash(b"b")])
    ('left', True)
    """
    rungs: list[Rung] = []
    node, last, result = index, size - 1, leaf
    for sibling in path:
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            rungs.append(Rung("left", sibling, result))
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
            rungs.append(Rung("right", sibling, result))
        node, last = node >> 1, last >> 1
    return rungs


def place_of(log: LogAccess, index: int, jws: bytes, size: int) -> Place:
    """Where a record stands in the tree of ``size`` leaves, read from the log's tiles."""

    def read(tile: Tile) -> bytes:
        return log.tile(tile.path)

    leaf = leaf_hash(jws)
    path = inclusion_proof(TileReader(read, size), index, size)
    return Place(leaf, index, size, climb(leaf, index, size, path))
