"""Lookup plugins: what they are given, and their options."""

import importlib
import os
import sys

from rplay_sidecar import values
from rplay_sidecar.context import Environment, Variables, render

def run(wire, cls, message):
    """Makes a lookup as Ansible's loader does, and runs it."""
    variables = Variables(wire, message["scope"])
    templar = Templar(wire, message["scope"], variables, message["basedir"])
    loader = templar._loader
    try:
        instance = cls(loader=loader, templar=templar)
    except TypeError:
        instance = cls()
        instance._loader, instance._templar = loader, templar
    instance._load_name = message["name"]
    instance._original_path = message["file"]
    instance._redirected_names = [message["name"]]
    try:
        instance.ansible_name = message["name"]
    except AttributeError:
        pass
    describe_options(wire, instance, message)
    return instance.run(message["args"], variables=variables, **message["kwargs"])


def describe_options(wire, instance, message, kind="lookup"):
    """Tells the plugin's base class the options of its documentation."""
    module = sys.modules.get(type(instance).__module__)
    documentation = getattr(module, "DOCUMENTATION", None)
    options = option_specs(wire, documentation, message.get("file")) if documentation else {}
    if hasattr(instance, "_rplay_describe"):
        instance._rplay_describe(options, message.get("config"), wire, kind)
        return
    # The real LookupBase asks Ansible's own configuration.
    try:
        from ansible import constants

        constants.config.initialize_plugin_configuration_definitions(kind, message["name"], options)
    except Exception as error:
        wire.notice("debug", "the options of {} are not known: {}".format(message["file"], error))


def option_specs(wire, documentation, file=None):
    """The options of a DOCUMENTATION text, those of its fragments included."""
    parsed = values.written(wire.ask("yaml", text=str(documentation), trusted=True)) or {}
    options = {}
    fragments = parsed.get("extends_documentation_fragment") or []
    for fragment in [fragments] if isinstance(fragments, str) else fragments:
        options.update(fragment_options(wire, str(fragment).strip(), file))
    options.update(parsed.get("options") or {})
    return options


def fragment_options(wire, name, file=None):
    found = _own_fragment(name, file)
    if found is not None:
        return (values.written(wire.ask("yaml", text=found, trusted=True)) or {}).get("options") or {}
    parts = name.split(".")
    section = "DOCUMENTATION"
    candidates = []
    if len(parts) >= 3:
        collection = "ansible_collections.{}.{}.plugins.doc_fragments.".format(parts[0], parts[1])
        candidates.append((collection + ".".join(parts[2:]), section))
        if len(parts) > 3:
            candidates.insert(0, (collection + ".".join(parts[2:-1]), parts[-1].upper()))
    else:
        if len(parts) == 2:
            section = parts[1].upper()
        candidates.append(("ansible.plugins.doc_fragments." + parts[0], section))
    for module, section in candidates:
        try:
            fragment = importlib.import_module(module).ModuleDocFragment
            text = getattr(fragment, section)
        except (ImportError, AttributeError):
            continue
        return (values.written(wire.ask("yaml", text=text, trusted=True)) or {}).get("options") or {}
    return {}


def _own_fragment(name, file):
    """The text of a fragment in `doc_fragments/` beside the folder of the plugin."""
    short, _, section = name.partition(".")
    path = os.path.join(os.path.dirname(os.path.dirname(file or "")), "doc_fragments", short + ".py")
    if not file or "." in section or not os.path.isfile(path):
        return None
    space = {"__name__": "rplay_fragment_" + short, "__file__": path}
    with open(path, encoding="utf-8") as source:
        exec(compile(source.read(), path, "exec"), space)
    return getattr(space.get("ModuleDocFragment"), (section or "documentation").upper(), None)


class Templar:
    """Ansible's templar as lookups use it: rplay renders, and only what the user wrote is a template."""

    def __init__(self, wire, scope, variables, basedir):
        self._wire = wire
        self._scope = scope
        self._variables = variables
        self._loader = Files(wire, basedir)
        self.environment = Environment(wire, scope)
        self.basedir = basedir

    @property
    def available_variables(self):
        return self._variables

    @available_variables.setter
    def available_variables(self, variables):
        self._variables = variables

    _available_variables = available_variables

    def template(self, variable, convert_bare=False, preserve_trailing_newlines=True, escape_backslashes=True,
                 fail_on_undefined=True, overrides=None, convert_data=True, static_vars=None, cache=None,
                 disable_lookups=False, **_):
        variable = self._trust_bare(variable) if convert_bare else variable
        try:
            return render(self._wire, self._scope, variable, self._extra())
        except Exception as error:
            if not fail_on_undefined and type(error).__name__ == "UndefinedError":
                return variable
            raise

    def _trust_bare(self, variable):
        if values.is_trusted(variable) or not isinstance(variable, str):
            return variable
        return values.Trusted("{{" + variable + "}}") if variable in self._variables else variable

    def _extra(self):
        if isinstance(self._variables, Variables):
            return self._variables.changes()
        return self._variables

    do_template = template

    def evaluate_expression(self, expression, **_):
        return render(self._wire, self._scope, values.Trusted("{{ " + str(expression) + " }}"), self._extra())

    def resolve_variable_expression(self, expression, local_variables=None):
        extra = dict(self._extra())
        extra.update(local_variables or {})
        return render(self._wire, self._scope, values.Trusted("{{ " + str(expression) + " }}"), extra)

    def evaluate_conditional(self, conditional):
        return bool(self.evaluate_expression(conditional))

    def is_template(self, data):
        if isinstance(data, dict):
            return any(self.is_template(key) or self.is_template(value) for key, value in data.items())
        if isinstance(data, (list, tuple)):
            return any(self.is_template(value) for value in data)
        return values.is_trusted(data)

    def is_possibly_template(self, data, overrides=None):
        return isinstance(data, str) and any(mark in data for mark in ("{{", "{%", "{#"))

    def copy_with_new_env(self, environment_class=None, searchpath=None, available_variables=None, **_):
        variables = self._variables if available_variables is None else available_variables
        return Templar(self._wire, self._scope, variables, self.basedir)

    def set_temporary_context(self, searchpath=None, available_variables=None, **_):
        return _Temporarily(self, available_variables)


