"""The least that a client can do: adds entries from a file of ready requests, and looks at nothing but the result codes.

`raw.py SOCKET WHO PASSWORD-FILE REQUESTS [N]`: REQUESTS holds AddRequests (RFC 4511 section 4.7) one after the other;
with N they go in transactions of N (RFC 5805). What this takes is the server's own time: no client that sends the same
entries is much faster.
"""

import socket
import sys
import threading
import time

WINDOW = 64
# Transactions under way: one is queued while another one is committed.
LANES = 2
# How long the server has for coming to rest before a commit: it may crash otherwise.
PAUSE = 0.005

INTEGER, OCTETS, BOOLEAN, SEQUENCE, SET = 0x02, 0x04, 0x01, 0x30, 0x31
BIND, ADD, EXTENDED, EXTENDED_RESPONSE, CONTROLS = 0x60, 0x68, 0x77, 0x78, 0xA0
START, SPECIFICATION, END = b"1.3.6.1.1.21.1", b"1.3.6.1.1.21.2", b"1.3.6.1.1.21.3"


def element(tag, *parts):
    """Returns an element in BER (X.690 section 8.1)."""
    content = b"".join(parts)
    n = len(content)
    if n < 128:
        return bytes([tag, n]) + content
    size = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(size)]) + size + content


def add_request(dn, entry):
    """Returns the AddRequest for `entry`, attributes to lists of values."""
    def of(name, values):
        return element(SEQUENCE, text(name), element(SET, *map(text, values)))

    return element(ADD, text(dn), element(SEQUENCE, *[of(name, values) for name, values in entry.items()]))


def text(value):
    return element(OCTETS, value.encode())


def take(octets, at):
    """Returns tag, beginning and end of the content of the element at `at`; `None` when more is to come."""
    if len(octets) < at + 2:
        return None
    size, begin = octets[at + 1], at + 2
    if size >= 128:
        begin += size - 128
        if len(octets) < begin:
            return None
        size = int.from_bytes(octets[at + 2:begin], "big")
    return (octets[at], begin, begin + size) if len(octets) >= begin + size else None


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.inbox = b""
        self.number = 0

    def message(self, operation, *controls):
        self.number += 1
        number = element(INTEGER, self.number.to_bytes(4, "big"))
        return element(SEQUENCE, number, operation, *[element(CONTROLS, control) for control in controls])

    def answers(self):
        """Waits for answers, and returns the contents of all that have come. One that refuses ends the program."""
        found, at = [], 0
        while True:
            while (message := take(self.inbox, at)) is not None:
                _, begin, at = message
                _, _, begin = take(self.inbox, begin)
                _, begin, end = take(self.inbox, begin)
                content = self.inbox[begin:end]
                _, begin, end = take(content, 0)
                if content[begin:end] != b"\0":
                    sys.exit(f"the server refuses: {content!r}")
                found.append(content)
            self.inbox, at = self.inbox[at:], 0
            if found:
                return found
            more = self.socket.recv(1 << 16)
            if not more:
                sys.exit("the server has hung up")
            self.inbox += more

    def ask(self, operation):
        self.socket.sendall(self.message(operation))
        return self.answers()[0]

    def add(self, requests, *controls):
        n_waiting, rest = 0, iter(requests)
        while True:
            batch = [self.message(request, *controls) for _, request in zip(range(WINDOW - n_waiting), rest)]
            n_waiting += len(batch)
            if not n_waiting:
                return
            if batch:
                self.socket.sendall(b"".join(batch))
            n_waiting -= len(self.answers())

    def transaction(self, requests, turn):
        with turn:
            answer = self.ask(element(EXTENDED, element(0x80, START)))
            name = value_of(answer)
            control = element(SEQUENCE, element(OCTETS, SPECIFICATION), element(BOOLEAN, b"\xff"), element(OCTETS, name))
            self.add(requests, control)
        time.sleep(PAUSE)
        wanted = element(SEQUENCE, element(BOOLEAN, b"\xff"), element(OCTETS, name))
        self.ask(element(EXTENDED, element(0x80, END), element(0x81, wanted)))


def value_of(content):
    """Returns the value of an extended response (RFC 4511 section 4.12)."""
    at = 0
    while at < len(content):
        tag, begin, end = take(content, at)
        if tag == 0x8B:
            return content[begin:end]
        at = end
    return b""


def requests_of(path):
    octets = open(path, "rb").read()
    requests, at = [], 0
    while at < len(octets):
        _, _, end = take(octets, at)
        requests.append(octets[at:end])
        at = end
    return requests


def main(path, who, password, file, n="0"):
    requests, n = requests_of(file), int(n)
    secret = open(password, "rb").read()

    def client():
        client = Client(path)
        client.ask(element(BIND, element(INTEGER, b"\3"), text(who), element(0x80, secret)))
        return client

    if not n:
        client().add(requests)
        return
    batches = [requests[at:at + n] for at in range(0, len(requests), n)]
    turn = threading.Lock()

    def lane(first):
        one = client()
        for batch in batches[first::LANES]:
            one.transaction(batch, turn)

    lanes = [threading.Thread(target=lane, args=(first,)) for first in range(LANES)]
    [thread.start() for thread in lanes]
    [thread.join() for thread in lanes]


if __name__ == "__main__":
    main(*sys.argv[1:])
