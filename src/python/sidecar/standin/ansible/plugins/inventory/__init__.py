"""What inventory plugins are built on."""

import hashlib
import os
import string
from collections.abc import Mapping

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.group import to_safe_group_name as _safe
from ansible.module_utils.common.text.converters import to_native
from ansible.plugins import AnsiblePlugin
from ansible.plugins.cache import CachePluginAdjudicator
from ansible.utils.display import Display
from ansible.utils.vars import combine_vars, load_extra_vars
from rplay_sidecar import wire as _wire
from rplay_sidecar.lookups import Templar as _Templar

display = Display()
_CACHE_OPTIONS = (("_uri", "cache_connection"), ("_timeout", "cache_timeout"), ("_prefix", "cache_prefix"))


def to_safe_group_name(name):
    return _safe(name, force=True, silent=True)


def detect_range(line=None):
    return "[" in line


def expand_hostname_range(line=None):
    """The hosts of a pattern such as `web[01:10:3].example`."""
    if not line:
        return []
    head, _, rest = line.partition("[")
    inner, _, tail = rest.partition("]")
    bounds = inner.split(":")
    if len(bounds) not in (2, 3):
        raise AnsibleError("host range must be begin:end or begin:end:step")
    begin, end = bounds[0] or "0", bounds[1]
    step = int(bounds[2]) if len(bounds) == 3 else 1
    if not end:
        raise AnsibleError("host range must specify end value")
    width = len(begin) if begin[0] == "0" and len(begin) > 1 else 0
    if width and width != len(end):
        raise AnsibleError("host range must specify equal-length begin and end formats")
    letters = string.ascii_letters
    if len(begin) == len(end) == 1 and begin in letters and end in letters:
        if letters.index(begin) > letters.index(end):
            raise AnsibleError("host range must have begin <= end")
        middles = letters[letters.index(begin):letters.index(end) + 1:step]
    else:
        middles = [str(number).zfill(width) for number in range(int(begin), int(end) + 1, step)]
    found = []
    for middle in middles:
        name = head + middle + tail
        found.extend(expand_hostname_range(name) if detect_range(name) else [name])
    return found


def get_cache_plugin(plugin_name, **kwargs):
    if not plugin_name:
        raise AnsibleError("A cache plugin must be configured to use inventory caching.")
    cache = CachePluginAdjudicator(plugin_name, **kwargs)
    persistent = cache._plugin.ansible_name != "ansible.builtin.memory"
    if persistent and kwargs and not getattr(cache._plugin, "_options", None):
        raise AnsibleError(
            "Unable to use cache plugin {} for inventory. Cache options were provided but may not reconcile correctly "
            "unless set via set_options. Refer to the porting guide if the plugin derives user settings from "
            "ansible.constants.".format(plugin_name)
        )
    return cache


class BaseInventoryPlugin(AnsiblePlugin):
    """A plugin that makes hosts and groups of a source."""

    TYPE = "generator"
    NAME = None
    trusted_by_default = False
    _sanitize_group_name = staticmethod(to_safe_group_name)

    def __init__(self):
        super().__init__()
        self.display = display
        self.loader = self.inventory = self._vars = None
        self._kept_templar = None

    @property
    def templar(self):
        if self._kept_templar is None:
            self._kept_templar = _Templar(_wire.CURRENT, None, {}, self.loader.get_basedir() if self.loader else None)
        return self._kept_templar

    @templar.setter
    def templar(self, templar):
        self._kept_templar = templar

    def parse(self, inventory, loader, path, cache=True):
        self.loader, self.inventory = loader, inventory
        self._vars = load_extra_vars(loader)

    def verify_file(self, path):
        readable = os.path.exists(path) and os.access(path, os.R_OK)
        if not readable:
            self.display.vvv("Skipping due to inventory source not existing or not being readable by the current user")
        return readable

    def _populate_host_vars(self, hosts, variables, group=None, port=None):
        if not isinstance(variables, Mapping):
            raise AnsibleParserError("Invalid data from file, expected dictionary and got:\n\n" + to_native(variables))
        for host in hosts:
            self.inventory.add_host(host, group=group, port=port)
            for key, value in variables.items():
                self.inventory.set_variable(host, key, value)

    def _read_config_data(self, path):
        """The configuration in a file, as the plugin's options."""
        try:
            config = self.loader.load_from_file(path, cache="none", trusted_as_template=True)
        except Exception as error:
            raise AnsibleParserError(to_native(error))
        names = list(getattr(self, "_redirected_names", None) or []) or [self.NAME]
        if not config:
            raise AnsibleParserError("{} is empty".format(path))
        if not isinstance(config, Mapping):
            raise AnsibleParserError(
                "inventory source has invalid structure, it should be a dictionary, got: {}".format(type(config))
            )
        if config.get("plugin") not in names:
            raise AnsibleParserError("Incorrect plugin name in file: {}".format(config.get("plugin", "none found")))
        self.set_options(direct=config, var_options=self._vars)
        if "cache" in self._options and self.get_option("cache"):
            self._cache = get_cache_plugin(self.get_option("cache_plugin"), **self._cache_options())
        return config

    def _cache_options(self):
        return {name: self.get_option(own) for name, own in _CACHE_OPTIONS if self.get_option(own) is not None}

    def _consume_options(self, data):
        for name in self._options:
            if name in data:
                self._options[name] = data.pop(name)

    def _expand_hostpattern(self, hostpattern):
        from ansible.parsing.utils.addresses import parse_address

        try:
            pattern, port = parse_address(hostpattern, allow_ranges=True)
        except Exception:
            pattern, port = hostpattern, None
        return (expand_hostname_range(pattern) if detect_range(pattern) else [pattern]), port


