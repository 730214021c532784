"""Keeps one JSON file a key."""

import json

from ansible.plugins.cache import BaseFileCacheModule

DOCUMENTATION = """
options:
  _uri:
    type: path
    required: true
    env: [{name: ANSIBLE_CACHE_PLUGIN_CONNECTION}]
    ini: [{section: defaults, key: fact_caching_connection}]
  _prefix:
    env: [{name: ANSIBLE_CACHE_PLUGIN_PREFIX}]
    ini: [{section: defaults, key: fact_caching_prefix}]
  _timeout:
    type: integer
    default: 86400
    env: [{name: ANSIBLE_CACHE_PLUGIN_TIMEOUT}]
    ini: [{section: defaults, key: fact_caching_timeout}]
"""


class CacheModule(BaseFileCacheModule):
    def _load(self, filepath):
        with open(filepath, encoding="utf-8") as file:
            return json.load(file)

    def _dump(self, value, filepath):
        with open(filepath, "w", encoding="utf-8") as file:
            json.dump(value, file)
