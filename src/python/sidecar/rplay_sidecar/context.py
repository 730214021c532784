"""What plugins see of the run: variables, hostvars, and the templating environment.

Nothing is copied over: a variable is asked for, and rendered by rplay, when a plugin reads it.
"""

import collections
import collections.abc

from rplay_sidecar import values

_NOTHING = object()


class Lazy(collections.abc.Mapping):
    """A mapping that rplay holds, such as `hostvars` or the variables of one host."""

    def __init__(self, wire, handle):
        self._wire = wire
        self.rplay_handle = handle

    def __getitem__(self, key):
        hash(key)  # What is undefined raises here, as in any mapping.
        found = self._wire.ask("item", of=self.rplay_handle, key=self._wire.codec.encode(key))
        if not found:
            raise KeyError(key)
        return found[0]

    def __contains__(self, key):
        return bool(self._wire.ask("has", of=self.rplay_handle, key=self._wire.codec.encode(key)))

    def __iter__(self):
        return iter(self._wire.ask("keys", of=self.rplay_handle))

    def __len__(self):
        return len(self._wire.ask("keys", of=self.rplay_handle))

    def raw_get(self, key):
        return self[key]

    def copy(self):
        return dict(self)

    def __repr__(self):
        # Not its items: those of `hostvars` hold one another.
        return "<{} of rplay>".format(type(self).__name__)

    def __deepcopy__(self, memo):
        return self


class Variables(dict):
    """The variables of a call as a `dict`: read from rplay one by one, changed only here."""

    def __init__(self, wire, scope):
        super().__init__()
        self._wire = wire
        self._scope = scope
        self._own = {}
        self._gone = set()

    def _find(self, key):
        if key in self._own:
            return self._own[key]
        if key not in self._gone and isinstance(key, str):
            found = self._wire.ask("resolve", scope=self._scope, name=str(key))
            if found:
                return found[0]
        return _NOTHING

    def __getitem__(self, key):
        value = self._find(key)
        if value is _NOTHING:
            raise KeyError(key)
        return value

    def __contains__(self, key):
        if key in self._own:
            return True
        if key in self._gone or not isinstance(key, str):
            return False
        return bool(self._wire.ask("knows", scope=self._scope, name=str(key)))

    def get(self, key, default=None):
        value = self._find(key)
        return default if value is _NOTHING else value

    def _names(self):
        names = dict.fromkeys(self._wire.ask("variables", scope=self._scope))
        names.update(dict.fromkeys(self._own))
        return [name for name in names if name not in self._gone]

    def __iter__(self):
        return iter(self._names())

    def __len__(self):
        return len(self._names())

    def __bool__(self):
        return True

    def keys(self):
        return collections.abc.KeysView(self)

    def values(self):
        return collections.abc.ValuesView(self)

    def items(self):
        return collections.abc.ItemsView(self)

    def __setitem__(self, key, value):
        self._gone.discard(key)
        self._own[key] = value

    def __delitem__(self, key):
        if key not in self:
            raise KeyError(key)
        self._own.pop(key, None)
        self._gone.add(key)

    def update(self, *args, **kwargs):
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def setdefault(self, key, default=None):
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key, *default):
        value = self._find(key)
        if value is _NOTHING:
            if default:
                return default[0]
            raise KeyError(key)
        self._own.pop(key, None)
        self._gone.add(key)
        return value

    def copy(self):
        other = Variables(self._wire, self._scope)
        other._own = dict(self._own)
        other._gone = set(self._gone)
        return other

    __copy__ = copy

    def __deepcopy__(self, memo):
        return self.copy()

    def __eq__(self, other):
        return self is other

    __hash__ = None

    def __repr__(self):
        return "<variables>"

    def changes(self):
        """What was set here, for rendering with it."""
        return self._own


