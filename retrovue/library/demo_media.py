"""The demo station's library as recipes, and the ffmpeg command for each; pure.

Lengths are real television lengths, odd to the frame on purpose. Every picture is burnt with its name
and a running timecode HH:MM:SS:FF: the true time since the asset's first frame, and the frame within
that second (so 29.97 and 23.976 never drift from the wall clock, as a counting timecode would). Every
asset has a pitch of its own, with a pip on each full second to hear that picture and sound agree.

Rendering is cheap on purpose: the background and the name are drawn once and looped; only the timecode
and a moving bar are drawn on each frame.
"""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Literal

from retrovue.units import frames_to_us

NTSC = Fraction(30000, 1001)
FILM = Fraction(24000, 1001)
PAL = Fraction(25)

Shape = Literal["4:3", "16:9", "anamorphic"]
_RASTER: Mapping[Shape, tuple[int, int, str]] = {
    "4:3": (320, 240, "1/1"),
    "16:9": (426, 240, "1/1"),
    "anamorphic": (360, 240, "32/27"),  # 16:9 squeezed into a 3:2 raster, as on a DVD
}

_SAMPLE_RATE = 48_000
#: ffmpeg's sine has an amplitude of 1/8; with the pips that is -20.7 LUFS (ebur128) in one channel and 3 dB
#: more in two. The aim is -23 LUFS (EBU R 128).
_GAIN = {1: 0.77, 2: 0.54}


