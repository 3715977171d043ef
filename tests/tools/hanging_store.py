"""A store that hangs in the kernel: a file system of our own, whose answers can be withheld.

A read-only pass-through over the kernel's FUSE protocol (linux/fuse.h, 7.31), without a library: whoever
waits for an answer waits in the kernel, and not even SIGKILL ends that, as with a dead NFS server. It needs
/dev/fuse and the right to mount.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_HEADER = struct.Struct("<IIQQIIIHH")
_READ_IN = struct.Struct("<QQIIQII")
_MNT_DETACH = 2
_ROOT = 1
_DIRECT_IO = 1  #: no page cache: every read asks
#: Operations that get no answer: forget, interrupt, batch-forget.
_SILENT = (2, 36, 42)


class HangingStore:
    """``backing`` as it is seen at a mount point. ``hang`` withholds every answer until ``resume``."""

    def __init__(self, backing: Path) -> None:
        self._paths = {_ROOT: backing}
        self._nodes = {backing: _ROOT}
        self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self._free = threading.Event()
        self._free.set()
        self._kept: list[tuple[int, bytes]] = []
        self._lock = threading.Lock()
        self.withheld = 0  #: answers that were withheld since the last ``hang``

    def mount(self, point: Path) -> None:
        """Raises ``OSError``."""
        options = f"fd={self._device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other"
        if _LIBC.mount(b"store", str(point).encode(), b"fuse", 0, options.encode()):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        threading.Thread(target=self._serve, name="store", daemon=True).start()

    def hang(self) -> None:
        with self._lock:
            self._free.clear()
            self.withheld = 0

    def resume(self) -> None:
        with self._lock:
            self._free.set()
            kept, self._kept = self._kept, []
        for unique, answer in kept:
            self._send(unique, answer)

    def close(self) -> None:
        """Whoever still waits is told that the store is gone."""
        os.close(self._device)

    def _send(self, unique: int, answer: bytes, error: int = 0) -> None:
        head = struct.pack("<IiQ", 16 + len(answer), -error, unique)
        with contextlib.suppress(OSError):  # who asked has gone
            os.write(self._device, head + answer)

    def _serve(self) -> None:
        while True:
            try:
                request = os.read(self._device, 1 << 17)
            except OSError as lost:
                if lost.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                return  # unmounted
            _, opcode, unique, node, *_ = _HEADER.unpack_from(request)
            if opcode in _SILENT:
                continue
            try:
                handler = _HANDLERS.get(opcode)
                if handler is None:
                    raise OSError(errno.ENOSYS, "")
                answer = handler(self, node, request[_HEADER.size :])
            except OSError as failed:
                self._send(unique, b"", failed.errno or errno.EIO)
                continue
            with self._lock:
                if not self._free.is_set():
                    self._kept.append((unique, answer))
                    self.withheld += 1
                    continue
            self._send(unique, answer)

    # --- operations --------------------------------------------------------------------------------

    def _init(self, node: int, body: bytes) -> bytes:
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, 1 << 17, 0, 12, 9, 4096, 1, 32, 0, 0)

    def _attributes(self, path: Path) -> bytes:
        s = path.lstat()
        times = (int(s.st_atime), int(s.st_mtime), int(s.st_ctime))
        nanoseconds = (0, s.st_mtime_ns % 10**9, s.st_ctime_ns % 10**9)
        return struct.pack(
            "<6Q10I", s.st_ino, s.st_size, s.st_blocks, *times, *nanoseconds,
            s.st_mode, s.st_nlink, s.st_uid, s.st_gid, 0, 4096, 0,
        )  # fmt: skip

    def _lookup(self, node: int, body: bytes) -> bytes:
        path = self._paths[node] / os.fsdecode(body.rstrip(b"\0"))
        attributes = self._attributes(path)
        number = self._nodes.setdefault(path, len(self._nodes) + 1)
        self._paths[number] = path
        return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + attributes

    def _getattr(self, node: int, body: bytes) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + self._attributes(self._paths[node])

    def _open(self, node: int, body: bytes) -> bytes:
        directory = self._paths[node].is_dir()
        return struct.pack("<QII", node, 0 if directory else _DIRECT_IO, 0)

    def _read(self, node: int, body: bytes) -> bytes:
        _, offset, size, *_ = _READ_IN.unpack_from(body)
        with self._paths[node].open("rb") as file:
            return os.pread(file.fileno(), size, offset)

    def _readdir(self, node: int, body: bytes) -> bytes:
        _, offset, size, *_ = _READ_IN.unpack_from(body)
        entries = b""
        for at, path in enumerate(sorted(self._paths[node].iterdir()), 1):
            if at <= offset:
                continue
            name, s = os.fsencode(path.name), path.lstat()
            entry = struct.pack("<QQII", s.st_ino, at, len(name), stat.S_IFMT(s.st_mode) >> 12) + name
            entry += bytes(-len(entry) % 8)
            if len(entries) + len(entry) > size:
                break
            entries += entry
        return entries

    def _statfs(self, node: int, body: bytes) -> bytes:
        return struct.pack("<5Q4I24x", 1 << 20, 1 << 19, 1 << 19, 1000, 1000, 4096, 255, 4096, 0)

    def _nothing(self, node: int, body: bytes) -> bytes:
        return b""


_HANDLERS: dict[int, Callable[[HangingStore, int, bytes], bytes]] = {
    26: HangingStore._init,
    1: HangingStore._lookup,
    3: HangingStore._getattr,
    14: HangingStore._open,
    27: HangingStore._open,
    15: HangingStore._read,
    28: HangingStore._readdir,
    17: HangingStore._statfs,
    18: HangingStore._nothing,
    25: HangingStore._nothing,
    29: HangingStore._nothing,
}


def why_not() -> str:
    """Why there can be no such store here; empty when there can."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        backing, point = Path(folder) / "backing", Path(folder) / "point"
        backing.mkdir()
        point.mkdir()
        try:
            with mounted(backing, point):
                return ""
        except OSError as error:
            return f"a file system of our own can't be mounted: {error}"


@contextlib.contextmanager
def mounted(backing: Path, point: Path) -> Iterator[HangingStore]:
    """The store at ``point``. Raises ``OSError``."""
    store = HangingStore(backing)
    try:
        store.mount(point)
    except OSError:
        store.close()
        raise
    try:
        yield store
    finally:
        store.resume()
        _LIBC.umount2(str(point).encode(), _MNT_DETACH)
        store.close()
