"""The Merkle tree of RFC 6962: one root for all leaves, and short proofs about it.

Trees are read through a :data:`HashReader`, so that the same functions work on a list in memory and on tiles.

Source: RFC 6962 §2.1, RFC 9162 §2.1.3–2.1.4 (verification), RFC 6962 §2.1.1–2.1.2 (proofs).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from gaugeblock.ledger.errors import TreeRangeError

HASH_BYTES = 32
MAX_TREE_SIZE = 2**53
"""Leaves. Beyond it an index would no longer be exact in JSON."""
MAX_PROOF_HASHES = 2 * 53
"""No proof in a tree of :data:`MAX_TREE_SIZE` leaves is longer."""

HashReader = Callable[[int, int], bytes]
"""``read(level, index)``: the root of the complete subtree of leaves index·2^level … (index+1)·2^level − 1."""

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of 0x00 and the entry.

    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'
    """
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and the two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Root of the tree over these leaf hashes.

    >>> root_of([]) == EMPTY_ROOT
    True
    """
    return root(reader_of(hashes), len(hashes))


def reader_of(hashes: Sequence[bytes]) -> HashReader:
    """A tree held in memory: every complete subtree of these leaf hashes."""
    levels = [list(hashes)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    def read(level: int, index: int) -> bytes:
        return levels[level][index]

    return read


def _range_root(read: HashReader, start: int, stop: int) -> bytes:
    """Root over the leaves start … stop − 1, where start is a multiple of the least power of 2 ≥ the width."""
    parts: list[bytes] = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        parts.append(read(level, start >> level))
        start += 1 << level
    result = parts.pop()
    while parts:
        result = node_hash(parts.pop(), result)
    return result


def root(read: HashReader, size: int) -> bytes:
    """Root of the first ``size`` leaves.

    Raises
    ------
    TreeRangeError
    """
    if not 0 <= size <= MAX_TREE_SIZE:
        raise TreeRangeError(index=size, size=size)
    return _range_root(read, 0, size) if size else EMPTY_ROOT


def _split_point(width: int) -> int:
    return 1 << ((width - 1).bit_length() - 1)


def inclusion_proof(read: HashReader, index: int, size: int) -> list[bytes]:
    """The sibling hashes from leaf ``index`` up to the root of the first ``size`` leaves.

    Raises
    ------
    TreeRangeError

    Examples
    --------
    >>> leaves = [leaf_hash(bytes([i])) for i in range(7)]
    >>> proof = inclusion_proof(reader_of(leaves), 4, 7)
    >>> verify_inclusion(leaves[4], 4, 7, proof, root_of(leaves))
    True
    """
    if not 0 <= index < size <= MAX_TREE_SIZE:
        raise TreeRangeError(index=index, size=size)
    proof: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split_point(stop - start)
        if index < middle:
            proof.append(_range_root(read, middle, stop))
            stop = middle
        else:
            proof.append(_range_root(read, start, middle))
            start = middle
    proof.reverse()
    return proof


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether ``leaf`` (its hash) is leaf ``index`` of the tree with this size and root. RFC 9162 §2.1.3.2."""
    if not 0 <= index < size <= MAX_TREE_SIZE or any(len(h) != HASH_BYTES for h in proof):
        return False
    node, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            result = node_hash(result, sibling)
        node >>= 1
        last >>= 1
    return last == 0 and result == expected_root


def consistency_proof(read: HashReader, old_size: int, size: int) -> list[bytes]:
    """The hashes that show that the first ``old_size`` leaves are still those of the larger tree.

    Empty where the sizes are equal, or where the old tree was empty: nothing is to be shown then.

    Raises
    ------
    TreeRangeError

    Examples
    --------
    >>> leaves = [leaf_hash(bytes([i])) for i in range(7)]
    >>> proof = consistency_proof(reader_of(leaves), 3, 7)
    >>> verify_consistency(3, 7, proof, root_of(leaves[:3]), root_of(leaves))
    True
    """
    if not 0 <= old_size <= size <= MAX_TREE_SIZE:
        raise TreeRangeError(index=old_size, size=size)
    if old_size in (0, size):
        return []
    proof: list[bytes] = []
    start, stop, whole = 0, size, True
    while stop != old_size:
        middle = start + _split_point(stop - start)
        if old_size <= middle:
            proof.append(_range_root(read, middle, stop))
            stop = middle
        else:
            proof.append(_range_root(read, start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(_range_root(read, start, stop))
    proof.reverse()
    return proof


def verify_consistency(old_size: int, size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the tree (size, new_root) begins with the tree (old_size, old_root). RFC 9162 §2.1.4.2."""
    if not 0 <= old_size <= size <= MAX_TREE_SIZE or any(len(h) != HASH_BYTES for h in proof):
        return False
    if old_size == size:
        return not proof and old_root == new_root
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    node, last = old_size - 1, size - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old_result = new_result = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_result = node_hash(sibling, old_result)
            new_result = node_hash(sibling, new_result)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            new_result = node_hash(new_result, sibling)
        node >>= 1
        last >>= 1
    return last == 0 and old_result == old_root and new_result == new_root
