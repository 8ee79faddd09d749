"""QEMU's monitor on a socket: stops and continues a guest, as a backup on its host does."""
import socket
import time

TIMEOUT_SECONDS = 60
PROMPT = b"(qemu) "


class MonitorError(Exception):
    """QEMU does not answer."""


def await_prompt(monitor):
    text = b""
    while not text.endswith(PROMPT):
        more = monitor.recv(4096)
        if not more:
            raise MonitorError("QEMU's monitor hung up")
        text += more


def command(path, *lines, between=0.0):
    """Gives the monitor these commands, one after the other with a pause in between. It takes one when it prompts."""
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(TIMEOUT_SECONDS)
        monitor.connect(str(path))
        for number, line in enumerate(lines):
            await_prompt(monitor)
            time.sleep(between if number else 0)
            monitor.sendall(line.encode() + b"\n")
        await_prompt(monitor)


def pause(path, seconds):
    """Stops the guest for so long."""
    command(path, "stop", "cont", between=seconds)
