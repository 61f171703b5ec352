"""What the plant assigns to a station: the module it judges with, and the parts that test it.

The plant writes it as one file into the station's data directory; the station follows it while it runs. It is an
order and not evidence: the records that led to it (release, challenge set) are in the log, and what the station made
of it stands in the station's own records, by digest.
"""

from __future__ import annotations

import hashlib
import zoneinfo
from typing import Annotated

import msgspec
from msgspec import Meta

from gaugeblock.plant.control_facets import ChallengeSetStatement
from gaugeblock.plant.errors import GaugeblockError

DEFAULT_TIMEZONE = "Asia/Shanghai"
PARTS_MAX = 64
UNIT_CHARS_MAX = 200
VALID_H_MAX = 24.0 * 366

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class AssignmentError(GaugeblockError):
    """An assignment is not what the station can follow. Facts: ``detail``."""

    code = "plant.assignment"


class ChallengeSetError(GaugeblockError):
    """A set of challenge parts would test nothing, or names a part twice. Facts: ``detail``."""

    code = "plant.challenge_set"


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One station's assignment.

    Parameters
    ----------
    module, module_sha256
        The module file (absolute path) and the digest it must have.
    release_index
        Index in the log of the release by which the module is in service; ``None``: the first module, from
        ``plant.toml``.
    product
        What the parts of the challenge set, and the module, are of.
    challenge_set
        The parts that must be judged rightly before the others are judged.
    require_challenge
        Without a set nothing is judged.
    shifts, timezone
        Local times at which shifts begin, and the IANA name of the zone they are in.
    mm_per_pixel
        Of the calibrated camera in its original resolution.

    Examples
    --------
    >>> one = Assignment(module="/m.gbm", module_sha256="0" * 64, shifts=("08:00",))
    >>> read_assignment(write_assignment(one)) == one
    True
    """

    module: Annotated[str, Meta(min_length=1, max_length=4096)]
    module_sha256: Sha256
    release_index: Annotated[int, Meta(ge=0)] | None = None
    product: str | None = None
    challenge_set: ChallengeSetStatement | None = None
    require_challenge: bool = False
    shifts: Annotated[tuple[TimeOfDay, ...], Meta(max_length=24)] = ()
    timezone: str = DEFAULT_TIMEZONE
    mm_per_pixel: Annotated[float, Meta(gt=0.0, le=1000.0)] | None = None


def check_challenge_set(challenge_set: ChallengeSetStatement) -> None:
    """Refuse a set that a station which passes everything, or rejects everything, would pass.

    Raises
    ------
    ChallengeSetError

    Examples
    --------
    >>> from gaugeblock.plant.control_facets import ChallengePart
    >>> check_challenge_set(ChallengeSetStatement((ChallengePart("G1", "good"), ChallengePart("N1", "defective"))))
    >>> check_challenge_set(ChallengeSetStatement((ChallengePart("G1", "good"),)))
    Traceback (most recent call last):
    gaugeblock.plant.assignment.ChallengeSetError: ...
    """
    parts = challenge_set.parts
    units = [part.unit for part in parts]
    conditions = {part.condition for part in parts}
    if len(conditions) < 2:
        raise ChallengeSetError(detail="one good and one defective part at least")
    if len(parts) > PARTS_MAX:
        raise ChallengeSetError(detail=f"{len(parts)} > {PARTS_MAX}")
    if len(set(units)) < len(units):
        raise ChallengeSetError(detail=f"twice: {next(u for u in units if units.count(u) > 1)[:80]}")
    if not all(0 < len(unit) <= UNIT_CHARS_MAX for unit in units):
        raise ChallengeSetError(detail=f"a unit of 1 to {UNIT_CHARS_MAX} characters")
    if not 0 < challenge_set.valid_h <= VALID_H_MAX:
        raise ChallengeSetError(detail=f"valid_h = {challenge_set.valid_h:g}")


def set_digest(challenge_set: ChallengeSetStatement) -> str:
    """SHA-256 in hex over the set as JSON: UTF-8, names sorted, no spaces, defaults left out.

    >>> len(set_digest(ChallengeSetStatement(())))
    64
    """
    return hashlib.sha256(msgspec.json.encode(msgspec.to_builtins(challenge_set), order="sorted")).hexdigest()


def write_assignment(assignment: Assignment) -> bytes:
    """The file's bytes."""
    return msgspec.json.format(msgspec.json.encode(assignment)) + b"\n"


def read_assignment(data: bytes) -> Assignment:
    """The assignment in a file's bytes.

    Raises
    ------
    AssignmentError, ChallengeSetError
    """
    try:
        assignment = msgspec.json.decode(data, type=Assignment)
        zoneinfo.ZoneInfo(assignment.timezone)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AssignmentError(detail=str(error)) from error
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise AssignmentError(detail=f"timezone: {str(error)[:80]}") from error
    if assignment.challenge_set is not None:
        check_challenge_set(assignment.challenge_set)
    return assignment
