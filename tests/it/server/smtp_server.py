"""A mail server for tests: aiosmtpd with switches for everything that goes wrong with mail servers.

Takes one argument, a JSON object (see `SmtpServer::start` in smtp.rs), prints `READY <port>` and serves until its
standard input is closed. Every message is stored in the folder as NNNN.eml, and as NNNN.json: its envelope, and what
Python's own parser reads in it. Every command is a line of commands.log.
"""

import asyncio
import email
import email.policy
import email.utils
import json
import os
import ssl
import sys
from email.header import decode_header, make_header

from aiosmtpd.smtp import SMTP, AuthResult

OPTIONS = json.loads(sys.argv[1])
FOLDER = OPTIONS["folder"]


class Handler:
    def __init__(self):
        self.n_messages = 0
        self.connections = []
        self.seen = set()

    def log(self, line):
        with open(os.path.join(FOLDER, "commands.log"), "a", encoding="utf-8") as log:
            log.write(line + "\n")

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        # STARTTLS begins a new session on the same connection.
        if session.peer not in self.connections:
            self.connections.append(session.peer)
        session.host_name = hostname
        self.log("EHLO tls" if session.ssl else "EHLO")
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        self.log("MAIL")
        if address in OPTIONS["refuse_senders"]:
            return "550 5.7.1 not your address"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.log("RCPT")
        if address in OPTIONS["refuse_recipients"]:
            return f"550 5.1.1 <{address}>: no such user"
        if OPTIONS["greylist"] and address not in self.seen:
            self.seen.add(address)
            return "451 4.7.1 greylisted, come again"
        if OPTIONS["letters_per_connection"] and session.__dict__.get("n", 0) >= OPTIONS["letters_per_connection"]:
            return "421 4.7.0 too many letters, goodbye"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_RSET(self, server, session, envelope):
        self.log("RSET")
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope):
        self.log("QUIT")
        return "221 Bye"

    async def handle_DATA(self, server, session, envelope):
        self.log("DATA")
        session.n = session.__dict__.get("n", 0) + 1
        after = OPTIONS["after_data"]
        if after == "refuse":
            # Some filters quote what they dislike.
            body = envelope.content.decode("utf-8", "replace")
            word = next((line for line in body.splitlines() if "Password" in line), "")
            return f"554 5.7.1 refused because of: {word}"
        self.store(session, envelope)
        if after == "drop":
            server.transport.abort()
        if after == "hang":
            await asyncio.sleep(3600)
        return "250 2.0.0 taken"

    def store(self, session, envelope):
        self.n_messages += 1
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = []
        for part in parsed.walk():
            if not part.is_multipart():
                parts.append({
                    "type": part.get_content_type(),
                    "encoding": str(part["Content-Transfer-Encoding"]),
                    "text": part.get_content(),
                })
        stored = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "connection": self.connections.index(session.peer) + 1,
            "tls": session.ssl is not None or OPTIONS["security"] == "smtps",
            "headers": [[name, text(value)] for name, value in parsed.items()],
            "to": recipients(envelope.content),
            "content_type": parsed.get_content_type(),
            "parts": parts,
        }
        path = os.path.join(FOLDER, f"{self.n_messages:04}")
        with open(path + ".eml", "wb") as eml:
            eml.write(envelope.content)
        with open(path + ".tmp", "w", encoding="utf-8") as out:
            json.dump(stored, out)
        os.rename(path + ".tmp", path + ".json")


def text(header):
    """Headers of SMTPUTF8 messages are UTF-8, which the parser keeps as escaped bytes."""
    return str(header).encode("utf-8", "surrogateescape").decode("utf-8")


def recipients(content):
    """Names and addresses of `To`. The newer parser puts blanks between the encoded words of a name, so not by that."""
    header = str(email.message_from_bytes(content)["To"])
    return [[str(make_header(decode_header(name))), address] for name, address in email.utils.getaddresses([header])]


def authenticate(server, session, envelope, mechanism, data):
    login = [data.login.decode(), data.password.decode()]
    return AuthResult(success=login == OPTIONS["login"], handled=False)


class Injecting(SMTP):
    """Sends replies in cleartext behind the answer to STARTTLS, as somebody on the way could."""

    async def push(self, status):
        if isinstance(status, str) and status.startswith("220 Ready to start TLS"):
            status = "\r\n".join([status, "250 me", "250 me", "250 me", "354 me", "250 me"])
        await super().push(status)


async def serve():
    handler = Handler()
    loop = asyncio.get_running_loop()
    context = None
    if OPTIONS["security"] != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(OPTIONS["certificate"], OPTIONS["key"])
    starttls = OPTIONS["security"] == "starttls"
    kind = Injecting if OPTIONS["inject"] else SMTP

    def connection():
        if OPTIONS["mute"]:
            return asyncio.Protocol()
        return kind(
            handler,
            enable_SMTPUTF8=OPTIONS["smtputf8"],
            tls_context=context if starttls else None,
            require_starttls=starttls,
            auth_required=OPTIONS["login"] is not None,
            authenticator=authenticate,
            hostname="mail.test",
            loop=loop,
        )

    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=None if starttls else context)
    print("READY", server.sockets[0].getsockname()[1], flush=True)
    # Ends with whoever started it, however that ends.
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(serve())
