"""``gaugeblock twin ask`` and ``twin score`` from files to words, in both languages, and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("numba")

from gaugeblock.apps.console import Console
from gaugeblock.apps.twin import LineFileError
from gaugeblock.apps.twin_ask import ForecastFileError, ask_command, score_command
from gaugeblock.plant.language import LANGUAGES, Language
from gaugeblock.twin.errors import ChangeFormError, PowerError
from gaugeblock.twin.what_if import Plan

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "line.toml"
POWER = Path(__file__).resolve().parents[2] / "docs" / "examples" / "power.toml"
PLAN = Plan(until=900.0, warm_up=100.0, replications=6)


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_may_be_asked_at_once(language: Language, capsys: pytest.CaptureFixture[str]) -> None:
    changes = ["repair:drilling=0.5", "buffer:washed=+4"]
    asked = {"changes": changes, "plan": PLAN, "sensitivity": True, "power": POWER}
    assert ask_command(EXAMPLE, Console(language), **asked) == 0  # type: ignore[arg-type]
    out = capsys.readouterr().out
    for word in ("drilling", "after turning", "kWh", "kg CO₂e", {"zh": "产出率", "en": "Throughput"}[language]):
        assert word in out
    assert ask_command(EXAMPLE, Console(language), **asked, json=True) == 0  # type: ignore[arg-type]
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"compare", "sensitivity", "energy"}
    throughput = found["compare"]["figures"][0]
    assert throughput["b"]["mean"] - throughput["a"]["mean"] == pytest.approx(throughput["difference"]["mean"])


def test_nothing_asked_and_files_that_are_none_are_named(tmp_path: Path) -> None:
    console = Console("en")
    with pytest.raises(ChangeFormError):
        ask_command(EXAMPLE, console, changes=[], plan=PLAN)
    with pytest.raises(LineFileError):
        ask_command(EXAMPLE, console, changes=["repair:drilling=0.5"], plan=PLAN, state=tmp_path / "none.json")
    (tmp_path / "bad.toml").write_text("carbon_kg_per_kWh = 'much'")
    with pytest.raises(PowerError):
        ask_command(EXAMPLE, console, changes=[], plan=PLAN, power=tmp_path / "bad.toml")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_drifted_twin_is_told_and_a_right_one_too(
    language: Language, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = tmp_path / "right.csv"
    right.write_text("pit,crps\n" + "".join(f"{(k * 37 % 100 + 0.5) / 100},2.0\n" for k in range(100)))
    assert score_command(right, Console(language)) == 0
    assert "2" in capsys.readouterr().out
    late = tmp_path / "late.csv"
    late.write_text("pit\n" + "0.97\n" * 20)
    assert score_command(late, Console(language)) == 1
    assert {"zh": "晚于预测", "en": "later than forecast"}[language] in capsys.readouterr().out
    late.write_text("pit\nhigh\n")
    with pytest.raises(ForecastFileError):
        score_command(late, Console(language))
