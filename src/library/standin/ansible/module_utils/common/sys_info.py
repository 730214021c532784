"""Which system this is."""

import platform

from ansible.module_utils import distro
from ansible.module_utils.common._utils import get_all_subclasses

__all__ = ("get_distribution", "get_distribution_codename", "get_distribution_version", "get_platform_subclass")

_NAMES = {"Amzn": "Amazon", "Rhel": "Redhat"}


def get_distribution():
    name = distro.id().capitalize()
    if platform.system() == "Linux" and not name:
        return "OtherLinux"
    return _NAMES.get(name, name)


def get_distribution_version():
    version = distro.version()
    if version is None:
        return ""
    best = distro.version(best=True)
    name = distro.id()
    if name == "centos":
        return ".".join(best.split(".")[:2])
    if name == "debian":
        return best
    return version


def get_distribution_codename():
    if platform.system() != "Linux":
        return None
    return distro.codename() or None


def get_platform_subclass(cls):
    """The class for this system among those that were derived from one."""
    system, distribution = platform.system(), get_distribution()
    children = get_all_subclasses(cls)
    chosen = None
    for child in children:
        if distribution is not None and getattr(child, "distribution", None) == distribution and child.platform == system:
            chosen = child
    for child in children:
        if chosen is None and child.platform == system and getattr(child, "distribution", None) is None:
            chosen = child
    return cls if chosen is None else chosen
