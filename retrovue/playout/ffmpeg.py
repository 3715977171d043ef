"""ffmpeg command graphs of the producers; pure: values in, argument lists out.

Every child writes two pipes: access units and audio frames, bare. The multiplexer is ours (stream/mpegts.py).
A graph is put together from three parts: what makes the input a picture and a sound of the house
(playout/normalise.py), what is drawn over it, and how it is encoded (playout/encode.py). Why each option
is there:

* ``-ss`` lands ``preroll`` before the wanted offset, then ``fps=start_time`` and the audio trim anchor
  picture and sound at exactly the same source instant.
* ``trim=end_frame`` instead of ``-frames:v``: the latter closes the audio output, too (ffmpeg 5.1).
* ``setpts=PTS-STARTPTS`` and ``-fps_mode passthrough``: constant-rate sync would fill the pre-roll with
  duplicates.
* ``tpad`` clones at most HOLD_TICKS frames: an asset that ends a tick short is held, a truncated file is
  not disguised.
* audio begins one frame early, and that first frame (encoder priming) is thrown away; the overlap of the
  transform makes the join a 21 ms cross-fade.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ffmpeg

from retrovue.playout import drawing, encode, normalise
from retrovue.playout.drawing import NOTHING, Drawing, Plate
from retrovue.playout.house import HouseFormat
from retrovue.playout.normalise import PLAIN, Treatment
from retrovue.playout.ticks import SAMPLE_RATE

#: An asset that ends at most this much short of its plan is held on its last picture (ticks).
HOLD_TICKS = 2
#: Seek this far before the wanted offset (seconds), so both media have samples on either side of it.
PREROLL_S = 0.1
#: Transport and program streams have no index: a seek lands up to a GOP late.
PREROLL_UNINDEXED_S = 2.0
_UNINDEXED = (".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob")

#: Of a stream that begins with its parameter sets (bytes).
_PROBE_KEYED = 4096

_GLOBAL = ("-nostdin", "-hide_banner", "-loglevel", "error")
_LOCAL_ONLY = "file,pipe"


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of the channel's time a child renders.

    ``ticks`` frames; audio samples [audio_from, audio_to) relative to the first tick's beginning, both
    on the channel's endless audio grid (so ``audio_from`` may be up to half a frame on either side).
    """

    ticks: int
    audio_from: int
    audio_to: int
    keys: tuple[int, ...] = ()  #: frames, counted from the first, that must be pictures to begin with


@dataclass(frozen=True, slots=True)
class Pipes:
    """Numbers of the inherited file descriptors that the child writes to."""

    video: int
    audio: int | None


def file_command(
    binary: str,
    house: HouseFormat,
    path: str,
    offset_us: int,
    cut: Cut,
    pipes: Pipes,
    how: Treatment = PLAIN,
    over: Drawing = NOTHING,
) -> list[str]:
    """Render ``cut`` of the media file at ``path`` from ``offset_us`` of its picture; no audio pipe, no
    audio."""
    preroll = PREROLL_UNINDEXED_S if path.lower().endswith(_UNINDEXED) else PREROLL_S
    offset = (offset_us + how.picture_us) / 1_000_000
    lead_in = min(preroll, offset)
    # The path is given with its protocol so that a name like "concat:x" stays a name.
    source = ffmpeg.input(
        f"file:{path}", ss=f"{offset - lead_in:.6f}", threads=1, protocol_whitelist=_LOCAL_ONLY
    )
    video = normalise.picture(source, house, lead_in, offset_us / 1_000_000, how)
    outputs = [_video_out(video, house, cut, pipes, over)]
    if pipes.audio is not None:
        # Silence before the lead-in gives the cut something to take when audio_from is negative.
        pad = round(preroll * SAMPLE_RATE) + house.audio.frame_samples * 2
        audio = normalise.sound(source, pad - round(lead_in * SAMPLE_RATE), how)
        outputs.append(encode.audio(cut_audio(audio, house, cut, pad), house, pipes.audio))
    return compiled(binary, outputs, encode.device_of(house))


def boundary_command(binary: str, house: HouseFormat, skip: int, ticks: int, pipes: Pipes) -> list[str]:
    """Encode again ``ticks`` pictures behind the first ``skip`` of a group that comes on standard input.

    What a house copy can't begin with: the rest of a group of pictures, as a group of its own.
    """
    rate = normalise.rate_of(house)
    demuxer = house.video.demuxer
    source = ffmpeg.input("pipe:0", format=demuxer, framerate=rate, threads=1, protocol_whitelist="pipe")
    video = (
        source.video.filter("trim", start_frame=skip, end_frame=skip + ticks)
        .filter("setpts", "N/FRAME_RATE/TB")
        .filter("fps", fps=rate)
        .filter("format", "yuv420p")
    )
    return compiled(binary, [encode.video(video, house, pipes.video)], encode.device_of(house))


