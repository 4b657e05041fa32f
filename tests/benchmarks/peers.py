"""Servers that people move files with, and the commands of their clients: ours, and others'.

    with Rsync(place) as peer:          a server of its own below `place`, on a port of its own
        peer.run(peer.put_file(path))   a whole command, from the shell to its exit

Each peer serves the folder `root` on 127.0.0.1 without encryption where it can (sftp cannot), and
none of them but ours can be asked to wait for stable storage. What a peer needs is in Debian:
rsync vsftpd lftp nginx curl openssh-server; pyftpdlib is on PyPI. A peer whose programs are not
there says so in `missing`; `supplies` installs it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Self

import processes
from processes import ENVIRONMENT, Done

__all__ = [
    "PEERS",
    "Durable",
    "Headframe",
    "Nginx",
    "Peer",
    "Pyftpdlib",
    "Rsync",
    "Sftp",
    "Unverified",
    "Vsftpd",
]

START_S = 30.0
COMMAND_S = 300.0
SCRIPTS = Path(sysconfig.get_path("scripts"))


def free_port() -> int:
    """Return a port that nobody listens on now; these programs cannot be told 0."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Peer:
    """A server process and what its client is called with."""

    name = ""
    programs: tuple[str, ...] = ()

    def __init__(self, place: Path) -> None:
        """`place` is a folder for all that this peer writes."""
        self.place = place
        self.root = place / "root"
        self.port = 0
        self._server: subprocess.Popen[bytes] | None = None

    @classmethod
    def missing(cls) -> list[str]:
        """Return the programs that it would need and that are not there."""
        path = os.pathsep.join([str(SCRIPTS), os.environ["PATH"], "/usr/sbin"])
        return [program for program in cls.programs if shutil.which(program, path=path) is None]

    def __enter__(self) -> Self:
        self.root.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        log = (self.place / "server.log").open("wb")
        with log:
            self._server = subprocess.Popen(
                self.serve(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
            )
        until = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            if self._server.poll() is not None or time.monotonic() > until:
                self.__exit__()
                text = (self.place / "server.log").read_text(errors="replace")
                raise RuntimeError(f"{self.name} does not serve: {text}")
            time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGTERM)
            try:
                self._server.wait(10)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()

    @property
    def server_pid(self) -> int:
        """The process that listens."""
        assert self._server is not None
        return self._server.pid

    def run(self, command: list[str]) -> float:
        """Run a client's command; return its seconds, and raise if it fails."""
        return self.watch(command).seconds

    def watch(self, command: list[str]) -> Done:
        """Run a client's command; return what it took, and raise if it fails."""
        log = self.place / "client.log"
        return processes.run(command, place=self.place, log=log, limit_s=COMMAND_S)

    # what each peer says of itself

    def serve(self) -> list[str]:
        """Return the command of the server."""
        raise NotImplementedError

    def put_file(self, path: Path) -> list[str]:
        """Return the command that puts one file under its own name."""
        raise NotImplementedError

    def get_file(self, name: str, path: Path) -> list[str]:
        """Return the command that gets one file."""
        raise NotImplementedError

    def put_tree(self, folder: Path) -> list[str]:
        """Return the command that puts a folder, under its own name."""
        raise NotImplementedError

    def get_tree(self, name: str, folder: Path) -> list[str]:
        """Return the command that gets the folder `name` as `folder`, which is not there yet."""
        raise NotImplementedError


class Headframe(Peer):
    """Ours."""

    name = "headframe"
    durability = "rename"
    extra: tuple[str, ...] = ()

    def serve(self) -> list[str]:
        return [
            *(str(SCRIPTS / "headframe"), "serve", str(self.root)),
            *("--bind", f"127.0.0.1:{self.port}", "--durability", self.durability),
            *("--connections", "1000", "--connections-per-peer", "1000"),
        ]

    def _client(self, command: str) -> list[str]:
        return [str(SCRIPTS / "headframe"), command, *self.extra]

    @property
    def url(self) -> str:
        """Its address."""
        return f"headframe://127.0.0.1:{self.port}"

    def put_file(self, path: Path) -> list[str]:
        return [*self._client("put"), str(path), f"{self.url}/"]

    def get_file(self, name: str, path: Path) -> list[str]:
        return [*self._client("get"), f"{self.url}/{name}", str(path)]

    def put_tree(self, folder: Path) -> list[str]:
        return [*self._client("put"), "-r", str(folder), f"{self.url}/"]

    def get_tree(self, name: str, folder: Path) -> list[str]:
        return [*self._client("get"), "-r", f"{self.url}/{name}/", str(folder)]

    def list_tree(self, name: str) -> list[str]:
        """Return the command that lists all files of a folder."""
        return [str(SCRIPTS / "headframe"), "ls", "-r", f"{self.url}/{name}/"]