@dataclass(frozen=True, slots=True)
class Recipe:
    """One file of the demo library."""

    path: str  #: relative to the media folder, "/"-separated; the suffix chooses the container
    label: tuple[str, ...]  #: lines burnt into the picture
    frames: int
    rate: Fraction
    pitch: int  #: Hz, of this asset alone
    shape: Shape = "4:3"
    channels: int = 1  #: of audio; 0: none at all
    interlaced: bool = False
    marks: tuple[int, ...] = ()  #: act breaks, as frame numbers; written as chapters
    sidecar: Mapping[str, object] = field(default_factory=dict)  #: what ``name.yaml`` beside it says

    @property
    def duration_us(self) -> int:
        """Microseconds, exact to the frame."""
        return frames_to_us(self.frames, self.rate)

    @property
    def marks_us(self) -> tuple[int, ...]:
        """The act breaks in microseconds from the start."""
        return tuple(frames_to_us(mark, self.rate) for mark in self.marks)

    @property
    def title(self) -> str:
        """The title embedded in the file: the last part of its name."""
        return PurePosixPath(self.path).stem.rpartition(" - ")[2]

    @property
    def sidecar_path(self) -> str:
        """Where the sidecar is; beside the file."""
        return self.path.rpartition(".")[0] + ".yaml"

    @property
    def fingerprint(self) -> str:
        """Changes whenever the rendered file would."""
        said = repr((ffmpeg_arguments(self, ""), scratch_files(self)))
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def timecode_of(frame: int, rate: Fraction) -> str:
    """What frame ``frame`` (0-based) of an asset at ``rate`` has burnt in: "00:01:40:00"."""
    seconds = int(frame / rate)
    first_of_second = -(-seconds * rate.numerator // rate.denominator)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frame - first_of_second:02}"


def timecode_text(rate: Fraction) -> str:
    """The same as a template for drawtext. n*den/num is exact in doubles wherever it is a whole number."""
    time = f"trunc(n*{rate.denominator}/{rate.numerator})"
    parts = (
        f"trunc({time}/3600)",
        f"mod(trunc({time}/60),60)",
        f"mod({time},60)",
        f"n-ceil({time}*{rate.numerator}/{rate.denominator})",
    )
    return ":".join(f"%{{eif:{part}:d:2}}" for part in parts)


def chapters(recipe: Recipe) -> str:
    """The act breaks in ffmpeg's metadata format; empty when the recipe has none."""
    if not recipe.marks:
        return ""
    bounds = (0, *recipe.marks, recipe.frames)
    timebase = f"{recipe.rate.denominator}/{recipe.rate.numerator}"
    acts = [
        f"[CHAPTER]\nTIMEBASE={timebase}\nSTART={start}\nEND={end}\ntitle=Act {number}\n"
        for number, (start, end) in enumerate(pairwise(bounds), start=1)
    ]
    return ";FFMETADATA1\n" + "".join(acts)


def picture_and_sound(recipe: Recipe) -> tuple[str, str]:
    """Two lavfi graphs. They read ``font.ttf``, ``label.txt`` and ``timecode.txt`` in the current folder."""
    width, height, sar = _RASTER[recipe.shape]
    rate = f"{recipe.rate.numerator}/{recipe.rate.denominator}"
    dark, light = _colours(recipe.path)
    # Roboto Mono is 0.6 em wide.
    label_size = min(30, int((width - 24) / (0.6 * max(map(len, recipe.label)))))
    timecode_size = int((width - 40) / (0.6 * 11))
    video = (
        f"gradients=s={width}x{height}:r={rate}:n=2:c0={dark}:c1={light}:x0=0:y0=0:x1={width}:y1={height}"
        f":speed=0.00001:seed={recipe.pitch},format=yuv420p"
        ",drawtext=fontfile=font.ttf:textfile=label.txt:expansion=none"
        f":fontsize={label_size}:line_spacing=6:fontcolor=white:x=12:y=20,loop=-1:1"
        ",drawtext=fontfile=font.ttf:textfile=timecode.txt"
        f":fontsize={timecode_size}:fontcolor=white:box=1:boxcolor=black:boxborderw=4"
        f":x=20:y={height - 48}-{timecode_size}[text];"
        f"color=c=white:s=24x12:r={rate},format=yuv420p[bar];"
        f"[text][bar]overlay=x='mod(n*2,{width - 24})':y={height - 20}:eval=frame"
        f",setsar={sar}" + (",setfield=tff" if recipe.interlaced else "")
    )
    samples = int(recipe.frames / recipe.rate * _SAMPLE_RATE)
    finish = f"volume={_GAIN.get(recipe.channels, 1)},atrim=end_sample={samples}"
    left = f"sine=f={recipe.pitch}:b=4:r={_SAMPLE_RATE}"
    right = f"sine=f={recipe.pitch * 3 // 2}:b=4:r={_SAMPLE_RATE}"
    audio = {
        0: "",
        1: f"{left},{finish}",
        2: f"{left}[l];{right}[r];[l][r]join=inputs=2:channel_layout=stereo,{finish}",
    }[recipe.channels]
    return video, audio


def _colours(path: str) -> tuple[str, str]:
    """Two background colours of the asset's own, dark enough for white text."""
    hue = int.from_bytes(hashlib.sha256(path.encode()).digest()[:2]) / 65536

    def colour(hue: float, value: float) -> str:
        return "0x" + "".join(f"{round(255 * c):02x}" for c in colorsys.hsv_to_rgb(hue % 1, 0.75, value))

    return colour(hue, 0.25), colour(hue + 0.12, 0.55)


def ffmpeg_arguments(recipe: Recipe, output: str) -> list[str]:
    """Everything after ``ffmpeg``; run it in a folder with the files ``scratch_files`` names."""
    video, audio = picture_and_sound(recipe)
    short = recipe.duration_us < 120_000_000
    inputs = ["-f", "lavfi", "-i", video]
    maps = ["-map", "0:v"]
    if audio:
        maps += ["-map", f"{inputs.count('-i')}:a"]
        inputs += ["-f", "lavfi", "-i", audio]
    if recipe.marks:
        maps += ["-map_chapters", str(inputs.count("-i"))]
        inputs += ["-f", "ffmetadata", "-i", "chapters.txt"]
    two_seconds = str(round(2 * recipe.rate))
    # Long ones at x264's cheapest; short ones with B-frames, as most real libraries have them.
    encode = ["-c:v", "libx264", "-preset", "superfast" if short else "ultrafast", "-crf", "32"]
    encode += ["-g", two_seconds, "-sc_threshold", "0", "-threads", "1", "-frames:v", str(recipe.frames)]
    if short:
        encode += ["-bf", "2"]
    if recipe.interlaced:
        encode += ["-flags", "+ilme+ildct", "-x264-params", "tff=1"]
    if audio:
        # AC-3 costs a fifth of ffmpeg's AAC encoder and is what American television sends.
        plain = ["-c:a", "ac3", "-b:a", "48k" if recipe.channels == 1 else "64k"]
        encode += ["-c:a", "aac", "-b:a", "96k"] if short else plain
    title = ["-metadata", f"title={recipe.title}"]
    head = ["-hide_banner", "-nostdin", "-v", "error", "-progress", "pipe:1", "-y", "-filter_threads", "1"]
    return [*head, *inputs, *maps, *encode, *title, "-fflags", "+bitexact", f"file:{output}"]


def scratch_files(recipe: Recipe) -> dict[str, str]:
    """Text files, by name, that the command reads in its current folder (``font.ttf`` besides)."""
    return {
        "label.txt": "\n".join(recipe.label),
        "timecode.txt": timecode_text(recipe.rate),
        "chapters.txt": chapters(recipe),
    }


# --- the library -----------------------------------------------------------------------------------


def _at(rate: Fraction, clock: str, extra: int = 0) -> int:
    """Frame number of "22:04" (minutes:seconds), and ``extra`` frames more."""
    minutes, seconds = map(int, clock.split(":"))
    return int((60 * minutes + seconds) * rate) + 1 + extra


def _sitcoms() -> Iterator[Recipe]:
    diner = [
        ("Opening Night", "21:47", 11, ("3:58", "10:31", "17:12"), "1982-09-30"),
        ("The Long Counter", "22:13", 7, ("4:21", "11:02", "17:40"), "1982-10-07"),
        ("Closing Time", "22:38", 23, ("4:05", "10:48", "18:03"), "1982-10-14"),
    ]
    for number, (title, length, extra, acts, aired) in enumerate(diner, start=1):
        yield Recipe(
            path=f"sitcoms/Corner Diner/Season 1/Corner Diner - S01E{number:02} - {title}.mkv",
            label=("Corner Diner", f"S01E{number:02} {title}"),
            frames=_at(NTSC, length, extra),
            rate=NTSC,
            pitch=200 + 13 * number,
            marks=tuple(_at(NTSC, act, number) for act in acts),
            sidecar={
                "description": f"Dot keeps the coffee hot. Episode {number}: {title}.",
                "rating": "TV-G",
                "date": aired,
                "tags": ["sitcom"],
            },
        )
    desk: Sequence[tuple[str, str, int, tuple[str, ...]]] = [
        ("Graveyard Shift", "21:09", 5, ("2:31", "13:20")),
        ("Dead Air", "22:51", 17, ()),
    ]
    for number, (title, length, extra, breaks) in enumerate(desk, start=1):
        yield Recipe(
            path=f"sitcoms/Night Desk/Night Desk - S02E{number:02} - {title}.mp4",
            label=("Night Desk", f"S02E{number:02} {title}"),
            frames=_at(FILM, length, extra),
            rate=FILM,
            pitch=260 + 13 * number,
            shape="16:9",
            channels=2,
            marks=tuple(_at(FILM, act, number) for act in breaks),
            sidecar={
                "description": "A newsroom after midnight, and nobody reads the memo.",
                "rating": "TV-PG",
                "tags": ["sitcom"],
            },
        )


def _longer() -> Iterator[Recipe]:
    yield Recipe(
        path="dramas/Harbor Patrol - S01E01 - Fog Signal.mp4",
        label=("Harbor Patrol", "S01E01 Fog Signal"),
        frames=_at(PAL, "47:11", 13),
        rate=PAL,
        pitch=310,
        shape="16:9",
        marks=tuple(_at(PAL, act, 3) for act in ("6:02", "15:44", "25:10", "33:51", "41:37")),
        sidecar={
            "description": "A tanker calls for help from a berth that has been empty for years.",
            "rating": "TV-PG",
            "date": "1979-01-18",
            "tags": ["drama"],
        },
    )
    yield Recipe(
        path="films/The Long Weekend (1962).mkv",
        label=("Feature film, 1962", "The Long Weekend"),
        frames=_at(FILM, "75:08", 19),
        rate=FILM,
        pitch=330,
        shape="anamorphic",
        sidecar={
            "title": "The Long Weekend",
            "description": "Four strangers, one motel, and a Monday that would not come.",
            "rating": "TV-14",
            "tags": ["feature", "late"],
        },
    )
    yield Recipe(
        path="films/The Silent Reel (1924).mp4",
        label=("Silent film, 1924", "The Silent Reel"),
        frames=_at(PAL, "24:19", 9),
        rate=PAL,
        pitch=0,
        channels=0,
        sidecar={
            "description": "A projectionist walks into his own picture.",
            "rating": "TV-G",
            "tags": ["feature"],
        },
    )


def _cartoons() -> Iterator[Recipe]:
    shorts = [
        ("Snow Signal", "7:04"),
        ("Test Card Tango", "6:57"),
        ("Antenna Antics", "7:09"),
        ("The Big Knob", "7:01"),
        ("Ghost in the Set", "6:55"),
        ("Sign-Off", "7:06"),
    ]
    for number, (title, length) in enumerate(shorts, start=1):
        yield Recipe(
            path=f"cartoons/Pixel and Paws - S01E{number:02} - {title}.{'mkv' if number % 2 else 'mp4'}",
            label=("Pixel and Paws", f"S01E{number:02} {title}"),
            frames=_at(NTSC, length, 2 * number + 1),
            rate=NTSC,
            pitch=350 + 13 * number,
            channels=1 + number % 2,
            sidecar={
                "description": "A cat, a dog and one remote control.",
                "rating": "TV-Y",
                "tags": ["cartoon"],
            },
        )


#: Advertiser, category, slogan, seconds.
_COMMERCIALS: Sequence[tuple[str, str, str, int]] = (
    ("Sunny Cola", "soft-drinks", "Drink the Day", 30),
    ("Sunny Cola", "soft-drinks", "One More Bubble", 15),
    ("Atlas Motors", "cars", "The New Comet", 30),
    ("Atlas Motors", "cars", "Drive It Home", 15),
    ("Bright Suds", "household", "Whiter Than That", 30),
    ("Captain Crunchers", "cereal", "Ahoy Breakfast", 30),
    ("Captain Crunchers", "cereal", "Prize Inside", 15),
    ("Dialtone Long Distance", "telephone", "Call Your Mother", 30),
    ("Evergreen Bank", "finance", "It Grows", 30),
    ("First Light Coffee", "coffee", "Before the News", 15),
    ("Galaxy Toys", "toys", "Robot of Tomorrow", 30),
    ("Galaxy Toys", "toys", "Batteries Not Included", 15),
    ("Hometown Hardware", "retail", "We Have the Bolt", 30),
    ("Ironside Tires", "cars", "Grip", 15),
    ("Jetline Airways", "travel", "Coast to Coast", 30),
    ("Kettle Soup", "food", "Like Home, Faster", 30),
)

_FOR_KIDS = ("cereal", "soft-drinks", "toys")


def _commercials() -> Iterator[Recipe]:
    rates: Sequence[Fraction] = (NTSC, NTSC, FILM, PAL)
    shapes: Sequence[Shape] = ("4:3", "16:9", "4:3", "anamorphic")
    for number, (advertiser, category, slogan, seconds) in enumerate(_COMMERCIALS):
        rate = rates[number % 4]
        yield Recipe(
            path=f"commercials/{advertiser} - {slogan} ({seconds}s).{'mkv' if number % 3 == 2 else 'mp4'}",
            label=("Commercial", advertiser, slogan),
            # Copies are rarely cut to length: a few frames short or long of 15 or 30 s.
            frames=int(seconds * rate) + number % 5 - 1,
            rate=rate,
            pitch=440 + 13 * number,
            shape=shapes[number % 4],
            channels=1 + number % 2,
            interlaced=number == 4,
            sidecar={
                "title": slogan,
                "advertiser": advertiser,
                "category": category,
                "tags": ["commercial", "kids"] if category in _FOR_KIDS else ["commercial"],
            },
        )


def _continuity() -> Iterator[Recipe]:
    """What a station says between programmes: promos, bumpers, idents."""
    pieces: Sequence[tuple[str, str, str]] = (  # tag, title, length
        ("promo", "Thursdays at Corner Diner", "0:17"),
        ("promo", "Night Desk Tonight", "0:20"),
        ("promo", "Harbor Patrol, Next Week", "0:15"),
        ("promo", "The Long Weekend, This Weekend", "0:19"),
        ("kids-promo", "Cartoons All Morning", "0:16"),
        ("promo", "Stay With Us", "0:18"),
        ("bumper-out", "We'll Be Right Back", "0:04"),
        ("bumper-out", "More to Come", "0:03"),
        ("bumper-in", "And Now Back", "0:03"),
        ("bumper-in", "We Return", "0:02"),
        ("kids-out", "After These Messages", "0:05"),
        ("kids-in", "Cartoons Continue", "0:03"),
        ("feature-open", "Feature Presentation", "0:10"),
        ("ident", "Retro Television", "0:05"),
        ("ident", "Stay Tuned to Retro", "0:08"),
        ("kids-promo", "Brush Your Teeth", "0:15"),
        ("kids-promo", "Paws Never Sleeps", "0:19"),
    )
    rates = (NTSC, PAL, FILM)
    for number, (tag, title, length) in enumerate(pieces):
        rate = rates[number % 3]
        yield Recipe(
            path=f"continuity/{tag} - {title}.{'mp4' if number % 2 else 'mkv'}",
            label=(tag.replace("-", " ").capitalize(), title),
            frames=_at(rate, length, number % 7),
            rate=rate,
            pitch=700 + 13 * number,
            shape="16:9" if number % 2 else "4:3",
            channels=2,
            sidecar={"title": title, "tags": [tag]},
        )


def recipes() -> tuple[Recipe, ...]:
    """The whole demo library, in order of path."""
    every = (*_sitcoms(), *_longer(), *_cartoons(), *_commercials(), *_continuity())
    return tuple(sorted(every, key=lambda recipe: recipe.path))
