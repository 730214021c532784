"""`key=value` text."""

import shlex


def split_args(args):
    return shlex.split(args, posix=False)


def parse_kv(args, check_raw=False):
    options = {}
    raw = []
    for word in shlex.split(args or ""):
        key, found, value = word.partition("=")
        if found:
            options[key] = value
        else:
            raw.append(word)
    if raw and check_raw:
        options["_raw_params"] = " ".join(raw)
    return options
