"""A way to a server that takes its time: a proxy between two Unix sockets, or a program that is one.

`delay.py LISTEN CONNECT SECONDS` passes everything on, each part so many seconds after it came.
"""

import asyncio
import contextlib
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

from measuring import NotMeasured


class Delay:
    """Runs the proxy. `url` leads through it."""

    def __init__(self, listen, connect, seconds):
        self.url = "ldapi://" + quote(str(listen), safe="")
        command = [sys.executable, "-B", __file__, str(listen), str(connect), str(seconds)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        limit = time.monotonic() + 10
        while not Path(listen).exists():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise NotMeasured("the delaying proxy does not start")
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Pipe(asyncio.Protocol):
    """One direction: what comes is written to the other side after the delay."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.other = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        asyncio.get_running_loop().call_later(self.seconds, self.pass_on, data)

    def pass_on(self, data):
        if self.other.done() and not self.other.result().is_closing():
            self.other.result().write(data)

    def connection_lost(self, _):
        loop = asyncio.get_running_loop()
        self.other.add_done_callback(lambda other: loop.call_later(self.seconds, other.result().close))


async def serve(listen, connect, seconds):
    loop = asyncio.get_running_loop()

    async def join(client):
        _, server = await loop.create_unix_connection(lambda: Pipe(seconds), connect)
        client.other.set_result(server.transport)
        server.other.set_result(client.transport)

    tasks = set()

    class Client(Pipe):
        def connection_made(self, transport):
            super().connection_made(transport)
            task = loop.create_task(join(self))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await loop.create_unix_server(lambda: Client(seconds), listen)
    with contextlib.suppress(asyncio.CancelledError):
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], float(sys.argv[3])))
