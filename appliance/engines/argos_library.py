"""The one door to Argos Translate: its package and tokenizer modules without what they drag along.

Argos Translate 1.11 has three habits that an appliance cannot have. Importing `argostranslate.settings` reads `ARGOS_*`
and a settings file of the user, and creates four folders in the home directory. `package.install_from_path` and
`uninstall` import `argostranslate.translate` after they have acted, and that imports stanza and torch. And the folder
that packs go to is a module variable. Here the import happens once, with the environment pointed at a folder that is
removed again; an empty stand-in takes the place of `argostranslate.translate`; and the folder is set for each call.
"""

import functools
import importlib
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

_lock = threading.RLock()
_FOLDER_VARIABLES = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "ARGOS_PACKAGES_DIR")


def install_archive(archive: Path, into: Path) -> Path:
    """Unpack an `.argosmodel` into a folder through Argos Translate and return the pack's own folder.

    `into` must exist and be empty. Raises what zipfile and the operating system raise.
    """
    with _lock:
        package = _package_module()
        settings: Any = sys.modules["argostranslate.settings"]
        before = settings.package_data_dir
        settings.package_data_dir = into
        try:
            package.install_from_path(archive)
        finally:
            settings.package_data_dir = before
    [folder] = into.iterdir()
    return folder


def installed_packages(folder: Path) -> list[Any]:
    """Return Argos Translate's Package for every pack in a folder; a folder that is no pack raises."""
    packages: list[Any] = _package_module().get_installed_packages(path=[folder])
    return packages


def open_package(folder: Path) -> Any:
    """Return Argos Translate's Package of one pack's own folder, with its `tokenizer` and `target_prefix`."""
    return _package_module().Package(folder)


def uninstall(package: Any) -> None:
    """Delete a pack's folder through Argos Translate."""
    with _lock:
        _package_module().uninstall(package)


def _package_module() -> Any:
    with _lock:
        loaded = sys.modules.get("argostranslate.package")
        if loaded is not None:
            return loaded
        if "argostranslate.translate" not in sys.modules:
            stand_in: Any = ModuleType("argostranslate.translate", "Stands in for the module that imports stanza.")
            # install_from_path and uninstall call get_installed_languages.cache_clear().
            stand_in.get_installed_languages = functools.cache(list)
            sys.modules["argostranslate.translate"] = stand_in
        with _borrowed_environment():
            return importlib.import_module("argostranslate.package")


@contextmanager
def _borrowed_environment() -> Iterator[None]:
    """Point the folders that Argos Translate makes at import at a scratch folder, and hide its variables from it."""
    before = dict(os.environ)
    scratch = tempfile.mkdtemp(prefix="meeshy-argos-import-")
    try:
        for name in before:
            # SNAP changes its folders too; ARGOS_DEBUG would log texts.
            if name.startswith("ARGOS_") or name == "SNAP":
                del os.environ[name]
        for name in _FOLDER_VARIABLES:
            os.environ[name] = scratch
        yield
    finally:
        # Its settings also set KMP_DUPLICATE_LIB_OK, which would hide a clash of OpenMP runtimes from us.
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
        shutil.rmtree(scratch)
