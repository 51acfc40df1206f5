import pytest

from liax.report import number, percent, signed, whole


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf")])
def test_the_unknown_is_a_dash(value: float | None) -> None:
    assert number(value) == signed(value) == percent(value) == whole(value) == "–"


def test_signs_and_thousands() -> None:
    assert number(-1.2) == "−1.20"
    assert number(12345.678, 1) == "12,345.7"
    assert whole(12345.4) == "12,345"
    assert signed(0.654) == "+0.65"
    assert signed(-0.654, 1) == "−0.7"


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert number(-0.001) == signed(0.001) == signed(-0.001) == "0.00"
    assert whole(-0.2) == "0"


def test_percent() -> None:
    assert percent(0.125, 1) == "12.5\N{NO-BREAK SPACE}%"
    assert percent(-0.5) == "−50\N{NO-BREAK SPACE}%"
