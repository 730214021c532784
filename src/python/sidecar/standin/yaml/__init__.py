"""Stands in for PyYAML where that is not installed: rplay reads and writes YAML."""

from rplay_sidecar import wire as _wire
from rplay_sidecar.context import Environment as _Environment


class YAMLError(Exception):
    """Text that is not YAML."""


class Loader:
    """Kept for the `Loader` argument."""


SafeLoader = FullLoader = CSafeLoader = CLoader = BaseLoader = UnsafeLoader = Loader


class Dumper:
    """Kept for the `Dumper` argument."""


SafeDumper = CSafeDumper = CDumper = Dumper


def safe_load(stream):
    text = stream.read() if hasattr(stream, "read") else stream
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    try:
        return _wire.CURRENT.ask("yaml", text=text)
    except Exception as error:
        raise YAMLError(str(error)) from None


def load(stream, Loader=None):
    return safe_load(stream)


full_load = safe_load


def safe_dump(data, stream=None, default_flow_style=False, sort_keys=True, indent=2, width=80, allow_unicode=False, **_):
    options = {"sort_keys": sort_keys, "default_flow_style": default_flow_style, "indent": indent or 2, "width": width or 80}
    options["allow_unicode"] = bool(allow_unicode)
    text = _Environment(_wire.CURRENT, None).call_filter("to_yaml", data, [], options)
    if stream is None:
        return text
    stream.write(text)
    return None


def dump(data, stream=None, Dumper=None, **options):
    return safe_dump(data, stream, **options)
