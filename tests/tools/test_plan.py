"""The comparison of screen and plan finds what is wrong, and only that."""

from __future__ import annotations

from fractions import Fraction

from fixtures.media.barcode_layout import Code
from tests.tools.barcode_reader import Shown
from tests.tools.plan import ChannelPlan, Comparison, Planned, compare

NTSC = Fraction(30000, 1001)
SECOND = 1_000_000

#: 4 s of an asset of the channel's rate from its 10th second on, 2 s of one with 50 frames/s, 1 s of ident.
PLAN = ChannelPlan(
    NTSC,
    (
        Planned(0, 4 * SECOND, "program", "a/one", 10 * SECOND, 1, ""),
        Planned(4 * SECOND, 6 * SECOND, "ad", "a/two", 0, 1, ""),
        Planned(6 * SECOND, 7 * SECOND, "ident", "", 0, 1, ""),
    ),
)


def screen() -> list[Code | None]:
    """What has to be seen on every tick."""
    codes: list[Code | None] = []
    for tick in range(PLAN.segments[-1].end_tick(NTSC)):
        planned = PLAN.at_tick(tick)
        assert planned is not None
        if not planned.asset_id:
            codes.append(None)
        else:
            number, rate = (1, NTSC) if planned.asset_id == "a/one" else (2, Fraction(50))
            codes.append(Code(number, rate, round(PLAN.frame_at(planned, tick, rate))))
    return codes


def judge(codes: list[Code | None]) -> Comparison:
    shown = [(round(tick * 90000 / NTSC), Shown(0, code)) for tick, code in enumerate(codes)]
    return compare(shown, PLAN, {"a/one": 1, "a/two": 2})


def test_a_screen_as_planned() -> None:
    result = judge(screen())
    assert result.ok
    assert (result.pictures, result.agree, result.slate) == (210, 210, 0)
    assert result.exact == result.same_rate == 120


def test_a_frame_too_late_and_one_of_another_asset() -> None:
    codes = screen()
    codes[50], codes[51] = Code(1, NTSC, 0), Code(3, NTSC, 351)
    result = judge(codes)
    assert not result.ok
    assert result.pictures - result.agree == 2
    assert result.wrong is not None
    assert "frame 0, planned 349.70" in result.wrong[0]
    assert "asset 3 where a/one is planned" in result.wrong[1]


def test_one_frame_off_agrees_but_is_not_exact() -> None:
    codes = screen()
    codes[50] = codes[49]
    result = judge(codes)
    assert result.ok
    assert result.exact == result.same_rate - 1


def test_slate_is_counted_and_an_ident_is_none() -> None:
    codes = screen()
    codes[100:110] = [None] * 10
    result = judge(codes)
    assert (result.agree, result.slate) == (200, 10)
    codes = screen()
    codes[-5] = Code(2, Fraction(50), 60)
    assert not judge(codes).ok


def test_the_last_two_ticks_may_be_held() -> None:
    codes = screen()
    codes[178] = codes[179] = codes[177]
    assert judge(codes).ok
    codes[176] = codes[174]
    assert not judge(codes).ok


def test_outside_of_the_plan() -> None:
    assert not judge([*screen(), None]).ok
