"""Genres as DVB codes them, which is what clients colour and filter their guides by; pure.

ETSI EN 300 468, table 29 (content_nibble levels 1 and 2). A station's categories are free words, so this is
a reading of the usual ones; a word that isn't known has no code.
"""

from __future__ import annotations

from collections.abc import Iterable

#: Level 1, in Tvheadend's words.
GROUPS: dict[int, str] = {
    0x00: "",
    0x10: "Movie / Drama",
    0x20: "News / Current affairs",
    0x30: "Show / Game show",
    0x40: "Sports",
    0x50: "Children's / Youth programs",
    0x60: "Music / Ballet / Dance",
    0x70: "Arts / Culture (without music)",
    0x80: "Social / Political issues / Economics",
    0x90: "Education / Science / Factual topics",
    0xA0: "Leisure hobbies",
}

#: Level 2, in the same words, from the group's code on; what is left of sixteen is called as the group.
_KINDS: dict[int, tuple[str, ...]] = {
    0x10: (
        "Detective / Thriller",
        "Adventure / Western / War",
        "Science fiction / Fantasy / Horror",
        "Comedy",
        "Soap / Melodrama / Folkloric",
        "Romance",
        "Serious / Classical / Religious / Historical movie / Drama",
        "Adult movie / Drama",
    ),
    0x20: ("News / Weather report", "News magazine", "Documentary", "Discussion / Interview / Debate"),
    0x30: ("Game show / Quiz / Contest", "Variety show", "Talk show"),
    0x40: (
        "Special events (Olympic Games, World Cup, etc.)",
        "Sports magazines",
        "Football / Soccer",
        "Tennis / Squash",
        "Team sports (excluding football)",
        "Athletics",
        "Motor sport",
        "Water sport",
        "Winter sports",
        "Equestrian",
        "Martial sports",
    ),
    0x50: (
        "Pre-school children's programs",
        "Entertainment programs for 6 to 14",
        "Entertainment programs for 10 to 16",
        "Informational / Educational / School programs",
        "Cartoons / Puppets",
    ),
    0x60: (
        "Rock / Pop",
        "Serious music / Classical music",
        "Folk / Traditional music",
        "Jazz",
        "Musical / Opera",
        "Ballet",
    ),
    0x70: (
        "Performing arts",
        "Fine arts",
        "Religion",
        "Popular culture / Traditional arts",
        "Literature",
        "Film / Cinema",
        "Experimental film / Video",
        "Broadcasting / Press",
        "New media",
        "Arts magazines / Culture magazines",
        "Fashion",
    ),
    0x80: ("Magazines / Reports / Documentary", "Economics / Social advisory", "Remarkable people"),
    0x90: (
        "Nature / Animals / Environment",
        "Technology / Natural sciences",
        "Medicine / Physiology / Psychology",
        "Foreign countries / Expeditions",
        "Social / Spiritual sciences",
        "Further education",
        "Languages",
    ),
    0xA0: (
        "Tourism / Travel",
        "Handicraft",
        "Motoring",
        "Fitness and health",
        "Cooking",
        "Advertisement / Shopping",
        "Gardening",
    ),
}

_WORDS: dict[int, str] = {
    0x10: "movie movies film films drama",
    0x11: "thriller detective crime mystery",
    0x12: "adventure western war action",
    0x13: "science-fiction sci-fi scifi fantasy horror",
    0x14: "comedy sitcom",
    0x15: "soap melodrama folkloric",
    0x16: "romance",
    0x17: "religious historical history",
    0x18: "adult",
    0x20: "news",
    0x21: "weather",
    0x22: "magazine",
    0x23: "documentary",
    0x24: "discussion interview debate",
    0x30: "show reality",
    0x31: "game-show quiz contest game",
    0x32: "variety",
    0x33: "talk talk-show",
    0x40: "sport sports",
    0x43: "football soccer",
    0x44: "tennis",
    0x46: "athletics",
    0x47: "motorsport motor-sport",
    0x4B: "wrestling boxing",
    0x50: "kids children children's family youth",
    0x51: "preschool pre-school",
    0x55: "cartoon cartoons animation animated anime puppets",
    0x60: "music dance",
    0x61: "rock pop",
    0x62: "classical",
    0x63: "folk",
    0x64: "jazz",
    0x65: "musical opera",
    0x66: "ballet",
    0x70: "arts art culture",
    0x80: "politics economics social",
    0x90: "education educational science factual",
    0x91: "nature animals environment",
    0x92: "technology",
    0xA0: "leisure hobby hobbies",
    0xA1: "travel tourism",
    0xA5: "cooking food",
    0xA6: "shopping advertisement infomercial",
    0xA7: "gardening",
}
_CODES = {word: code for code, words in _WORDS.items() for word in words.split()}


def content_code(categories: Iterable[str], *, movie: bool) -> int:
    """The DVB code of a programme; 0 when nothing is known. A particular genre wins over a general one."""
    words = (category.strip().casefold().replace(" ", "-") for category in categories)
    codes = [code for word in words if (code := _CODES.get(word))]
    particular = next((code for code in codes if code & 0x0F), 0)
    return particular or next(iter(codes), 0x10 if movie else 0)


def names() -> list[tuple[int, str]]:
    """Every code with its name, both levels."""
    found = [(0, GROUPS[0])]
    for group, kinds in _KINDS.items():
        named = (GROUPS[group], *kinds)
        found += [(group + n, named[n] if n < len(named) else GROUPS[group]) for n in range(16)]
    return found
