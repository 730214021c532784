"""Permissions and attributes of files."""

import os
import re
import stat

FILE_ATTRIBUTES = {
    "A": "noatime",
    "a": "append",
    "c": "compressed",
    "C": "nocow",
    "d": "nodump",
    "D": "dirsync",
    "e": "extents",
    "E": "encrypted",
    "h": "blocksize",
    "i": "immutable",
    "I": "indexed",
    "j": "journalled",
    "N": "inline",
    "s": "zero",
    "S": "synchronous",
    "t": "notail",
    "T": "blockroot",
    "u": "undelete",
    "X": "compressedraw",
    "Z": "compresseddirty",
}

USERS_RE = re.compile(r"^[ugo]+$")
PERMS_RE = re.compile(r"^[rwxXstugo]*$")

S_IXANY = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
S_IRWU_RWG_RWO = 0o666
S_IRWU_RG_RO = 0o644
S_IRWXU_RXG_RXO = 0o755
_PERM_BITS = 0o7777
_EXEC_PERM_BITS = 0o111
_DEFAULT_PERM = 0o666


def is_executable(path):
    """Whether anybody may run a file."""
    return bool(os.stat(path).st_mode & S_IXANY)


def format_attributes(attributes):
    return [FILE_ATTRIBUTES[letter] for letter in attributes if letter in FILE_ATTRIBUTES]


def get_flags_from_attributes(attributes):
    return "".join(letter for letter, name in FILE_ATTRIBUTES.items() if name in attributes)


def get_file_arg_spec():
    return dict((name, {}) for name in ("mode", "owner", "group", "seuser", "serole", "selevel", "setype", "attributes"))
