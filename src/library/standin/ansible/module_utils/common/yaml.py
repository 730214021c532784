"""YAML, where the target's Python has it."""

from functools import partial

HAS_LIBYAML = False

try:
    import yaml as _yaml
except ImportError:
    HAS_YAML = False
    yaml_load = yaml_load_all = yaml_dump = yaml_dump_all = None
    SafeLoader = SafeDumper = Parser = object
else:
    HAS_YAML = True
    HAS_LIBYAML = hasattr(_yaml, "CSafeLoader")
    SafeLoader = getattr(_yaml, "CSafeLoader", _yaml.SafeLoader)
    SafeDumper = getattr(_yaml, "CSafeDumper", _yaml.SafeDumper)
    Parser = getattr(_yaml, "CParser", object)
    yaml_load = partial(_yaml.load, Loader=SafeLoader)
    yaml_load_all = partial(_yaml.load_all, Loader=SafeLoader)
    yaml_dump = partial(_yaml.dump, Dumper=SafeDumper)
    yaml_dump_all = partial(_yaml.dump_all, Dumper=SafeDumper)
