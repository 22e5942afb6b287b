"""An OpenLDAP server of the benchmark's own, reached by a Unix socket only."""

import base64
import hashlib
import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

from measuring import NotMeasured
from server import Server, entries_of, tools_named

SUFFIX = "dc=example,dc=org"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
SERVICE = f"cn=service,{SUFFIX}"
ADMIN = f"cn=admin,{SUFFIX}"

INSTALL = "slapd and ldap-utils are needed: apt-get install -y --no-install-recommends slapd ldap-utils"


TOOLS = ("slapd", "slapadd", "ldapadd", "ldapmodify", "ldapsearch", "ldapwhoami")
SCHEMAS = [Path(f"/etc/ldap/schema/{name}.ldif") for name in ("core", "cosine", "nis", "inetorgperson")]


def require():
    """Returns the paths of the tools, or raises NotMeasured with the command that installs them."""
    tools = tools_named(TOOLS, INSTALL)
    if not all(schema.exists() for schema in SCHEMAS):
        raise NotMeasured(INSTALL)
    return tools


class Slapd(Server):
    """Debian's slapd with the usual overlays, and durable writes unless told otherwise. It runs until `stop`."""

    title = "slapd"

    def __init__(self, folder, durable=True, memberof=True, preload=None):
        super().__init__(folder, require())
        self.environment = {**os.environ, "LD_PRELOAD": str(preload)} if preload else None
        self.url = "ldapi://" + quote(str(folder / "ldapi"), safe="")
        self.service_password = self._secret("service")
        self.admin_password = self._secret("admin")
        (folder / "slapd.d").mkdir()
        (folder / "db").mkdir(mode=0o700)
        config = _config(folder, hashed(self._read("admin")), durable, memberof)
        self._slapadd(self._file("config.ldif", config), "-n", "0")
        self._slapadd(self._file("base.ldif", _base(hashed(self._read("service")))), "-n", "1")
        (folder / "db").rename(folder / "empty")

    @property
    def version(self):
        said = subprocess.run([self.tools["slapd"], "-VV"], capture_output=True, text=True, check=False).stderr
        found = re.search(r"slapd (\S+)", said)
        return found[1] if found else "of unknown version"

    def start_empty(self):
        """Starts with an empty database, whatever was there before."""
        self._empty()
        self._start()

    def start_with(self, ldif):
        """Starts with the entries of a file."""
        self._empty()
        self._slapadd(ldif, "-q", "-n", "1")
        self._start()

    def _empty(self):
        self.stop()
        shutil.rmtree(self.folder / "db", ignore_errors=True)
        shutil.copytree(self.folder / "empty", self.folder / "db")

    def _start(self):
        # With -d it stays in the foreground.
        command = [self.tools["slapd"], "-F", self.folder / "slapd.d", "-h", self.url, "-d", "0"]
        self.launch(command, self.command("ldapwhoami"), self.environment)

    def settings(self, url=None):
        """Returns the lines of [target.ldap] that name the server."""
        return f"""\
url = "{url or self.url}"
bind_dn = "{SERVICE}"
bind_password = {{ file = "{self.folder / "service.secret"}" }}
people_base = "{PEOPLE}"
group_base = "{GROUPS}"
"""

    def command(self, tool, *arguments, admin=False, url=None):
        """Returns the command line of a tool that binds as the service account, or with every right."""
        who, password = (ADMIN, self.admin_password) if admin else (SERVICE, self.service_password)
        return [self.tools[tool], "-x", "-D", who, "-y", password, "-H", url or self.url, *arguments]

    def bare(self):
        """Returns how a client reaches the server that has no LDAP library: socket, bind DN, file of the password."""
        return [self.folder / "ldapi", SERVICE, self.service_password]

    def people(self):
        """Reads everybody: {dn: {attribute: sorted values}}, the password as the name of its hash, and `pwdReset`."""
        command = self.command(
            "ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-b", PEOPLE,
            "(objectClass=inetOrgPerson)", "*", "pwdReset", admin=True,
        )
        return entries_of(command)

    def n_modifies(self):
        """Returns how many Modify requests the server has got since it was started."""
        return int(self._values("cn=Modify,cn=Operations,cn=Monitor", "monitorOpInitiated")[0])

    def n_transactions(self):
        """Returns how many transactions there were since it was started: each is two extended operations."""
        return int(self._values("cn=Extended,cn=Operations,cn=Monitor", "monitorOpInitiated")[0]) // 2

    def members(self, group):
        """Returns how many members a group has, besides itself."""
        dn = f"cn={group},{GROUPS}"
        return len([value for value in self._values(dn, "member") if value != dn])

    def _values(self, dn, attribute):
        command = self.command("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, attribute, admin=True)
        made = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise NotMeasured(f"ldapsearch {dn}: {made.stderr}")
        return [line.split(": ", 1)[1] for line in made.stdout.splitlines() if line.startswith(f"{attribute}: ")]

    def _secret(self, name):
        path = self.folder / f"{name}.secret"
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
        return path

    def _read(self, name):
        return (self.folder / f"{name}.secret").read_text()

    def _file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def _slapadd(self, path, *arguments):
        command = [self.tools["slapadd"], "-F", self.folder / "slapd.d", *arguments, "-l", path]
        made = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise NotMeasured(f"slapadd {path.name}: {made.stderr}")


def hashed(password):
    """Returns a password as slapd keeps it."""
    salt = secrets.token_bytes(8)
    digest = hashlib.sha1(password.encode() + salt).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def _config(folder, admin_hash, durable, memberof):
    overlays = {
        "memberof": "objectClass: olcMemberOfConfig\nolcMemberOfGroupOC: groupOfNames\nolcMemberOfMemberAD: member\n"
        "olcMemberOfMemberOfAD: memberOf",
        "refint": f"objectClass: olcRefintConfig\nolcRefintAttribute: member\nolcRefintNothing: {ADMIN}",
        "unique": f"objectClass: olcUniqueConfig\nolcUniqueURI: ldap:///{PEOPLE}?uid?sub?(objectClass=inetOrgPerson)",
        "ppolicy": f"objectClass: olcPPolicyConfig\nolcPPolicyDefault: cn=default,ou=policies,{SUFFIX}\n"
        "olcPPolicyHashCleartext: TRUE\nolcPPolicyUseLockout: TRUE",
    }
    if not memberof:
        del overlays["memberof"], overlays["refint"]
    modules = "".join(f"olcModuleLoad: {name}\n" for name in ["back_mdb", *overlays])
    text = f"""\
dn: cn=config
objectClass: olcGlobal
cn: config
olcLogLevel: none
olcPidFile: {folder}/pid

dn: cn=module{{0}},cn=config
objectClass: olcModuleList
cn: module{{0}}
olcModulePath: /usr/lib/ldap
{modules}
dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

"""
    text += "\n".join(schema.read_text() for schema in SCHEMAS)
    text += f"""
dn: olcDatabase={{-1}}frontend,cn=config
objectClass: olcDatabaseConfig
objectClass: olcFrontendConfig
olcDatabase: {{-1}}frontend
olcPasswordHash: {{SSHA}}
olcAccess: {{0}}to dn.base="" by * read
olcAccess: {{1}}to dn.base="cn=Subschema" by * read
olcSizeLimit: 500

dn: olcDatabase={{1}}mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: {{1}}mdb
olcSuffix: {SUFFIX}
olcDbDirectory: {folder}/db
olcDbMaxSize: 4294967296
olcDbNoSync: {"FALSE" if durable else "TRUE"}
olcRootDN: {ADMIN}
olcRootPW: {admin_hash}
olcDbIndex: objectClass eq
olcDbIndex: uid,cn,sn,mail,employeeNumber eq
olcDbIndex: uidNumber,gidNumber eq
olcDbIndex: member,uniqueMember,memberUid eq
olcDbIndex: entryUUID,entryCSN eq
olcLimits: {{0}}dn.exact="{SERVICE}" time=unlimited size=unlimited
olcAccess: {{0}}to attrs=userPassword by dn.exact="{SERVICE}" write by self write by anonymous auth by * none
olcAccess: {{1}}to * by dn.exact="{SERVICE}" write by users read by * none

"""
    text += f"""\
dn: olcDatabase={{2}}monitor,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMonitorConfig
olcDatabase: {{2}}monitor
olcAccess: {{0}}to * by dn.exact="{ADMIN}" read by * none

"""
    for number, (name, lines) in enumerate(overlays.items()):
        text += f"dn: olcOverlay={{{number}}}{name},olcDatabase={{1}}mdb,cn=config\nobjectClass: olcOverlayConfig\n"
        text += f"olcOverlay: {{{number}}}{name}\n{lines}\n\n"
    return text


def _base(service_hash):
    return f"""\
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {GROUPS}
objectClass: organizationalUnit
ou: groups

dn: ou=policies,{SUFFIX}
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,{SUFFIX}
objectClass: device
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 5
pwdMustChange: TRUE
pwdAllowUserChange: TRUE
pwdMinLength: 8
pwdCheckQuality: 2

dn: {SERVICE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: service
userPassword: {service_hash}
"""
