"""JSON with the values that Ansible knows."""

import datetime
import json
from collections.abc import Mapping


class AnsibleJSONEncoder(json.JSONEncoder):
    """Also writes dates, sets and mappings."""

    def __init__(self, preprocess_unsafe=False, vault_to_text=False, **kwargs):
        super().__init__(**kwargs)

    def default(self, o):
        if isinstance(o, (datetime.date, datetime.datetime)):
            return o.isoformat()
        if isinstance(o, Mapping):
            return dict(o)
        if isinstance(o, (set, frozenset)):
            return list(o)
        return super().default(o)


class AnsibleJSONDecoder(json.JSONDecoder):
    """Plain JSON."""
