import math

import pytest

from covers.render.charts.bars import Dot, dots
from covers.render.charts.scales import number_axis
from covers.render.numbers import number, per_cent, span, with_reach

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (number(-0.25, ".2f"), f"{MINUS}0.25"),
        (number(-0.25, "+.2f"), f"{MINUS}0.25"),
        (number(0.25, "+.2f"), "+0.25"),
        (number(-0.001, ".2f"), "0.00"),
        (number(-3, ".0f"), f"{MINUS}3"),
        (number(math.nan), "\N{EN DASH}"),
        (span((-0.5, 0.25), "+.1f"), f"{MINUS}0.5 to +0.2"),
        (with_reach(-0.5, (-1.0, 0.0), ".1f"), f"{MINUS}0.5 ({MINUS}1.0 to 0.0)"),
        (per_cent(-0.02), f"{MINUS}2 %"),
    ],
)
def test_numbers_below_zero_have_a_minus_and_none_is_minus_zero(written, said):
    assert written == said


def test_charts_write_what_is_below_zero_as_pages_do():
    ticks = [text for _, text in number_axis(-0.5, 0.5).ticks]
    assert ticks[0].startswith(MINUS)
    drawn = dots([Dot(name="gain", value=-0.25, ci95=(-0.5, 0.0))], alt="Gain")
    assert f"{MINUS}0.250" in drawn
    assert "gain: -" not in drawn