class Unverified(Headframe):
    """Ours, without the digest."""

    name = "headframe --no-verify"
    extra = ("--no-verify",)


class Durable(Headframe):
    """Ours, with every file on stable storage before its reply."""

    name = "headframe, fsync"
    durability = "fsync"


class Rsync(Peer):
    """The daemon of rsync, which verifies a checksum of its own."""

    name = "rsync daemon"
    programs = ("rsync",)

    def serve(self) -> list[str]:
        config = self.place / "rsyncd.conf"
        config.write_text(
            f"use chroot = no\nport = {self.port}\naddress = 127.0.0.1\n"
            f"uid = {os.getuid()}\ngid = {os.getgid()}\nlog file = {self.place}/rsyncd.log\n"
            f"[files]\npath = {self.root}\nread only = no\n"
        )
        return ["rsync", "--daemon", "--no-detach", f"--config={config}"]

    @property
    def url(self) -> str:
        """Its address."""
        return f"rsync://127.0.0.1:{self.port}/files"

    def put_file(self, path: Path) -> list[str]:
        return ["rsync", "-t", "--whole-file", str(path), f"{self.url}/"]

    def get_file(self, name: str, path: Path) -> list[str]:
        return ["rsync", "-t", "--whole-file", f"{self.url}/{name}", str(path)]

    def put_tree(self, folder: Path) -> list[str]:
        return ["rsync", "-rt", "--whole-file", str(folder), f"{self.url}/"]

    def get_tree(self, name: str, folder: Path) -> list[str]:
        return ["rsync", "-rt", "--whole-file", f"{self.url}/{name}/", str(folder)]


class _Lftp(Peer):
    """Anything that lftp speaks to, with two connections for folders."""

    def _lftp(self, commands: str) -> list[str]:
        settings = "set net:max-retries 1; set ftp:ssl-allow no; set xfer:clobber yes;"
        return [
            *("lftp", "--norc", "-c"),
            f"{settings} open -u anonymous,a@b.example ftp://127.0.0.1:{self.port}; {commands}",
        ]

    def put_file(self, path: Path) -> list[str]:
        return self._lftp(f"put {path}")

    def get_file(self, name: str, path: Path) -> list[str]:
        return self._lftp(f"get {name} -o {path}")

    def put_tree(self, folder: Path) -> list[str]:
        return self._lftp(f"mirror -R --parallel=2 --no-perms {folder} {folder.name}")

    def get_tree(self, name: str, folder: Path) -> list[str]:
        return self._lftp(f"mirror --parallel=2 --no-perms {name} {folder}")


class Vsftpd(_Lftp):
    """vsftpd, spoken to by lftp."""

    name = "vsftpd + lftp"
    programs = ("vsftpd", "lftp")

    def serve(self) -> list[str]:
        config = self.place / "vsftpd.conf"
        empty = self.place / "empty"
        empty.mkdir(exist_ok=True)
        config.write_text(
            f"listen=YES\nlisten_address=127.0.0.1\nlisten_port={self.port}\nbackground=NO\n"
            "anonymous_enable=YES\nno_anon_password=YES\nwrite_enable=YES\n"
            "anon_upload_enable=YES\nanon_mkdir_write_enable=YES\nanon_other_write_enable=YES\n"
            "anon_umask=022\nanon_world_readable_only=NO\nrun_as_launching_user=YES\n"
            "allow_writeable_chroot=YES\nseccomp_sandbox=NO\nxferlog_enable=NO\n"
            f"max_clients=0\nmax_per_ip=0\nanon_root={self.root}\nsecure_chroot_dir={empty}\n"
        )
        return [shutil.which("vsftpd") or "/usr/sbin/vsftpd", str(config)]


