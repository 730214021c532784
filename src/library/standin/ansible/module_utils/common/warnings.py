"""What a module has to say besides its result."""

_warnings = []
_deprecations = []


def warn(warning, help_text=None, obj=None):
    if not isinstance(warning, str):
        raise TypeError("`warning` must be {} instead of {}".format(str, type(warning)))
    if help_text:
        warning = "{} {}".format(warning, help_text)
    if warning not in _warnings:
        _warnings.append(warning)


def deprecate(msg, version=None, date=None, collection_name=None, deprecator=None, help_text=None, obj=None):
    if help_text:
        msg = "{} {}".format(msg, help_text)
    note = {"msg": msg, "collection_name": collection_name}
    if date:
        note["date"] = date
    else:
        note["version"] = version
    if note not in _deprecations:
        _deprecations.append(note)


def error_as_warning(msg, exception, help_text=None, obj=None):
    warn("{}: {}".format(msg, exception) if msg else str(exception), help_text=help_text)


def get_warning_messages():
    return tuple(_warnings)


def get_deprecation_messages():
    return tuple(_deprecations)


def get_warnings():
    return list(_warnings)


def get_deprecations():
    return list(_deprecations)
