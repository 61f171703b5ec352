from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.ledger.errors import TreeRangeError
from gaugeblock.ledger.merkle import (
    EMPTY_ROOT,
    MAX_TREE_SIZE,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    reader_of,
    root,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(bytes([number])) for number in range(70)]
READ = reader_of(LEAVES)
ROOTS = [root_of(LEAVES[:size]) for size in range(71)]


def definition(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word and slow."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(definition(leaves[:k]), definition(leaves[k:]))


def test_roots_are_those_of_the_definition() -> None:
    for size in range(71):
        assert ROOTS[size] == definition(LEAVES[:size]) == root(READ, size)


def test_known_roots() -> None:
    # The leaves and roots that Certificate Transparency implementations test with.
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    hashes = [leaf_hash(bytes.fromhex(text)) for text in inputs]
    assert root_of(hashes[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(hashes).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_every_inclusion_proof_of_every_size() -> None:
    for size in range(1, 71):
        for index in range(size):
            proof = inclusion_proof(READ, index, size)
            assert verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_every_consistency_proof_of_every_pair_of_sizes() -> None:
    for size in range(71):
        for old in range(size + 1):
            proof = consistency_proof(READ, old, size)
            assert verify_consistency(old, size, proof, ROOTS[old], ROOTS[size])


def test_no_proof_fits_another_place() -> None:
    for size in range(1, 40):
        for index in range(size):
            proof = inclusion_proof(READ, index, size)
            for other in range(size):
                fits = verify_inclusion(LEAVES[index], other, size, proof, ROOTS[size])
                assert fits == (other == index)


@given(st.integers(1, 70), st.data())
@settings(max_examples=150, deadline=None)
def test_altered_inclusion_proofs_fail(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(READ, index, size)
    for position in range(len(proof)):
        byte = data.draw(st.integers(0, 31))
        altered = list(proof)
        altered[position] = proof[position][:byte] + bytes([proof[position][byte] ^ 1]) + proof[position][byte + 1 :]
        assert not verify_inclusion(LEAVES[index], index, size, altered, ROOTS[size])
        assert not verify_inclusion(LEAVES[index], index, size, proof[:position] + proof[position + 1 :], ROOTS[size])
    assert not verify_inclusion(LEAVES[index], index, size, [*proof, bytes(32)], ROOTS[size])
    assert not verify_inclusion(bytes(32), index, size, proof, ROOTS[size])


@given(st.integers(1, 70), st.data())
@settings(max_examples=150, deadline=None)
def test_altered_consistency_proofs_fail(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    proof = consistency_proof(READ, old, size)
    for position in range(len(proof)):
        altered = list(proof)
        altered[position] = bytes([proof[position][0] ^ 128]) + proof[position][1:]
        assert not verify_consistency(old, size, altered, ROOTS[old], ROOTS[size])
        assert not verify_consistency(old, size, proof[:position] + proof[position + 1 :], ROOTS[old], ROOTS[size])
    assert not verify_consistency(old, size, [*proof, bytes(32)], ROOTS[old], ROOTS[size])
    assert not verify_consistency(old, size, proof, bytes(32), ROOTS[size])
    assert not verify_consistency(old, size, proof, ROOTS[old], bytes(32))


def test_edges() -> None:
    assert verify_consistency(0, 5, [], EMPTY_ROOT, ROOTS[5])
    assert not verify_consistency(0, 5, [], ROOTS[1], ROOTS[5])
    assert not verify_consistency(5, 4, [], ROOTS[5], ROOTS[4])
    assert not verify_consistency(3, 7, [], ROOTS[3], ROOTS[7])
    assert not verify_inclusion(LEAVES[0], 0, 0, [], EMPTY_ROOT)
    assert not verify_inclusion(LEAVES[0], 0, 1, [b"short"], LEAVES[0])
    for index, size in ((0, 0), (3, 3), (-1, 3), (0, MAX_TREE_SIZE + 1)):
        with pytest.raises(TreeRangeError):
            inclusion_proof(READ, index, size)
        assert not verify_inclusion(LEAVES[0], index, size, [], LEAVES[0])
    with pytest.raises(TreeRangeError):
        consistency_proof(READ, 4, 3)
    with pytest.raises(TreeRangeError):
        root(READ, -1)


def test_a_leaf_is_not_a_node() -> None:
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])