def keyed_command(binary: str, house: HouseFormat, cut: Cut, pipes: Pipes, over: Drawing) -> list[str]:
    """Encode again, with ``over`` drawn on them, the pictures that come on standard input one by one."""
    rate = normalise.rate_of(house)
    source = ffmpeg.input(
        "pipe:0",
        format=house.video.demuxer,
        framerate=rate,
        threads=1,
        protocol_whitelist="pipe",
        # They come in their own time: none is waited for to learn what is known.
        analyzeduration=0,
        probesize=_PROBE_KEYED,
        flags="low_delay",
    )
    video = source.video.filter("setpts", "N/FRAME_RATE/TB").filter("fps", fps=rate)
    if house.coded_size != (house.width, house.height):
        video = video.filter("scale", house.width, house.height)
    video = drawing.draw(video.filter("setsar", 1).filter("format", "yuv420p"), house, over)
    video = video.filter("trim", end_frame=cut.ticks)
    return compiled(binary, [encode.video(video, house, pipes.video)], encode.device_of(house))


def synthetic_command(
    binary: str,
    house: HouseFormat,
    picture: SyntheticPicture,
    cut: Cut,
    pipes: Pipes,
    over: Drawing = NOTHING,
) -> list[str]:
    """Render ``cut`` of a generated picture, with its tone or silence."""
    if picture.still is not None:
        path = picture.drawing.folder / picture.still.name
        video = drawing.without_end(drawing.still(str(path), house, alpha=False), house)
    else:
        size, rate = f"{house.width}x{house.height}", normalise.rate_of(house)
        source = f"{picture.source}{':' if '=' in picture.source else '='}s={size}:r={rate}"
        video = _lavfi(source).video
    video = drawing.draw(video.filter("format", "yuv420p"), house, picture.drawing)
    outputs = [_video_out(video, house, cut, pipes, over)]
    if pipes.audio is not None:
        pad = house.audio.frame_samples * 2
        if picture.sound:
            sound = _lavfi(picture.sound).audio
        elif picture.tone_hz:
            sound = _lavfi(f"sine=frequency={picture.tone_hz}:sample_rate={SAMPLE_RATE}").audio
            sound = sound.filter("volume", f"{picture.tone_db}dB")
        else:
            sound = _lavfi(f"anullsrc=r={SAMPLE_RATE}:cl=stereo").audio
        sound = sound.filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        outputs.append(encode.audio(cut_audio(sound, house, cut, pad), house, pipes.audio))
    return compiled(binary, outputs, encode.device_of(house))


@dataclass(frozen=True, slots=True)
class SyntheticPicture:
    """A generated picture: what it stands on, what lies over it, its sound. ``tone_hz`` 0 is silence."""

    source: str = "color=c=0x0b1d3a"  #: a lavfi source that has s= and r=: "smptehdbars"
    tone_hz: int = 0
    tone_db: float = 0.0
    sound: str = ""  #: a lavfi source of sound at 48 kHz, instead of a tone
    still: Plate | None = None  #: what it stands on instead of ``source``
    drawing: Drawing = NOTHING  #: what lies over that

    @property
    def plates(self) -> tuple[Plate, ...]:
        return (*((self.still,) if self.still else ()), *self.drawing.plates)


def look_command(binary: str, path: str, offset_us: int) -> list[str]:
    """Decode one picture at ``offset_us``; a line without ``#`` on standard output is that picture."""
    source = ffmpeg.input(
        f"file:{path}", ss=f"{offset_us / 1_000_000:.6f}", threads=1, protocol_whitelist=_LOCAL_ONLY
    )
    options = {"format": "framecrc", "frames:v": 1, "fps_mode": "passthrough"}
    return compiled(binary, [ffmpeg.output(source["v:0"], "pipe:1", **options)])


def _lavfi(graph: str) -> Any:
    return ffmpeg.input(graph, format="lavfi", protocol_whitelist=_LOCAL_ONLY)


def _video_out(video: Any, house: HouseFormat, cut: Cut, pipes: Pipes, over: Drawing) -> Any:
    """The end of every command's picture: ``video`` is in the house's raster, rate and colours.

    What stands over the programme is drawn here, before the cut: over files and generated pictures alike.
    """
    video = drawing.draw(video, house, over)
    return encode.video(_cut_video(video, cut), house, pipes.video, cut.keys)


def _cut_video(video: Any, cut: Cut) -> Any:
    return (
        video.filter("tpad", stop=HOLD_TICKS, stop_mode="clone")
        .filter("trim", end_frame=cut.ticks)
        .filter("setpts", "PTS-STARTPTS")
    )


def cut_audio(audio: Any, house: HouseFormat, cut: Cut, pad: int) -> Any:
    """``pad`` samples stand before the first tick.

    The first frame is the encoder's priming and what fills it up; one frame of post-roll lets the last
    kept one be complete, for transforms overlap.
    """
    codec = house.audio
    return audio.filter(
        "atrim",
        start_sample=pad + cut.audio_from - (codec.frame_samples - codec.priming),
        end_sample=pad + cut.audio_to + codec.frame_samples,
    ).filter("asetpts", "PTS-STARTPTS")


def compiled(binary: str, outputs: list[Any], device: Sequence[str] = ()) -> list[str]:
    """The argument list of a graph; ``device``: options before everything else."""
    stream = ffmpeg.merge_outputs(*outputs) if len(outputs) > 1 else outputs[0]
    arguments: list[str] = ffmpeg.compile(stream, cmd=[binary, *_GLOBAL, *device])
    return arguments