class BaseFileInventoryPlugin(BaseInventoryPlugin):
    """A plugin that reads a file."""

    TYPE = "storage"


class Cacheable:
    """Keeps what was fetched between runs."""

    _cache = {}

    @property
    def cache(self):
        return self._cache

    def load_cache_plugin(self):
        options = {name: self.get_option(own) for name, own in _CACHE_OPTIONS if self.get_option(own) is not None}
        self._cache = get_cache_plugin(self.get_option("cache_plugin"), **options)

    def get_cache_key(self, path):
        return "{}_{}".format(self.ansible_name, self._get_cache_prefix(path))

    def _get_cache_prefix(self, path):
        return "k" + hashlib.sha256("{}{}".format(self.ansible_name, path).encode()).hexdigest()[:6]

    def clear_cache(self):
        self._cache.clear()

    def update_cache_if_changed(self):
        self._cache.update_cache_if_changed()

    def set_cache_plugin(self):
        self._cache.set_cache()


class Constructable:
    """Variables and groups made of expressions over a host's variables."""

    def _compose(self, template, variables, disable_lookups=None):
        try:
            extra = self.get_option("use_extra_vars")
        except Exception:
            extra = False
        self.templar.available_variables = combine_vars(variables, self._vars) if extra else variables
        return self.templar.evaluate_expression(template)

    def _set_composite_vars(self, compose, variables, host, strict=False):
        for name, expression in (compose if isinstance(compose, dict) else {}).items():
            try:
                value = self._compose(expression, variables)
            except Exception as error:
                if strict:
                    raise AnsibleError("Could not set {} for host {}: {}".format(name, host, to_native(error)))
                continue
            self.inventory.set_variable(host, name, value)

    def _with_own(self, variables, host, fetch):
        return combine_vars(variables, self.inventory.get_host(host).get_vars()) if fetch else variables

    def _add_host_to_composed_groups(self, groups, variables, host, strict=False, fetch_hostvars=True):
        if not groups or not isinstance(groups, dict):
            return
        self.templar.available_variables = self._with_own(variables, host, fetch_hostvars)
        for name, condition in groups.items():
            name = self._sanitize_group_name(name)
            try:
                holds = self.templar.evaluate_conditional(condition)
            except Exception as error:
                if strict:
                    message = "Could not add host {} to group {}: {}".format(host, name, to_native(error))
                    raise AnsibleParserError(message)
                continue
            if holds:
                self.inventory.add_child(self.inventory.add_group(name), host)

    def _add_host_to_keyed_groups(self, keys, variables, host, strict=False, fetch_hostvars=True):
        for keyed in keys if isinstance(keys, list) else []:
            if not keyed or not isinstance(keyed, dict):
                raise AnsibleParserError("Invalid keyed group entry, it must be a dictionary: {} ".format(keyed))
            self._keyed_group(keyed, self._with_own(variables, host, fetch_hostvars), host, strict)

    def _keyed_group(self, keyed, variables, host, strict):
        try:
            key = self._compose(keyed.get("key"), variables)
        except Exception as error:
            if strict:
                raise AnsibleParserError("Could not generate group for host {} from {} entry: {}".format(
                    host, keyed.get("key"), to_native(error)))
            return
        default, trailing = keyed.get("default_value"), keyed.get("trailing_separator")
        if trailing is not None and default is not None:
            raise AnsibleParserError("parameters are mutually exclusive for keyed groups: default_value|trailing_separator")
        if not key and not (key in (None, "") and default is not None):
            if strict and key not in ([], {}):
                raise AnsibleParserError("No key or key resulted empty for {} in host {}, invalid entry".format(
                    keyed.get("key"), host))
            return
        try:
            parent = self.templar.template(keyed.get("parent_group"))
        except Exception as error:
            if strict:
                raise AnsibleParserError("Could not generate parent group {!r} for group {!r}: {}".format(
                    keyed.get("parent_group"), key, error))
            return
        prefix, separator = keyed.get("prefix", ""), keyed.get("separator", "_")
        leading = "" if prefix == "" and self.get_option("leading_separator") is False else separator
        for name in _group_names(key, separator, default, trailing):
            name = self._sanitize_group_name("{}{}{}".format(prefix, leading, name))
            group = self.inventory.add_group(name)
            self.inventory.add_host(host, group)
            if parent and isinstance(parent, str):
                above = self._sanitize_group_name(parent)
                self.inventory.add_group(above)
                self.inventory.add_child(above, group)


def _group_names(key, separator, default, trailing):
    """The names that the value of a keyed group stands for."""
    def or_default(value):
        return default if value in (None, "") and default is not None else value

    if key in (None, "") or isinstance(key, str):
        return [or_default(key)]
    if isinstance(key, list):
        return [or_default(name) for name in key]
    if isinstance(key, Mapping):
        names = []
        for name, value in key.items():
            empty = value in (None, "")
            shown = "{}{}{}".format(name, separator, or_default(value))
            names.append(name if empty and default is None and trailing is False else shown)
        return names
    raise AnsibleParserError(
        "Invalid group name format, expected a string or a list of them or dictionary, got: {}".format(type(key))
    )
