"""Arguments against their specification. One `_Level` looks at one mapping of options; options within options are levels
of their own."""

from ansible.module_utils.common import validation
from ansible.module_utils.common.collections import is_iterable
from ansible.module_utils.common.parameters import DEFAULT_TYPE_VALIDATORS, secret_texts, set_fallbacks
from ansible.module_utils.common.text.converters import to_native
from ansible.module_utils.common.warnings import deprecate, warn
from ansible.module_utils.errors import (
    AliasError,
    AnsibleValidationErrorMultiple,
    ArgumentTypeError,
    ArgumentValueError,
    ElementError,
    MutuallyExclusiveError,
    NoLogError,
    RequiredByError,
    RequiredError,
    RequiredIfError,
    RequiredOneOfError,
    RequiredTogetherError,
    SubParameterTypeError,
    UnsupportedError,
)
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

_RULES = (
    ("required_together", validation.check_required_together, RequiredTogetherError),
    ("required_one_of", validation.check_required_one_of, RequiredOneOfError),
    ("required_if", validation.check_required_if, RequiredIfError),
    ("required_by", validation.check_required_by, RequiredByError),
)


class ValidationResult:
    """What became of the arguments."""

    def __init__(self, parameters):
        self._no_log_values = set()
        self._unsupported_parameters = []
        self._supported_parameters = {}
        self._validated_parameters = _copied(parameters)
        self._deprecations = []
        self._warnings = []
        self._aliases = {}
        self.errors = AnsibleValidationErrorMultiple()

    @property
    def validated_parameters(self):
        return self._validated_parameters

    @property
    def unsupported_parameters(self):
        return set(self._unsupported_parameters)

    @property
    def error_messages(self):
        return self.errors.messages


def _copied(value):
    if isinstance(value, dict):
        return dict((key, _copied(item)) for key, item in value.items())
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def _type(wanted):
    """The check for a type, and its name."""
    if callable(wanted):
        return wanted, getattr(wanted, "__name__", str(type(wanted)))
    wanted = wanted or "str"
    return DEFAULT_TYPE_VALIDATORS.get(wanted), wanted


def _secrets(spec, parameters, found):
    """What must not be shown, at any depth: before types are known to be right, so that mistakes can be shown.

    What is wrong in one place is told only when the secrets of all others are known."""
    fault = None
    for name, rules in spec.items():
        try:
            _secrets_of(name, rules, parameters.get(name), found)
        except (TypeError, ValueError) as error:
            fault = fault or error
    if fault:
        raise fault


def _secrets_of(name, rules, value, found):
    if rules.get("no_log") and value:
        try:
            found.update(secret_texts(value))
        except TypeError as error:
            raise TypeError('Failed to convert "{}": {}'.format(name, error)) from None
    wanted = rules.get("type")
    nested = wanted == "dict" or (wanted == "list" and rules.get("elements") == "dict")
    if value is None or rules.get("options") is None or not nested:
        return
    fault = None
    for item in value if isinstance(value, list) else [value]:
        try:
            if isinstance(item, str):
                item = validation.check_type_dict(item)
            if not isinstance(item, dict):
                text = "Value '{}' in the sub parameter field '{}' must be a {}, not '{}'"
                raise TypeError(text.format(item, name, wanted, type(item).__name__))
            _secrets(rules["options"], item, found)
        except (TypeError, ValueError) as error:
            fault = fault or error
    if fault:
        raise fault


