"""Decorators and small things."""

import enum


class _PassArg(enum.Enum):
    context = enum.auto()
    eval_context = enum.auto()
    environment = enum.auto()

    @classmethod
    def from_obj(cls, obj):
        return getattr(obj, "jinja_pass_arg", None)


class MissingType:
    """The type of `missing`."""

    def __repr__(self):
        return "missing"


missing = MissingType()


def pass_context(f):
    f.jinja_pass_arg = _PassArg.context
    return f


def pass_eval_context(f):
    f.jinja_pass_arg = _PassArg.eval_context
    return f


def pass_environment(f):
    f.jinja_pass_arg = _PassArg.environment
    return f


# The names of Jinja2 before 3.0.
contextfunction = contextfilter = pass_context
evalcontextfunction = evalcontextfilter = pass_eval_context
environmentfunction = environmentfilter = pass_environment


class Namespace:
    """Names that can be assigned."""

    def __init__(self, *args, **kwargs):
        self.__dict__.update(dict(*args, **kwargs))


def htmlsafe_json_dumps(obj, dumps=None, **kwargs):
    import json

    text = (dumps or json.dumps)(obj, **kwargs)
    for mark in "<>&'":
        text = text.replace(mark, "\\u{:04x}".format(ord(mark)))
    return text
