"""Keeps values as long as the process."""

from ansible.plugins.cache import BaseCacheModule

DOCUMENTATION = "options: {}"


class CacheModule(BaseCacheModule):
    _persistent = False

    def __init__(self, *args, **kwargs):
        super().__init__()
        self._cache = {}

    def get(self, key):
        return self._cache[key]

    def set(self, key, value):
        self._cache[key] = value

    def keys(self):
        return self._cache.keys()

    def contains(self, key):
        return key in self._cache

    def delete(self, key):
        del self._cache[key]

    def flush(self):
        self._cache = {}