class _Level:
    def __init__(self, spec, rules, parameters, result, context=(), prefix=""):
        self.spec = spec
        self.rules = rules
        self.parameters = parameters
        self.result = result
        self.context = list(context)
        self.prefix = prefix
        self.aliases = {}

    def fault(self, kind, message):
        self.result.errors.append(kind(to_native(message)))

    def found_in(self, message):
        return message + " found in " + " -> ".join(self.context) if self.context else message

    def attempt(self, kind, check, *args):
        try:
            check(*args)
        except (TypeError, ValueError) as error:
            self.fault(kind, error)

    def check(self):
        result, parameters = self.result, self.parameters
        result._no_log_values.update(set_fallbacks(self.spec, parameters))
        self.attempt(AliasError, self.take_aliases)
        self.attempt(NoLogError, self.take_secrets)
        self.note_deprecated()
        self.note_unsupported()
        exclusive = self.rules.get("mutually_exclusive")
        self.attempt(MutuallyExclusiveError, validation.check_mutually_exclusive, exclusive, parameters, self.context)
        self.set_defaults(False)
        self.attempt(RequiredError, validation.check_required_arguments, self.spec, parameters, self.context)
        for name, rules in self.spec.items():
            self.check_type(name, rules)
        for name, rules in self.spec.items():
            self.check_choices(name, rules)
        for name, rule, kind in _RULES:
            self.attempt(kind, rule, self.rules.get(name), parameters, self.context)
        self.set_defaults(True)
        for name, rules in self.spec.items():
            self.check_options(name, rules)

    def take_aliases(self):
        given = set(self.parameters)
        for name, rules in self.spec.items():
            for old in rules.get("deprecated_aliases") or []:
                if old.get("name") in given:
                    text = "Alias '{}{}' is deprecated. See the module docs for more information"
                    self.result._deprecations.append(dict(old, msg=text.format(self.prefix, old["name"])))
            if rules.get("required") and rules.get("default") is not None:
                raise ValueError("internal error: required and default are mutually exclusive for " + name)
            aliases = rules.get("aliases")
            if aliases is None:
                continue
            if not is_iterable(aliases):
                raise TypeError("internal error: aliases must be a list or tuple")
            for alias in aliases:
                self.aliases[alias] = name
                if alias in given:
                    if name in self.parameters:
                        self.result._warnings.append({"option": self.prefix + name, "alias": self.prefix + alias})
                    self.parameters[name] = self.parameters[alias]

    def take_secrets(self):
        _secrets(self.spec, self.parameters, self.result._no_log_values)

    def note_deprecated(self):
        for name, rules in self.spec.items():
            if name not in self.parameters:
                continue
            outer = "".join('["{}"]'.format(part) if at else part for at, part in enumerate(self.context + [name]))
            for key, field in (("removed_at_date", "date"), ("removed_in_version", "version")):
                if rules.get(key) is not None:
                    text = "Param '{}' is deprecated. See the module docs for more information".format(outer)
                    note = {"msg": text, field: rules[key], "collection_name": rules.get("removed_from_collection")}
                    self.result._deprecations.append(note)
                    break

    def note_unsupported(self):
        known = set(self.spec).union(self.aliases)
        for name in self.parameters:
            if name not in known:
                path = tuple(self.context + [name])
                self.result._unsupported_parameters.append(path)
                self.result._supported_parameters[path] = (sorted(self.spec), sorted(self.aliases))

    def set_defaults(self, also_nothing):
        for name, rules in self.spec.items():
            default = rules.get("default")
            if name in self.parameters or (default is None and not also_nothing):
                continue
            if rules.get("no_log") and default:
                self.result._no_log_values.update(secret_texts(default))
            self.parameters[name] = default

    def check_type(self, name, rules):
        if name not in self.parameters:
            return
        value = self.parameters[name]
        if value is None and not rules.get("required") and rules.get("default") is None:
            return
        convert, wanted = _type(rules.get("type"))
        try:
            self.parameters[name] = converted = convert(value)
            if rules.get("elements"):
                if not isinstance(converted, list):
                    text = "Invalid type {} for option '{}'".format(wanted, converted)
                    if self.context:
                        text += " found in '{}'.".format(" -> ".join(self.context))
                    self.fault(ArgumentTypeError, text + ", elements value check is supported only with 'list' type")
                self.parameters[name] = self.elements(name, rules["elements"], converted)
        except (TypeError, ValueError) as error:
            text = "argument '{}' is of type {}".format(name, type(value).__name__)
            if self.context:
                text += " found in '{}'.".format(" -> ".join(self.context))
            text += " and we were unable to convert to {}: {}".format(wanted, to_native(error))
            self.fault(ArgumentTypeError, text)

    def elements(self, name, wanted, values):
        convert, wanted = _type(wanted)
        good = []
        for value in values:
            try:
                good.append(convert(value))
            except (TypeError, ValueError) as error:
                text = "Elements value for option '{}'".format(name)
                if self.context:
                    text += " found in '{}'".format(" -> ".join(self.context))
                text += " is of type {} and we were unable to convert to {}: {}".format(type(value).__name__, wanted, error)
                self.fault(ElementError, text)
        return good

    def check_choices(self, name, rules):
        choices = rules.get("choices")
        if choices is None:
            return
        if not is_iterable(choices):
            text = "internal error: choices for argument {} are not iterable: {}".format(name, choices)
            return self.fault(ArgumentTypeError, self.found_in(text))
        if name not in self.parameters:
            return
        value = self.parameters[name]
        shown = ", ".join(to_native(choice) for choice in choices)
        if isinstance(value, list):
            wrong = [item for item in value if item not in choices]
            if wrong:
                text = "value of {} must be one or more of: {}. Got no match for: {}"
                text = text.format(name, shown, ", ".join(to_native(item) for item in wrong))
                self.fault(ArgumentValueError, self.found_in(text))
            return
        for word, meant in (("False", BOOLEANS_FALSE), ("True", BOOLEANS_TRUE)):
            # YAML made a boolean of `off` or `yes`: undone where only one choice can be meant.
            fitting = meant.intersection(choices)
            if value == word and value not in choices and len(fitting) == 1:
                value = self.parameters[name] = next(iter(fitting))
        if value not in choices:
            text = "value of {} must be one of: {}, got: {}".format(name, shown, value)
            self.fault(ArgumentValueError, self.found_in(text))

    def check_options(self, name, rules):
        wanted = rules.get("type")
        if wanted != "dict" and not (wanted == "list" and rules.get("elements") == "dict"):
            return
        spec = rules.get("options")
        if rules.get("apply_defaults") and spec is not None and self.parameters.get(name) is None:
            self.parameters[name] = {}
        if spec is None or self.parameters.get(name) is None:
            return
        value = self.parameters[name]
        for at, item in enumerate(value if isinstance(value, (list, tuple)) else [value]):
            if not isinstance(item, dict):
                self.fault(SubParameterTypeError, "value of '{}' must be of type dict or list of dicts".format(name))
                continue
            prefix = "{}{}{}.".format(self.prefix, name, "[{}]".format(at) if wanted == "list" else "")
            _Level(spec, rules, item, self.result, self.context + [name], prefix).check()


