"""Into real directories, beside the tools that people use otherwise."""

import groups
from creates import EIGHT, ONE, PIPELINED, TRANSACTIONS, Contest, site, wanted_entry
from delay import Delay
from nochange import Night
from slapd import Slapd
from slapd import require as require_slapd

# One way of the slow network.
DELAY = 0.0025


def require():
    require_slapd()


def benchmark(rosterd, workplace, quick, only=()):
    """new users, groups and unchanged nights, into slapd, 389 Directory Server and Samba, beside their own tools

    Every round starts each side with an empty database, and for rosterd with an empty `data_dir`. All sides bind as the
    same account the same way, and must leave exactly the same entries.
    """
    result = {}
    for name, part in PARTS.items():
        if not only or name in only:
            result |= part(rosterd, workplace, quick)
    return result


def creates(rosterd, workplace, quick):
    n_people, n_rounds = (2_000, 3) if quick else (10_000, 5)
    slapd = workplace.enter_context(Slapd(workplace.new_folder("slapd")))
    contest = Contest(rosterd, workplace, slapd, n_people, [ONE, PIPELINED, EIGHT, TRANSACTIONS])
    contest.measure(n_rounds, "durable")
    contest.show(f"slapd {slapd.version}, every write durable")
    return {
        "creates_vs_ldapadd": contest.ratio(PIPELINED, ONE, EIGHT),
        "creates_txn_vs_ldapadd": contest.ratio(TRANSACTIONS, ONE, EIGHT),
        "people": n_people,
        "rounds": n_rounds,
    }


def nosync(rosterd, workplace, quick):
    n_people, n_rounds = (2_000, 3) if quick else (10_000, 5)
    slapd = workplace.enter_context(Slapd(workplace.new_folder("nosync"), durable=False))
    contest = Contest(rosterd, workplace, slapd, n_people, [ONE, PIPELINED, EIGHT, TRANSACTIONS])
    contest.measure(n_rounds, "not durable")
    contest.show(f"slapd {slapd.version}, olcDbNoSync")
    return {
        "creates_vs_ldapadd_nosync": contest.ratio(PIPELINED, ONE, EIGHT),
        "creates_txn_vs_ldapadd_nosync": contest.ratio(TRANSACTIONS, ONE, EIGHT),
    }


def far(rosterd, workplace, quick):
    n_people, n_rounds = (1_000, 3) if quick else (2_000, 5)
    slapd = workplace.enter_context(Slapd(workplace.new_folder("far"), durable=False))
    way = workplace.enter_context(Delay(slapd.folder / "far", slapd.folder / "ldapi", DELAY))
    contest = Contest(rosterd, workplace, slapd, n_people, [ONE, PIPELINED], url=way.url)
    contest.measure(n_rounds, "5 ms away")
    contest.show(f"slapd {slapd.version}, olcDbNoSync, {2000 * DELAY:.0f} ms away")
    return {"creates_5ms_vs_ldapadd": contest.ratio(PIPELINED, ONE)}


def nochange(rosterd, workplace, quick):
    n_people, n_nights = (10_000, 5) if quick else (100_000, 7)
    slapd = workplace.enter_context(Slapd(workplace.new_folder("night")))
    night = Night(rosterd, workplace, slapd, n_people, wanted_entry,
                  lambda data, drop: site(data, drop, slapd.settings()))
    night.measure(n_nights)
    return night.result()


PARTS = {"creates": creates, "nosync": nosync, "far": far, "groups": groups.groups, "nochange": nochange}
