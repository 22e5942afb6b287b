"""A 389 Directory Server in a folder, set up as docs/389-ds.md says."""

import re
import secrets
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

from building import REPOSITORY
from measuring import NotMeasured
from server import Server, entries_of, free_address, tools_named

SUFFIX = "dc=example,dc=org"
PEOPLE = f"ou=people,{SUFFIX}"
SERVICE = f"cn=rosterd,ou=services,{SUFFIX}"
ADMIN = "cn=Directory Manager"
TEMPLATES = Path("/usr/share/dirsrv/data")
FILES = REPOSITORY / "tests/it/server/ds389"
PAGE = REPOSITORY / "docs/389-ds.md"
INSTALL = ("389-ds-base is needed: "
           "apt-get install -y --no-install-recommends 389-ds-base libnss3-tools ldap-utils openssl")


def require():
    tools = tools_named(("ns-slapd", "pwdhash", "certutil", "ldapadd", "ldapmodify", "ldapsearch"), INSTALL)
    if not TEMPLATES.exists():
        raise NotMeasured(INSTALL)
    return tools


class Ds389(Server):
    """The server, with the plugins of the page. It runs until `stop`."""

    title = "389 Directory Server"

    def __init__(self, folder):
        super().__init__(folder, require())
        # The server leaves a semaphore behind that is named like the folder of its configuration.
        self.name = "bench-" + secrets.token_hex(4)
        self.url = "ldapi://" + quote(str(folder / "socket"), safe="")
        self.passwords = {ADMIN: self._secret("admin"), SERVICE: self._secret("service")}
        self._make_files()
        self._start()
        self._load("suffix.ldif", (FILES / "suffix.ldif").read_text())
        self._load("1-server.ldif", _block("1-server.ldif"))
        self.stop()
        self._start()
        entries = _block("2-entries.ldif").replace("@PASSWORD@", self.passwords[SERVICE].read_text())
        self._load("2-entries.ldif", entries)
        self._load("3-rights.ldif", _block("3-rights.ldif"))
        self.stop()
        shutil.copytree(folder / "db", folder / "empty")

    @property
    def version(self):
        said = subprocess.run([self.tools["ns-slapd"], "-v"], capture_output=True, text=True, check=False).stdout
        found = re.search(r"389-Directory/(\S+)", said)
        return found[1] if found else "of unknown version"

    def start_empty(self):
        """Starts without people, whatever was there before."""
        self.stop()
        shutil.rmtree(self.folder / "db")
        shutil.copytree(self.folder / "empty", self.folder / "db")
        shutil.rmtree(self.folder / "home", ignore_errors=True)
        (self.folder / "home").mkdir()
        self._start()

    def stop(self):
        super().stop()
        Path(f"/dev/shm/sem.{self.name}.stats").unlink(missing_ok=True)

    def command(self, tool, *arguments, admin=False, url=None):
        """Returns the command line of a tool that binds as the service account, or with every right."""
        who = ADMIN if admin else SERVICE
        return [self.tools[tool], "-x", "-D", who, "-y", self.passwords[who], "-H", url or self.url, *arguments]

    def settings(self, url=None):
        """Returns the lines of [target.ldap] that name the server."""
        return f"""\
url = "{url or self.url}"
bind_dn = "{SERVICE}"
bind_password = {{ file = "{self.passwords[SERVICE]}" }}
people_base = "{PEOPLE}"
"""

    def people(self):
        """Reads everybody: {dn: {attribute: sorted values}}, the password as the name of its hash."""
        return entries_of(self.command("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", PEOPLE,
                                       "(objectClass=inetOrgPerson)", admin=True))

    def _secret(self, name):
        path = self.folder / f"{name}.secret"
        path.touch(mode=0o600)
        path.write_text("Aa1." + secrets.token_urlsafe(24))
        return path

    def _load(self, name, text):
        path = self.folder / name
        path.write_text(text)
        made = subprocess.run(list(map(str, self.command("ldapmodify", "-f", path, admin=True))), capture_output=True,
                              text=True, check=False)
        if made.returncode != 0:
            raise NotMeasured(f"{name}: {made.stderr}")

    def _start(self):
        command = [self.tools["ns-slapd"], "-D", self.folder / self.name, "-i", self.folder / "pid", "-d", "0"]
        # It answers a bind only when it has opened its databases.
        self.launch(command, self.command("ldapsearch", "-s", "base", "-b", "cn=config", "1.1", admin=True))

    def _make_files(self):
        folder, name = self.folder, self.name
        for inner in (f"{name}/schema", "db/userRoot", "home", "log", "lock", "run", "ldif", "bak", "inst", "tmp"):
            (folder / inner).mkdir(parents=True)
        shutil.copy(FILES / "99user.ldif", folder / name / "schema")
        made = subprocess.run(["sh", FILES / "certificates.sh", name], cwd=folder, capture_output=True, text=True,
                              check=False)
        if made.returncode != 0:
            raise NotMeasured(f"certificates: {made.stderr}")
        command = [self.tools["pwdhash"], "-s", "SSHA512", self.passwords[ADMIN].read_text()]
        filled = {
            "schema_dir": folder / name / "schema", "config_dir": folder / name, "cert_dir": folder / name,
            "lock_dir": folder / "lock", "tmp_dir": folder / "tmp", "ldif_dir": folder / "ldif",
            "bak_dir": folder / "bak", "run_dir": folder / "run", "inst_dir": folder / "inst",
            "log_dir": folder / "log", "db_dir": folder / "db", "db_home_dir": folder / "home", "db_lib": "bdb",
            "ldapi": folder / "socket", "ldapi_enabled": "on", "ldapi_autobind": "off", "fqdn": "localhost",
            # Only the socket is used.
            "ds_port": 0, "ds_user": subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip(),
            "rootdn": ADMIN, "ds_passwd": subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip(),
            "ds_suffix": SUFFIX, "ds_bename": "userRoot",
        }
        suffix = (TEMPLATES / "template-suffix-db.ldif").read_text().splitlines()
        whole = (TEMPLATES / "template-dse.ldif").read_text() + "\n"
        whole += "\n".join(line for line in suffix if not line.startswith("#"))
        for key, value in filled.items():
            whole = whole.replace(f"%{key}%", str(value))
        # Only the socket is used; others may have the port of ldaps.
        listen = f"nsslapd-listenhost: 127.0.0.1\nnsslapd-securelistenhost: {free_address()}\n"
        listen += "nsslapd-accesslog-logging-enabled: off\n"
        whole = whole.replace("nsslapd-port: 0\n", "nsslapd-port: 0\n" + listen, 1)
        # Two empty lines in a row end the server without a word.
        entries = [entry.strip("\n") for entry in whole.split("\n\n")]
        (folder / name / "dse.ldif").write_text("\n\n".join(entry for entry in entries if entry) + "\n")


def _block(name):
    """Returns an LDIF of the page."""
    _, found, rest = PAGE.read_text().partition(f"```ldif\n# {name}\n")
    if not found:
        raise NotMeasured(f"{PAGE} has no {name}")
    return rest.partition("\n```")[0] + "\n"
