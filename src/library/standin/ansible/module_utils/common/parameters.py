"""Options by their rules: aliases, defaults, types, choices, and what must not be shown."""

import datetime
import os
from collections.abc import Mapping, Sequence, Set

from ansible.module_utils.common.collections import is_iterable
from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text
from ansible.module_utils.common.validation import (
    check_type_bits,
    check_type_bool,
    check_type_bytes,
    check_type_dict,
    check_type_float,
    check_type_int,
    check_type_jsonarg,
    check_type_list,
    check_type_path,
    check_type_raw,
    check_type_str,
)
from ansible.module_utils.errors import AnsibleFallbackNotFound

# What the controller tells besides the options, as `_ansible_NAME`: the attribute it becomes, and its default.
PASS_VARS = {
    "check_mode": ("check_mode", False),
    "debug": ("_debug", False),
    "diff": ("_diff", False),
    "ignore_unknown_opts": ("_ignore_unknown_opts", False),
    "keep_remote_files": ("_keep_remote_files", False),
    "module_name": ("_name", None),
    "no_log": ("no_log", False),
    "remote_tmp": ("_remote_tmp", None),
    "selinux_special_fs": ("_selinux_special_fs", ["fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat"]),
    "shell_executable": ("_shell", "/bin/sh"),
    "socket": ("_socket_path", None),
    "syslog_facility": ("_syslog_facility", "INFO"),
    "target_log_info": ("_target_log_info", None),
    "tmpdir": ("_tmpdir", None),
    "tracebacks_for": ("_tracebacks_for", frozenset()),
    "verbosity": ("_verbosity", 0),
    "version": ("ansible_version", "0.0"),
}
PASS_BOOLS = ("check_mode", "debug", "diff", "keep_remote_files", "ignore_unknown_opts", "no_log")

DEFAULT_TYPE_VALIDATORS = {
    "bits": check_type_bits,
    "bool": check_type_bool,
    "bytes": check_type_bytes,
    "dict": check_type_dict,
    "float": check_type_float,
    "int": check_type_int,
    "json": check_type_jsonarg,
    "jsonarg": check_type_jsonarg,
    "list": check_type_list,
    "path": check_type_path,
    "raw": check_type_raw,
    "str": check_type_str,
}

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def env_fallback(*args, **kwargs):
    """The first of these variables that is set."""
    for name in args:
        if name in os.environ:
            return os.environ[name]
    raise AnsibleFallbackNotFound


def set_fallbacks(argument_spec, parameters):
    secrets = set()
    for name, rules in argument_spec.items():
        fallback = rules.get("fallback", (None,))
        if name in parameters or fallback[0] is None:
            continue
        args, keywords = [], {}
        for given in fallback[1:]:
            if isinstance(given, dict):
                keywords = given
            else:
                args = given
        try:
            value = fallback[0](*args, **keywords)
        except AnsibleFallbackNotFound:
            continue
        if rules.get("no_log") and value:
            secrets.add(value)
        parameters[name] = value
    return secrets


def secret_texts(value):
    """Every text and number in a value, as text."""
    if value is None or isinstance(value, bool):
        return set()
    if isinstance(value, (str, bytes)):
        return {to_native(value)} if value else set()
    if isinstance(value, Mapping):
        return set().union(*[secret_texts(item) for item in value.values()])
    if is_iterable(value):
        return set().union(*[secret_texts(item) for item in value])
    if isinstance(value, (int, float)):
        return {str(value)}
    raise TypeError("Unknown parameter type: {}".format(type(value)))


def remove_values(value, no_log_strings):
    """A copy of a value without these texts."""
    secrets = sorted((to_native(secret) for secret in no_log_strings), key=len, reverse=True)
    return _without(value, secrets)


def _without(value, secrets):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value in secrets:
            return HIDDEN
        for secret in secrets:
            value = value.replace(secret, "*" * 8)
        return value
    if isinstance(value, bytes):
        return to_bytes(_without(to_text(value), secrets))
    if isinstance(value, Mapping):
        return dict((key, _without(item, secrets)) for key, item in value.items())
    if isinstance(value, Set):
        return set(_without(item, secrets) for item in value)
    if isinstance(value, Sequence):
        return [_without(item, secrets) for item in value]
    if isinstance(value, (int, float)):
        return HIDDEN if any(secret in str(value) for secret in secrets) else value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value
    raise TypeError("Value of unknown type: {}, {}".format(type(value), value))


def sanitize_keys(obj, no_log_strings, ignore_keys=frozenset()):
    """A copy of a value without these texts in its keys."""
    secrets = sorted((to_native(secret) for secret in no_log_strings), key=len, reverse=True)

    def clean(value):
        if isinstance(value, (str, bytes)):
            return value
        if isinstance(value, Mapping):
            kept = lambda key: key in ignore_keys or (isinstance(key, str) and key.startswith("_ansible"))  # noqa: E731
            return dict((key if kept(key) else _without(key, secrets), clean(item)) for key, item in value.items())
        if isinstance(value, Set):
            return set(clean(item) for item in value)
        if isinstance(value, Sequence):
            return [clean(item) for item in value]
        return value

    return clean(obj)
