"""Whole processes measured by time and memory, and the words to print about it."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

LAUNCH = str(Path(__file__).with_name("launch.py"))


class NotMeasured(Exception):
    """Why there is no result."""


@dataclass(frozen=True)
class Sample:
    """What one process took."""

    wall: float
    cpu: float
    rss_mib: float


def measure(command, log, stdout=os.devnull, expect=(0,)):
    """Runs a command, whose first word is a path, to its end. `log` is the path that its stderr goes to.

    The peak of resident memory is the kernel's (`ru_maxrss`). It is never below some 9 MiB, those of `launch.py`.
    """
    command = [str(part) for part in command]
    launch = [sys.executable, "-I", "-S", LAUNCH, str(stdout), str(log), *command]
    with subprocess.Popen(launch, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.communicate()[0]
        except BaseException:
            process.terminate()
            process.communicate()
            raise
    if process.returncode != 0:
        raise NotMeasured(f"{command[0]} cannot be started")
    took = json.loads(said)
    code = took.pop("exit")
    if code not in expect:
        said = Path(log).read_text(errors="replace").strip()[-2000:]
        raise NotMeasured(f"{' '.join(command)} ended with {code}\n{said}")
    return Sample(**took)


def fdatasyncs_per_second(folder, n=200):
    """Returns how many times a second the disk makes 16 KiB durable."""
    path = Path(folder) / "fdatasync"
    block = bytes(16384)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for at in range(16):
            os.pwrite(handle, block, at * len(block))
        os.fsync(handle)
        started = time.perf_counter()
        for at in range(n):
            os.pwrite(handle, block, at % 16 * len(block))
            os.fdatasync(handle)
        return n / (time.perf_counter() - started)
    finally:
        os.close(handle)
        path.unlink()


def cpu_of(pid):
    """Returns the processor time, in seconds, that a running process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def median(values):
    return statistics.median(values)


def spread(values, digits=2):
    """Returns minimum, median and maximum as cells."""
    return [f"{value:.{digits}f}" for value in (min(values), median(values), max(values))]


def print_table(header, rows):
    """Prints rows of cells; the first column is text, the others are figures."""
    lines = [list(map(str, line)) for line in [header, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for number, line in enumerate(lines):
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        print("  ".join(cells).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def machine(folder):
    """Describes in a few words where the figures come from."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return (
        f"{cores} cores, {memory:.0f} GiB, {file_system(folder)}, Linux {platform.release()}, {platform.machine()}, "
        f"load {load:.1f} before"
    )


def file_system(folder):
    """Returns the type of the file system that a folder is on."""
    path, best = os.path.realpath(folder), ("", "unknown file system")
    for line in Path("/proc/mounts").read_text().splitlines():
        point, kind = line.split()[1:3]
        if (path + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]