class Pyftpdlib(_Lftp):
    """pyftpdlib, spoken to by lftp."""

    name = "pyftpdlib + lftp"
    programs = ("lftp",)

    @classmethod
    def missing(cls) -> list[str]:
        from importlib.util import find_spec

        return super().missing() + ([] if find_spec("pyftpdlib") else ["pyftpdlib"])

    def serve(self) -> list[str]:
        return [
            *(sys.executable, "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(self.port)),
            *("-w", "-d", str(self.root)),
        ]


class Nginx(Peer):
    """nginx with its DAV module, spoken to by curl; four at a time for folders."""

    name = "nginx DAV + curl"
    programs = ("nginx", "curl")

    def serve(self) -> list[str]:
        config = self.place / "nginx.conf"
        temporary = self.place / "temporary"
        temporary.mkdir(exist_ok=True)
        user = "user root;" if os.getuid() == 0 else ""
        config.write_text(
            f"daemon off; {user} worker_processes 2; pid {self.place}/nginx.pid;\n"
            f"error_log {self.place}/nginx.log;\nevents {{ worker_connections 1024; }}\n"
            "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;\n"
            f"client_max_body_size 0; client_body_temp_path {temporary};\n"
            f"proxy_temp_path {temporary}; fastcgi_temp_path {temporary};\n"
            f"uwsgi_temp_path {temporary}; scgi_temp_path {temporary};\n"
            f"server {{ listen 127.0.0.1:{self.port} backlog=511; root {self.root};\n"
            "location / { dav_methods PUT DELETE MKCOL; create_full_put_path on; } } }\n"
        )
        return [
            shutil.which("nginx") or "/usr/sbin/nginx",
            "-c",
            str(config),
            "-p",
            str(self.place),
        ]

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def _curl(self, *rest: str) -> list[str]:
        return ["curl", "-sS", "--fail", "-H", "Expect:", *rest]

    def put_file(self, path: Path) -> list[str]:
        return self._curl("-T", str(path), f"{self.url}/{path.name}")

    def get_file(self, name: str, path: Path) -> list[str]:
        return self._curl("-o", str(path), f"{self.url}/{name}")

    def _many(self, label: str, pairs: list[str]) -> list[str]:
        """Return a command for many files, which curl takes from a file."""
        config = self.place / f"{label}.curl"
        config.write_text("".join(pairs))
        return [*self._curl("--parallel", "--parallel-max", "4", "-K", str(config))]

    def put_tree(self, folder: Path) -> list[str]:
        pairs = []
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = f"{folder.name}/{path.relative_to(folder)}"
                pairs.append(f'upload-file = "{path}"\nurl = "{self.url}/{name}"\n')
        return self._many(folder.name, pairs)

    def get_tree(self, name: str, folder: Path) -> list[str]:
        top = self.root / name
        pairs = ["create-dirs\n"]
        for path in sorted(top.rglob("*")):
            if path.is_file():
                below = path.relative_to(top)
                pairs.append(f'output = "{folder / below}"\nurl = "{self.url}/{name}/{below}"\n')
        return self._many(name, pairs)


class Sftp(Peer):
    """OpenSSH's sftp, which encrypts."""

    name = "OpenSSH sftp"
    programs = ("sshd", "sftp", "ssh-keygen")

    def serve(self) -> list[str]:
        for key in ("host", "user"):
            if not (self.place / key).exists():
                subprocess.run(
                    ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.place / key)],
                    check=True,
                )
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        config = self.place / "sshd.conf"
        config.write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {self.place}/host\n"
            f"AuthorizedKeysFile {self.place}/user.pub\nStrictModes no\nUsePAM no\n"
            f"PidFile {self.place}/sshd.pid\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n"
        )
        return [shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", str(config)]

    def _sftp(self, *commands: str) -> list[str]:
        batch = self.place / "batch"
        batch.write_text("".join(f"{line}\n" for line in commands))
        return [
            *("sftp", "-q", "-b", str(batch), "-i", str(self.place / "user")),
            *("-P", str(self.port), "-o", "StrictHostKeyChecking=no"),
            *("-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "127.0.0.1"),
        ]

    def put_file(self, path: Path) -> list[str]:
        return self._sftp(f"put {path} {self.root}/")

    def get_file(self, name: str, path: Path) -> list[str]:
        return self._sftp(f"get {self.root}/{name} {path}")

    def put_tree(self, folder: Path) -> list[str]:
        return self._sftp(f"put -R {folder} {self.root}/")

    def get_tree(self, name: str, folder: Path) -> list[str]:
        return self._sftp(f"get -R {self.root}/{name} {folder}")


PEERS: tuple[type[Peer], ...] = (Headframe, Unverified, Rsync, Vsftpd, Pyftpdlib, Nginx, Sftp)
