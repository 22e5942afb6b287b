"""The programs that are measured, and those that they are measured with."""

import json
import subprocess
from pathlib import Path

from measuring import NotMeasured

REPOSITORY = Path(__file__).resolve().parent.parent


def build(kind="bin", name="rosterd"):
    """Builds a program of this repository as it is released and returns its path."""
    command = ["cargo", "build", "--release", "--locked", f"--{kind}", name]
    print("$ " + " ".join(command), flush=True)
    command.append("--message-format=json-render-diagnostics")
    try:
        made = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError:
        raise NotMeasured(f"cargo is needed to build {name}") from None
    if made.returncode != 0:
        raise NotMeasured(f"{name} does not build")
    messages = (json.loads(line) for line in made.stdout.splitlines() if line.startswith("{"))
    programs = [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == name]
    if not programs:
        raise NotMeasured("cargo built no program")
    return programs[-1]
