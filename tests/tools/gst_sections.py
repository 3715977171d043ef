"""What GStreamer's MPEG-TS library reads in a stream's tables: an independent judge.

    /usr/bin/python3 tests/tools/gst_sections.py FILE.ts

Runs by itself, with the system's Python and its bindings (Debian: python3-gi, gir1.2-gst-plugins-bad-1.0,
gstreamer1.0-plugins-bad), and prints one JSON object. It imports nothing of the project.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main(path: str) -> None:
    import gi  # type: ignore[import-not-found, import-untyped, unused-ignore]

    gi.require_version("Gst", "1.0")
    gi.require_version("GstMpegts", "1.0")
    from gi.repository import (  # type: ignore[import-not-found, import-untyped, attr-defined, unused-ignore]
        Gst,
        GstMpegts,
    )

    Gst.init(None)
    GstMpegts.initialize()
    pipeline = Gst.parse_launch("filesrc name=file ! tsparse ! fakesink sync=false")
    pipeline.get_by_name("file").set_property("location", path)
    pipeline.set_state(Gst.State.PLAYING)
    found: dict[str, Any] = {
        "sdt": [],
        "eit": {},
        "vct": [],
        "mgt": [],
        "atsc_eit": {},
        "ett": [],
        "time": [],
    }

    kept: list[Any] = []  # these bindings free a source's descriptors twice: they are never freed

    def moment(at: Any) -> str:
        return str(at.to_iso8601_string())

    def text(strings: Any) -> str:
        return "".join(str(segment.get_string()) for s in strings for segment in s.segments)

    def read(section: Any) -> None:
        kind = section.section_type
        types = GstMpegts.SectionType
        if kind == types.SDT:
            for service in section.get_sdt().services:
                for descriptor in service.descriptors:
                    ok, _, name, provider = descriptor.parse_dvb_service()
                    if ok:
                        said = [name, provider, service.EIT_schedule_flag, service.EIT_present_following_flag]
                        found["sdt"].append(said)
        elif kind == types.EIT:
            eit = section.get_eit()
            for event in eit.events:
                short = next(
                    (d.parse_dvb_short_event() for d in event.descriptors if d.tag == 0x4D),
                    (False, "", "", ""),
                )
                tags = [d.tag for d in event.descriptors]
                found["eit"][f"{section.table_id:#x} {section.section_number} {event.event_id}"] = [
                    moment(event.start_time), event.duration, int(event.running_status), short[2], short[3],
                    tags,
                ]  # fmt: skip
        elif kind == types.ATSC_TVCT:
            sources = list(section.get_atsc_tvct().sources)
            kept.extend(sources)
            for source in sources:
                found["vct"].append(
                    [source.short_name, source.major_channel_number, source.minor_channel_number,
                     source.program_number, source.service_type, len(source.descriptors)]
                )  # fmt: skip
        elif kind == types.ATSC_MGT:
            found["mgt"] = [[t.table_type, t.pid] for t in section.get_atsc_mgt().tables]
        elif kind == types.ATSC_EIT:
            for event in section.get_atsc_eit().events:
                found["atsc_eit"][str(event.event_id)] = [
                    event.start_time, event.length_in_seconds, text(event.titles), event.etm_location,
                ]  # fmt: skip
        elif kind == types.ATSC_ETT:
            found["ett"].append(text(section.get_atsc_ett().messages))
        elif kind == types.ATSC_STT:
            found["time"].append(moment(section.get_atsc_stt().get_datetime_utc()))
        elif kind == types.TDT:
            found["time"].append(moment(section.get_tdt()))
        elif kind == types.TOT:
            found["time"].append(moment(section.get_tot().utc_time))

    bus = pipeline.get_bus()
    while True:
        message = bus.timed_pop(30 * Gst.SECOND)
        if message is None or message.type in (Gst.MessageType.EOS, Gst.MessageType.ERROR):
            break
        section = GstMpegts.message_parse_mpegts_section(message)
        if section is not None:
            read(section)
    pipeline.set_state(Gst.State.NULL)
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
