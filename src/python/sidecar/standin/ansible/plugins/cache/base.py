"""The name that old plugins import their base by."""

from ansible.plugins.cache import BaseCacheModule, BaseFileCacheModule  # noqa: F401
