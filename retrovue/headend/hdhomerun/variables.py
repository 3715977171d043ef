"""The variables of the control protocol, truthful against the tuner table.

Names and texts follow the answers of real units: several clients compare them letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from retrovue.clock import MasterClock
from retrovue.headend.addresses import plain
from retrovue.headend.hdhomerun.control import GetSetError, Requester
from retrovue.headend.hdhomerun.datagrams import EVERYTHING, SIZE, pids_of
from retrovue.headend.hdhomerun.personality import (
    FIRMWARE_VERSION,
    ORIGINAL_NETWORK_ID,
    PROGRAM_NUMBER,
    Personality,
    RfPlan,
    find_channel,
    transport_stream_id,
)
from retrovue.headend.hdhomerun.tuners import Lock, Sending, Target, Tuner, TunerTable
from retrovue.lineup import ChannelIdent, Lineup

_CHANNEL = re.compile(r"[a-z0-9-]+:(\d{1,10})")
_TARGET = re.compile(r"(udp|rtp)://(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]{2,45}\]):(\d{1,5})")
#: What follows ``rtp://`` must not be a service of the receiver's machine.
_LOWEST_PORT = 1024
_TUNER = re.compile(r"/tuner(\d{1,2})/([a-z]+)")

_HELP = """Supported configuration options:
{oob}/sys/boot
/sys/copyright
/sys/debug
/sys/features
/sys/hwmodel
/sys/model
/sys/restart <resource>
/sys/version
/tuner<n>/channel <modulation>:<freq|ch>
/tuner<n>/channelmap <channelmap>
/tuner<n>/debug
/tuner<n>/filter "0x<nnnn>-0x<nnnn> [...]"
/tuner<n>/lockkey
/tuner<n>/program <program number>
/tuner<n>/status
/tuner<n>/streaminfo
/tuner<n>/target "<udp|rtp>://<ip>:<port>"
/tuner<n>/vchannel <vchannel>
/tuner<n>/vstatus
"""

UNKNOWN = "ERROR: unknown getset variable"
READ_ONLY = "ERROR: parameter is read only"

#: Starts a stream of datagrams. Raises ``OSError``.
Send = Callable[[Tuner, Target], Sending]


class Variables:
    """A ``DeviceView`` over the lineup and the tuner table."""

    def __init__(
        self, lineup: Lineup, clock: MasterClock, table: TunerTable, personality: Personality, send: Send
    ) -> None:
        self._lineup, self._clock, self._table, self._family = lineup, clock, table, personality
        self._send = send
        self._system: dict[str, Callable[[], str]] = {
            "help": lambda: _HELP.format(oob="/oob/status\n" if personality.cable_card else ""),
            "/sys/boot": lambda: "",
            "/sys/copyright": lambda: "RetroVue, MIT License\n",
            "/sys/debug": lambda: "mem: nbk=1 dmk=0 fet=0\nloop: pkt=0\n",
            "/sys/features": lambda: personality.features,
            "/sys/hwmodel": lambda: personality.hardware,
            "/sys/model": lambda: personality.model,
            "/sys/restart": lambda: "",
            "/sys/version": lambda: FIRMWARE_VERSION,
        }
        if personality.cable_card:
            # MythTV asks this to learn whether the unit is on cable; "none" would mean an antenna.
            self._system["/oob/status"] = lambda: "ch=qam256:75000000 lock=qam256 ss=100 snq=100"
        self._readers: dict[str, Callable[[Tuner], str]] = {
            "channel": lambda t: self._channel(t),
            "channelmap": lambda t: t.channel_map or personality.channel_maps[0],
            "debug": self._debug,
            "filter": lambda t: t.filter,
            "lockkey": self._locked_by,
            "program": lambda t: str(t.program),
            "status": self._status,
            "streaminfo": self._streaminfo,
            "target": lambda t: t.target,
            "vchannel": lambda t: t.viewing.channel.number if t.viewing else t.vchannel,
            "vstatus": _vstatus,
        }
        self._writers: dict[str, Callable[[Tuner, str], str]] = {
            "channel": self._set_channel,
            "channelmap": self._set_channel_map,
            "filter": _set_filter,
            "program": _set_program,
            "vchannel": self._set_vchannel,
        }

    def get(self, name: str, requester: Requester) -> str:
        if name in self._system:
            return self._system[name]()
        tuner, field = self._tuner(name)
        if tuner.lock is not None and tuner.lock.owner is requester:
            tuner.lock.touched = self._clock.elapsed()  # who looks at what it locked is using it
        return self._readers[field](tuner)

    def gone(self, requester: Requester) -> None:
        self._table.gone(requester)

    def set(self, name: str, value: str, lock_key: int | None, requester: Requester) -> str:
        if name == "/sys/restart":
            return value  # there is nothing to restart: a channel that is off the air costs nothing
        if name in self._system:
            raise GetSetError(READ_ONLY)
        tuner, field = self._tuner(name)
        if field == "lockkey":
            return self._set_lock(tuner, value, lock_key, requester)
        if field != "target" and field not in self._writers:
            raise GetSetError(READ_ONLY)
        self._require_key(tuner, lock_key, requester)
        if field == "target":
            return self._set_target(tuner, value, requester)
        return self._writers[field](tuner, value)

    # --- locks ---

    def _locked_by(self, tuner: Tuner) -> str:
        """A viewer over HTTP is a lock, too; datagrams without a lock are none."""
        lock = self._table.lock_of(tuner)
        if tuner.viewing is not None:
            return tuner.viewing.address
        return lock.address if lock is not None else "none"

    def _require_key(self, tuner: Tuner, lock_key: int | None, requester: Requester) -> None:
        """A locked tuner obeys only who holds its key; a viewer over HTTP has none to give."""
        lock = self._table.lock_of(tuner)
        if tuner.viewing is None and lock is not None and lock_key == lock.key:
            lock.touched, lock.owner = self._clock.elapsed(), requester
            return
        if (locked_by := self._locked_by(tuner)) != "none":
            raise GetSetError(f"ERROR: resource locked by {locked_by}")
        if lock_key:
            raise GetSetError("ERROR: lock no longer held")  # MythTV ends a recording on these words

    def _set_lock(self, tuner: Tuner, value: str, lock_key: int | None, requester: Requester) -> str:
        if value == "force":
            self._table.kick(tuner)
            return "none"
        locked = self._locked_by(tuner) != "none"
        if value == "none":
            # Giving up a lock that has already gone is what everybody does when leaving: no error.
            if locked:
                self._require_key(tuner, lock_key, requester)
                self._table.unlock(tuner)
            return "none"
        if not value.isascii() or not value.isdigit() or not 0 < int(value) <= 0xFFFFFFFF:
            raise GetSetError("ERROR: invalid lockkey")
        if locked:
            self._require_key(tuner, lock_key, requester)
        tuner.lock = Lock(requester.address, int(value), self._clock.elapsed(), requester)
        return requester.address

    # --- tuning ---

    def _plan(self) -> RfPlan:
        return RfPlan(self._family, self._lineup.channels())

    def _set_channel(self, tuner: Tuner, value: str) -> str:
        match = _CHANNEL.fullmatch(value)
        if match is None and value != "none":
            raise GetSetError("ERROR: invalid channel")
        if match is None:
            tuner.stop_sending()
        self._tune(tuner, self._plan().channel_at(int(match[1]), tuner.channel_map) if match else None)
        tuner.channel, tuner.vchannel, tuner.program = value, "none", 0
        return value

    def _tune(self, tuner: Tuner, channel: ChannelIdent | None) -> None:
        """What is sent follows the tuner; filters are of what it was tuned to before."""
        tuner.filter = EVERYTHING
        if tuner.tuned != channel:
            tuner.tuned = channel
            if tuner.sending is not None:
                tuner.sending.tuned()

    def _set_vchannel(self, tuner: Tuner, value: str) -> str:
        if value == "none":
            return self._set_channel(tuner, value)
        channels = self._lineup.channels()
        found = find_channel(channels, value)
        if found is None:  # clients that can't say "5.1" tune by the integer
            found = next((c for c in channels if str(c.vchannel) == value), None)
        if found is None:
            raise GetSetError("ERROR: invalid virtual channel")
        self._tune(tuner, found)
        tuner.channel, tuner.vchannel, tuner.program = self._carrier(found), value, 0
        return value

    def _set_channel_map(self, tuner: Tuner, value: str) -> str:
        if value not in self._family.channel_maps:
            raise GetSetError("ERROR: invalid channelmap")
        tuner.channel_map = value
        return value

    def _set_target(self, tuner: Tuner, value: str, requester: Requester) -> str:
        """Send to the requester, and to nobody else: a tuner must not be pointed at a stranger."""
        if value == "none":
            tuner.stop_sending()
            return value
        match = _TARGET.fullmatch(value)
        port = int(match[3]) if match else 0
        address = plain(match[2].strip("[]")) if match else ""
        if match is None or not _LOWEST_PORT <= port <= 0xFFFF:
            raise GetSetError("ERROR: invalid target")
        if address != plain(requester.address):
            raise GetSetError("ERROR: invalid target: datagrams go to the address that asks for them")
        target = Target("rtp" if match[1] == "rtp" else "udp", address, port)
        tuner.stop_sending()
        try:
            tuner.sending = self._send(tuner, target)
        except OSError as error:
            raise GetSetError(f"ERROR: invalid target: {error.strerror or error}") from None
        return value

    # --- what a tuner says ---

    def _tuner(self, name: str) -> tuple[Tuner, str]:
        match = _TUNER.fullmatch(name)
        if match is None or int(match[1]) >= len(self._table.tuners) or match[2] not in self._readers:
            raise GetSetError(UNKNOWN)
        tuner = self._table.tuners[int(match[1])]
        self._table.lock_of(tuner)  # an idle lock goes, and what it tuned with it, before anybody looks
        return tuner, match[2]

    def _carrier(self, channel: ChannelIdent) -> str:
        # Tvheadend follows a null pointer when there is no ":" (tvhdhomerun_frontend.c:279).
        return f"{self._family.modulation}:{self._plan().frequency(channel.id) or 0}"

    def _channel(self, tuner: Tuner) -> str:
        return self._carrier(tuner.viewing.channel) if tuner.viewing else tuner.channel

    def _reception(self, tuner: Tuner) -> str:
        """An unused frequency has no signal at all: half a signal makes clients invent channels."""
        on_air = tuner.on_air
        if on_air is not None:
            return f"ch={self._carrier(on_air)} lock={self._family.modulation} ss=100 snq=100 seq=100"
        return f"ch={tuner.channel} lock=none ss=0 snq=0 seq=0"

    def _rate(self, tuner: Tuner) -> int:
        return tuner.meter.rate(self._clock.elapsed()) if tuner.meter else 0

    def _status(self, tuner: Tuner) -> str:
        rate = self._rate(tuner)
        return f"{self._reception(tuner)} bps={rate} pps={rate // 8 // SIZE}"

    def _debug(self, tuner: Tuner) -> str:
        rate = self._rate(tuner)
        return (
            f"tun: {self._reception(tuner)} dbg=0\n"
            f"dev: bps={rate} resync=0 overflow=0\n"
            f"ts: bps={rate} te=0 crc=0\n"
            f"net: pps={rate // 8 // SIZE} err=0 stop=0\n"
        )

    def _streaminfo(self, tuner: Tuner) -> str:
        on_air = tuner.on_air
        if on_air is None:
            return "none\n"
        name = on_air.name.replace("\n", " ")
        network = f"onid=0x{ORIGINAL_NETWORK_ID:04X}\n" if self._family.dvb else ""
        stream = f"tsid=0x{transport_stream_id(on_air):04X}\n"
        return f"{PROGRAM_NUMBER}: {on_air.number} {name}\n{stream}{network}"


def _vstatus(tuner: Tuner) -> str:
    on_air = tuner.on_air
    number, name = (on_air.number, on_air.name.replace("\n", " ")) if on_air else ("none", "none")
    return f"vch={number} name={name} auth=unspecified cci=none cgms=none"


def _set_filter(tuner: Tuner, value: str) -> str:
    try:
        pids_of(value)
    except ValueError:
        raise GetSetError("ERROR: invalid filter") from None
    tuner.filter = value
    return value


def _set_program(tuner: Tuner, value: str) -> str:
    if value == "none":
        value = "0"
    if not value.isascii() or not value.isdigit() or int(value) > 0xFFFF:
        raise GetSetError("ERROR: invalid program")
    tuner.program = int(value)
    return str(tuner.program)
