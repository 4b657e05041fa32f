"""Who the server is, and how to show it who we are.

Spec: chapter 12. The law of this module: nothing is said to a server that has not shown that it is
the one that was asked for, and a token is never said where somebody may listen.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from typing import Final

from headframe_client.errors import ConnectionFailed, InvalidArgument, NotTrusted

__all__ = ["ALPN", "NOT_NOW", "READS_FIRST", "check_private", "client_context", "shake_hands"]

ALPN: Final = "hf/1"

NOT_NOW: Final = (BlockingIOError, ssl.SSLWantWriteError)
"""What a socket that does not block raises when it cannot write, or read, at once."""
READS_FIRST: Final = (ssl.SSLWantReadError,)
"""What it raises when the handshake needs something of the other side first."""


def client_context(
    authority: str | os.PathLike[str] | None = None,
    certificate: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
) -> ssl.SSLContext:
    """Return what a client needs for TLS; raise OSError if a file cannot be used.

    All files are PEM. `authority` has signed the server's certificate; None: one of those that the
    system trusts. `certificate` and `key` show who the client is.
    """
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([ALPN])
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def shake_hands(
    sock: socket.socket, host: str, context: ssl.SSLContext, peer: str
) -> ssl.SSLSocket:
    """Speak TLS from now on; raise ClientError unless the server is `host` and speaks HF/1."""
    try:
        secure = context.wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise NotTrusted(f"{peer} is not trusted: {error.verify_message}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error)
        raise ConnectionFailed(f"cannot speak TLS with {peer}: {reason}") from error
    if secure.selected_alpn_protocol() != ALPN:
        secure.close()
        raise ConnectionFailed(f"{peer} speaks TLS, but not {ALPN} in it")
    return secure


def check_private(sock: socket.socket) -> None:
    """Raise InvalidArgument where somebody may listen: no TLS, and another machine."""
    if isinstance(sock, ssl.SSLSocket):
        return
    host = str(sock.getpeername()[0]).partition("%")[0].removeprefix("::ffff:")
    if not ipaddress.ip_address(host).is_loopback:
        raise InvalidArgument(
            "a token is not sent in the clear to another machine; use headframes:// (TLS)"
        )
