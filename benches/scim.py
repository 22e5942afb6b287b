"""Into SCIM services, beside a load generator and a plain client."""

import json
import os
import shutil
import sys
from pathlib import Path

import rosters
from building import build
from creates import password
from measuring import NotMeasured, measure, median, print_table, spread
from scim2 import Scim2
from scim_service import CORE, ENTERPRISE, FEED_MAP, TOKEN, Service, most_in_a_second, prove, wanted_user, wanted_users

HERE = Path(__file__).resolve().parent

# Requests on their way, for all but the plain client.
IN_FLIGHT = 16
# A rate that is never reached, a second.
UNBOUND = 1_000_000

# Services that answer at once, and that hold everything back until the second is over and then answer it at one stroke.
MANNERS = {"answers at once": [], "answers in bursts": ["--stall", 700]}

ROSTERD, BULK, RAW, PLAIN = "rosterd", "rosterd, Bulk", "wrk", "sequential"


def require():
    if not shutil.which("wrk"):
        raise NotMeasured("wrk is needed: apt-get install -y --no-install-recommends wrk")


def benchmark(rosterd, workplace, quick, only=()):
    """new users into a SCIM service of our own, near and far, and into scim2-server; the rate that is kept

    Every run starts with an empty service, and for rosterd with an empty `data_dir`. All sides must leave exactly the
    same users.
    """
    result = {}
    for name, part in PARTS.items():
        if not only or name in only:
            result |= part(rosterd, workplace, quick)
    return result


class Import:
    """A run of rosterd: a roster, and where it goes."""

    def __init__(self, rosterd, workplace, n_people):
        self.rosterd, self.workplace = rosterd, workplace
        self.roster = rosters.write_roster(workplace.folder / "people.csv", range(n_people))
        self.token = workplace.folder / "token"
        self.token.write_text(TOKEN, encoding="ascii")
        self.token.chmod(0o600)

    def run(self, url, more, feed=""):
        """Imports with an empty `data_dir` and returns what it took."""
        drop = self.workplace.new_folder("drop")
        roster = shutil.copy(self.roster, drop)
        config = self.workplace.folder / "rosterd.toml"
        config.write_text(f"""\
data_dir = "{self.workplace.new_folder("data")}"

[[target]]
name = "service"
kind = "scim"

[target.scim]
url = "{url}"
auth = {{ bearer = {{ file = "{self.token}" }} }}
{more}

[[feed]]
name = "people"
target = "service"
folder = "{drop}"
{feed}
{FEED_MAP}""", encoding="utf-8")
        command = [self.rosterd, "--config", config, "import", roster]
        return measure(command, self.workplace.folder / "stderr", stdout=self.workplace.folder / "stdout-rosterd")


class Contest:
    """Sides that take turns, each with an empty service that answers after a while, and what was measured so far."""

    def __init__(self, rosterd, workplace, program, n_people, latency_ms, sides):
        self.workplace, self.program, self.latency_ms = workplace, program, latency_ms
        self.n_people = sides
        self.imported = Import(rosterd, workplace, n_people)
        self.samples = {side: [] for side in sides}
        self.service_cpu = {side: [] for side in sides}
        self.requests = {side: [] for side in sides}

    def measure(self, n_rounds):
        for number in range(n_rounds):
            sides = list(self.samples)
            for side in sides if number % 2 == 0 else reversed(sides):
                self._measure(side)
            print(f"{self.latency_ms} ms: round {number + 1} of {n_rounds} done", flush=True)

    def _measure(self, side):
        n_people = self.n_people[side]
        options = ["--latency", self.latency_ms] + (["--bulk"] if side == BULK else [])
        os.sync()
        with Service(self.program, *options) as service:
            before = service.cpu()
            self.samples[side].append(self._run(side, service, n_people))
            self.service_cpu[side].append(service.cpu() - before)
            self.requests[side].append(len(service.trace()) / n_people)
            prove(side, service.people(), wanted_users(n_people))

    def _run(self, side, service, n_people):
        if side in (ROSTERD, BULK):
            return self.imported.run(service.url, f'in_flight = {IN_FLIGHT}\nmax_rate = "{UNBOUND}/s"')
        bodies = self.workplace.folder / "bodies"
        with open(bodies, "w", encoding="utf-8") as file:
            for number in range(n_people):
                file.write(json.dumps(body(number), ensure_ascii=False, separators=(",", ":")) + "\n")
        os.environ["TOKEN"] = TOKEN
        command = [sys.executable, HERE / "scim_sequential.py", service.url, bodies]
        if side == RAW:
            command = [shutil.which("wrk"), "-t1", f"-c{IN_FLIGHT}", "-d1h", "-s", HERE / "scim_wrk.lua", service.url,
                       "--", bodies]
        return measure(command, self.workplace.folder / "stderr")

    def seconds(self, side):
        """Returns the seconds for one person."""
        return [sample.wall / self.n_people[side] for sample in self.samples[side]]

    def show(self, what):
        rows = []
        for side, samples in self.samples.items():
            n_people = self.n_people[side]
            rows.append([
                side, n_people, len(samples), *spread([sample.wall for sample in samples]),
                f"{1 / median(self.seconds(side)):.0f}", f"{median([sample.cpu for sample in samples]):.2f}",
                f"{median(self.service_cpu[side]):.2f}", f"{median(self.requests[side]):.3f}",
            ])
        print(f"\n{what}, {IN_FLIGHT} requests in flight; seconds\n")
        print_table(["", "people", "runs", "min", "median", "max", "people/s", "own cpu", "service cpu",
                     "requests/person"], rows)
        print()

    def ratio(self, side, peer):
        """Returns how many times as fast a side is as its peer, in the median over the rounds."""
        ratios = [theirs / own for theirs, own in zip(self.seconds(peer), self.seconds(side))]
        cells = spread(ratios)
        print(f"{side} against {peer}: {cells[1]} ({cells[0]} to {cells[2]})")
        return f"{median(ratios):.3f}"


