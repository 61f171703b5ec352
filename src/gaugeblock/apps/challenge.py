"""Challenge sets: which parts a station must judge rightly before it may judge others, stated and assigned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gaugeblock.apps.console import Console
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.opening import append_one, open_log, state_at
from gaugeblock.apps.station_assignment import assign
from gaugeblock.inspection.module_errors import StationUnknownError
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.record import ClockState, Draft
from gaugeblock.plant.assignment import check_challenge_set, set_digest
from gaugeblock.plant.control_facets import ChallengePart, ChallengeSetStatement, ChallengeSubject
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.record_types import LATEST
from gaugeblock.stores.keyring import Keyring


def state_challenge_set(
    installation: Installation, station: str, product: str | None, parts: ChallengeSetStatement
) -> None:
    """State the set once, as the server, and tell the station. The plant process must not run: it writes the log.

    Raises
    ------
    ChallengeSetError
        No good part or no defective one, or a serial twice.
    LogLockedError
        The plant runs.
    """
    check_challenge_set(parts)
    with open_log(installation) as log:
        identity = f"challenge_set/{station}/{set_digest(parts)}"
        if log.find(SERVER, identity) is None:
            facets: dict[str, Facet] = {"subject": ChallengeSubject(station, product), "statement": parts}

            def draft(stated_at: str, clock: ClockState) -> Draft:
                return Draft(
                    record_type="inspection.challenge_set",
                    version=LATEST["inspection.challenge_set"],
                    author=SERVER,
                    identity=identity,
                    log=log.origin,
                    stated_at=stated_at,
                    observed_at=stated_at,
                    clock=clock,
                    facets=facets,
                )

            append_one(log, state_at(draft, Keyring(installation.keys).load(SERVER)))
            log.sign_checkpoint()
    assign(installation, station, challenge_set=parts)


def challenge_command(
    plant: Path, station: str, good: Sequence[str], defective: Sequence[str], valid_h: float, console: Console
) -> int:
    """Register the challenge parts of a station; from then on they are due at each shift and changeover."""
    installation = load_installation(plant)
    known = installation.settings.station(station)
    if known is None:
        raise StationUnknownError(station=station)
    parts = ChallengeSetStatement(
        tuple(ChallengePart(unit, "good") for unit in good)
        + tuple(ChallengePart(unit, "defective") for unit in defective),
        valid_h=valid_h,
    )
    state_challenge_set(installation, station, known.product, parts)
    console.say("apps.challenge.done", style="green", station=station, good=len(good), defective=len(defective))
    return 0
