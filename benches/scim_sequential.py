"""A plain client: `scim_sequential.py URL BODIES`, one POST after the other on one connection, with TOKEN."""

import http.client
import os
import sys
from urllib.parse import urlsplit


def main(url, bodies):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    media_type = "application/scim+json"
    headers = {"Authorization": "Bearer " + os.environ["TOKEN"], "Content-Type": media_type, "Accept": media_type}
    with open(bodies, "rb") as file:
        for line in file:
            connection.request("POST", parts.path + "/Users", line.rstrip(b"\n"), headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 201:
                sys.exit(f"status {answer.status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