class Context:
    """Jinja's context as `pass_context` filters use it."""

    def __init__(self, wire, scope):
        self._wire = wire
        self._scope = scope
        self._variables = Variables(wire, scope)
        self.environment = Environment(wire, scope)
        self.eval_ctx = EvalContext(self.environment)
        self.name = None
        self.blocks = {}
        self.exported_vars = set()
        self.globals_keys = set()

    @property
    def parent(self):
        return self._variables

    @property
    def vars(self):
        names = self._wire.ask("assigned", scope=self._scope)
        return {name: self._variables[name] for name in names}

    def resolve_or_missing(self, key):
        value = self._variables._find(key)
        if value is not _NOTHING:
            return value
        found = self.environment.globals.get(key, _NOTHING)
        if found is not _NOTHING:
            return found
        try:
            from jinja2.utils import missing
        except ImportError:
            from jinja2.runtime import missing
        return missing

    def resolve(self, key):
        value = self._variables._find(key)
        if value is _NOTHING:
            value = self.environment.globals.get(key, _NOTHING)
        if value is _NOTHING:
            return values.undefined("'{}' is undefined".format(key))
        return value

    def get(self, key, default=None):
        return self._variables.get(key, default)

    def __getitem__(self, key):
        return self._variables[key]

    def __contains__(self, key):
        return key in self._variables

    def __iter__(self):
        return iter(self._variables)

    def __len__(self):
        return len(self._variables)

    def keys(self):
        return self._variables.keys()

    def values(self):
        return self._variables.values()

    def items(self):
        return self._variables.items()

    def get_all(self):
        return self._variables

    def get_exported(self):
        return self.vars

    def derived(self, locals=None):
        other = Context(self._wire, self._scope)
        other._variables.update(locals or {})
        return other

    def call(self, function, *args, **kwargs):
        return function(*pass_first(function, self), *args, **kwargs)

    def __repr__(self):
        return "<Context>"


class EvalContext:
    """Jinja's evaluation context: rplay never escapes."""

    def __init__(self, environment):
        self.environment = environment
        self.autoescape = False
        self.volatile = False

    def save(self):
        return dict(self.__dict__)

    def revert(self, old):
        self.__dict__.clear()
        self.__dict__.update(old)


class Functions(collections.abc.Mapping):
    """`environment.filters` or `environment.tests`: any that a template could use, rplay's own ones included."""

    def __init__(self, wire, scope, kind):
        self._wire = wire
        self._scope = scope
        self._kind = kind
        self._own = {}

    def __contains__(self, name):
        return name in self._own or bool(self._wire.ask("plugin", kind=self._kind, name=name))

    def __getitem__(self, name):
        if name in self._own:
            return self._own[name]
        if name not in self:
            raise KeyError(name)

        def call(value, *args, **kwargs):
            return self.run(name, value, args, kwargs)

        call.__name__ = name
        return call

    def __setitem__(self, name, function):
        self._own[name] = function

    def run(self, name, value, args, kwargs):
        encode = self._wire.codec.encode
        return self._wire.ask(
            self._kind,
            scope=self._scope,
            name=name,
            args=[encode(value)] + [encode(arg) for arg in args],
            kwargs={key: encode(arg) for key, arg in kwargs.items()},
        )

    def __iter__(self):
        return iter(self._wire.ask("plugins", kind=self._kind))

    def __len__(self):
        return len(self._wire.ask("plugins", kind=self._kind))


