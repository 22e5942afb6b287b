"""Many members: into one group, and into many."""

import csv
import time

import rosters
from creates import Contest, site
from measuring import NotMeasured, measure, print_table
from slapd import GROUPS, Slapd

HEADER = [*rosters.HEADER, "Groups"]
FEED = rosters.FEED_MAP + """
[feed.groups]
create = true
"""


def groups(rosterd, workplace, quick):
    """People that are there already enter groups that are there too: only memberships are written."""
    n_people, n_groups = (2_000, 10) if quick else (10_000, 100)
    rows, result = [], {}
    for memberof in [True, False]:
        slapd = workplace.enter_context(Slapd(workplace.new_folder(f"groups-{memberof}"), durable=False, memberof=memberof))
        for n in [1, n_groups]:
            if memberof and n * n_people > 100_000:
                # The overlay writes each person once more for each group: hours.
                continue
            wall, n_writes, cpu = enter(rosterd, workplace, slapd, n_people, n)
            rows.append([f"{n_people} into {n}{', memberof' if memberof else ''}", n_writes, f"{wall:.2f}",
                         f"{n * n_people / wall:,.0f}", f"{cpu:.2f}"])
            if not memberof:
                result[f"members_into_{n}_s"] = f"{wall:.2f}"
                result[f"members_into_{n}_writes"] = n_writes
        slapd.stop()
    print("\nMemberships; slapd with olcDbNoSync\n")
    print_table(["people and groups", "writes", "seconds", "memberships/s", "slapd cpu"], rows)
    print()
    return result


def enter(rosterd, workplace, slapd, n_people, n_groups):
    names = [f"group{number:03}" for number in range(n_groups)]
    contest = Contest(rosterd, workplace, slapd, n_people, [])
    slapd.start_empty()
    # People and groups are there before.
    measure(slapd.command("ldapadd", "-f", contest.whole), contest.log)
    empty = [f"dn: cn={name},{GROUPS}\nobjectClass: groupOfNames\ncn: {name}\nmember: cn={name},{GROUPS}\n\n"
             for name in names]
    measure(slapd.command("ldapadd", "-f", contest.write("groups.ldif", empty)), contest.log)
    drop = workplace.new_folder("drop")
    with open(drop / "people.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for number in range(n_people):
            writer.writerow([*rosters.person(number), "|".join(names)])
    config = workplace.folder / "rosterd.toml"
    config.write_text(site(workplace.new_folder("data"), drop, slapd.settings(), FEED), encoding="utf-8")
    writes, cpu = slapd.n_modifies(), slapd.cpu()
    started = time.perf_counter()
    measure([rosterd, "--config", config, "import", drop / "people.csv"], contest.log,
            stdout=workplace.folder / "stdout-rosterd")
    wall = time.perf_counter() - started
    writes, cpu = slapd.n_modifies() - writes, slapd.cpu() - cpu
    for name in names:
        n_members = slapd.members(name)
        if n_members != n_people:
            raise NotMeasured(f"{name} has {n_members} members rather than {n_people}")
    return wall, writes, cpu
