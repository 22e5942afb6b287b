"""Into a real slapd, beside OpenLDAP's own tools."""

import base64
import os
import secrets
import string

import rosters
from measuring import NotMeasured, fdatasyncs_per_second, file_system, measure, median, print_table, spread
from nochange import Night
from slapd import PEOPLE, SERVICE, Slapd
from slapd import require as require_slapd

# As long as the passwords that rosterd generates unless told otherwise.
PASSWORD_LENGTH = 20
PASSWORD_SYMBOLS = string.ascii_letters + string.digits


def require():
    require_slapd()


def benchmark(rosterd, workplace, quick):
    """new users beside ldapadd, and an import that finds nothing to change beside ldapsearch

    Every round starts each side with an empty database, durable writes, and for rosterd an empty `data_dir`. Both sides
    bind as the same account over the same Unix socket, and must leave exactly the same entries.
    """
    n_people, n_rounds, n_asleep, n_nights = (2_000, 3, 10_000, 5) if quick else (10_000, 5, 100_000, 7)
    slapd = workplace.enter_context(Slapd(workplace.new_folder("slapd")))
    contest = Contest(rosterd, workplace, slapd, n_people)
    for number in range(n_rounds):
        sides = [contest.rosterd_creates, contest.ldapadd_creates]
        for side in sides if number % 2 == 0 else reversed(sides):
            side()
        print(f"round {number + 1} of {n_rounds} done", flush=True)
    night = Night(rosterd, workplace, slapd, n_asleep, wanted_entry, contest.settings_for)
    night.measure(n_nights)
    return {**contest.result(slapd.version, n_rounds), **night.result()}


class Contest:
    """The two sides, and what was measured so far."""

    def __init__(self, rosterd, workplace, slapd, n_people):
        self.rosterd, self.workplace, self.slapd, self.n_people = rosterd, workplace, slapd, n_people
        self.log = workplace.folder / "stderr"
        self.samples = {"rosterd import, all new": [], "ldapadd": []}
        self.slapd_cpu = {name: [] for name in self.samples}
        self.syncs = []
        self.roster = rosters.write_roster(workplace.folder / "people.csv", range(n_people))
        self.expected = {}
        self.ldif = workplace.folder / "people.ldif"
        with open(os.open(self.ldif, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            for number in range(n_people):
                dn, entry = wanted_entry(number)
                self.expected[dn] = entry
                file.write(ldif(dn, entry))

    def rosterd_creates(self):
        self.begin()
        drop = self.workplace.new_folder("drop")
        (drop / "people.csv").write_bytes(self.roster.read_bytes())
        self.workplace.new_folder("data")
        self.config().write_text(self.settings(), encoding="utf-8")
        self.run("rosterd import, all new", self.import_command())
        self.prove("rosterd")

    def ldapadd_creates(self):
        self.begin()
        self.run("ldapadd", self.slapd.command("ldapadd", "-f", self.ldif))
        self.prove("ldapadd")

    def begin(self):
        self.slapd.start_empty()
        os.sync()
        self.syncs.append(fdatasyncs_per_second(self.workplace.folder))

    def run(self, name, command):
        before = self.slapd.cpu()
        # The tools' words go to a file on both sides.
        out = self.workplace.folder / ("stdout-" + name.split()[0])
        self.samples[name].append(measure(command, self.log, stdout=out))
        self.slapd_cpu[name].append(self.slapd.cpu() - before)

    def prove(self, who):
        """Makes sure that everybody is there as wanted: nobody less, nobody more, every value, a hashed password."""
        found = self.slapd.people()
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

    def config(self):
        return self.workplace.folder / "rosterd.toml"

    def import_command(self):
        return [self.rosterd, "--config", self.config(), "import", self.workplace.folder / "drop" / "people.csv"]

    def settings(self):
        return self.settings_for(self.workplace.folder / "data", self.workplace.folder / "drop")

    def settings_for(self, data, drop):
        return f"""\
data_dir = "{data}"

[[target]]
name = "slapd"
kind = "ldap"

[target.ldap]
url = "{self.slapd.url}"
bind_dn = "{SERVICE}"
bind_password = {{ file = "{self.slapd.folder / "service.secret"}" }}
people_base = "{PEOPLE}"

[[feed]]
name = "people"
target = "slapd"
folder = "{drop}"

{rosters.FEED_MAP}"""

    def result(self, version, n_rounds):
        rows = []
        for name, samples in self.samples.items():
            walls = [sample.wall for sample in samples]
            rows.append([
                name, len(samples), *spread(walls), f"{self.n_people / median(walls):.0f}",
                f"{median([sample.cpu for sample in samples]):.2f}", f"{median(self.slapd_cpu[name]):.2f}",
                f"{median([sample.rss_mib for sample in samples]):.0f}",
            ])
        print(f"\n{self.n_people} people, slapd {version}, mdb with durable writes on "
              f"{file_system(self.workplace.folder)}; seconds\n")
        print_table(["", "runs", "min", "median", "max", "people/s", "own cpu", "slapd cpu", "peak MiB"], rows)
        # Other work on the machine only ever adds time, so the best runs are the ones it disturbed least.
        best = {name: min(sample.wall for sample in samples) for name, samples in self.samples.items()}
        best_creates = best["ldapadd"] / best["rosterd import, all new"]
        creates = self.ratios("ldapadd", "rosterd import, all new")
        print()
        print_table(["neighbouring runs compared", "min", "median", "max"], [
            ["ldapadd seconds / rosterd seconds (above 1: rosterd is faster)", *spread(creates)],
            ["the same, of each side's best run", "", f"{best_creates:.2f}", ""],
            ["fdatasync of 16 KiB per second, just before each run", *spread(self.syncs, 0)],
        ])
        return {
            "creates_vs_ldapadd": f"{median(creates):.3f}",
            "people": self.n_people,
            "rounds": n_rounds,
        }

    def ratios(self, above, below):
        return [a.wall / b.wall for a, b in zip(self.samples[above], self.samples[below])]


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


def ldif(dn, entry):
    """Returns the entry for ldapadd, with a random password."""
    lines = [f"dn: {dn}"]
    for name, values in entry.items():
        if name == "userPassword":
            values = ["".join(secrets.choice(PASSWORD_SYMBOLS) for _ in range(PASSWORD_LENGTH))]
        for value in values:
            plain = value.isascii() and value[0] not in " :<"
            lines.append(f"{name}: {value}" if plain else f"{name}:: {base64.b64encode(value.encode()).decode()}")
    return "\n".join(lines) + "\n\n"
