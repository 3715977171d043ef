"""Servers of the world outside, for live sources: real protocols on the loopback, fed by a real ffmpeg."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from aiohttp import web

from retrovue.ffmpeg_binary import choose_ffmpeg
from tests.tools.broadcast import free_port


class Transmitter:
    """A real ffmpeg that sends a clip for ever, in its own time."""

    def __init__(self, clip: Path, *output: str) -> None:
        self._clip, self._output = clip, output
        self._child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            *(choose_ffmpeg().path, "-nostdin", "-v", "error", "-re", "-stream_loop", "-1"),
            *("-i", str(self._clip), "-map", "0:v", "-map", "0:a", "-c", "copy", *self._output),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )

    @property
    def output(self) -> asyncio.StreamReader:
        assert self._child is not None
        assert self._child.stdout is not None
        return self._child.stdout

    async def stop(self) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()


@asynccontextmanager
async def sending(clip: Path, *output: str) -> AsyncIterator[Transmitter]:
    sender = Transmitter(clip, *output)
    await sender.start()
    try:
        yield sender
    finally:
        await sender.stop()


# --- HTTP ------------------------------------------------------------------------------------------


def certificate(folder: Path) -> tuple[Path, Path] | None:
    """(certificate, key) of "localhost", which vouches for itself; None without openssl."""
    import subprocess

    if shutil.which("openssl") is None:
        return None
    made, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", str(key), "-out", str(made), "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return made, key


@asynccontextmanager
async def web_server(clip: Path, folder: Path, secret: tuple[Path, Path] | None = None) -> AsyncIterator[str]:
    """``/live.ts``: a transport stream without end, ``/live.m3u8`` a playlist that moves on. The address."""

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "video/mp2t"})
        await answer.prepare(request)
        async with sending(clip, "-f", "mpegts", "pipe:1") as sender:
            with contextlib.suppress(ConnectionError):
                while data := await sender.output.read(65536):
                    await answer.write(data)
        return answer

    hls = folder / "hls"
    await asyncio.to_thread(hls.mkdir)
    app = web.Application()
    app.router.add_get("/live.ts", endless)
    app.router.add_static("/", hls)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    context = None
    if secret is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*secret)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    flags = "delete_segments+independent_segments"
    options = ("-f", "hls", "-hls_time", "1", "-hls_list_size", "6", "-hls_flags", flags)
    try:
        async with sending(clip, *options, str(hls / "live.m3u8")):
            while not await asyncio.to_thread((hls / "live.m3u8").exists):  # noqa: ASYNC110  a file sets no event
                await asyncio.sleep(0.1)
            yield f"http{'s' if secret else ''}://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# --- RTSP ------------------------------------------------------------------------------------------


class _Datagrams(asyncio.DatagramProtocol):
    """RTP as ffmpeg sends it, put into the viewers' connections (RFC 2326, 10.12)."""

    def __init__(self, track: int, viewers: dict[asyncio.StreamWriter, dict[int, int]]) -> None:
        self._track, self._viewers = track, viewers

    def datagram_received(self, data: bytes, addr: object) -> None:
        for viewer, channels in self._viewers.items():
            if self._track in channels:
                head = b"$" + bytes([channels[self._track]]) + len(data).to_bytes(2, "big")
                viewer.write(head + data)


class _Camera:
    """What a camera says: OPTIONS, DESCRIBE, SETUP of each track, PLAY, TEARDOWN."""

    def __init__(self, description: str) -> None:
        self._description = description
        self.playing: dict[asyncio.StreamWriter, dict[int, int]] = {}
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channels: dict[int, int] = {}
        try:
            while request := await self._request(reader):
                method, url, fields = request
                self.asked.append(method)
                more, body = self._answer(method, url, fields, channels)
                head = ["RTSP/1.0 200 OK", f"CSeq: {fields['cseq']}", "Session: 1", *more]
                if body:
                    head += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
                writer.write(("\r\n".join(head) + "\r\n\r\n" + body).encode())
                await writer.drain()
                if method == "PLAY":
                    self.playing[writer] = channels
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.playing.pop(writer, None)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]] | None:
        while (first := await reader.read(1)) == b"$":  # a receiver report
            head = await reader.readexactly(3)
            await reader.readexactly(int.from_bytes(head[1:], "big"))
        if not first:
            return None
        lines = (first + await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, url, _ = lines[0].split(" ")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        return method, url, fields

    def _answer(
        self, method: str, url: str, fields: dict[str, str], channels: dict[int, int]
    ) -> tuple[Sequence[str], str]:
        match method:
            case "OPTIONS":
                return ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"], ""
            case "DESCRIBE":
                return [f"Content-Base: {url}/"], self._description
            case "SETUP":
                wanted = fields["transport"]
                assert "tcp" in wanted, "no camera's datagrams come through"
                low = int(wanted.partition("interleaved=")[2].partition("-")[0])
                channels[int(url.rpartition("track")[2])] = low
                return [f"Transport: RTP/AVP/TCP;unicast;interleaved={low}-{low + 1}"], ""
        return [], ""


@asynccontextmanager
async def rtsp_camera(clip: Path, folder: Path) -> AsyncIterator[str]:
    """A camera with picture and sound as tracks of their own; the address."""
    ports = [free_port(), free_port()]
    notes = folder / "camera.sdp"
    tracks = [("0:v", "h264_mp4toannexb,dump_extra"), ("0:a", "null")]
    outputs: list[str] = []
    for (which, filters), port in zip(tracks, ports, strict=True):
        outputs += ["-map", which, "-c", "copy", "-bsf", filters, "-f", "rtp", f"rtp://127.0.0.1:{port}"]
    loop = asyncio.get_running_loop()
    # The first two maps of a transmitter would be outputs of their own without a target.
    child = await asyncio.create_subprocess_exec(
        *(choose_ffmpeg().path, "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(clip)),
        *(*outputs, "-sdp_file", str(notes)),
        stdin=asyncio.subprocess.DEVNULL,
    )
    transports: list[asyncio.DatagramTransport] = []
    try:
        while not await asyncio.to_thread(lambda: notes.exists() and notes.read_text().count("m=") == 2):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        camera = _Camera(_described(await asyncio.to_thread(notes.read_text)))
        for track, port in enumerate(ports):
            transport, _ = await loop.create_datagram_endpoint(
                partial(_Datagrams, track, camera.playing), ("127.0.0.1", port)
            )
            transports.append(transport)
        server = await asyncio.start_server(camera.serve, "127.0.0.1", 0)
        async with server:
            yield f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/live"
    finally:
        for transport in transports:
            transport.close()
        child.kill()
        await child.wait()


def _described(notes: str) -> str:
    """ffmpeg's description, with the tracks' names in place of its ports."""
    told = notes[notes.index("v=0") :].replace("\r\n", "\n")
    for track in range(2):
        told = re.sub(r"(?m)^(m=\w+) [1-9]\d* (.*)$", rf"\1 0 \2\na=control:track{track}", told, count=1)
    return told.replace("\n", "\r\n")
