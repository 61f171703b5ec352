"""The plant process without its socket: a person's decision is durable, signed by their key, and seen at once."""

from __future__ import annotations

import os
from pathlib import Path

from gaugeblock.apps.layout import load_installation
from gaugeblock.apps.opening import bind_key, open_log
from gaugeblock.apps.plant import running_services
from gaugeblock.inspection.review import Answer
from gaugeblock.inspection.review_read_model import QueueFilter
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, parse, sign_record
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
)
from gaugeblock.plant.record_types import LATEST
from gaugeblock.stores.keyring import Keyring

MOMENT = "2026-11-22T05:00:00.000000Z"
ENTITY = "station:L1-ST10"


def test_a_review_in_the_plant_process(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text('[enterprise]\nname = "示例"\n[review]\nsecond_opinion_share = 0.0\n', "utf-8")
    installation = load_installation(tmp_path / "plant.toml")
    key = SigningKey.generate()
    with open_log(installation) as log:
        bind_key(log, Keyring(installation.keys).load(SERVER), ENTITY, key)
        log.sign_checkpoint()
        origin = log.origin
    with running_services(installation) as services:
        image = services.blobs.put(b"\xff\xd8\xff photograph")
        draft = Draft(
            "inspection.verdict",
            LATEST["inspection.verdict"],
            ENTITY,
            "1/1",
            origin,
            MOMENT,
            MOMENT,
            ClockState("unknown", None),
            {
                "subject": InspectionSubject(station="L1-ST10", unit="U-1"),
                "statement": InspectionStatement(verdict=Verdict.NOK),
                "process": InspectionProcess(boot_epoch=1, sequence=1, trigger=1, deadline_ms=100.0, latency_ms=20.0),
                "inputs": InspectionInputs(image_sha256=image),
            },
        )
        signed = sign_record(draft, key, os.urandom)
        index = services.submitter.submit(signed.jws, signed.disclosures).result(10).index
        desk = services.desks.reviews
        # The first of a person's statements also makes and binds their key.
        catalogue = desk.save_catalogue("person:li.wei", None, desk.catalogue().kinds[::-1], None)
        assert catalogue.person == "person:li.wei"
        assert [part.index for part in desk.reader.queue(QueueFilter())] == [index]
        decided = desk.decide("person:li.wei", index, Answer(decision="defective", defects=("scratch",)))
        assert desk.reader.queue(QueueFilter()) == []
        row = services.inspections.verdict(index)
        assert row is not None
        assert (row.condition, row.review_index) == ("defective", decided.index)
        assert parse(services.log.record(decided.index).jws).author == "person:li.wei"
        assert "person:li.wei" in Keyring(installation.keys).list()
