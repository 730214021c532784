"""Text from plugins is data anyway: nothing has to be wrapped."""


class AnsibleUnsafe:
    """Marks what is never a template."""


class AnsibleUnsafeText(str, AnsibleUnsafe):
    """Text that is data."""


class AnsibleUnsafeBytes(bytes, AnsibleUnsafe):
    """Bytes that are data."""


class NativeJinjaUnsafeText(AnsibleUnsafeText):
    """Text that is data."""


def wrap_var(value):
    if isinstance(value, dict):
        return {wrap_var(key): wrap_var(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return type(value)(wrap_var(item) for item in value)
    if isinstance(value, AnsibleUnsafe):
        return value
    if isinstance(value, str):
        return AnsibleUnsafeText(value)
    if isinstance(value, bytes):
        return AnsibleUnsafeBytes(value)
    return value


def to_unsafe_text(*args, **kwargs):
    from ansible.module_utils.common.text.converters import to_text

    return wrap_var(to_text(*args, **kwargs))


def to_unsafe_bytes(*args, **kwargs):
    from ansible.module_utils.common.text.converters import to_bytes

    return wrap_var(to_bytes(*args, **kwargs))
