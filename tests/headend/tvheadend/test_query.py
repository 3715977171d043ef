"""Search words: the part of regular expressions that can be matched in linear time, and no other."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrovue.headend.tvheadend.query import search


@pytest.mark.parametrize(
    ("pattern", "texts", "others"),
    [
        ("night", ["Night Court", "A nightmare"], ["Day"]),
        ("^night", ["Night Court"], ["A nightmare"]),
        ("court$", ["Night Court"], ["Courts"]),
        ("^cheers$", ["Cheers"], ["Cheers & Jeers"]),
        ("n.*t", ["Night", "Court", "not"][::2], ["tan"]),
        ("a.+b", ["axb", "aab"], ["ab"]),
        (".*", ["", "x"], []),
        ("", ["", "x"], []),
        ("tom|jerry", ["Jerry", "Tom"], ["Spike"]),
        (r"M\.A\.S\.H", ["M.A.S.H"], ["MxAxSxH"]),
        ("[ck]ids", ["Kids", "cids"], ["bids"]),
        ("[^a]bc", ["xbc"], ["abc"]),
        (r"^Part \d$", ["Part 7"], ["Part 17"]),
        ("ab$", ["aab", "abab"], ["aba"]),
        ("été", ["ÉTÉ chaud"], ["ete"]),
        # What can't be read is searched for as it stands.
        ("What's my line?", ["What's My Line? (1950)"], ["What's my line"]),
        ("(uncut)", ["Film (Uncut)"], ["uncut"]),
        ("C++", ["Learning C++"], ["CCC"]),
        ("[", ["a[b"], ["ab"]),
        ("[z-a]", ["[z-a]"], ["b"]),
        ("\\", ["a\\b"], ["ab"]),
    ],
)
def test_what_is_found(pattern: str, texts: list[str], others: list[str]) -> None:
    matches = search(pattern)
    assert [t for t in texts if not matches(t)] == []
    assert [t for t in others if matches(t)] == []


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*b", "a*" * 40 + "b", ".*" * 90 + "b", "a?" * 60 + "a" * 60, "(.*)*x", "[ab]" * 60],
)
def test_no_pattern_takes_long(pattern: str) -> None:
    """The usual engine would still be busy with most of these tomorrow."""
    matches = search(pattern)
    began = time.process_time()
    for _ in range(100):
        matches("a" * 300 + "!")
    assert time.process_time() - began < 20


PIECES = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", ".*", ".+", "|", "^a", "b$", r"\.", r"\w"])


@given(st.lists(PIECES, max_size=7).map("".join), st.text("ab.|", max_size=12))
@settings(max_examples=400, deadline=None)
def test_it_agrees_with_the_usual_engine_wherever_it_reads_the_pattern(pattern: str, text: str) -> None:
    if re.search(r"(?<!^)(?<!\|)\^(?!a\])|\$(?!$|\|)", pattern):
        return  # an anchor in the middle is searched for as it stands
    assert search(pattern)(text) == (re.search(pattern, text, re.I | re.S) is not None)


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_whatever_is_asked_is_answered(pattern: str, text: str) -> None:
    assert search(pattern)(text) in (True, False)