class _Temporarily:
    def __init__(self, templar, variables):
        self.templar, self.variables = templar, variables

    def __enter__(self):
        self.before = self.templar.available_variables
        if self.variables is not None:
            self.templar.available_variables = self.variables

    def __exit__(self, *_):
        self.templar.available_variables = self.before


class Files:
    """Ansible's DataLoader as lookups use it. Encrypted files are opened by rplay."""

    def __init__(self, wire, basedir):
        self._wire = wire
        self._basedir = basedir or os.getcwd()

    def get_basedir(self):
        return self._basedir

    def set_basedir(self, basedir):
        self._basedir = basedir

    def path_dwim(self, given):
        given = os.path.expanduser(str(given))
        return os.path.abspath(given if os.path.isabs(given) else os.path.join(self._basedir, given))

    def path_dwim_relative(self, path, dirname, source, is_role=False):
        found = self._first(path, dirname, source)
        return found or self.path_dwim(os.path.join(dirname, source))

    def path_dwim_relative_stack(self, paths, dirname, source, is_role=False):
        source = str(source)
        for path in list(paths or []) + [self._basedir]:
            found = self._first(path, dirname, source)
            if found:
                return found
        raise file_not_found(source, paths, dirname)

    def _first(self, path, dirname, source):
        source = os.path.expanduser(source)
        if os.path.isabs(source):
            return source if os.path.exists(source) else None
        places = [os.path.join(path, dirname, source), os.path.join(path, source)]
        if os.path.basename(path.rstrip("/")) == "tasks":
            above = os.path.dirname(path.rstrip("/"))
            places[:0] = [os.path.join(above, dirname, source)]
        return next((os.path.abspath(place) for place in places if os.path.exists(place)), None)

    def path_exists(self, path):
        return os.path.exists(self.path_dwim(path))

    def is_file(self, path):
        path = self.path_dwim(path)
        return os.path.isfile(path) or path == os.devnull

    def is_directory(self, path):
        return os.path.isdir(self.path_dwim(path))

    def list_directory(self, path):
        return os.listdir(self.path_dwim(path))

    def is_executable(self, path):
        return os.access(self.path_dwim(path), os.X_OK)

    def _get_file_contents(self, name):
        data = self._wire.ask("read", path=self.path_dwim(name))
        return data, True

    def get_text_file_contents(self, name, encoding=None):
        return self._get_file_contents(name)[0].decode(encoding or "utf-8")

    def get_real_file(self, path, decrypt=True):
        return self.path_dwim(path)

    def load(self, data, file_name="<string>", show_content=True, json_only=False):
        return self._load(data)

    def _load(self, data, trusted=False):
        text = data.decode("utf-8") if isinstance(data, bytes) else str(data)
        found = self._wire.ask("yaml", text=text, trusted=trusted)
        return values.written(found) if trusted else found

    def load_from_file(self, file_name, cache=True, unsafe=False, json_only=False, trusted_as_template=False, **_):
        return self._load(self._get_file_contents(file_name)[0], trusted_as_template)

    def find_vars_files(self, path, name, extensions=None, allow_dir=True):
        """Files of variables: of that name with an ending of those, or all of a folder of that name."""
        endings = [""] + list(extensions if extensions is not None else (".yml", ".yaml", ".json"))
        place = os.path.join(self.path_dwim(path), name)
        for ending in endings:
            found = place + ending
            if os.path.isdir(found) and not ending:
                if allow_dir:
                    return self._vars_folder(found, endings)
            elif os.path.isfile(found):
                return [found]
        return []

    def _vars_folder(self, folder, endings):
        found = []
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            ending = os.path.splitext(name)[1]
            if name.startswith(".") or name.endswith("~"):
                continue
            if os.path.isdir(path):
                if not ending:
                    found.extend(self._vars_folder(path, endings))
            elif ending in endings:
                found.append(path)
        return found

    def cleanup_tmp_file(self, path):
        pass

    def cleanup_all_tmp_files(self):
        pass


def file_not_found(source, paths, dirname):
    from ansible.errors import AnsibleFileNotFound

    return AnsibleFileNotFound(file_name=source, paths=list(paths or []))
