"""Numbers that clients keep: derived, stable, and safe for those who lose bytes."""

from __future__ import annotations

import random

from retrovue.headend.tvheadend.directory import directory
from retrovue.headend.tvheadend.numbering import number_of, uuid_beside, uuid_of
from retrovue.lineup import ChannelId, ChannelIdent
from tests.headend.fake_lineup import CHANNELS


def idents(count: int) -> list[ChannelIdent]:
    return [
        ChannelIdent(ChannelId(f"ch{n}"), str(n), n, f"Channel {n}", f"CH{n}", f"C{n}.x", group=f"G{n % 3}")
        for n in range(1, count + 1)
    ]


def test_a_uuids_number_is_the_one_tvheadend_derives() -> None:
    """Pairs of a real server (fixtures/tvheadend/frames.jsonl, channelAdd)."""
    assert number_of("5dc3520aae3361eb7d7c89fe037cc8f0") == 173196125
    assert number_of("9b979cb07df57a518b9c09d2b7f8f13b") == 815568795


def test_numbers_are_positive_and_their_low_byte_is_never_zero() -> None:
    """Of a thousand channels some four would have one."""
    channels = directory("station", idents(1000)).channels
    assert len(channels) == 1000
    assert all(0 < number < 1 << 31 and number & 0xFF for number in channels)
    assert any(not number_of(uuid_of("channel", "station", f"ch{n}")) & 0xFF for n in range(1, 1001))


def test_a_taken_number_is_not_given_twice() -> None:
    first = uuid_beside(set(), "channel", "x")
    second = uuid_beside({number_of(first)}, "channel", "x")
    assert number_of(second) != number_of(first)
    assert uuid_beside({number_of(first)}, "channel", "x") == second


def test_what_is_moved_renumbered_or_added_changes_nobody_elses_number() -> None:
    before = directory("fake", CHANNELS)
    shuffled = list(CHANNELS) + idents(20)
    random.Random(9982).shuffle(shuffled)
    after = directory("fake", shuffled)
    for ident in CHANNELS:
        assert after.by_id[ident.id].number == before.by_id[ident.id].number
        assert after.by_id[ident.id].tags == before.by_id[ident.id].tags
    assert directory("other", CHANNELS).channels.keys() != before.channels.keys()


def test_the_number_before_the_dot_and_the_one_behind() -> None:
    found = directory("fake", CHANNELS).by_id
    assert [(c.major, c.minor) for c in found.values()] == [(5, 1), (5, 2), (9, 0), (99, 1)]


def test_tags_are_the_groups_in_the_lineups_order() -> None:
    found = directory("fake", CHANNELS)
    assert [(tag.name, tag.index) for tag in found.tags.values()] == [
        ("Network", 1),
        ("Movies", 2),
        ("Kids", 3),
    ]
    for tag in found.tags.values():
        assert [found.channels[n].ident.group for n in tag.members] == [tag.name]
    assert found.by_id[ChannelId("wtst")].tags == ()