def body(number):
    """Returns what is posted: what rosterd sends, with a password as long."""
    return {"schemas": [CORE, ENTERPRISE], "password": password(), **wanted_user(number)}


def creates(rosterd, workplace, quick):
    n_people, n_rounds, n_plain = (2_000, 3, 200) if quick else (10_000, 5, 1_000)
    program = build("bench", "scim_service")
    near = Contest(rosterd, workplace, program, n_people, 0, {ROSTERD: n_people, RAW: n_people})
    near.measure(n_rounds)
    near.show("A service that answers at once")
    sides = {ROSTERD: n_people, BULK: n_people, RAW: n_people, PLAIN: n_plain}
    far = Contest(rosterd, workplace, program, n_people, 20, sides)
    far.measure(n_rounds)
    far.show("A service that takes 20 ms for every answer")
    return {
        "creates_vs_raw": far.ratio(ROSTERD, RAW),
        "creates_vs_raw_0ms": near.ratio(ROSTERD, RAW),
        "creates_vs_sequential_20ms": far.ratio(ROSTERD, PLAIN),
        "requests_per_user": f"{median(far.requests[ROSTERD]):.3f}",
        "people": n_people,
        "rounds": n_rounds,
    }


def bulk(rosterd, workplace, quick):
    n_people, n_rounds = (200, 3) if quick else (1_000, 5)
    imported = Import(rosterd, workplace, n_people)
    expected = wanted_users(n_people)
    server = workplace.enter_context(Scim2(workplace.new_folder("scim2")))
    samples, cpu = {"singles": [], "Bulk": []}, {"singles": [], "Bulk": []}
    sent = {}
    for number in range(n_rounds):
        for side in samples if number % 2 == 0 else reversed(samples):
            server.start_empty()
            before = server.cpu()
            more = f'max_rate = "{UNBOUND}/s"\nbulk = {str(side == "Bulk").lower()}'
            samples[side].append(imported.run(server.url, more))
            cpu[side].append(server.cpu() - before)
            prove(side, server.people(), expected)
            sent[side] = (server.n_posted("/Users"), server.n_posted("/Bulk"))
            if (sent[side][1] > 0) != (side == "Bulk"):
                raise NotMeasured(f"{side}: {sent[side]} POSTs of users, and of Bulk")
        print(f"scim2-server: round {number + 1} of {n_rounds} done", flush=True)
    rows = []
    for side, taken in samples.items():
        walls = [sample.wall for sample in taken]
        rows.append([side, len(taken), *spread(walls), f"{n_people / median(walls):.0f}", f"{median(cpu[side]):.2f}",
                     *sent[side]])
    print(f"\n{n_people} people into scim2-server {server.version}, in_flight 4; seconds\n")
    print_table(["", "runs", "min", "median", "max", "people/s", "server cpu", "POST Users", "POST Bulk"], rows)
    print()
    ratios = [single.wall / bulk.wall for single, bulk in zip(*samples.values())]
    return {"bulk_vs_single": f"{median(ratios):.3f}"}


def rate(rosterd, workplace, quick):
    limit, n_people, n_rounds = (200, 1_000, 1) if quick else (200, 3_000, 3)
    program = build("bench", "scim_service")
    imported = Import(rosterd, workplace, n_people)
    expected = wanted_users(n_people)
    most, rows = [], []
    for number in range(n_rounds):
        for manner, options in MANNERS.items():
            with Service(program, *options) as service:
                imported.run(service.url, f'in_flight = {limit}\nmax_rate = "{limit}/s"')
                prove("rosterd", service.people(), expected)
                times = sorted(time for time, _ in service.trace())
            most.append(most_in_a_second(times))
            each_second = (len(times) - 1) / (times[-1] - times[0])
            rows.append([manner, len(times), f"{each_second:.1f}", most[-1]])
        print(f"rate: round {number + 1} of {n_rounds} done", flush=True)
    print(f"\nmax_rate = {limit}/s, in_flight = {limit}; requests as the service saw them\n")
    print_table(["", "requests", "a second", "most in any second"], rows)
    return {"max_rate_excess": f"{max(most) / limit:.3f}"}


PARTS = {"creates": creates, "bulk": bulk, "rate": rate}
