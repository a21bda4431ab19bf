"""The form of the hot path: compiled, or the Python that it is compiled from.

Both are installed side by side, and Python prefers the compiled form. COOLAMQP_PURE in the
environment hides it: to compare the two, or for a debugger or a profiler.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from types import ModuleType


class SourceFinder:
    """Finds the modules of this package by their source alone."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of this package; None for others."""
        if path is None or not fullname.startswith('coolamqp.'):
            return None
        finders = (FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)) for folder in path)
        specs = (finder.find_spec(fullname) for finder in finders)
        return next((spec for spec in specs if spec is not None), None)


def choose_form(package: str) -> bool:
    """Choose the form, before anything else is imported.

    :param package: the folder of this package
    :returns: whether it is the compiled form
    """
    if os.environ.get('COOLAMQP_PURE'):
        sys.meta_path.insert(0, SourceFinder())
        return False
    extensions = FileFinder(f'{package}/framing', (ExtensionFileLoader, EXTENSION_SUFFIXES))
    return extensions.find_spec('hot') is not None
