"""New users: rosterd beside `ldapadd` of an LDIF with exactly the same entries."""

import base64
import os
import secrets
import string
import subprocess
import sys
import time

import raw
import rosters
from measuring import NotMeasured, Sample, fdatasyncs_per_second, file_system, measure, median, print_table, spread
from slapd import PEOPLE

# As long as the passwords that rosterd generates unless told otherwise.
PASSWORD_LENGTH = 20
PASSWORD_SYMBOLS = string.ascii_letters + string.digits

ONE, EIGHT = "ldapadd", "8 ldapadd"
PIPELINED, TRANSACTIONS = "rosterd", "rosterd, transactions"
# The server's own time: a client that does nothing else.
RAW, RAW_TRANSACTIONS = "bare requests", "bare requests, transactions"
# As many in a transaction as in a batch of rosterd.
BATCH = 250


class Contest:
    """Sides that take turns, each with an empty server, and what was measured so far.

    A server has `start_empty()`, `command(tool, ..., url=)`, `settings(url)`, `people()`, `cpu()` and a `folder`.
    """

    feed = rosters.FEED_MAP

    def __init__(self, rosterd, workplace, server, n_people, sides, url=None, wanted=None, ldif=None):
        self.rosterd, self.workplace, self.server, self.n_people = rosterd, workplace, server, n_people
        self.url = url
        self.log = workplace.folder / "stderr"
        self.samples = {side: [] for side in sides}
        self.server_cpu = {side: [] for side in sides}
        self.syncs = []
        self.roster = rosters.write_roster(workplace.folder / "people.csv", range(n_people))
        self.expected = dict(map(wanted or wanted_entry, range(n_people)))
        write = ldif or ldif_of
        entries = [write(dn, entry) for dn, entry in self.expected.items()]
        self.whole = self.write("people.ldif", entries)
        if RAW in sides:
            self.requests = self.write("people.ber", map(request_of, self.expected.items()), "wb")
        self.eighths = [self.write(f"people-{part}.ldif", entries[part::8]) for part in range(8)]

    def write(self, name, entries, mode="w"):
        path = self.workplace.folder / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), mode) as file:
            file.writelines(entries)
        return path

    def measure(self, n_rounds, what):
        for number in range(n_rounds):
            sides = list(self.samples)
            for side in sides if number % 2 == 0 else reversed(sides):
                self.server.start_empty()
                os.sync()
                self.syncs.append(fdatasyncs_per_second(self.workplace.folder))
                before = self.server.cpu()
                self.samples[side].append(self.run(side))
                self.server_cpu[side].append(self.server.cpu() - before)
                self.prove(side)
            print(f"{what}: round {number + 1} of {n_rounds} done", flush=True)

    def run(self, side):
        if side == ONE:
            return measure(self.server.command("ldapadd", "-f", self.whole, url=self.url), self.log)
        if side == EIGHT:
            return together([self.server.command("ldapadd", "-f", part, url=self.url) for part in self.eighths])
        if side in (RAW, RAW_TRANSACTIONS):
            n = [BATCH] if side == RAW_TRANSACTIONS else []
            return measure([sys.executable, raw.__file__, *self.server.bare(), self.requests, *n], self.log)
        drop = self.workplace.new_folder("drop")
        (drop / "people.csv").write_bytes(self.roster.read_bytes())
        more = "transactions = true\n" if side == TRANSACTIONS else ""
        config = self.workplace.folder / "rosterd.toml"
        target = self.server.settings(self.url) + more
        config.write_text(site(self.workplace.new_folder("data"), drop, target, self.feed), encoding="utf-8")
        command = [self.rosterd, "--config", config, "import", drop / "people.csv"]
        return measure(command, self.log, stdout=self.workplace.folder / "stdout-rosterd")

    def prove(self, who):
        """Makes sure that everybody is there as wanted: nobody less, nobody more, every value, a hashed password."""
        found = self.server.people()
        if found == self.expected:
            return
        missing, extra = self.expected.keys() - found.keys(), found.keys() - self.expected.keys()
        text = f"{who} left {len(found)} people rather than {self.n_people}"
        for dn in sorted(missing | extra)[:3]:
            text += f"\n  {'missing' if dn in missing else 'not wanted'}: {dn}"
        for dn in sorted(dn for dn in self.expected.keys() & found.keys() if found[dn] != self.expected[dn])[:3]:
            for name in sorted(self.expected[dn].keys() | found[dn].keys()):
                wanted, got = self.expected[dn].get(name), found[dn].get(name)
                if wanted != got:
                    text += f"\n  {dn}: {name} is {got} rather than {wanted}"
        raise NotMeasured(text)

    def show(self, what):
        rows = []
        for side, samples in self.samples.items():
            walls = [sample.wall for sample in samples]
            rows.append([
                side, len(samples), *spread(walls), f"{self.n_people / median(walls):.0f}",
                f"{median([sample.cpu for sample in samples]):.2f}", f"{median(self.server_cpu[side]):.2f}",
            ])
        print(f"\n{what}: {self.n_people} people on {file_system(self.workplace.folder)}; seconds")
        print(f"fdatasync of 16 KiB per second, just before each run: {' to '.join(spread(self.syncs, 0)[::2])}\n")
        print_table(["", "runs", "min", "median", "max", "people/s", "own cpu", "server cpu"], rows)
        print()

    def ratio(self, side, *peers):
        """Returns how many times as fast a side is as the better of its peers, in the median over the rounds.

        The better one is that with the smaller median: of each round's best, the luckier would count.
        """
        peer = min(peers, key=lambda name: median([sample.wall for sample in self.samples[name]]))
        ratios = [theirs.wall / own.wall for theirs, own in zip(self.samples[peer], self.samples[side])]
        cells = spread(ratios)
        print(f"{side} against {peer}: {cells[1]} ({cells[0]} to {cells[2]})")
        return f"{median(ratios):.3f}"


