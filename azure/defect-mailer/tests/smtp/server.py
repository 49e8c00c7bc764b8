"""A mail server on loopback for the tests: aiosmtpd with STARTTLS and AUTH, and a few faults.

Prints its port on one line when it listens, then each mail's content as a JSON string on one line.
"""

import argparse
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = b"andon", b"geheim-4711"


class Post:
    """Takes mails, but fails once as told."""

    def __init__(self, fault):
        self.fault = fault

    def fails(self, fault):
        """Whether it is time for this fault; it does not come again."""
        if self.fault != fault:
            return False
        self.fault = "none"
        return True

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        if self.fails("quota"):
            return "452 4.5.3 too many mails from you in this hour"
        envelope.mail_from = address
        return "250 ok"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if self.fails("greylist"):
            return "450 4.7.1 greylisted, come back in five minutes"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        if self.fails("full"):
            return "452 4.2.2 mailbox full"
        print(json.dumps(envelope.content.decode()), flush=True)
        if self.fails("cut"):
            server.transport.abort()
            return "250 nobody hears this"
        return "250 2.0.0 taken"


def login(server, session, envelope, mechanism, data):
    """Accepts one user."""
    return AuthResult(success=data.login == USER and data.password == PASSWORD, handled=False)


async def serve(options):
    tls = None
    if options.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.load_cert_chain(options.cert, options.key)

    post = Post(options.fault)

    def session():
        return SMTP(
            post,
            hostname="localhost",
            tls_context=tls,
            require_starttls=tls is not None,
            authenticator=login,
            auth_required=tls is not None,
            auth_require_tls=True,
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The test holds our standard input open and closes it when it is done.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


parser = argparse.ArgumentParser()
parser.add_argument("--cert", help="PEM; without it no STARTTLS and no AUTH are offered")
parser.add_argument("--key")
parser.add_argument("--fault", choices=["none", "full", "cut", "greylist", "quota"], default="none")
asyncio.run(serve(parser.parse_args()))
