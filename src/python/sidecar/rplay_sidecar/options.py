"""A plugin's options: from the call, the task's variables, the environment, ansible.cfg and defaults, in this order."""

import configparser
import os

_PARSERS = {}


def resolve(specs, variables, direct, config, plugin, task_keys, kind="lookup"):
    """The value of every option of a documentation."""
    found = {}
    for name, spec in specs.items():
        spec = spec or {}
        value, origin = _find(name, spec, variables, direct, config, task_keys)
        if value is None and spec.get("required") and origin == "default":
            from ansible.errors import AnsibleRequiredOptionError

            raise AnsibleRequiredOptionError(
                "Required config '{}' for '{}' {} plugin not provided.".format(name, plugin, kind)
            )
        found[name] = _checked(name, spec, value, origin, plugin, kind)
    return found


def _find(name, spec, variables, direct, config, task_keys):
    for key in [name] + list(spec.get("aliases") or []):
        if key in direct:
            return direct[key], "Direct"
    for entry in reversed(spec.get("vars") or []):
        if entry["name"] in variables:
            return variables[entry["name"]], "var: " + entry["name"]
    for entry in spec.get("keyword") or []:
        if task_keys.get(entry["name"]) is not None:
            return task_keys[entry["name"]], "keyword: " + entry["name"]
    for entry in reversed(spec.get("env") or []):
        if entry["name"] in os.environ:
            return os.environ[entry["name"]], "env: " + entry["name"]
    for entry in reversed(spec.get("ini") or []):
        parser = _parser(config)
        if parser is not None and parser.has_option(entry["section"], entry["key"]):
            return parser.get(entry["section"], entry["key"]), config
    return spec.get("default"), "default"


def _parser(config):
    if not config:
        return None
    if config not in _PARSERS:
        parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None, strict=False)
        try:
            parser.read(config, encoding="utf-8")
        except configparser.Error:
            # rplay has said what is wrong with its settings already.
            pass
        _PARSERS[config] = parser
    return _PARSERS[config]


def _checked(name, spec, value, origin, plugin, plugin_kind):
    if value is None:
        return None
    kind = spec.get("type") or "str"
    try:
        value = convert(value, kind)
        if spec.get("elements") and isinstance(value, list):
            value = [convert(item, spec["elements"]) for item in value]
    except (TypeError, ValueError) as error:
        from ansible.errors import AnsibleOptionsError

        raise AnsibleOptionsError(
            "Config '{}' for '{}' {} plugin from {!r} has an invalid value: {}".format(
                name, plugin, plugin_kind, origin, error
            )
        ) from None
    choices = spec.get("choices")
    if choices:
        for item in value if isinstance(value, list) else [value]:
            if item not in list(choices):
                from ansible.errors import AnsibleOptionsError

                raise AnsibleOptionsError(
                    "Invalid value {!r} for config {!r}: it must be one of {}".format(
                        item, name, ", ".join(str(choice) for choice in choices)
                    )
                )
    return value


def convert(value, kind):
    """A value as the type of its option."""
    kind = str(kind).lower()
    if kind in ("bool", "boolean"):
        from ansible.module_utils.parsing.convert_bool import boolean

        return boolean(value, strict=False)
    if kind in ("int", "integer"):
        return _number(value, int, "int")
    if kind == "float":
        return _number(value, float, "float")
    if kind in ("str", "string"):
        if isinstance(value, str):
            return value
        if isinstance(value, (bool, int, float, complex)):
            return str(value)
        raise _invalid(value, "str")
    if kind == "list":
        if isinstance(value, str):
            return [item.strip() for item in value.split(",")]
        if isinstance(value, (list, tuple)):
            return list(value)
        raise _invalid(value, "list")
    if kind in ("dict", "dictionary"):
        if isinstance(value, dict):
            return value
        raise _invalid(value, "dict")
    if kind in ("path", "tmp", "temppath", "tmppath"):
        return os.path.abspath(os.path.expanduser(os.path.expandvars(str(value))))
    if kind == "pathspec":
        return [convert(item, "path") for item in (value.split(os.pathsep) if isinstance(value, str) else value)]
    if kind == "pathlist":
        return [convert(item, "path") for item in (convert(value, "list") if isinstance(value, str) else value)]
    if kind == "none":
        return None if value == "None" else value
    return value


def _number(value, number, kind):
    if isinstance(value, number) and not isinstance(value, bool):
        return value
    try:
        if isinstance(value, (str, int)) or isinstance(value, float) and value == int(value):
            return number(value)
    except ValueError:
        pass
    raise _invalid(value, kind)


def _invalid(value, kind):
    return TypeError("Invalid value provided for {!r}: {!r}".format(kind, value))
