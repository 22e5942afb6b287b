"""A server that a benchmark runs, and what every kind of them has in common."""

import base64
import os
import secrets
import shutil
import socket
import subprocess
import time

from measuring import NotMeasured, cpu_of


class Server:
    """A process that is stopped however the benchmark ends. `title` is how people call it."""

    # How long it may take to come up, and to end when it is told to.
    patience = 60

    def __init__(self, folder, tools):
        self.folder, self.tools = folder, tools
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def launch(self, command, asked, environment=None):
        """Starts it, and returns when it answers what is `asked`: a command that ends with 0 from then on."""
        output = self.folder / "output"
        with open(output, "wb") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment)
        limit = time.monotonic() + self.patience
        while subprocess.run(list(map(str, asked)), capture_output=True, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > limit:
                raise NotMeasured(f"{self.title} does not start: {output.read_text(errors='replace')}")
            time.sleep(0.02)

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(self.patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def cpu(self):
        """Returns the processor time that it has used since it was started."""
        return cpu_of(self.process.pid)


def tools_named(names, install):
    """Returns the paths of tools, or raises NotMeasured with the command that installs them."""
    # People have no sbin in their PATH.
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    tools = {name: shutil.which(name, path=path) for name in names}
    if not all(tools.values()):
        raise NotMeasured(install)
    return tools


def free_address():
    """Returns an address of the loopback interface for a server whose ports cannot be chosen."""
    while True:
        address = f"127.{64 + secrets.randbelow(128)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
        with socket.socket() as probe:
            if probe.connect_ex((address, 389)) != 0:
                return address


def entries_of(command):
    """Runs an ldapsearch and returns what it finds: {dn: {attribute: sorted values}}."""
    made = subprocess.run(list(map(str, command)), capture_output=True, check=False)
    if made.returncode != 0:
        raise NotMeasured(f"ldapsearch ended with {made.returncode}: {made.stderr.decode(errors='replace')}")
    # With pages, even -LLL writes a comment between them.
    lines = b"\n".join(line for line in made.stdout.split(b"\n") if not line.startswith(b"#"))
    return dict(_entry(block.strip()) for block in lines.split(b"\n\n") if block.strip())


def _entry(block):
    dn, entry = "", {}
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        value = base64.b64decode(value[2:]) if value.startswith(b": ") else value[1:]
        if name == b"dn":
            dn = value.decode()
            continue
        if name == b"userPassword":
            value = value[: value.find(b"}") + 1]
        entry.setdefault(name.decode(), []).append(value.decode())
    return dn, {name: sorted(values) for name, values in entry.items()}
