"""Runs one command and says what it took: `launch.py STDOUT STDERR COMMAND...`, one line of JSON on stdout.

A process of its own, and a small one: a new process starts as a copy of the one that makes it, and the kernel counts
the memory of that copy into its peak.
"""

import json
import os
import signal
import sys
import time


def main(stdout, stderr, command):
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, stdout, write, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, stderr, write, 0o600),
    ]
    started = time.perf_counter()
    try:
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=files)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - started
    took = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss_mib": usage.ru_maxrss / 1024}
    print(json.dumps({"exit": os.waitstatus_to_exitcode(status), **took}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
