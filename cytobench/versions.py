"""Which versions of packages are installed; imported wherever methods are listed, so it needs next to nothing."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from packaging.version import Version


def installed_version(package: str) -> str:
    """Return the public version of a package (2.13.0, whatever it was built for), or "" where it is not installed."""
    try:
        return Version(version(package)).public
    except PackageNotFoundError:
        return ""
