"""Rosters with made-up people: the same ones for the same numbers, always."""

import csv

FIRST = """Ada Björn Chloé Dieter Elif François Grace Hanna Ivan Jürgen Katarzyna Liam Mária Noah Olga Pedro Quentin
Rosa Søren Tomáš Ursula Viktor Wanda Ximena Yusuf Zoë""".split()
LAST = """Adams Bianchi Čapek Dupont Eriksson Fischer García Hughes Ito Jensen Kowalski López Müller Novák O'Brien
Petrov Quist Rossi Schäfer Tanaka Ueda Virtanen Weiß Xu Yılmaz Zimmermann Østergaard Brown Smith""".split()
TITLES = ["Account Manager", "Analyst", "Clerk", "Developer", "HR Assistant", "Nurse", "Team Lead", "Trainee"]
DEPARTMENTS = ["Facilities", "Finance", "Human Resources", "IT", "Legal", "Operations", "Research", "Sales"]

HEADER = ["Username", "First name", "Surname", "Email", "Change password next time", "Personnel number", "Job title",
          "Phone", "Department", "Office"]

# The mapping of the columns that have no attribute of their own accord.
FEED_MAP = """[feed.map]
employeeNumber = "Personnel number"
title = "Job title"
telephoneNumber = "Phone"
departmentNumber = "Department"
physicalDeliveryOfficeName = "Office"
"""


def person(number):
    """Returns the cells of one row."""
    first = FIRST[number % len(FIRST)]
    last = LAST[number // len(FIRST) % len(LAST)]
    return [
        f"user{number:07}",
        first,
        last,
        f"user{number:07}@example.org",
        "1",
        f"P{number:08}",
        TITLES[number % len(TITLES)],
        f"+44 20 7946 {number % 10000:04}",
        DEPARTMENTS[number // 7 % len(DEPARTMENTS)],
        f"{number % 12} / {100 + number % 400}",
    ]


def write_roster(path, numbers):
    """Writes the rows of the people with these numbers, and returns the path."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(map(person, numbers))
    return path
