"""A domain of Samba in a folder, set up as docs/active-directory.md says."""

import os
import re
import shutil
import subprocess
import time

import rosters
from building import REPOSITORY
from creates import Contest, line, password
from measuring import NotMeasured, Sample
from server import Server, entries_of, free_address, tools_named

DOMAIN = "DC=ad,DC=example,DC=org"
PEOPLE = f"OU=people,{DOMAIN}"
SERVICE = f"CN=rosterd,CN=Users,{DOMAIN}"
FILES = REPOSITORY / "tests/it/server/samba"
PAGE = REPOSITORY / "docs/active-directory.md"
INSTALL = ("Samba is needed: apt-get install -y --no-install-recommends samba samba-dsdb-modules samba-vfs-modules "
           "winbind ldb-tools samba-ad-provision ldap-utils openssl")
SAMBA_TOOL = "samba-tool user create"
# So many of a loop are measured, and the rest is calculated.
SAMPLE = 20
FEED = """[feed.map]
cn = "Username"
employeeNumber = "Personnel number"
title = "Job title"
telephoneNumber = "Phone"
departmentNumber = "Department"
"""
READ = ["objectClass", "cn", "sAMAccountName", "givenName", "sn", "displayName", "mail", "employeeNumber", "title",
        "telephoneNumber", "departmentNumber", "userAccountControl", "pwdLastSet"]


def require():
    tools = tools_named(("samba", "samba-tool", "ldapadd", "ldapsearch", "openssl"), INSTALL)
    if os.geteuid() != 0:
        raise NotMeasured("Samba's ports are for root: run this as root")
    return tools


class Samba(Server):
    """A domain controller, on an address of the loopback interface. Its writes are durable. It runs until `stop`."""

    title = "Samba AD"

    def __init__(self, folder):
        super().__init__(folder, require())
        self.address = free_address()
        self.url = f"ldaps://{self.address}"
        self.password = folder / "service.secret"
        self.password.touch(mode=0o600)
        self.password.write_text("service-Secret.1")
        for name in ("cache", "ncalrpc", "ntp", "winbind", "usershare", "bind-dns", "state/sysvol", "state/lock"):
            (folder / name).mkdir(parents=True)
        text = (FILES / "smb.conf").read_text().replace("\tldb:nosync = yes\n", "")
        text = text.replace("@DIR@", str(folder)).replace("@ADDRESS@", self.address)
        (folder / "smb.conf").write_text(text)
        (folder / "empty.conf").write_text("[global]\n")
        self._run((FILES / "provision.sh").read_text())
        self._run(re.search(r"\n```sh\n# delegate\.sh\n(.*?)\n```", PAGE.read_text(), re.DOTALL)[1])
        self._run(CERTIFICATES.replace("@ADDRESS@", self.address))
        self._keep("empty")

    @property
    def version(self):
        said = subprocess.run([self.tools["samba"], "--version"], capture_output=True, text=True, check=False).stdout
        return said.split()[-1] if said else "of unknown version"

    def start_empty(self):
        """Starts without people, whatever was there before."""
        self.stop()
        shutil.rmtree(self.folder / "private")
        shutil.copytree(self.folder / "empty", self.folder / "private")
        command = [self.tools["samba"], "-s", self.folder / "smb.conf", "-F", "--no-process-group", "-M", "single",
                   "--debuglevel=1"]
        self.launch(command, self.command("ldapsearch", "-s", "base", "-b", PEOPLE, "1.1"))

    def command(self, tool, *arguments, url=None):
        """Returns the command line of a tool that binds as the service account."""
        env = ["/usr/bin/env", f"LDAPTLS_CACERT={self.folder / 'ca.pem'}"]
        return [*env, self.tools[tool], "-x", "-D", SERVICE, "-y", self.password, "-H", url or self.url, *arguments]

    def settings(self, url=None):
        """Returns the lines of [target.ldap] that name the server."""
        return f"""\
url = "{url or self.url}"
ca_file = "{self.folder / "ca.pem"}"
bind_dn = "{SERVICE}"
bind_password = {{ file = "{self.password}" }}
people_base = "{PEOPLE}"
"""

    def people(self):
        """Reads everybody: {dn: {attribute: sorted values}}."""
        return entries_of(self.command("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-b", PEOPLE,
                                       "(&(objectClass=user)(sAMAccountName=user0*))", *READ))

    def _keep(self, name):
        shutil.copytree(self.folder / "private", self.folder / name)

    def _run(self, script):
        made = subprocess.run(["sh", "-euc", script], cwd=self.folder, capture_output=True, text=True, check=False,
                              env={**os.environ, "SMB_CONF_PATH": str(self.folder / "smb.conf")})
        if made.returncode != 0:
            raise NotMeasured(f"Samba: {(made.stdout + made.stderr)[-2000:]}")


class Domain(Contest):
    """The contest in a domain, with one more side: a loop that starts `samba-tool` for each person."""

    feed = FEED

    def run(self, side):
        return self.loop() if side == SAMBA_TOOL else super().run(side)

    def loop(self):
        started, before = time.perf_counter(), os.times()
        for number in range(SAMPLE):
            username, first, last, mail, _, _, title, phone, *_ = rosters.person(number)
            command = [self.server.tools["samba-tool"], "user", "create", username, password() + ".1aA",
                       "--use-username-as-cn", "--must-change-at-next-login", "--userou=OU=people",
                       f"--given-name={first}", f"--surname={last}", f"--mail-address={mail}", f"--job-title={title}",
                       f"--telephone-number={phone}", "-s", self.server.folder / "smb.conf"]
            made = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
            if made.returncode != 0:
                raise NotMeasured(f"samba-tool: {made.stderr}")
        wall, after = time.perf_counter() - started, os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        times = self.n_people / SAMPLE
        return Sample(wall=wall * times, cpu=cpu * times, rss_mib=0)

    def prove(self, who):
        if who != SAMBA_TOOL:
            super().prove(who)


def wanted_entry(number):
    """Returns the DN and the attributes that the row of a person stands for."""
    username, first, last, mail, _, personnel, title, phone, department, _ = rosters.person(number)
    return f"CN={username},{PEOPLE}", {
        "objectClass": ["organizationalPerson", "person", "top", "user"],
        "cn": [username],
        "sAMAccountName": [username],
        "givenName": [first],
        "sn": [last],
        "displayName": [f"{first} {last}"],
        "mail": [mail],
        "employeeNumber": [personnel],
        "title": [title],
        "telephoneNumber": [phone],
        "departmentNumber": [department],
        "userAccountControl": ["512"],
        "pwdLastSet": ["0"],
    }


def ldif_of(dn, entry):
    """Returns the entry for ldapadd, with a random password."""
    lines = [f"dn: {dn}", *(line(name, value) for name, values in entry.items() for value in values)]
    username = entry["sAMAccountName"][0]
    lines.append(line("userPrincipalName", f"{username}@ad.example.org"))
    lines.append(line("unicodePwd", f'"{password()}.1aA"'.encode("utf-16-le")))
    return "\n".join(lines) + "\n\n"


CERTIFICATES = r"""
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 3650 -subj "/CN=Bench CA" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca-key.pem -out ca.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=dc1 -keyout key.pem -out csr.pem
printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=IP:@ADDRESS@\n' > ext.cnf
openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 3650 -sha256 -extfile ext.cnf -out cert.pem
chmod 600 key.pem
"""
