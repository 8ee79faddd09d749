"""A file server of our own on /dev/fuse, without any library, which can be told to answer nothing more.

What it has taken and does not answer can't be interrupted by the kernel, not even by SIGKILL: it is what a dead file server looks like.
"""
import ctypes
import errno
import os
import signal
import struct
import threading

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, GETXATTR, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS, INTERRUPT, BATCH_FORGET = (
    1, 2, 3, 14, 15, 17, 18, 22, 25, 26, 27, 28, 29, 34, 36, 42)
MNT_DETACH = 2
libc = ctypes.CDLL(None, use_errno=True)


class SilentServer:
    """Mounts `files` (name: bytes) read-only at `place`. `silence()`: takes each request and answers none. `end()`: all who wait get an error."""

    def __init__(self, place, files):
        self.place, self.names, self.contents = place, list(files), list(files.values())
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
        if libc.mount(b"silent", place.encode(), b"fuse", 1 | 2, options.encode()):     # MS_RDONLY | MS_NOSUID
            error = ctypes.get_errno()
            os.close(device)
            raise OSError(error, os.strerror(error))
        self.silent_read, self.silent_write = os.pipe()
        self.process = os.fork()
        if not self.process:
            try:
                os.close(self.silent_write)
                self.serve(device)
            finally:
                os._exit(0)
        os.close(device)
        os.close(self.silent_read)

    def silence(self):
        os.close(self.silent_write)
        self.silent_write = -1

    def end(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        if self.silent_write >= 0:
            os.close(self.silent_write)
        libc.umount2(self.place.encode(), MNT_DETACH)

    # In the server's process:

    def listen(self):
        os.read(self.silent_read, 1)
        self.silent = True

    def attributes(self, node):
        size = 0 if node == 1 else len(self.contents[node - 2])
        mode, links = (0o40755, 2) if node == 1 else (0o100755, 1)
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, (size + 511) // 512, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)

    def reply_to(self, kind, node, body):
        """The reply's bytes, or a negative errno; None: none is expected."""
        forever = 1 << 30
        if kind == INIT:
            major, minor, ahead, _ = struct.unpack("<IIII", body[:16])
            return struct.pack("<IIIIHHIIHHI28x", 7, min(minor, 31), ahead, 0, 16, 12, 1 << 17, 1, 32, 0, 0)
        if kind == LOOKUP:
            name = body.rstrip(b"\0").decode()
            if name not in self.names:
                return -errno.ENOENT
            child = self.names.index(name) + 2
            return struct.pack("<QQQQII", child, 0, forever, forever, 0, 0) + self.attributes(child)
        if kind == GETATTR:
            return struct.pack("<QII", forever, 0, 0) + self.attributes(node)
        if kind in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, 0, 0)
        if kind == READ:
            _, offset, size = struct.unpack("<QQI", body[:20])
            return self.contents[node - 2][offset:offset + size]
        if kind == STATFS:
            return struct.pack("<QQQQQIII", 0, 0, 0, 0, 0, 4096, 255, 4096) + bytes(28)
        if kind in (RELEASE, RELEASEDIR, FLUSH, ACCESS):
            return b""
        if kind in (FORGET, BATCH_FORGET, INTERRUPT):
            return None
        return -errno.ENOSYS

    def serve(self, device):
        self.silent = False
        threading.Thread(target=self.listen, daemon=True).start()
        while True:
            request = os.read(device, 1 << 18)
            _, kind, unique, node = struct.unpack("<IIQQ", request[:24])
            reply = None if self.silent else self.reply_to(kind, node, request[40:])
            if reply is None:
                continue
            error, body = (reply, b"") if isinstance(reply, int) else (0, reply)
            os.write(device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)
