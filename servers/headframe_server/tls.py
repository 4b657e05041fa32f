"""TLS as HF/1 wants it: from the first byte, 1.2 or later, with the protocol agreed on.

Spec: 12.1. The law of this module: a connection on which `hf/1` was not agreed on carries nothing.
"""

from __future__ import annotations

import os
import ssl
from typing import Any, Final

__all__ = ["ALPN", "common_name", "server_context"]

ALPN: Final = "hf/1"


def server_context(
    certificate: str | os.PathLike[str],
    key: str | os.PathLike[str] | None = None,
    client_authority: str | os.PathLike[str] | None = None,
) -> ssl.SSLContext:
    """Return the context of a server; raise OSError if a file cannot be used.

    All files are PEM. With `client_authority` every client has to show a certificate that it
    has signed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # an end without close_notify is an end of file, behind which replies can still be sent
    context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    context.set_alpn_protocols([ALPN])
    context.load_cert_chain(certificate, key)
    if client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority)
    return context


def common_name(sock: ssl.SSLSocket) -> str | None:
    """Return the name on the client's certificate; None: it has shown none."""
    certificate = sock.getpeercert()
    if not certificate:
        return None
    subject: Any = certificate.get("subject", ())
    names = [value for part in subject for name, value in part if name == "commonName"]
    return str(names[0]) if names else "a certificate without a common name"
