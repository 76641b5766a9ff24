"""Files that are whole or not there: a full disk or an interruption leaves what was there before."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Iterator, Union

if TYPE_CHECKING:
    import pathlib


@contextlib.contextmanager
def whole_file(path: Union[str, os.PathLike[str]]) -> Iterator[pathlib.Path]:
    """A temporary path beside `path`, with its suffix, that takes its place when the block ends well.

    An error or an interruption inside the block leaves what was at `path` as it was, and nothing else behind. OSErrors
    name `path`, not the temporary file.
    """
    import pathlib
    import tempfile

    target = pathlib.Path(path)
    name = ""
    try:
        if target.exists() and not target.is_file():  # a device such as /dev/stdout is written to, not replaced
            yield target
            return
        handle, name = tempfile.mkstemp(prefix=".", suffix=target.name[-100:], dir=target.parent)
        os.close(handle)
        yield pathlib.Path(name)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None
    finally:
        if name:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
