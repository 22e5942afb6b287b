"""Thousands of transactions in a row, while others use the server: does slapd survive them?"""

import subprocess
import threading

import rosters
from creates import Contest, site
from measuring import NotMeasured, measure
from slapd import PEOPLE, Slapd
from slapd import require as require_slapd

BATCH = 100


def require():
    require_slapd()


def benchmark(rosterd, workplace, quick):
    """2,000 transactions of 100 users in a row into a slapd that others search and write meanwhile

    A slapd that has crashed is started again with an empty database, until as many transactions as wanted are done.
    """
    wanted = 200 if quick else 2_000
    slapd = workplace.enter_context(Slapd(workplace.new_folder("slapd"), durable=False))
    done = crashes = 0
    while done < wanted:
        n, crashed = row(rosterd, workplace, slapd, wanted - done)
        done += n
        crashes += crashed
        print(f"{done} of {wanted} transactions, {crashes} crashes", flush=True)
    return {"transactions": done, "crashes": crashes, "of": BATCH}


def row(rosterd, workplace, slapd, n_wanted):
    """Imports people for `n_wanted` transactions. Returns how many there were, and whether the server crashed."""
    contest = Contest(rosterd, workplace, slapd, 0, [])
    slapd.start_empty()
    drop = workplace.new_folder("drop")
    rosters.write_roster(drop / "people.csv", range(n_wanted * BATCH))
    target = slapd.settings() + "transactions = true\n"
    feed = f"batch_size = {BATCH}\n{rosters.FEED_MAP}"
    config = workplace.folder / "rosterd.toml"
    config.write_text(site(workplace.new_folder("data"), drop, target, feed), encoding="utf-8")
    over = threading.Event()
    others = [threading.Thread(target=other, args=(slapd, workplace, over, number)) for number in range(3)]
    for thread in others:
        thread.start()
    try:
        # After a crash the rest may be left for later, so any exit code will do.
        measure([rosterd, "--config", config, "import", drop / "people.csv"], contest.log,
                stdout=workplace.folder / "stdout-rosterd", expect=range(256))
    finally:
        over.set()
        for thread in others:
            thread.join()
    if slapd.process.poll() is not None:
        said = (slapd.folder / "slapd.log").read_text(errors="replace")[-500:]
        print(f"slapd ended with {slapd.process.returncode}: {said}", flush=True)
        # Nobody can be asked any more; the last one that a crash took down counts.
        return 1 + count(workplace), True
    if "without transactions" in contest.log.read_text(errors="replace"):
        raise NotMeasured(contest.log.read_text(errors="replace"))
    n_people, n = sum(dn.startswith("uid=user") for dn in slapd.people()), slapd.n_transactions()
    if n_people != n_wanted * BATCH or n < n_wanted:
        raise NotMeasured(f"{n_people} people and {n} transactions rather than {n_wanted * BATCH} and {n_wanted}\n"
                          + contest.log.read_text(errors="replace")[-2000:])
    return n_wanted, False


def count(workplace):
    """Returns how many transactions the database of a crashed server holds."""
    slapd = workplace.folder / "slapd"
    made = subprocess.run(["slapcat", "-F", slapd / "slapd.d", "-n", "1", "-a", "(objectClass=inetOrgPerson)"],
                          capture_output=True, check=False)
    return made.stdout.count(b"\ndn: uid=") // BATCH


def other(slapd, workplace, over, number):
    """Searches, or adds and deletes, as fast as a tool can, until `over`."""
    dn = f"uid=other{number},{PEOPLE}"
    entry = workplace.folder / f"other-{number}.ldif"
    entry.write_text(f"dn: {dn}\nobjectClass: inetOrgPerson\nuid: other{number}\ncn: other\nsn: other\n\n")
    while not over.is_set():
        commands = [slapd.command("ldapsearch", "-LLL", "-b", PEOPLE, "(uid=user0000007)")]
        if number > 0:
            commands = [slapd.command("ldapadd", "-f", entry),
                        slapd.command("ldapmodify", "-f", changed(workplace, number, dn))]
        for command in commands:
            subprocess.run(list(map(str, command)), capture_output=True, check=False)


def changed(workplace, number, dn):
    path = workplace.folder / f"change-{number}.ldif"
    path.write_text(f"dn: {dn}\nchangetype: delete\n")
    return path
