"""What Python programs move files with: our library, ftplib and http.client.

The law of this module: each is used as its documentation shows, with as large blocks as ours.
"""

from __future__ import annotations

import ftplib
import http.client
import io
from collections.abc import Callable
from pathlib import Path

from headframe_client import Client, TreeOptions, put_tree, walk_folder
from peers import Peer

__all__ = ["PUT_BYTES", "PUT_FOLDER", "PutBytes", "PutFolder"]

TIMEOUT_S = 60
BLOCK_BYTES = 1 << 18

PutBytes = Callable[[Peer, str, bytes], None]
"""Put bytes under a name over a fresh connection."""
PutFolder = Callable[[Peer, Path], None]
"""Put the files of a folder, under its own name, over one connection."""


def _headframe(peer: Peer) -> Client:
    return Client("127.0.0.1", peer.port, timeout_s=TIMEOUT_S)


def _ftp(peer: Peer) -> ftplib.FTP:
    connection = ftplib.FTP(timeout=TIMEOUT_S)
    connection.connect("127.0.0.1", peer.port)
    connection.login()
    return connection


def _http(peer: Peer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(
        "127.0.0.1", peer.port, timeout=TIMEOUT_S, blocksize=BLOCK_BYTES
    )


def _put_by_http(
    connection: http.client.HTTPConnection, name: str, body: io.BufferedIOBase, count: int
) -> None:
    connection.request("PUT", f"/{name}", body, {"Content-Length": str(count)})
    answer = connection.getresponse()
    answer.read()
    if answer.status not in (201, 204):
        raise RuntimeError(f"{answer.status} {answer.reason}")


# --- a few bytes over a fresh connection ---------------------------------------------------


def bytes_by_headframe(peer: Peer, name: str, body: bytes) -> None:
    with _headframe(peer) as client:
        client.put(name, body)


def bytes_by_ftp(peer: Peer, name: str, body: bytes) -> None:
    with _ftp(peer) as connection:
        connection.storbinary(f"STOR {name}", io.BytesIO(body))


def bytes_by_http(peer: Peer, name: str, body: bytes) -> None:
    connection = _http(peer)
    try:
        _put_by_http(connection, name, io.BytesIO(body), len(body))
    finally:
        connection.close()


# --- a folder over one connection ----------------------------------------------------------


def folder_by_headframe(peer: Peer, folder: Path, *, verify: bool = True) -> None:
    options = TreeOptions(verify=verify)
    outcome = put_tree(lambda: _headframe(peer), walk_folder(folder, f"{folder.name}/"), options)
    if outcome.failures:
        raise RuntimeError(str(outcome.failures[:3]))


def folder_by_headframe_unverified(peer: Peer, folder: Path) -> None:
    folder_by_headframe(peer, folder, verify=False)


def folder_by_ftp(peer: Peer, folder: Path) -> None:
    with _ftp(peer) as connection:
        connection.mkd(folder.name)
        for path in sorted(folder.iterdir()):
            with path.open("rb") as file:
                connection.storbinary(f"STOR {folder.name}/{path.name}", file, BLOCK_BYTES)


def folder_by_http(peer: Peer, folder: Path) -> None:
    connection = _http(peer)
    try:
        for path in sorted(folder.iterdir()):
            with path.open("rb") as file:
                name = f"{folder.name}/{path.name}"
                _put_by_http(connection, name, file, path.stat().st_size)
    finally:
        connection.close()


PUT_BYTES: dict[str, PutBytes] = {
    "Headframe": bytes_by_headframe,
    "Pyftpdlib": bytes_by_ftp,
    "Vsftpd": bytes_by_ftp,
    "Nginx": bytes_by_http,
}
"""By the class of the peer."""
PUT_FOLDER: dict[str, PutFolder] = {
    "Headframe": folder_by_headframe,
    "Unverified": folder_by_headframe_unverified,
    "Vsftpd": folder_by_ftp,
    "Nginx": folder_by_http,
}
"""By the class of the peer."""
