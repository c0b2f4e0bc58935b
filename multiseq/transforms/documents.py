"""JSON files that hold what was learned: written whole, and read with care."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import Any

from ..errors import SourceError
from ..paths import open_regular, write_whole

__all__ = ["Documents"]


@dataclass(frozen=True)
class Documents:
    """Files of one kind.

    Args:
        form: What their "format" says.
        version: Of that format.
        holds: What one of them holds, for errors.
        called: The same, as something that is known.
        writer: What writes them.
    """

    form: str
    version: int
    holds: str
    called: str
    writer: str

    def head(self) -> dict[str, Any]:
        """Returns what a document begins with."""
        return {"format": self.form, "version": self.version}

    def write(self, path: str | os.PathLike[str], document: dict[str, Any]) -> None:
        """Writes a document, whole or not at all.

        Raises:
            SourceError: The file cannot be written; one that exists is as it was.
        """
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
        # Half a surrogate pair, from a file name say, is no UTF-8: it is kept as an escape.
        text = re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)
        write_whole(path, (text + "\n").encode())

    def read(self, path: str | os.PathLike[str]) -> Any:
        """Returns what a file holds, which `checked` looks at. Nothing in it is executed.

        Raises:
            SourceError: The file is missing, or no JSON.
        """
        try:
            with open(open_regular(path), "rb") as file:
                return json.loads(file.read())
        except SourceError:
            raise
        except OSError as error:
            raise self.broken(path, str(error)) from error
        except (ValueError, RecursionError) as error:
            raise self.broken(path, f"no JSON: {error}") from error

    def checked(self, data: Any, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Returns a document whose head says that it is one; raises SourceError for any other."""
        if not isinstance(data, dict) or data.get("format") != self.form:
            raise self.broken(path, f'JSON without "format": "{self.form}"')
        if data.get("version") != self.version:
            raise SourceError(
                f"{os.fspath(path)!r} has another format version",
                got=f"version {data.get('version')!r}",
                expected=f"version {self.version}",
                fix=f"upgrade multiseq, or adapt and save {self.called} again",
            )
        return data

    def broken(self, path: str | os.PathLike[str], got: str) -> SourceError:
        """The error for a file that holds none."""
        return SourceError(
            f"{os.fspath(path)!r} cannot be loaded as {self.holds}",
            got=got,
            expected=f"a JSON file that {self.writer} wrote",
            fix=f"adapt and save {self.called} again",
        )
