"""Record 0: the server binds its own key, signed by that key. All other keys derive from it."""

from __future__ import annotations

import os

from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.key_records import binding
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, sign_record
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.log_records import Submission


def genesis(origin: str, server_key: SigningKey, clock: Clock) -> Submission:
    """The first record of a new log."""
    draft = binding(
        SERVER,
        SERVER,
        server_key.public,
        log=origin,
        stated_at=to_rfc3339(clock.now()),
        clock=ClockState("local", None),
    )
    signed = sign_record(draft, server_key, os.urandom)
    return Submission(signed.jws, signed.disclosures)
