"""A night without changes: an import that finds everybody as the roster says, beside ldapsearch reading the same."""

import base64
import re

import rosters
from measuring import NotMeasured, measure, median, print_table, spread
from slapd import PEOPLE, hashed

# What rosterd asks for with the mapping of the rosters.
READ = ["cn", "departmentNumber", "displayName", "employeeNumber", "givenName", "mail", "physicalDeliveryOfficeName",
        "sn", "telephoneNumber", "title", "entryUUID", "uid", "pwdReset", "pwdAccountLockedTime"]
PAGE = 1000


class Night:
    """Both sides read the same people from the same server, which neither of them changes."""

    def __init__(self, rosterd, workplace, slapd, n_people, wanted_entry, settings):
        self.rosterd, self.workplace, self.slapd, self.n_people = rosterd, workplace, slapd, n_people
        self.samples = {"rosterd import, none changed": [], "ldapsearch": []}
        self.slapd_cpu = {name: [] for name in self.samples}
        self.expected = dict(map(wanted_entry, range(n_people)))
        drop = workplace.new_folder("night-drop")
        self.roster = rosters.write_roster(drop / "people.csv", range(n_people))
        self.config = workplace.folder / "night.toml"
        self.config.write_text(settings(workplace.new_folder("night-data"), drop), encoding="utf-8")

    def measure(self, n_rounds):
        self.slapd.start_with(self._ldif())
        self._import()
        self._search()
        # Those were to warm up both sides and the server.
        for samples in [*self.samples.values(), *self.slapd_cpu.values()]:
            samples.clear()
        for number in range(n_rounds):
            for side in [self._import, self._search] if number % 2 == 0 else [self._search, self._import]:
                side()
            print(f"night {number + 1} of {n_rounds} done", flush=True)
        if self.slapd.people() != self.expected:
            raise NotMeasured("after nights without changes people are not what they were")

    def result(self):
        """Prints a table and returns the keys of the RESULT line."""
        rows = []
        for name, samples in self.samples.items():
            walls = [sample.wall for sample in samples]
            rows.append([
                name, len(samples), *spread(walls), f"{self.n_people / median(walls):,.0f}",
                f"{median([sample.cpu for sample in samples]):.2f}", f"{median(self.slapd_cpu[name]):.2f}",
                f"{median([sample.rss_mib for sample in samples]):.0f}",
            ])
        print(f"\nA night without changes: {self.n_people:,} people, pages of {PAGE:,}; seconds\n")
        print_table(["", "runs", "min", "median", "max", "people/s", "own cpu", "slapd cpu", "peak MiB"], rows)
        imports, searches = self.samples.values()
        ratios = [a.wall / b.wall for a, b in zip(imports, searches)]
        print()
        print_table(["neighbouring runs compared", "min", "median", "max"], [
            ["rosterd without changes / ldapsearch", *spread(ratios)],
            ["the same, of each side's best run", "", f"{min(a.wall for a in imports) / min(b.wall for b in searches):.2f}",
             ""],
        ])
        return {
            "nochange_vs_ldapsearch": f"{median(ratios):.3f}",
            "nochange_people": self.n_people,
            "nochange_rss_mib": f"{median([sample.rss_mib for sample in imports]):.0f}",
        }

    def _import(self):
        out = self._run("rosterd import, none changed",
                        [self.rosterd, "--config", self.config, "import", self.roster])
        said = re.search(rb"^Number of unchanged users (\d+)$", out.read_bytes(), re.MULTILINE)
        if not said or int(said[1]) != self.n_people:
            raise NotMeasured(f"rosterd found {said and int(said[1])} people unchanged rather than {self.n_people}")

    def _search(self):
        pages = ["-LLL", "-E", f"pr={PAGE}/noprompt", "-b", PEOPLE, "(objectClass=inetOrgPerson)", *READ]
        out = self._run("ldapsearch", self.slapd.command("ldapsearch", *pages))
        n_found = out.read_bytes().count(b"\nuid: ")
        if n_found != self.n_people:
            raise NotMeasured(f"ldapsearch found {n_found} people rather than {self.n_people}")

    def _run(self, name, command):
        out = self.workplace.folder / ("night-" + name.split()[0])
        before = self.slapd.cpu()
        self.samples[name].append(measure(command, self.workplace.folder / "stderr", stdout=out))
        self.slapd_cpu[name].append(self.slapd.cpu() - before)
        return out

    def _ldif(self):
        path = self.workplace.folder / "night.ldif"
        password = hashed("nobody knows it")
        with open(path, "w", encoding="ascii") as file:
            for dn, entry in self.expected.items():
                file.write(_ldif(dn, {**entry, "userPassword": [password]}))
        return path


def _ldif(dn, entry):
    lines = [f"dn: {dn}"]
    for name, values in entry.items():
        for value in values:
            plain = value.isascii() and value[0] not in " :<"
            lines.append(f"{name}: {value}" if plain else f"{name}:: {base64.b64encode(value.encode()).decode()}")
    return "\n".join(lines) + "\n\n"
