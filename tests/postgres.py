"""A PostgreSQL server of the tests' own: no network, nothing left behind.

It is Debian's package `postgresql` (any version), started in a temporary folder, on a socket in
that folder. Where there is none, tests are skipped; in CI they fail.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["PASSWORD", "Server", "running"]

PASSWORD = "p@ss:w/rd%"

# It ends with the tests, however they end: its input is then closed. A line asks for the server
# alone to end, and to keep its data.
_KEEPER = """
"$1" -D "$2/data" -F -c listen_addresses= -c unix_socket_directories="$2" >"$2/log" 2>&1 &
server=$!
read -r line
kill -INT $server
wait $server
[ -n "$line" ] || rm -rf "$2"
"""


class Server:
    """A server, and an empty database on it.

    Args:
        programs: The folder of `initdb` and `postgres`.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root.
            names = {user.pw_name for user in pwd.getpwall()}
            user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        secret = self._folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        options = f"-U tester -E UTF8 --locale=C.UTF-8 --auth=scram-sha-256 --pwfile={secret}"
        subprocess.run(
            [str(programs / "initdb"), "--no-sync", "-D", "data", *options.split()],
            check=True,
            capture_output=True,
            cwd=self._folder,
            **self._as,
        )
        self.start()

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        from sqlalchemy import URL

        url = URL.create(
            "postgresql+psycopg",
            "tester",
            PASSWORD,
            database="postgres",
            query={"host": str(self._folder)},
        )
        return str(url.render_as_string(hide_password=False))

    def run(self, sql: Any, *parameters: Any) -> list[Any]:
        """Runs a statement, for each of the parameters if there are any."""
        with self._connected() as connection, connection.cursor() as cursor:
            if parameters:
                cursor.executemany(sql, parameters)
            else:
                cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    def connections(self) -> int:
        """How many other connections there are."""
        count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        return int(self.run(count)[0][0]) - 1

    def start(self) -> None:
        """Starts the server, and waits until it answers."""
        import psycopg

        self._keeper = subprocess.Popen(
            ["sh", "-c", _KEEPER, "sh", self._programs / "postgres", self._folder],
            stdin=subprocess.PIPE,
            cwd=self._folder,
            **self._as,
        )
        give_up = time.monotonic() + 60
        while True:
            try:
                self._connected().close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < give_up, (self._folder / "log").read_text()
                time.sleep(0.02)

    def stop(self, keep: bool = True) -> None:
        """Stops the server at once, and removes its data if they are not to be kept."""
        self._keeper.communicate(b"keep\n" if keep else b"")

    def _connected(self) -> Any:
        import psycopg

        return psycopg.connect(
            host=str(self._folder),
            user="tester",
            password=PASSWORD,
            dbname="postgres",
            autocommit=True,
        )


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server, for as long as the context lasts."""
    programs = _programs()
    if programs is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("PostgreSQL is not installed: apt-get install postgresql")
        pytest.skip("PostgreSQL is not installed")
    pytest.importorskip("psycopg")
    server = Server(programs)
    try:
        yield server
    finally:
        server.stop(keep=False)


def _programs() -> Path | None:
    """Where the newest PostgreSQL is."""
    debian = [
        path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()
    ]
    if debian:
        return max(debian, key=lambda path: int(path.parent.name))
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None
