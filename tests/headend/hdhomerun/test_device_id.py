"""The check digit, against ids of real units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.headend.hdhomerun import device_id

REAL = ["1052712E", "124205A5", "10439EFD", "10811DF5", "10914695", "10ACFCDE", "105404BE", "10314DDB"]


@pytest.mark.parametrize("text", REAL)
def test_real_units_check(text: str) -> None:
    assert device_id.parse(text) == int(text, 16)
    assert device_id.parse(text.lower()) == int(text, 16)


@pytest.mark.parametrize("text", ["12345678", "1052712A", "8F07FDC6"])
def test_wrong_check_digits_are_refused_with_the_right_one(text: str) -> None:
    assert not device_id.is_valid(int(text, 16))
    with pytest.raises(ValueError, match=f"it would be {text[:7]}"):
        device_id.parse(text)


@pytest.mark.parametrize("text", ["", "105", "1052712E0", "1052712G", "00000000", "FFFFFFFF", "+1052712"])
def test_what_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="device id"):
        device_id.parse(text)


@given(st.binary(min_size=3, max_size=16))
def test_a_made_id_checks_and_looks_like_a_current_device(entropy: bytes) -> None:
    made = device_id.make(entropy)
    assert device_id.is_valid(made)
    assert 0x104 <= made >> 20 <= 0x10A
    assert device_id.make(entropy) == made
    assert device_id.parse(f"{made:08X}") == made


def test_two_instances_differ() -> None:
    assert len({device_id.make(n.to_bytes(8, "big")) for n in range(1000)}) == 1000
