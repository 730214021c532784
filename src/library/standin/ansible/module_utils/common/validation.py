"""Types of option values, and rules between options."""

import ast
import decimal
import json
import os
import re

from ansible.module_utils.common.collections import is_iterable
from ansible.module_utils.common.text.converters import jsonify, to_native
from ansible.module_utils.common.text.formatters import human_to_bytes
from ansible.module_utils.parsing.convert_bool import boolean


def _refuse(message, context):
    if context:
        message += " found in " + " -> ".join(context)
    raise TypeError(message)


def count_terms(terms, parameters):
    """How many of these names are given."""
    if not is_iterable(terms):
        terms = [terms]
    return len(set(terms).intersection(parameters))


def safe_eval(value, locals=None, include_exceptions=False):
    if not isinstance(value, str) or re.search(r"\w\.\w+\(|import \w+", value):
        return (value, None) if include_exceptions else value
    try:
        result, error = ast.literal_eval(value), None
    except Exception as problem:
        result, error = value, problem
    return (result, error) if include_exceptions else result


def check_mutually_exclusive(terms, parameters, options_context=None):
    clashes = [group for group in terms or [] if count_terms(group, parameters) > 1]
    if clashes:
        _refuse("parameters are mutually exclusive: " + ", ".join("|".join(group) for group in clashes), options_context)
    return []


def check_required_one_of(terms, parameters, options_context=None):
    for group in terms or []:
        if not count_terms(group, parameters):
            _refuse("one of the following is required: " + ", ".join(group), options_context)
    return []


def check_required_together(terms, parameters, options_context=None):
    for group in terms or []:
        counts = [count_terms(name, parameters) for name in group]
        if any(counts) and not all(counts):
            _refuse("parameters are required together: " + ", ".join(group), options_context)
    return []


def check_required_by(requirements, parameters, options_context=None):
    for key, names in (requirements or {}).items():
        if parameters.get(key) is None:
            continue
        names = [names] if isinstance(names, str) else names
        missing = [name for name in names if parameters.get(name) is None]
        if missing:
            _refuse("missing parameter(s) required by '{}': {}".format(key, ", ".join(missing)), options_context)
    return {}


def check_required_arguments(argument_spec, parameters, options_context=None):
    missing = [name for name, rules in (argument_spec or {}).items() if rules.get("required") and name not in parameters]
    if missing:
        _refuse("missing required arguments: " + ", ".join(sorted(missing)), options_context)
    return []


def check_required_if(requirements, parameters, options_context=None):
    for requirement in requirements or []:
        key, value, names = requirement[:3]
        any_will_do = len(requirement) > 3 and requirement[3]
        if key not in parameters or parameters[key] != value:
            continue
        missing = [name for name in names if not count_terms(name, parameters)]
        if missing and (not any_will_do or len(missing) >= len(names)):
            word = "any" if any_will_do else "all"
            text = "{} is {} but {} of the following are missing: {}".format(key, value, word, ", ".join(missing))
            _refuse(text, options_context)
    return []


def check_missing_parameters(parameters, required_parameters=None):
    missing = [name for name in required_parameters or [] if not parameters.get(name)]
    if missing:
        raise TypeError("missing required arguments: " + ", ".join(missing))
    return []


def _cannot(value, what):
    raise TypeError("{} cannot be converted to {}".format(type(value), what))


def check_type_str(value, allow_conversion=True, param=None, prefix=""):
    if isinstance(value, str):
        return value
    if allow_conversion and value is not None:
        return to_native(value, errors="surrogate_or_strict")
    raise TypeError("'{!r}' is not a string and conversion is not allowed".format(value))


def check_type_list(value):
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, (int, float)):
        return [str(value)]
    return _cannot(value, "a list")


def check_type_dict(value):
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        return _cannot(value, "a dict")
    if value.startswith("{"):
        for read in (json.loads, ast.literal_eval):
            try:
                found = read(value)
            except Exception:
                continue
            if isinstance(found, dict):
                return found
        raise TypeError("unable to evaluate string as dictionary")
    if "=" not in value:
        raise TypeError("dictionary requested, could not parse JSON or key=value")
    try:
        return dict(word.split("=", 1) for word in _words(value.strip()))
    except ValueError:
        raise TypeError('unable to evaluate string in the "key=value" format as dictionary') from None


def _words(text):
    """What commas and spaces part, unless they are quoted or escaped."""
    word, quote, escaped = "", None, False
    for char in text:
        if escaped:
            word, escaped = word + char, False
        elif char == "\\":
            escaped = True
        elif quote is None and char in "'\"":
            quote = char
        elif char == quote:
            quote = None
        elif quote is None and char in ", ":
            if word:
                yield word
            word = ""
        else:
            word += char
    if word:
        yield word


def check_type_bool(value):
    if isinstance(value, (bool, str, int, float)):
        return boolean(value)
    return _cannot(value, "a bool")


def check_type_int(value):
    if isinstance(value, int):
        return value
    try:
        exact = decimal.Decimal(value)
        if exact != int(exact):
            raise ValueError("a fraction")
        return int(exact)
    except (decimal.DecimalException, TypeError, ValueError, OverflowError):
        raise TypeError('"{!r}" cannot be converted to an int'.format(value)) from None


def check_type_float(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return _cannot(value, "a float")


def check_type_path(value):
    return os.path.expanduser(os.path.expandvars(check_type_str(value)))


def check_type_raw(value):
    return value


def check_type_bytes(value):
    try:
        return human_to_bytes(value)
    except ValueError:
        return _cannot(value, "a Byte value")


def check_type_bits(value):
    try:
        return human_to_bytes(value, isbits=True)
    except ValueError:
        return _cannot(value, "a Bit value")


def check_type_jsonarg(value):
    if isinstance(value, (str, bytes)):
        return value.strip()
    if isinstance(value, (list, tuple, dict)):
        return jsonify(value)
    return _cannot(value, "a json string")
