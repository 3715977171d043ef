"""Colours: what a file has where it doesn't say, and how HDR becomes SDR in BT.709's primaries; pure.

The same for what airs and for stills: as steps of filters, to be told to ffmpeg by whoever draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Hdr = Literal["pq", "hlg"]

#: From this height on, a picture that doesn't name its colours has those of HD.
HD_LINES = 720
#: Transfer functions that are HDR, as ffmpeg names them.
TRANSFERS: Mapping[str, Hdr] = {"smpte2084": "pq", "arib-std-b67": "hlg"}
#: Filters of an ffmpeg that does it exactly.
EXACT = frozenset({"zscale", "tonemap"})

#: Brightness of a white page in HDR, and what graders seldom exceed (cd/m²; ITU-R BT.2408 and BT.2100).
_REFERENCE_WHITE, _PEAK_WHITE = 203, 1000
#: Up to this much of reference white a picture's brightness is kept; above, it is bent to fit.
_KNEE = 0.3
#: From BT.2020's primaries to BT.709's, in linear light (ITU-R BT.2087).
_BT2020_TO_BT709 = (
    *("rr", 1.6605, "rg", -0.5876, "rb", -0.0728),
    *("gr", -0.1246, "gg", 1.1329, "gb", -0.0083),
    *("br", -0.0182, "bg", -0.1006, "bb", 1.1187),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One filter of a chain."""

    name: str
    words: tuple[object, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """As a chain is written: what has commas in it is quoted."""
        said = [str(word) for word in self.words]
        said += [f"{name}='{value}'" for name, value in self.options.items()]
        return f"{self.name}={':'.join(said)}"


def to_sdr(hdr: Hdr, exact: bool) -> tuple[Step, ...]:
    """From HDR (BT.2100, either transfer function) to full SDR, whose matrix the next scale settles.

    Reference white comes to 68 % of linear light, what is brighter is bent up to ``_PEAK_WHITE``. ``exact``:
    the ffmpeg has the filters of ``EXACT``; else look-up tables, which every ffmpeg has, do the same a little
    coarser in the shadows.
    """
    peak = _PEAK_WHITE / _REFERENCE_WHITE
    if exact:
        transfer = next(name for name, kind in TRANSFERS.items() if kind == hdr)
        source = {"tin": transfer, "pin": "bt2020", "min": "bt2020nc", "t": "linear", "npl": _REFERENCE_WHITE}
        return (
            Step("format", ("yuv444p10",)),
            Step("zscale", options=source),
            Step("format", ("gbrpf32",)),
            Step("zscale", options={"p": "bt709"}),
            Step("tonemap", ("mobius",), {"param": _KNEE, "desat": 0, "peak": f"{peak:.4f}"}),
            Step("zscale", options={"t": "bt709", "m": "bt709", "r": "tv"}),
            Step("format", ("yuv444p",)),
        )
    linear = _linear_light(hdr)
    bent = _bent(f"(val/maxval*{peak:.4f})", peak)
    coded = f"(pow({bent},1/2.4)*maxval)"  # for a display as ITU-R BT.1886 has it, which zscale assumes, too
    matrix = dict(zip(_BT2020_TO_BT709[::2], _BT2020_TO_BT709[1::2], strict=True))
    return (
        Step("scale", options={"in_color_matrix": "bt2020"}),
        Step("format", ("gbrp16",)),
        Step("lutrgb", options=dict.fromkeys("rgb", linear)),
        Step("colorchannelmixer", options={str(name): value for name, value in matrix.items()}),
        Step("lutrgb", options=dict.fromkeys("rgb", coded)),
    )


def _linear_light(hdr: Hdr) -> str:
    """An expression of ``val``: linear light, 1 at ``_PEAK_WHITE``."""
    if hdr == "pq":  # ITU-R BT.2100 table 4
        root = "pow(val/maxval,1/78.84375)"
        light = f"10*pow(max({root}-0.8359375,0)/(18.8515625-18.6875*{root}),1/0.1593017578125)"
    else:  # table 5: the inverse of the transfer function, then the system gamma of a 1000 cd/m² display
        low, high = "pow(val/maxval,2)/3", "(exp((val/maxval-0.55991073)/0.17883277)+0.28466892)/12"
        light = f"pow(if(lte(val/maxval,0.5),{low},{high}),1.2)"
    return f"(min({light},1)*maxval)"


def _bent(light: str, peak: float) -> str:
    """Möbius' curve, as the tonemap filter has it: straight up to the knee, 1 at ``peak``."""
    j = _KNEE
    a = -j * j * (peak - 1) / (j * j - 2 * j + peak)
    b = (j * j - 2 * j * peak + peak) / (peak - 1)
    scale = (b * b + 2 * b * j + j * j) / (b - a)
    return f"if(lte({light},{j}),{light},{scale:.6f}*({light}+{a:.6f})/({light}+{b:.6f}))"
