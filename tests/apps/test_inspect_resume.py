"""``gaugeblock inspect train`` goes on after Ctrl+C, takes defects and costs, and names what it cannot read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gaugeblock.apps.inspect import CostsTextError, read_costs
from gaugeblock.virtual.camera import encode_jpeg
from gaugeblock.virtual.config import RenderConfig
from gaugeblock.virtual.render import render
from gaugeblock.vision.errors import CostRangeError, LevelRangeError
from gaugeblock.vision.module_manifest import manifest_of
from gaugeblock.vision.reject_option import Costs


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photographs")
    for kind, count in (("good", 12), ("bad", 4)):
        (root / kind).mkdir()
        for number in range(count):
            image = render(1, 30_000 + number, RenderConfig(size_px=96), with_defects=False).image.copy()
            if kind == "bad":
                image[30:50, 20:70] = 255
            (root / kind / f"{number:02d}.jpg").write_bytes(encode_jpeg(image, 92))
    return root


def command(root: Path, out: Path) -> list[str]:
    words = [sys.executable, "-m", "gaugeblock", "--lang", "en", "inspect", "train", str(root / "good")]
    return [*words, "--out", str(out), "--defective", str(root / "bad"), "--costs", "120,2,0.5,0.05"]


def test_the_same_command_goes_on_after_an_interrupt(photographs: Path, tmp_path: Path) -> None:
    out, cache = tmp_path / "part.gbm", tmp_path / "part.gbm.cache"
    with subprocess.Popen(command(photographs, out), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        end = time.monotonic() + 120
        while len(list(cache.glob("*/*.features"))) < 4:
            assert running.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"the same command goes on" in said
    assert not out.exists()
    assert cache.is_dir()
    # What an attempt left is read and not written again.
    kept = {path: path.stat().st_ino for path in cache.glob("*/*.features")}
    done = subprocess.run(command(photographs, out), capture_output=True, timeout=240, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
    assert not cache.exists()
    assert kept
    whole = tmp_path / "whole.gbm"
    subprocess.run(command(photographs, whole), capture_output=True, timeout=240, check=True)
    assert whole.read_bytes() == out.read_bytes()
    manifest = manifest_of(out.read_bytes())
    assert manifest.operating_point.costs == Costs(120.0, 2.0, 0.5)
    assert manifest.training.defective == 4
    assert len(manifest.defective_scores) == 4


def test_costs_as_text() -> None:
    assert read_costs(None) is None
    assert read_costs("120, 2, , 0.01") == (Costs(120.0, 2.0, None), 0.01)
    for text in ("", "1,2,3", "a,b,c,d", "1,2,3,4,5"):
        with pytest.raises(CostsTextError):
            read_costs(text)
    with pytest.raises(CostRangeError):
        read_costs("-1,2,3,0.01")
    with pytest.raises(LevelRangeError):
        read_costs("1,2,3,1.5")
