"""Paths as Ansible reads them."""

import os


def unfrackpath(path, follow=True, basedir=None):
    path = os.path.expanduser(os.path.expandvars(str(path)))
    if not os.path.isabs(path):
        path = os.path.join(basedir or os.getcwd(), path)
    return os.path.realpath(path) if follow else os.path.abspath(path)


def makedirs_safe(path, mode=None):
    os.makedirs(unfrackpath(path), mode=0o777 if mode is None else mode, exist_ok=True)


def basedir(source):
    source = str(source)
    return os.path.abspath(source if os.path.isdir(source) else os.path.dirname(source) or os.getcwd())
