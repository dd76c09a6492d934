"""Folders that code under test is never shown: those of credentials, and of sockets that act for the user."""

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

__all__ = ["public"]

_OF_THE_MACHINE = (
    *("/dev", "/etc", "/proc", "/run", "/sys", "/var/run", "/var/lib/incus", "/var/lib/lxd", "/var/snap"),
    *("/nix/var/nix/daemon-socket", "/tmp/.ICE-unix", "/tmp/.X11-unix"),
)
"""Settings, devices and services: a socket that is shown read-only can be connected to all the same."""

_DISKS = Path("/run/media")
"""Where desktops mount what is plugged in."""

_SHARED = (Path("/tmp"), Path("/var/tmp"))
"""Folders of which single ones may be shown, and never all."""

_OF_THE_USER = (
    *(".1password", ".aws", ".azure", ".cache/huggingface", ".config/chromium", ".config/containers"),
    *(".config/gcloud", ".config/gh", ".config/git", ".config/google-chrome", ".config/moot", ".config/op"),
    *(".config/pip", ".config/rclone", ".docker", ".gem/credentials", ".gnupg", ".kube", ".m2", ".mozilla"),
    *(".local/share/keyrings", ".local/share/kwalletd", ".local/share/moot", ".password-store", ".pki"),
    *(".ssh", ".terraform.d"),
)
"""What holds passwords, keys and tokens, from the home."""

_OF_CARGO = ("credentials", "credentials.toml")


def public(places: Iterable[Path], tree: Path) -> list[Path]:
    """Leave out places that hold credentials or sockets, or that lie in or above a folder that does.

    A link counts as what it leads to. So homes, and `.local`, `.cargo` and `.config` in them, are left out,
    and what lies in these is not, but for credentials.

    Args:
        places: files and folders.
        tree: the user's project, which may lie in such a folder itself, as in /dev/shm.
    """
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib raises where there is none
    private = _private(home, os.environ.get("CARGO_HOME") or f"{home}/.cargo")
    top = _real(tree)
    return [place for place in places if _is_public(_real(place), top, private)]


@lru_cache(maxsize=4)
def _private(home: str, cargo: str) -> tuple[Path, ...]:
    of_the_user = (*(Path(home, name) for name in _OF_THE_USER), *(Path(cargo, name) for name in _OF_CARGO))
    named = (*map(Path, _OF_THE_MACHINE), *of_the_user)
    return tuple(dict.fromkeys(path for name in named for path in (name, _real(name))))


def _is_public(place: Path, tree: Path, private: tuple[Path, ...]) -> bool:
    if place in map(_real, _SHARED) or any(folder.is_relative_to(place) for folder in private):
        return False
    services = _DISKS.parents if place.is_relative_to(_DISKS) else ()
    around = [folder for folder in private if place.is_relative_to(folder) and folder not in services]
    if place.is_relative_to(tree):
        return all(tree.is_relative_to(folder) for folder in around)
    return not around and not _has_socket(place)


def _has_socket(place: Path) -> bool:
    """Tell whether a folder has a socket, a pipe or a device in it, or is one."""
    try:
        with os.scandir(place) as entries:
            return not all(_is_plain(entry) for entry in entries)
    except NotADirectoryError:
        return not place.is_file()
    except OSError:
        return True  # what cannot be listed holds no programs


def _is_plain(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() or entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
