"""Into real directories, beside the tools that people use otherwise."""

import subprocess
from pathlib import Path

import groups
import samba
from creates import EIGHT, ONE, PIPELINED, RAW, RAW_TRANSACTIONS, TRANSACTIONS, Contest, site, wanted_entry
from delay import Delay
from ds389 import Ds389
from measuring import NotMeasured
from nochange import Night
from slapd import Slapd
from slapd import require as require_slapd

# One way of the slow network.
DELAY = 0.0025
ALL = [ONE, PIPELINED, EIGHT, TRANSACTIONS, RAW, RAW_TRANSACTIONS]


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
    contest = Contest(rosterd, workplace, slapd, n_people, ALL)
    contest.measure(n_rounds, "durable")
    contest.show(f"slapd {slapd.version}, every write durable")
    return {
        "creates_vs_ldapadd": contest.ratio(PIPELINED, ONE, EIGHT),
        "creates_txn_vs_ldapadd": contest.ratio(TRANSACTIONS, ONE, EIGHT),
        "bare_vs_ldapadd": contest.ratio(RAW, ONE, EIGHT),
        "bare_txn_vs_ldapadd": contest.ratio(RAW_TRANSACTIONS, ONE, EIGHT),
        "people": n_people,
        "rounds": n_rounds,
    }


def nosync(rosterd, workplace, quick):
    n_people, n_rounds = (2_000, 3) if quick else (10_000, 5)
    slapd = workplace.enter_context(Slapd(workplace.new_folder("nosync"), durable=False))
    contest = Contest(rosterd, workplace, slapd, n_people, ALL)
    contest.measure(n_rounds, "not durable")
    contest.show(f"slapd {slapd.version}, olcDbNoSync")
    return {
        "creates_vs_ldapadd_nosync": contest.ratio(PIPELINED, ONE, EIGHT),
        "creates_txn_vs_ldapadd_nosync": contest.ratio(TRANSACTIONS, ONE, EIGHT),
        "bare_vs_ldapadd_nosync": contest.ratio(RAW, ONE, EIGHT),
        "bare_txn_vs_ldapadd_nosync": contest.ratio(RAW_TRANSACTIONS, ONE, EIGHT),
    }


def slow(rosterd, workplace, quick):
    n_people, n_rounds = (500, 3) if quick else (2_000, 5)
    shim = workplace.folder / "slow_sync.so"
    made = ["cc", "-shared", "-fPIC", "-O2", "-o", shim, Path(__file__).with_name("slow_sync.c"), "-ldl"]
    try:
        subprocess.run(list(map(str, made)), check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotMeasured(f"a C compiler is needed: apt-get install -y gcc libc6-dev ({error})") from None
    slapd = workplace.enter_context(Slapd(workplace.new_folder("slow"), preload=shim))
    contest = Contest(rosterd, workplace, slapd, n_people, [ONE, PIPELINED, EIGHT, TRANSACTIONS])
    contest.measure(n_rounds, "slow disk")
    contest.show(f"slapd {slapd.version}, every wait for the disk 2 ms longer")
    return {
        "creates_vs_ldapadd_slow_disk": contest.ratio(PIPELINED, ONE, EIGHT),
        "creates_txn_vs_ldapadd_slow_disk": contest.ratio(TRANSACTIONS, ONE, EIGHT),
    }


def far(rosterd, workplace, quick):
    n_people, n_rounds = (1_000, 3) if quick else (2_000, 5)
    slapd = workplace.enter_context(Slapd(workplace.new_folder("far"), durable=False))
    way = workplace.enter_context(Delay(slapd.folder / "far", slapd.folder / "ldapi", DELAY))
    contest = Contest(rosterd, workplace, slapd, n_people, [ONE, PIPELINED], url=way.url)
    contest.measure(n_rounds, "5 ms away")
    contest.show(f"slapd {slapd.version}, olcDbNoSync, {2000 * DELAY:.0f} ms away")
    return {"creates_5ms_vs_ldapadd": contest.ratio(PIPELINED, ONE)}


def into_389(rosterd, workplace, quick):
    n_people, n_rounds = (500, 3) if quick else (2_000, 5)
    server = workplace.enter_context(Ds389(workplace.new_folder("ds389")))

    def wanted(number):
        dn, entry = wanted_entry(number)
        # A forced change is the server's own doing.
        return dn, {**{name: values for name, values in entry.items() if name != "pwdReset"},
                    "userPassword": ["{PBKDF2-SHA512}"]}

    contest = Contest(rosterd, workplace, server, n_people, [PIPELINED, EIGHT], wanted=wanted)
    contest.measure(n_rounds, "389")
    contest.show(f"{server.title} {server.version}")
    return {"creates_389_vs_par8": contest.ratio(PIPELINED, EIGHT)}


def into_ad(rosterd, workplace, quick):
    n_people, n_rounds = (100, 3) if quick else (1_000, 5)
    server = workplace.enter_context(samba.Samba(workplace.new_folder("samba")))
    contest = samba.Domain(rosterd, workplace, server, n_people, [PIPELINED, ONE, samba.SAMBA_TOOL],
                           wanted=samba.wanted_entry, ldif=samba.ldif_of)
    contest.measure(n_rounds, "Active Directory")
    contest.show(f"{server.title} {server.version}, passwords over ldaps; {samba.SAMBA_TOOL}: "
                 f"{samba.SAMPLE} measured, the rest calculated")
    return {
        "creates_ad_vs_ldapadd": contest.ratio(PIPELINED, ONE),
        "creates_ad_vs_samba_tool": contest.ratio(PIPELINED, samba.SAMBA_TOOL),
    }


def nochange(rosterd, workplace, quick):
    n_people, n_nights = (10_000, 5) if quick else (100_000, 7)
    slapd = workplace.enter_context(Slapd(workplace.new_folder("night")))
    night = Night(rosterd, workplace, slapd, n_people, wanted_entry,
                  lambda data, drop: site(data, drop, slapd.settings()))
    night.measure(n_nights)
    return night.result()


PARTS = {"creates": creates, "nosync": nosync, "slow": slow, "far": far, "groups": groups.groups,
         "389": into_389, "ad": into_ad, "nochange": nochange}