def together(commands):
    """Runs commands at the same time, and returns what they took until the last one ended."""
    started, before = time.perf_counter(), os.times()
    processes = [subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL) for command in commands]
    codes = [process.wait() for process in processes]
    wall, after = time.perf_counter() - started, os.times()
    if any(codes):
        raise NotMeasured(f"{commands[0][0]} ended with {codes}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Sample(wall=wall, cpu=cpu, rss_mib=0)


def site(data, drop, target, feed=rosters.FEED_MAP):
    """Returns a configuration with one directory and one feed."""
    return f"""\
data_dir = "{data}"

[[target]]
name = "directory"
kind = "ldap"

[target.ldap]
{target}
[[feed]]
name = "people"
target = "directory"
folder = "{drop}"

{feed}"""


def password():
    return "".join(secrets.choice(PASSWORD_SYMBOLS) for _ in range(PASSWORD_LENGTH))


def wanted_entry(number):
    """Returns the DN and the attributes that the row of a person stands for."""
    username, first, last, mail, _, personnel, title, phone, department, office = rosters.person(number)
    return f"uid={username},{PEOPLE}", {
        "objectClass": ["inetOrgPerson", "organizationalPerson", "person", "top"],
        "uid": [username],
        "givenName": [first],
        "sn": [last],
        "cn": [f"{first} {last}"],
        "displayName": [f"{first} {last}"],
        "mail": [mail],
        "employeeNumber": [personnel],
        "title": [title],
        "telephoneNumber": [phone],
        "departmentNumber": [department],
        "physicalDeliveryOfficeName": [office],
        "userPassword": ["{SSHA}"],
        "pwdReset": ["TRUE"],
    }


def request_of(person):
    """Returns the AddRequest for an entry, with a random password."""
    dn, entry = person
    return raw.add_request(dn, {**entry, "userPassword": [password()]})


def ldif_of(dn, entry):
    """Returns the entry for ldapadd, with a random password."""
    lines = [f"dn: {dn}"]
    for name, values in entry.items():
        lines += [line(name, value) for value in ([password()] if name == "userPassword" else values)]
    return "\n".join(lines) + "\n\n"


def line(name, value):
    octets = value if isinstance(value, bytes) else value.encode()
    plain = octets.isascii() and not isinstance(value, bytes) and value[0] not in " :<"
    return f"{name}: {value}" if plain else f"{name}:: {base64.b64encode(octets).decode()}"
