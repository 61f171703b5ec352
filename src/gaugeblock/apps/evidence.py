"""``gaugeblock verify``: check an evidence file where nothing of the factory exists but the log's public key."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from gaugeblock.ledger.detail import visible
from gaugeblock.ledger.evidence import MAX_EVIDENCE_BYTES
from gaugeblock.ledger.readable import readable
from gaugeblock.ledger.verify import Verification, verify_evidence
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language, say

VERIFIED, NOT_VERIFIED = 0, 1
"""Exit codes; 2 is for a file that cannot be read, which says nothing about its evidence."""
STANDARD_INPUT = Path("-")
MAX_KEY_FILE_BYTES = 4096


class EvidenceUnreadableError(GaugeblockError):
    """The evidence file is not there or not ours to read. Facts: ``path``."""

    code = "ledger.evidence_unreadable"


class EvidenceTooLargeError(GaugeblockError):
    """More bytes than any evidence has. Facts: ``path``, ``limit``."""

    code = "ledger.evidence_too_large"


class LogKeyUnreadableError(GaugeblockError):
    """The log's key names a file that cannot be read. Facts: ``path``."""

    code = "ledger.log_key_unreadable"


class WitnessKeyUnreadableError(GaugeblockError):
    """A witness's key names a file that cannot be read. Facts: ``path``."""

    code = "ledger.witness_key_unreadable"


def read_evidence(file: Path) -> bytes:
    """The file's bytes, from standard input for ``-``; never more than evidence may have.

    Raises
    ------
    EvidenceUnreadableError, EvidenceTooLargeError
    """
    try:
        if file == STANDARD_INPUT:
            return _bounded(sys.stdin.buffer, file)
        with file.open("rb") as stream:
            return _bounded(stream, file)
    except OSError as error:
        raise EvidenceUnreadableError(path=str(file)) from error


def _bounded(stream: BinaryIO, file: Path) -> bytes:
    raw = stream.read(MAX_EVIDENCE_BYTES + 1)
    if len(raw) > MAX_EVIDENCE_BYTES:
        raise EvidenceTooLargeError(path=str(file), limit=MAX_EVIDENCE_BYTES)
    return raw


def read_key(text_or_path: str, unreadable: type[GaugeblockError] = LogKeyUnreadableError) -> str:
    """A vkey: the text itself, or the first line of the file that it names.

    Raises
    ------
    LogKeyUnreadableError
        Or ``unreadable``, where the key is somebody else's.

    Examples
    --------
    >>> read_key("plant.example/log+0123abcd+AQID")
    'plant.example/log+0123abcd+AQID'
    """
    if text_or_path.count("+") >= 2 and not Path(text_or_path).is_file():
        return text_or_path
    try:
        with Path(text_or_path).open("rb") as stream:
            lines = stream.read(MAX_KEY_FILE_BYTES).decode("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise unreadable(path=visible(text_or_path, 200)) from error
    return lines[0] if lines else ""


def report(result: Verification, language: Language) -> str:
    """The steps, one a line, the answer, and what it was that was verified."""
    lines = []
    for position, step in enumerate(result.steps, 1):
        mark = say(f"ledger.verify.mark_{'ok' if step.ok else 'failed'}", language)
        lines.append(f"{position}. [{mark}] {step.text(language)}")
    failed = result.failed
    if failed is None:
        lines.append(say("ledger.verify.passed", language))
        lines += _content(result, language)
        lines.append(say("ledger.verify.meaning", language))
    else:
        lines.append(say("ledger.verify.not_passed", language, position=len(result.steps), name=failed.named(language)))
        if failed.error is not None:
            lines.append(failed.error.remedy(language))
    return "\n".join(lines) + "\n"


def _content(result: Verification, language: Language) -> list[str]:
    if result.payload is None:
        return []
    lines = readable(result.payload, result.facets, language)
    return [
        say("ledger.shown.heading", language),
        *("  " + say("ledger.shown.line", language, label=label, value=value) for label, value in lines),
    ]


def verify_command(file: Path, key: str, witnesses: Sequence[str], language: Language) -> int:
    """Print every step of the verification and its answer; the exit code says it to a script.

    Parameters
    ----------
    file
        The evidence, ``-`` for standard input.
    key
        The log's public key (vkey) as text, or a file that holds it.
    witnesses
        The same of witnesses who must have cosigned.

    Raises
    ------
    EvidenceUnreadableError, EvidenceTooLargeError, LogKeyUnreadableError, WitnessKeyUnreadableError
    """
    raw = read_evidence(file)
    witness_keys = [read_key(text, WitnessKeyUnreadableError) for text in witnesses]
    result = verify_evidence(raw, read_key(key), witness_keys)
    sys.stdout.write(report(result, language))
    return VERIFIED if result.ok else NOT_VERIFIED
