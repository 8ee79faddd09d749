"""A kernel's modules for the guest: finds a module beside its kernel, with all that it depends on, in the order of loading.

Debian's packages bring no modules.dep (depmod makes it at installation), so dependencies are read from the modules themselves:
the .modinfo section is a list of "key=value" strings (kernel: include/linux/moduleparam.h, __MODULE_INFO).
"""
import lzma
import pathlib
import re


class ModuleError(Exception):
    """A module is not there."""


def directory_of(kernel):
    """Where the modules of this vmlinuz lie: it is in their directory, or in /boot of the same tree."""
    kernel = pathlib.Path(kernel).resolve()
    release = kernel.name.removeprefix("vmlinuz-")
    places = [kernel.parent, *(kernel.parent.parent / lib / release for lib in ("lib/modules", "usr/lib/modules"))]
    for place in places:
        if (place / "kernel").is_dir():
            return place
    raise ModuleError(f"no modules lie beside {kernel}")


def plain(name):
    """The kernel takes - and _ in a module's name for the same."""
    return name.replace("-", "_")


class Modules:
    """The modules of one kernel."""

    def __init__(self, kernel):
        self.directory = directory_of(kernel)
        self.paths = {plain(path.name.partition(".")[0]): path for path in self.directory.glob("kernel/**/*.ko*")}
        # Newer packages bring no list of what is built in; what is no module is taken for it then.
        builtin = self.directory / "modules.builtin"
        self.builtin = {plain(pathlib.PurePath(line).stem) for line in builtin.read_text().splitlines()} if builtin.exists() else None

    def is_builtin(self, name):
        return plain(name) not in self.paths and (self.builtin is None or plain(name) in self.builtin)

    def has(self, name):
        return plain(name) in self.paths or self.is_builtin(name)

    def read(self, name):
        """The module as the kernel loads it; None if it is built in."""
        path = self.paths.get(plain(name))
        if path is None:
            if self.is_builtin(name):
                return None
            raise ModuleError(f"the kernel in {self.directory} has no module {name}")
        return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()

    def closure(self, names):
        """[(name, contents)] of these modules and all that they need, each after what it needs."""
        loaded = {}

        def load(name, optional=False):
            if plain(name) in loaded or (optional and not self.has(name)):
                return
            data = self.read(name)
            loaded[plain(name)] = None      # a circle of soft dependencies must end
            if data is None:
                return
            for needed, soft in needs(data):
                load(needed, soft)
            del loaded[plain(name)]         # to its place behind them
            loaded[plain(name)] = data

        for name in names:
            load(name)
        return [(name, data) for name, data in loaded.items() if data is not None]


def needs(data):
    """(name, whether it may be absent) of what a module wants loaded before it."""
    hard = re.search(rb"\0depends=([^\0]*)\0", data)
    for name in (hard.group(1).decode().split(",") if hard else []):
        if name:
            yield name, False
    for words in re.findall(rb"\0softdep=pre: ?([^\0]*)\0", data):
        for name in words.decode().split(" post:")[0].split():
            yield name, True
