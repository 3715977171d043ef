"""“Did you mean …?” on the mistakes that people make, and silence on what is no mistake."""

from __future__ import annotations

import pytest

from retrovue.station.load import NOUNS
from retrovue.station.suggest import closest

KEYS = [f for model in NOUNS.values() for f in model.model_fields]


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("prioritty", "priority"),
        ("priorty", "priority"),
        ("timezon", "timezone"),
        ("time_zone", "timezone"),
        ("time-zone", "timezone"),
        ("gird", "grid"),
        ("Grid", "grid"),
        ("nubmer", "number"),
        ("num", "number"),
        ("chanel", "channel"),
        ("call_sign", "callsign"),
        ("vchanel", "vchannel"),
        ("break", "breaks"),
        ("braeks", "breaks"),
        ("offair", "off_air"),
        ("off-air", "off_air"),
        ("catagories", "categories"),
        ("notbefore", "not_before"),
        ("broadcast_start", "broadcast_day_start"),
        ("discription", "description"),
        ("collections", "collection"),
        ("breakformat", "break_format"),
        ("zone", "zones"),
        ("fallbacks", "fallback"),
        ("horizion", "horizon"),
        ("lingr", "linger"),
        ("max_break", "max_breaks"),
        ("min_spaceing", "min_spacing"),
    ],
)
def test_typos(typo: str, meant: str) -> None:
    assert closest(typo, KEYS) == meant


@pytest.mark.parametrize("word", ["x", "colour", "weather", "zzz", "", "é", "transmitter"])
def test_no_guess_is_better_than_a_wild_one(word: str) -> None:
    assert closest(word, KEYS) is None


def test_the_guess_does_not_hang_on_the_order() -> None:
    assert closest("chers", ["cheers", "chess"]) == closest("chers", ["chess", "cheers"])


def test_a_known_word_needs_no_guess() -> None:
    assert closest("grid", KEYS) is None
