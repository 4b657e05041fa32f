"""The server that HF/1 comes from, as it was: what is wrong with it is left as it is.

    python original_server.py FOLDER      prints its port and serves

It is a program of its own, since a client that dies in the middle of a file makes it spin.
"""

from __future__ import annotations

import json
import os
import socketserver
import struct
import sys


class MyServer(socketserver.BaseRequestHandler):
    folder = "."

    def handle(self):
        while True:
            size = struct.unpack("i", self.request.recv(4))[0]
            header = json.loads(self.request.recv(size).decode())
            if hasattr(self, header["cmd"]):
                getattr(self, header["cmd"])(header)

    def put(self, header):
        path = os.path.normpath(os.path.join(self.folder, header["filename"]))
        total, received = header["filesize"], 0
        with open(path, "wb") as file:
            while received < total:
                data = self.request.recv(1024)
                file.write(data)
                received += len(data)
                print(f"{path}: {received}/{total}", file=sys.stderr)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass  # it printed a traceback


if __name__ == "__main__":
    MyServer.folder = sys.argv[1]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # nobody looks at its progress here
    with Server(("127.0.0.1", 0), MyServer) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
