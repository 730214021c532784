"""Conversions of option values."""

import ast
import json
import os

from ansible.module_utils.parsing.convert_bool import boolean


def check_type_str(value, allow_conversion=True, param=None, prefix=""):
    if isinstance(value, str):
        return value
    if allow_conversion and value is not None:
        return str(value)
    raise TypeError("'{!r}' is not a string and conversion is not allowed".format(value))


def check_type_list(value):
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, (int, float)):
        return [str(value)]
    raise TypeError("{} cannot be converted to a list".format(type(value)))


def check_type_dict(value):
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        for read in (json.loads, ast.literal_eval):
            try:
                found = read(value)
            except (ValueError, SyntaxError):
                continue
            if isinstance(found, dict):
                return found
        if "=" in value:
            return dict(item.strip().split("=", 1) for item in value.replace(",", " ").split() if "=" in item)
    raise TypeError("dictionary requested, could not parse JSON or key=value")


def check_type_bool(value):
    if isinstance(value, (bool, str, int, float)):
        return boolean(value)
    raise TypeError("{} cannot be converted to a bool".format(type(value)))


def check_type_int(value):
    if isinstance(value, bool) or not isinstance(value, int):
        try:
            return int(str(value))
        except ValueError:
            raise TypeError("'{}' cannot be converted to an int".format(value)) from None
    return value


def check_type_float(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError("{} cannot be converted to a float".format(type(value))) from None


def check_type_path(value):
    return os.path.expanduser(os.path.expandvars(check_type_str(value)))


def check_type_raw(value):
    return value
