import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from effects import UNITS, VALUES, calibrated, report, slopes

from liax.face.factors import FACTORS

NAMES = list(FACTORS)


def test_head_controls_are_in_measured_units_and_idle_vectors_are_none() -> None:
    own_K = np.full(len(FACTORS), 0.5)
    own_K[NAMES.index("pucker")] = 0.01
    controls = calibrated(40, own_K)
    assert [c.name for c in controls] == [name for name in NAMES if name != "pucker"]
    yaw = controls["yaw"]
    # One coefficient was trained for 30 degrees and moves 15: 15 degrees are one coefficient.
    assert 15 * yaw.vectors[0] == pytest.approx(1)
    assert (yaw.low, yaw.high) == (-22.0, 22.0)  # 1.5 · 15 = 22.5, downwards to two figures
    blink = controls["blink"]
    assert blink.vectors == {NAMES.index("blink"): 1.0}
    assert blink.high == VALUES[-1]
    for control in controls:  # no range goes beyond the values that were tried
        (change,) = control.vectors.values()
        assert control.high * change <= VALUES[-1] + 1e-9


def test_report_tells_what_goes_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    slopes_PKK = np.stack([np.eye(len(FACTORS)) * 0.8, np.eye(len(FACTORS)) * 1.2])
    slopes_PKK[:, 0, 1] = 0.25  # yaw leaks a fifth into pitch
    report(slopes_PKK)
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert lines["yaw"][-2:] == ["20%", "20%"]
    assert lines["roll"][-2:] == ["0%", "20%"]
    assert len(UNITS) == len(NAMES)


def test_slopes_leave_out_portraits_that_lost_their_face() -> None:
    count = len(FACTORS)
    change_PKVK = np.einsum("v,kf->kvf", VALUES, np.eye(count) * 0.7)[None].repeat(3, 0)
    change_PKVK[1, 4, 0] = np.nan
    assert np.allclose(slopes(change_PKVK), np.eye(count) * 0.7)
    assert len(slopes(change_PKVK)) == 2
