"""Options of an evaluation that cannot be used are named by their Python names."""

import pytest

from liax.errors import OptionError
from liax.evaluation.options import EvaluateOptions


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"frames": 0}, "0 frames cannot be compared"),
        ({"first": -1}, "The first -1 frames cannot be measured"),
        ({"size": 16}, "cannot be compared at 16 pixels"),
        ({"limit": 0}, "limit is 0; choose at least 1"),
        ({"batch": 0}, "batch is 0; choose at least 1"),
        ({"pairs": "pairs.csv"}, "Pairs are for cross-reenactment"),
    ],
)
def test_wrong_options(options: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=said) as told:
        EvaluateOptions(**options)  # type: ignore[arg-type]
    assert options.items() <= told.value.options.items()
    assert "--" not in str(told.value)


def test_all_frames() -> None:
    assert EvaluateOptions().most_frames == 60
    assert EvaluateOptions(frames="all").most_frames is None
