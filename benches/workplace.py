"""The temporary folder of one benchmark, and what must end with it."""

import contextlib
import shutil
import tempfile
from pathlib import Path


class Workplace(contextlib.ExitStack):
    """A private folder that is removed at the end, after everything that was entered into it has been left."""

    def __init__(self, where, keep=False):
        super().__init__()
        # Short: the path of a Unix socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="rbench-", dir=where))
        if keep:
            self.callback(print, f"kept: {self.folder}")
        else:
            self.callback(shutil.rmtree, self.folder, ignore_errors=True)

    def new_folder(self, name):
        """Makes an empty folder, in place of the one that had the name before."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder
