"""A real SMTP server (aiosmtpd) on a loopback address, for tests.

Writes one JSON object a line: {"port": ...} once it listens, then what it is sent. Settings come as JSON in the first argument:
tls ("starttls", "implicit" or "none"), certificate and key (files), username and password, and what it answers to the content.
"""
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

settings = json.loads(sys.argv[1])


def say(what):
    print(json.dumps(what), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such recipient"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        text = envelope.content.decode("utf-8", "replace")
        for part, answer in settings.get("answers", {}).items():
            if part in text:
                return answer
        say({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or settings["tls"] == "implicit",
            "authenticated": bool(session.authenticated),
            "text": text,
        })
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    assert isinstance(data, LoginPassword)
    right = data.login.decode() == settings["username"] and data.password.decode() == settings["password"]
    return AuthResult(success=right, handled=right)


context = None
if settings["tls"] != "none":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings["certificate"], settings["key"])

options = {}
if settings["tls"] == "starttls":
    options.update(tls_context=context, require_starttls=True)
if settings.get("username"):
    options.update(authenticator=authenticate, auth_required=True, auth_require_tls=settings["tls"] == "starttls")


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Handler(), hostname="mail.example.org", **options),
        host="127.0.0.1",
        port=0,
        ssl=context if settings["tls"] == "implicit" else None,
    )
    say({"port": server.sockets[0].getsockname()[1]})
    # Until the other side closes its end.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(serve())
