"""The house rules a capture is judged by, and the judgement; pure values."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from fractions import Fraction

TICKS = 90_000

#: Frame rates a detected step is snapped to.
KNOWN_RATES = tuple(
    Fraction(*r)
    for r in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits, in the units their names say. The defaults are the house's promise to every receiver."""

    rate: Fraction | None = None  #: frames per second; None: found from the stream, snapped to KNOWN_RATES
    psi_interval_ms: float = 100.0  #: PAT and PMT (ETSI TR 101 154 § 4.1.7), in stream time
    pcr_interval_ms: float = 40.0  #: ETSI TR 101 290 2.3b
    pcr_jump_ms: float = 100.0  #: 13818-1 § 2.7.2: farther apart is no longer one time line
    video_lead_ms: tuple[float, float] = (100.0, 300.0)  #: DTS minus the time the first byte arrives
    audio_lead_ms: tuple[float, float] = (0.0, 400.0)
    idr_interval_ms: float = 600.0  #: a joiner waits at most a GOP
    interleave_ms: float = 500.0  #: how far one medium may run ahead of the other in the multiplex
    reordering: bool = False  #: may PTS differ from DTS?
    from_start: bool = True  #: does the capture begin where a viewer's stream begins?
    duplicates: bool = False  #: 13818-1 allows sending a packet twice; the house never does
    buffers_s: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 5.0)  #: client buffers for the stall analysis
    stall_buffer_s: float | None = 1.0  #: a client with this buffer must never stall; None: not judged


@dataclass(slots=True)
class Fault:
    """One kind of fault: how often, and where first."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Stall:
    """What a client with a given buffer would have seen."""

    buffer_s: float
    count: int = 0
    total_s: float = 0.0
    longest_s: float = 0.0


@dataclass(slots=True)
class Report:
    """All that was measured. ``ok`` when no fault was found."""

    packets: int = 0
    bytes: int = 0
    null_packets: int = 0
    duration_s: float = 0.0  #: by PTS, first to last frame
    rate: str = ""  #: frames per second, "30000/1001"
    pictures: int = 0
    idrs: int = 0
    idr_interval_ms_max: float = 0.0
    audio_frames: int = 0
    audio_config: str = ""  #: "AAC-LC 48000 Hz 2 ch"
    pids: dict[str, int] = field(default_factory=dict)  #: packets per PID, "0x100"
    streams: list[str] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    cues: list[tuple[int, str]] = field(default_factory=list)  #: PTS of the picture before; message, hex
    parameter_sets: list[str] = field(default_factory=list)  #: hashes of SPS+PPS, in order of appearance
    first_pts: int | None = None
    last_pts: int | None = None  #: unwrapped from first_pts
    wraps: int = 0  #: crossings of 2^33
    pat_interval_ms_max: float = 0.0
    pmt_interval_ms_max: float = 0.0
    pcr_interval_ms_max: float = 0.0
    pcr_interval_ms_mean: float = 0.0
    video_lead_ms: tuple[float, float] | None = None  #: least, most
    audio_lead_ms: tuple[float, float] | None = None
    interleave_ms: tuple[float, float] | None = None  #: video ahead of audio in the multiplex: least, most
    audio_start_ms: float | None = None  #: first audio frame minus first picture
    kbit_s: float = 0.0
    # with arrival times
    arrival_gap_s_max: float | None = None
    first_idr_behind_ms: float | None = None  #: station time at arrival minus PTS of the first IDR
    lead_ms: tuple[float, float, float] | None = (
        None  #: PTS minus station time at arrival: least, median, most
    )
    drift_ms: float | None = None  #: undisturbed lead of the last quarter minus that of the second quarter
    stalls: list[Stall] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.faults

    @property
    def fault_counts(self) -> dict[str, int]:
        """Kind → how often; empty when the signal is clean."""
        return {kind: fault.count for kind, fault in sorted(self.faults.items())}

    def to_dict(self) -> dict[str, object]:
        return {"ok": self.ok, "fault_counts": self.fault_counts, **asdict(self)}

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    def to_text(self) -> str:
        """A table for people."""

        def span(pair: tuple[float, ...] | None) -> str:
            return "–" if pair is None else " … ".join(f"{v:.1f}" for v in pair) + " ms"

        def ms(value: float | None) -> str:
            return "–" if value is None else f"{value:.1f} ms"

        rows = [
            (
                "capture",
                f"{self.packets} packets, {self.bytes / 1e6:.2f} MB, "
                f"{self.duration_s:.2f} s, {self.kbit_s:.0f} kbit/s",
            ),
            ("streams", ", ".join(self.streams) or "none"),
            ("service", ", ".join(self.services) or "no SDT"),
            (
                "pictures",
                f"{self.pictures} at {self.rate or '?'}/s, "
                f"{self.idrs} IDR, at most {self.idr_interval_ms_max:.1f} ms apart",
            ),
            (
                "sound",
                f"{self.audio_frames} frames, {self.audio_config or '?'}, "
                f"begins {ms(self.audio_start_ms)} after the picture",
            ),
            (
                "PAT / PMT interval",
                f"at most {self.pat_interval_ms_max:.1f} / {self.pmt_interval_ms_max:.1f} ms",
            ),
            (
                "PCR interval",
                f"mean {self.pcr_interval_ms_mean:.2f}, at most {self.pcr_interval_ms_max:.2f} ms",
            ),
            ("DTS − arrival by PCR", f"video {span(self.video_lead_ms)}, audio {span(self.audio_lead_ms)}"),
            ("video ahead of audio", span(self.interleave_ms)),
            ("SPS/PPS", f"{len(self.parameter_sets)} different: {' '.join(self.parameter_sets)}"),
            ("2^33 wraps", str(self.wraps)),
            *([("cue messages", str(len(self.cues)))] if self.cues else []),
        ]
        if self.first_idr_behind_ms is not None:
            rows += [
                ("first IDR behind now", ms(self.first_idr_behind_ms)),
                ("lead (least, median, most)", span(self.lead_ms)),
                ("drift of the lead", ms(self.drift_ms)),
            ]
        if self.arrival_gap_s_max is not None:
            rows.append(("longest silence", f"{self.arrival_gap_s_max * 1000:.0f} ms"))
            rows += [
                (
                    f"client buffer {s.buffer_s:g} s",
                    f"{s.count} stalls, {s.total_s:.3f} s in all, longest {s.longest_s:.3f} s",
                )
                for s in self.stalls
            ]
        width = max(len(name) for name, _ in rows)
        lines = [f"{name:<{width}}  {value}" for name, value in rows]
        lines += [f"note: {note}" for note in self.notes]
        for kind, fault in sorted(self.faults.items()):
            lines.append(f"FAULT {kind}: {fault.count}")
            lines += [f"      {example}" for example in fault.examples]
        lines.append(
            "clean: no fault"
            if self.ok
            else f"NOT CLEAN: {sum(f.count for f in self.faults.values())} faults"
        )
        return "\n".join(lines)
