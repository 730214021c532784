"""The base of plugins with options."""

from rplay_sidecar import options as _options


class AnsiblePlugin:
    """A plugin whose options come from its documentation, the call, variables, the environment and ansible.cfg."""

    allow_extras = False
    _load_name = None
    _original_path = None
    _redirected_names = ()
    ansible_name = None

    def __init__(self):
        self._options = {}

    # Some plugins are told their options before they are initialised.
    _rplay_specs, _rplay_config, _rplay_wire, _rplay_kind = {}, None, None, "lookup"

    def _rplay_describe(self, specs, config, wire, kind="lookup"):
        self._options = {}
        self._rplay_specs, self._rplay_config, self._rplay_wire, self._rplay_kind = specs, config, wire, kind

    def matches_name(self, possible_names):
        return self._load_name in possible_names

    def set_options(self, task_keys=None, var_options=None, direct=None):
        self._options = _options.resolve(
            self._rplay_specs, var_options or {}, direct or {}, self._rplay_config, self._load_name, task_keys or {},
            self._rplay_kind,
        )
        if self.allow_extras and var_options and "_extras" in var_options:
            self._options["_extras"] = var_options["_extras"]

    def set_option(self, option, value):
        self._options[option] = value

    def has_option(self, option):
        if not self._options:
            self.set_options()
        return option in self._options

    def get_option(self, option, hostvars=None):
        if option not in self._options:
            if option not in self._rplay_specs:
                raise KeyError("Requested entry (plugin_type: {} plugin: {} setting: {} ) was not defined in "
                               "configuration.".format(self._rplay_kind, self._load_name, option))
            spec = {option: self._rplay_specs[option]}
            found = _options.resolve(spec, hostvars or {}, {}, self._rplay_config, self._load_name, {}, self._rplay_kind)
            self._options[option] = found[option]
        return self._options[option]

    def get_options(self, hostvars=None):
        return {option: self.get_option(option, hostvars) for option in self._rplay_specs}


class AnsibleJinja2Plugin(AnsiblePlugin):
    """A function as a plugin."""

    def __init__(self, function):
        super().__init__()
        self._function = function

    @property
    def j2_function(self):
        return self._function
