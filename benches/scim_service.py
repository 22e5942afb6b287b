"""The SCIM service that costs next to nothing, see `scim_service.rs`; and what it is to hold."""

import json
import subprocess
import urllib.request

import rosters
from measuring import NotMeasured, cpu_of

TOKEN = "token-of-the-benchmark"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

# The mapping of the columns that have no attribute of their own accord.
FEED_MAP = """[feed.map]
employeeNumber = "Personnel number"
title = "Job title"
telephoneNumber = "Phone"
departmentNumber = "Department"
"""


class Service:
    """Runs the service, empty, until it is left. `url` is where SCIM begins."""

    def __init__(self, program, *options):
        command = [program, *map(str, options)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.root = self.process.stdout.readline().strip()
        if not self.root:
            raise NotMeasured("the SCIM service does not start")
        self.url = self.root + "/scim/v2"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def cpu(self):
        return cpu_of(self.process.pid)

    def people(self):
        """Returns the users as they are stored, by their names."""
        return by_name(map(json.loads, self._told("/users")))

    def trace(self):
        """Returns when requests came, in seconds, and their methods."""
        parts = (line.split() for line in self._told("/trace"))
        return [(int(nanoseconds) / 1e9, method) for nanoseconds, method in parts]

    def _told(self, path):
        with urllib.request.urlopen(self.root + path) as answer:
            return answer.read().decode().splitlines()


def by_name(users):
    """Returns users by their names, without what the service itself has given them."""
    own = {"id", "meta", "schemas"}
    return {user["userName"]: {key: value for key, value in user.items() if key not in own} for user in users}


def wanted_user(number):
    """Returns what the row of a person stands for."""
    username, first, last, mail, _, personnel, title, phone, department, _ = rosters.person(number)
    return {
        "userName": username,
        "title": title,
        "active": True,
        "emails": [{"value": mail, "type": "work", "primary": True}],
        "phoneNumbers": [{"value": phone, "type": "work"}],
        "name": {"formatted": f"{first} {last}", "givenName": first, "familyName": last},
        ENTERPRISE: {"department": department, "employeeNumber": personnel},
        "displayName": f"{first} {last}",
    }


def wanted_users(n_people):
    """Returns what the rows of the first so many people stand for, by their names."""
    return {user["userName"]: user for user in map(wanted_user, range(n_people))}


def prove(who, found, expected):
    """Makes sure that everybody is there as wanted: nobody less, nobody more, every value."""
    if found == expected:
        return
    text = f"{who} left {len(found)} people rather than {len(expected)}"
    different = [name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)]
    for name in sorted(different)[:3]:
        text += f"\n  {name} is {found.get(name)} rather than {expected.get(name)}"
    raise NotMeasured(text)


def most_in_a_second(times):
    """Returns how many of these moments there are in any window of one second, at most."""
    times, most, first = sorted(times), 0, 0
    for at, time in enumerate(times):
        while time - times[first] >= 1:
            first += 1
        most = max(most, at - first + 1)
    return most