class Environment:
    """Jinja's environment as plugins use it. Templates are rendered by rplay."""

    autoescape = False
    sandboxed = True
    overlayed = False
    block_start_string, block_end_string = "{%", "%}"
    variable_start_string, variable_end_string = "{{", "}}"
    comment_start_string, comment_end_string = "{#", "#}"
    line_statement_prefix = line_comment_prefix = None
    trim_blocks, lstrip_blocks, newline_sequence, keep_trailing_newline = True, False, "\n", False
    is_async = False

    def __init__(self, wire, scope):
        self._wire = wire
        self._scope = scope
        self.filters = Functions(wire, scope, "filter")
        self.tests = Functions(wire, scope, "test")
        self.extensions = {}
        self.policies = {
            "compiler.ascii_str": True,
            "urlize.rel": "noopener",
            "urlize.target": None,
            "urlize.extra_schemes": None,
            "truncate.leeway": 5,
            "json.dumps_function": None,
            "json.dumps_kwargs": {"sort_keys": True},
            "ext.i18n.trimmed": False,
        }
        self.loader = None

    @property
    def globals(self):
        def lookup(name, *terms, **options):
            return self._lookup(name, terms, options)

        def query(name, *terms, **options):
            return self._lookup(name, terms, dict(options, wantlist=True))

        return {"range": range, "dict": dict, "lookup": lookup, "query": query, "q": query}

    def _lookup(self, name, terms, options):
        return run_lookup(self._wire, self._scope, name, terms, options)

    @property
    def undefined(self):
        return values.undefined_class()

    def call_filter(self, name, value, args=None, kwargs=None, context=None, eval_ctx=None):
        if name in self.filters._own:
            return self.filters._own[name](value, *(args or ()), **(kwargs or {}))
        return self.filters.run(name, value, args or (), kwargs or {})

    def call_test(self, name, value, args=None, kwargs=None, context=None, eval_ctx=None):
        if name in self.tests._own:
            return self.tests._own[name](value, *(args or ()), **(kwargs or {}))
        return self.tests.run(name, value, args or (), kwargs or {})

    def getitem(self, obj, argument):
        try:
            return obj[argument]
        except (AttributeError, TypeError, LookupError):
            if isinstance(argument, str):
                try:
                    return getattr(obj, argument)
                except AttributeError:
                    pass
        return values.undefined(missing_text(obj, argument))

    def getattr(self, obj, attribute):
        try:
            return getattr(obj, attribute)
        except AttributeError:
            pass
        try:
            return obj[attribute]
        except (TypeError, LookupError, AttributeError):
            return values.undefined(missing_text(obj, attribute))

    def from_string(self, source, globals=None, template_class=None):
        return NativeTemplate(self._wire, None, source, globals or {})

    def compile_expression(self, source, undefined_to_none=True):
        template = self.from_string("{{ " + source + " }}")

        def run(*args, **kwargs):
            return template.value(*args, **kwargs)

        return run

    def overlay(self, **options):
        return self

    def __repr__(self):
        return "<Environment>"


class Template:
    """A template that rplay renders with the variables it is given."""

    def __init__(self, wire, scope, source, variables):
        self._wire = wire
        self._scope = scope
        self._source = source
        self._variables = variables

    def value(self, *args, **kwargs):
        given = dict(self._variables)
        given.update(dict(*args, **kwargs))
        return render(self._wire, self._scope, values.Trusted(self._source), given)

    def render(self, *args, **kwargs):
        value = self.value(*args, **kwargs)
        return "" if value is None else value if isinstance(value, str) else str(value)


class NativeTemplate(Template):
    """A template whose result is a value, as those of Ansible's own environment."""

    def render(self, *args, **kwargs):
        return self.value(*args, **kwargs)


def render(wire, scope, value, extra):
    """A value rendered by rplay: in a scope, or with nothing but `extra` where there is none."""
    encode = wire.codec.encode
    fields = {key: encode(item) for key, item in extra.items() if isinstance(key, str)}
    return wire.ask("render", scope=scope, value=encode(value), extra=fields)


def run_lookup(wire, scope, name, terms, options):
    """A lookup by name, as a template's `lookup()`."""
    encode = wire.codec.encode
    return wire.ask(
        "lookup",
        scope=scope,
        name=str(name),
        args=[encode(term) for term in terms],
        kwargs={key: encode(option) for key, option in options.items()},
    )


def missing_text(obj, name):
    if is_mapping_like(obj):
        return "object of type '{}' has no attribute {!r}".format(type(obj).__name__, name)
    return "{!r} has no attribute {!r}".format(type(obj).__name__, name)


def is_mapping_like(obj):
    return isinstance(obj, collections.abc.Mapping)


def pass_first(function, context):
    """What Jinja passes before the other arguments, by the function's decorator; the old decorators count, too."""
    wanted = getattr(getattr(function, "jinja_pass_arg", None), "name", None)
    if wanted is None:
        olds = {"contextfilter": "context", "contextfunction": "context", "environmentfilter": "environment"}
        olds.update(environmentfunction="environment", evalcontextfilter="eval_context", evalcontextfunction="eval_context")
        wanted = next((new for old, new in olds.items() if getattr(function, old, False) is True), None)
    if wanted == "context":
        return (context,)
    if wanted == "environment":
        return (context.environment,)
    if wanted == "eval_context":
        return (context.eval_ctx,)
    return ()
