"""Previews of large rosters against the built-in directory."""

import re
import sqlite3
import uuid
from contextlib import closing
from dataclasses import dataclass

import rosters
from measuring import NotMeasured, measure, median, print_table, spread

COUNTS = {
    "table": rb"^New (\d+), Update (\d+), unchanged (\d+), Old (\d+), Error (\d+)$",
    "json": rb'"counts":\{"new":(\d+),"update":(\d+),"unchanged":(\d+),"old":(\d+),"error":(\d+)\}',
}


@dataclass(frozen=True)
class Case:
    """One preview: rows in the roster, accounts in the directory, how it is printed."""

    n_rows: int
    n_existing: int
    format: str

    def __str__(self):
        return f"{self.n_rows:,} rows, {self.n_existing:,} accounts, {self.format}"

    def counts(self):
        """Returns how many must be New, Update, unchanged, Old and Error. One account in ten has another title."""
        n_changed = self.n_existing // 10
        return (self.n_rows - self.n_existing, n_changed, self.n_existing - n_changed, 0, 0)


def require():
    """Nothing but rosterd is needed."""


def benchmark(rosterd, workplace, quick):
    """previews of 100,000 and 1,000,000 rows against the built-in directory: time and peak memory"""
    small, large = Case(100_000, 0, "table"), Case(1_000_000, 0, "table")
    cases = [small, large]
    if not quick:
        cases += [Case(100_000, 0, "json"), Case(1_000_000, 0, "json"), Case(1_000_000, 100_000, "table")]
    n_rounds = 3 if quick else 5
    folder = workplace.new_folder("drop")
    samples = {case: [] for case in cases}
    for case in cases:
        roster = folder / f"{case.n_rows}.csv"
        if not roster.exists():
            rosters.write_roster(roster, range(case.n_rows))
        site(workplace, case).write_text(settings(workplace, case), encoding="utf-8")
        if case.n_existing:
            fill(rosterd, workplace, case)
    for number in range(n_rounds):
        for case in cases:
            samples[case].append(preview(rosterd, workplace, case))
        print(f"round {number + 1} of {n_rounds} done", flush=True)
    rows = []
    for case, taken in samples.items():
        walls = [sample.wall for sample in taken]
        rss = max(sample.rss_mib for sample in taken)
        size = (folder / f"{case.n_rows}.csv").stat().st_size / 2**20
        rows.append([
            case, len(taken), *spread(walls), f"{case.n_rows / median(walls):,.0f}", f"{size / median(walls):.0f}",
            f"{median([sample.cpu for sample in taken]):.2f}", f"{median([sample.rss_mib for sample in taken]):.0f}",
            f"{rss * 2**20 / case.n_rows:.0f}",
        ])
    print("\nrosterd preview; seconds\n")
    print_table(["", "runs", "min", "median", "max", "rows/s", "MiB/s", "cpu", "peak MiB", "bytes/row"], rows)
    return {
        "preview_1m_s": f"{median([sample.wall for sample in samples[large]]):.3f}",
        "preview_1m_rss_mib": f"{median([sample.rss_mib for sample in samples[large]]):.1f}",
        "preview_100k_s": f"{median([sample.wall for sample in samples[small]]):.3f}",
        "preview_100k_rss_mib": f"{median([sample.rss_mib for sample in samples[small]]):.1f}",
        "rounds": n_rounds,
    }


def preview(rosterd, workplace, case):
    """Measures one preview, and makes sure that it says the right thing about everybody."""
    out = workplace.folder / "stdout"
    command = [rosterd, "--config", site(workplace, case), "preview", "--format", case.format,
               workplace.folder / "drop" / f"{case.n_rows}.csv"]
    sample = measure(command, workplace.folder / "stderr", stdout=out)
    with open(out, "rb") as file:
        said = re.search(COUNTS[case.format], file.read(4096), re.MULTILINE)
    counts = tuple(map(int, said.groups())) if said else None
    if counts != case.counts():
        raise NotMeasured(f"{case}: New, Update, unchanged, Old, Error are {counts} rather than {case.counts()}")
    out.unlink()
    return sample


def site(workplace, case):
    return workplace.folder / f"{case.n_existing}.toml"


def data(workplace, case):
    return workplace.folder / f"data-{case.n_existing}"


def settings(workplace, case):
    return f"""\
data_dir = "{data(workplace, case)}"

[[target]]
name = "local"
kind = "local"

[[feed]]
name = "people"
target = "local"
folder = "{workplace.folder / "drop"}"

{rosters.FEED_MAP}"""


def fill(rosterd, workplace, case):
    """Puts accounts into the directory by SQL: hashing a password for each would take most of an hour, by design."""
    nobody = rosters.write_roster(workplace.folder / "drop" / "one.csv", range(1))
    # The first preview makes the file with its tables.
    measure([rosterd, "--config", site(workplace, case), "preview", nobody], workplace.folder / "stderr")
    when = "2026-01-01T00:00:00Z"
    accounts, values = [], []
    with closing(sqlite3.connect(data(workplace, case) / "directory.sqlite")) as database, database:
        for number in range(case.n_existing):
            username, first, last, mail, _, personnel, title, phone, department, office = rosters.person(number)
            entry = str(uuid.uuid5(uuid.NAMESPACE_URL, username))
            accounts.append((number + 1, entry, username, username, username, 1, 0, when, when))
            own = {
                "givenName": first, "sn": last, "cn": f"{first} {last}", "displayName": f"{first} {last}", "mail": mail,
                "employeeNumber": personnel, "title": "Newcomer" if number % 10 == 0 else title,
                "telephoneNumber": phone, "departmentNumber": department, "physicalDeliveryOfficeName": office,
            }
            values += [(number + 1, n.lower(), 0, n, v.encode(), v.lower()) for n, v in own.items()]
            if len(accounts) == 10_000 or number + 1 == case.n_existing:
                database.executemany(
                    "INSERT INTO accounts (number, entry, username, match_key, coarse_key, must_change, disabled, "
                    "created, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", accounts)
                database.executemany(
                    "INSERT INTO attribute_values (account, attribute, place, spelling, octets, match_key) "
                    "VALUES (?, ?, ?, ?, ?, ?)", values)
                accounts.clear()
                values.clear()
    nobody.unlink()