class ArgumentSpecValidator:
    """Checks arguments against a specification."""

    def __init__(self, argument_spec, mutually_exclusive=None, required_together=None, required_one_of=None,
                 required_if=None, required_by=None):
        self.argument_spec = argument_spec
        self._rules = {
            "mutually_exclusive": mutually_exclusive,
            "required_together": required_together,
            "required_one_of": required_one_of,
            "required_if": required_if,
            "required_by": required_by,
        }

    def validate(self, parameters, *args, **kwargs):
        result = ValidationResult(parameters)
        level = _Level(self.argument_spec, self._rules, result._validated_parameters, result)
        level.check()
        result._aliases.update(level.aliases)
        if result._unsupported_parameters:
            names = sorted(".".join(path) for path in result._unsupported_parameters)
            supported, aliases = result._supported_parameters[result._unsupported_parameters[-1]]
            text = ", ".join(supported)
            if aliases:
                text += " ({})".format(", ".join(aliases))
            text = "{}. Supported parameters include: {}.".format(", ".join(names), text)
            result.errors.append(UnsupportedError(text))
        return result


class ModuleArgumentSpecValidator(ArgumentSpecValidator):
    """As a module does it: what is to be said is said."""

    def validate(self, parameters):
        result = super().validate(parameters)
        for note in result._deprecations:
            deprecate(note["msg"], note.get("version"), note.get("date"), note.get("collection_name"))
        for both in result._warnings:
            warn("Both option {option} and its alias {alias} are set.".format(**both))
        return result
