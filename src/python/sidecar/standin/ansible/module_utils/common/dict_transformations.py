"""Names in snake case and camel case, and merging of mappings."""

import re
from collections.abc import MutableMapping
from copy import deepcopy


def _camel_to_snake(name, reversible=False):
    if reversible:
        return re.sub(r"(?!^)([A-Z])", r"_\1", name).lower()
    name = re.sub(r"[A-Z]{3,}s$", lambda found: "_" + found.group().lower(), name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def _snake_to_camel(snake, capitalize_first=False):
    parts = snake.split("_")
    first = parts[0].capitalize() if capitalize_first and parts[0] else parts[0]
    return first + "".join(part.capitalize() or "_" for part in parts[1:])


def camel_dict_to_snake_dict(camel_dict, reversible=False, ignore_list=()):
    def convert(value):
        if isinstance(value, dict):
            return camel_dict_to_snake_dict(value, reversible, ignore_list)
        if isinstance(value, list):
            return [convert(item) for item in value]
        return value

    snake = {}
    for key, value in camel_dict.items():
        snake[_camel_to_snake(key, reversible)] = value if key in ignore_list else convert(value)
    return snake


def snake_dict_to_camel_dict(snake_dict, capitalize_first=False):
    def convert(value):
        if isinstance(value, dict):
            return {_snake_to_camel(key, capitalize_first): convert(item) for key, item in value.items()}
        if isinstance(value, list):
            return [convert(item) for item in value]
        return value

    return convert(snake_dict)


def dict_merge(a, b):
    if not isinstance(b, dict):
        return b
    result = deepcopy(a)
    for key, value in b.items():
        if key in result and isinstance(result[key], dict):
            result[key] = dict_merge(result[key], value)
        else:
            result[key] = deepcopy(value)
    return result


def recursive_diff(dict1, dict2):
    """What only one of two mappings has, or has otherwise; None when they are equal."""
    if not isinstance(dict1, MutableMapping) or not isinstance(dict2, MutableMapping):
        raise TypeError("Unable to diff 'dict1' {} and 'dict2' {}. Both must be a dictionary.".format(type(dict1), type(dict2)))
    left = {key: value for key, value in dict1.items() if key not in dict2}
    right = {key: value for key, value in dict2.items() if key not in dict1}
    for key in dict1:
        if key not in dict2:
            continue
        one, other = dict1[key], dict2[key]
        if isinstance(one, dict) and isinstance(other, dict):
            found = recursive_diff(one, other)
            if found:
                left[key], right[key] = found
        elif one != other:
            left[key], right[key] = one, other
    return (left, right) if left or right else None
