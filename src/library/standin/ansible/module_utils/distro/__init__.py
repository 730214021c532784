"""The distribution, as `os-release` tells it."""

import os
import shlex

_FILES = ("/etc/os-release", "/usr/lib/os-release")


def os_release_info():
    for name in _FILES:
        if os.path.isfile(name):
            with open(name, encoding="utf-8", errors="replace") as lines:
                words = shlex.split(lines.read(), comments=True)
            return dict((key.lower(), value) for key, _, value in (word.partition("=") for word in words if "=" in word))
    return {}


def id():
    return os_release_info().get("id", "").lower().replace(" ", "_")


def name(pretty=False):
    info = os_release_info()
    return info.get("pretty_name" if pretty else "name", "")


def version(pretty=False, best=False):
    info = os_release_info()
    found = info.get("version_id", "")
    if best and id() == "debian" and os.path.isfile("/etc/debian_version"):
        with open("/etc/debian_version") as text:
            longer = text.read().strip()
        found = longer if longer.startswith(found) else found
    if pretty and found and codename():
        return "{} ({})".format(found, codename())
    return found


def version_parts(best=False):
    parts = (version(best=best).split(".") + ["", "", ""])[:3]
    return tuple(parts)


def major_version(best=False):
    return version_parts(best)[0]


def minor_version(best=False):
    return version_parts(best)[1]


def like():
    return os_release_info().get("id_like", "")


def codename():
    info = os_release_info()
    return info.get("version_codename") or info.get("ubuntu_codename", "")


def info(pretty=False, best=False):
    major, minor, build = version_parts(best)
    return {
        "id": id(),
        "version": version(pretty, best),
        "version_parts": {"major": major, "minor": minor, "build_number": build},
        "like": like(),
        "codename": codename(),
    }


def linux_distribution(full_distribution_name=True):
    return (name() if full_distribution_name else id(), version(), codename())


def os_release_attr(attribute):
    return os_release_info().get(attribute, "")
