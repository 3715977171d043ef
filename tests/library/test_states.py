"""The asset's life: the table is whole, and its manual shows it as it is."""

from __future__ import annotations

import pytest

from retrovue.library import states
from retrovue.library.catalog import AssetState
from retrovue.library.states import TABLE, Occasion, next_state


def test_the_documented_table_is_the_table() -> None:
    rows = [
        [cell.strip() for cell in line.strip("| \n").split("|")]
        for line in (states.__doc__ or "").splitlines()
        if line.startswith("|") and "---" not in line
    ]
    documented = {
        (AssetState(row[0]), Occasion(occasion)): AssetState(cell)
        for row in rows[1:]
        for occasion, cell in zip(rows[0][1:], (*row[1:], "", "", "", ""), strict=False)
        if cell
    }
    assert documented == TABLE


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TABLE.values()) == set(AssetState) - {AssetState.NEW}
    assert {old for old, _ in TABLE} == set(AssetState)


def test_what_can_not_happen_is_refused() -> None:
    with pytest.raises(ValueError, match="an asset that is new can't be enriched"):
        next_state(AssetState.NEW, Occasion.ENRICHED)
