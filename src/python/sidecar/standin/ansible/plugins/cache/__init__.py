"""What cache plugins are built on, and how inventory plugins use them."""

import copy
import os
import tempfile
import time
from collections.abc import MutableMapping

from ansible.errors import AnsibleError
from ansible.plugins import AnsiblePlugin
from ansible.utils.display import Display

display = Display()


class BaseCacheModule(AnsiblePlugin):
    """Keeps values by key."""

    _display = display
    _persistent = True

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.set_options(var_options=args, direct=kwargs)


class BaseFileCacheModule(BaseCacheModule):
    """Keeps one file a key."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.plugin_name = self.__module__.rpartition(".")[2]
        try:
            folder, self._timeout = self.get_option("_uri"), float(self.get_option("_timeout"))
        except KeyError:
            from ansible import constants

            folder, self._timeout = constants.CACHE_PLUGIN_CONNECTION, float(constants.CACHE_PLUGIN_TIMEOUT)
        self._cache_dir = self._get_cache_connection(folder)
        self._cache = {}
        self.validate_cache_connection()

    def _get_cache_connection(self, source):
        return os.path.expanduser(os.path.expandvars(source)) if source else None

    def validate_cache_connection(self):
        if not self._cache_dir:
            raise AnsibleError("error, '{}' cache plugin requires the 'fact_caching_connection' config option to be set "
                               "(to a writeable directory path)".format(self.plugin_name))
        try:
            os.makedirs(self._cache_dir, exist_ok=True)
        except OSError as error:
            raise AnsibleError("Error in {!r} cache plugin while trying to create cache dir {!r}: {}".format(
                self.plugin_name, self._cache_dir, error))
        if not os.access(self._cache_dir, os.R_OK | os.W_OK | os.X_OK):
            raise AnsibleError("error in '{}' cache, configured path ({}) does not have necessary permissions (rwx), "
                               "disabling plugin".format(self.plugin_name, self._cache_dir))

    def _prefix(self):
        try:
            return self.get_option("_prefix") or ""
        except KeyError:
            return ""

    def _get_cache_file_name(self, key):
        return "{}/{}{}".format(self._cache_dir, self._prefix(), key)

    def has_expired(self, key):
        if not self._timeout:
            return False
        try:
            age = time.time() - os.stat(self._get_cache_file_name(key)).st_mtime
        except OSError:
            return False
        if age <= self._timeout:
            return False
        self._cache.pop(key, None)
        return True

    def get(self, key):
        if key not in self._cache:
            if key == "" or self.has_expired(key):
                raise KeyError(key)
            file = self._get_cache_file_name(key)
            try:
                self._cache[key] = self._load(file)
            except FileNotFoundError:
                raise KeyError(key) from None
            except ValueError as error:
                self.delete(key)
                raise AnsibleError("The cache file {} was corrupt, or did not otherwise contain valid data ({}). It has "
                                   "been removed, so you can re-run your command now.".format(file, error))
        return self._cache.get(key)

    def set(self, key, value):
        self._cache[key] = value
        file = self._get_cache_file_name(key)
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(file))
        os.close(handle)
        try:
            self._dump(value, temporary)
            os.chmod(temporary, 0o644)
            os.rename(temporary, file)
        except OSError as error:
            display.warning("Error in {!r} cache plugin while trying to write {!r}: {}".format(self.plugin_name, file, error))
            os.unlink(temporary)

    def keys(self):
        prefix = self._prefix()
        names = (name for name in os.listdir(self._cache_dir) if not name.startswith(".") and name.startswith(prefix))
        return [name[len(prefix):] for name in names if not self.has_expired(name[len(prefix):])]

    def contains(self, key):
        return key in self._cache or not self.has_expired(key) and os.path.exists(self._get_cache_file_name(key))

    def delete(self, key):
        self._cache.pop(key, None)
        try:
            os.remove(self._get_cache_file_name(key))
        except OSError:
            pass

    def flush(self):
        self._cache = {}
        for key in self.keys():
            self.delete(key)


class CachePluginAdjudicator(MutableMapping):
    """A cache as a mapping: what is set is written when it is said to, what is read is kept."""

    def __init__(self, plugin_name="memory", **kwargs):
        from ansible.plugins.loader import cache_loader

        self._cache, self._retrieved = {}, {}
        self._plugin = cache_loader.get(plugin_name, **kwargs)
        if self._plugin is None:
            raise AnsibleError("Unable to load the cache plugin ({}).".format(plugin_name))

    def update_cache_if_changed(self):
        if self._retrieved != self._cache:
            self.set_cache()

    def set_cache(self):
        for key, value in self._cache.items():
            self._plugin.set(key, value)
        self._retrieved = copy.deepcopy(self._cache)

    def load_whole_cache(self):
        for key in self._plugin.keys():
            self._cache[key] = self._plugin.get(key)

    def _fetch(self, key):
        if key in self._cache or key in self._retrieved or not self._plugin._persistent or not self._plugin.contains(key):
            return
        try:
            self._cache[key] = self._retrieved[key] = self._plugin.get(key)
        except KeyError:
            pass

    def __getitem__(self, key):
        self._fetch(key)
        return self._cache[key]

    def get(self, key, default=None):
        self._fetch(key)
        return self._cache.get(key, default)

    def __setitem__(self, key, value):
        self._cache[key] = value

    def __delitem__(self, key):
        del self._cache[key]

    def __iter__(self):
        return iter(self._cache)

    def __len__(self):
        return len(self._cache)

    def __contains__(self, key):
        return key in self._cache

    def __repr__(self):
        return repr(self._cache)

    def items(self):
        return self._cache.items()

    def keys(self):
        return self._cache.keys()

    def values(self):
        return self._cache.values()

    def pop(self, key, *default):
        return self._cache.pop(key, *default)

    def update(self, value):
        self._cache.update(value)

    def flush(self):
        self._plugin.flush()
        self._cache = {}

    clear = flush
