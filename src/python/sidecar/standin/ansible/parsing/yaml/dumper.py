"""Writing YAML."""

import yaml

AnsibleDumper = getattr(yaml, "SafeDumper", object)
