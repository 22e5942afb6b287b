"""scim2-server, as its own command starts it, on a free port of the loopback interface."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from building import REPOSITORY
from measuring import NotMeasured, cpu_of
from scim_service import TOKEN, by_name

# The tests' versions.
REQUIREMENTS = REPOSITORY / "tests/it/server/scim/requirements.txt"


class Scim2:
    """Has a Python environment of its own; runs one server at a time until it is left. `url` is where SCIM begins."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder / "log"
        self.process = None
        python = folder / "venv/bin/python"
        self._run(sys.executable, "-m", "venv", folder / "venv")
        self._run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", REQUIREMENTS,
                  "scim2-server")
        tell = "import importlib.metadata as m; print(m.version('scim2-server'))"
        self.version = subprocess.run([python, "-c", tell], capture_output=True, text=True, check=True).stdout.strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def start_empty(self):
        self.__exit__()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v2"
        command = [self.folder / "venv/bin/scim2-server", "--port", str(port), "--bearer-token", TOKEN]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        limit = time.monotonic() + 60
        while True:
            try:
                return self._read("/ServiceProviderConfig")
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None or time.monotonic() > limit:
                    raise NotMeasured(f"scim2-server does not start\n{self.log.read_text()[-2000:]}") from None
                time.sleep(0.05)

    def cpu(self):
        return cpu_of(self.process.pid)

    def people(self):
        """Returns the users, by their names."""
        users, total = [], None
        while total is None or len(users) < total:
            page = self._read(f"/Users?startIndex={len(users) + 1}&count=500")
            total = page["totalResults"]
            if not page.get("Resources"):
                break
            users += page["Resources"]
        return by_name(users)

    def n_posted(self, path):
        """Returns how many requests were posted there."""
        return self.log.read_text().count(f'"POST /v2{path} ')

    def _read(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def _run(self, *command):
        try:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip()[-2000:]
            raise NotMeasured(f"scim2-server cannot be installed (python3-venv and PyPI are needed)\n{said}") from None
