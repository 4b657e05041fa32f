"""A reference server for HF/1: sockets, threads and files around the codec.

It shows that the codec carries a real server, and keeps what it says of your files.
`Server` takes a `Store`, `DirectoryStore` keeps files in a directory:

    with Server(("127.0.0.1", 0), DirectoryStore("files")) as server:
        print(server.url)

A put, from socket to reply, in one reading:

    handler     bytes to events, and how long a peer may take (`link`, `patience`)
    answers     events to the store and back; who may ask comes first (`access`)
    directory   `receive`, `commit`: checks, syncs, rename; the bytes are a `draft`, or a part of an
                upload (`uploads`); `tree` finds the directory, `durable` shares the syncs
    disk        the calls to the file system
"""

from headframe_server.access import Access, AccessError, Person, Token
from headframe_server.directory import DirectoryStore
from headframe_server.server import DEFAULT_PORT, Server
from headframe_server.settings import Settings, SettingsError
from headframe_server.store import Condition, Entry, FileInfo, Incoming, OpenFile, Store, StoreError
from headframe_server.tls import server_context

__all__ = [
    "DEFAULT_PORT",
    "Access",
    "AccessError",
    "Condition",
    "DirectoryStore",
    "Entry",
    "FileInfo",
    "Incoming",
    "OpenFile",
    "Person",
    "Server",
    "Settings",
    "SettingsError",
    "Store",
    "StoreError",
    "Token",
    "server_context",
]
