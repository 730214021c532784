"""The base of modules: arguments in, JSON out, and what lies between.

Written for rplay, for controllers without ansible-core: modules find here what its `ansible.module_utils.basic` offers.
Files' attributes are in `_files.py`, programs in `_programs.py`.
"""

import __main__  # noqa: F401
import atexit
import hashlib
import json
import locale
import os
import platform
import re
import shlex
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import KeysView, Mapping, MutableMapping, MutableSequence, MutableSet, Sequence, Set  # noqa: F401

try:
    import syslog

    HAS_SYSLOG = True
except ImportError:
    HAS_SYSLOG = False

from ansible.module_utils._files import FILE_COMMON_ARGUMENTS, HAVE_SELINUX, FileAttributes  # noqa: F401
from ansible.module_utils._programs import Programs, heuristic_log_sanitize
from ansible.module_utils.common._utils import get_all_subclasses as _get_all_subclasses
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.module_utils.common.file import (  # noqa: F401
    _DEFAULT_PERM as DEFAULT_PERM,
    _PERM_BITS as PERM_BITS,
    FILE_ATTRIBUTES,
    S_IRWU_RWG_RWO,
    S_IXANY,
    format_attributes,
    get_flags_from_attributes,
    is_executable,
)
from ansible.module_utils.common.locale import get_best_parsable_locale
from ansible.module_utils.common.parameters import (  # noqa: F401
    DEFAULT_TYPE_VALIDATORS,
    PASS_BOOLS,
    PASS_VARS,
    env_fallback,
    remove_values,
    sanitize_keys,
)
from ansible.module_utils.common.process import get_bin_path
from ansible.module_utils.common.sys_info import (  # noqa: F401
    get_distribution,
    get_distribution_version,
    get_platform_subclass,
)
from ansible.module_utils.common.text.converters import (  # noqa: F401
    container_to_bytes as json_dict_unicode_to_bytes,
    container_to_text as json_dict_bytes_to_unicode,
    jsonify,
    to_bytes,
    to_native,
    to_text,
)
from ansible.module_utils.common.text.formatters import (  # noqa: F401
    SIZE_RANGES,
    bytes_to_human,
    human_to_bytes,
    lenient_lowercase,
)
from ansible.module_utils.common.validation import check_missing_parameters, safe_eval
from ansible.module_utils.common.warnings import deprecate, error_as_warning, get_deprecations, get_warnings, warn
from ansible.module_utils.errors import AnsibleFallbackNotFound, UnsupportedError  # noqa: F401
from ansible.module_utils.parsing.convert_bool import BOOLEANS, BOOLEANS_FALSE, BOOLEANS_TRUE, boolean  # noqa: F401
from ansible.module_utils.six import (  # noqa: F401
    PY2,
    PY3,
    b,
    binary_type,
    integer_types,
    iteritems,
    string_types,
    text_type,
)

NoneType = type(None)
SEQUENCETYPE = frozenset, KeysView, Sequence
PASSWORD_MATCH = re.compile(r"^(?:.+[-_\s])?pass(?:[-_\s]?(?:word|phrase|wrd|wd)?)(?:[-_\s].+)?$", re.I)
shlex_quote = shlex.quote
imap = map
_UNSET = object()

# What the runner hands over before the module's first line.
_ANSIBLE_ARGS = None
_ANSIBLE_PROFILE = None


def _algorithms():
    found = {}
    for name in hashlib.algorithms_available:
        try:
            getattr(hashlib, name)()
        except Exception:
            # Known and not there, or forbidden on this machine.
            continue
        found[name] = getattr(hashlib, name)
    return found


AVAILABLE_HASH_ALGORITHMS = _algorithms()


def get_platform():
    return platform.system()


def get_all_subclasses(cls):
    return list(_get_all_subclasses(cls))


def load_platform_subclass(cls, *args, **kwargs):
    return super(cls, cls).__new__(get_platform_subclass(cls))


def get_module_path():
    return os.path.dirname(os.path.realpath(__file__))


def _load_params():
    """The module's arguments. Without a runner, from the standard input."""
    text = sys.stdin.buffer.read() if _ANSIBLE_ARGS is None else _ANSIBLE_ARGS
    try:
        given = json.loads(to_text(text, errors="surrogateescape"))
    except ValueError as error:
        raise Exception("Failed to decode JSON module parameters.") from error
    if "ANSIBLE_MODULE_ARGS" not in given:
        raise Exception("ANSIBLE_MODULE_ARGS not provided.")
    return given["ANSIBLE_MODULE_ARGS"]


def missing_required_lib(library, reason=None, url=None):
    parts = ["Failed to import the required Python library ({}) on {}'s Python {}.".format(library, platform.node(), sys.executable)]
    if reason:
        parts.append("This is required {}.".format(reason))
    if url:
        parts.append("See {} for more info.".format(url))
    parts.append(
        "Please read the module documentation and install it in the appropriate location."
        " If the required library is installed, but Ansible is using the wrong Python interpreter,"
        " please consult the documentation on ansible_python_interpreter"
    )
    return " ".join(parts)


class AnsibleModule(FileAttributes, Programs):
    """A module: its arguments checked and converted, its result printed when it ends."""

    is_executable = staticmethod(is_executable)
    bytes_to_human = pretty_bytes = staticmethod(bytes_to_human)
    _CHECK_ARGUMENT_TYPES_DISPATCHER = DEFAULT_TYPE_VALIDATORS

    def __init__(self, argument_spec, bypass_checks=False, no_log=False, mutually_exclusive=None,
                 required_together=None, required_one_of=None, add_file_common_args=False,
                 supports_check_mode=False, required_if=None, required_by=None):
        self._name = os.path.basename(__file__)
        self.argument_spec = argument_spec
        self.supports_check_mode = supports_check_mode
        self.bypass_checks = bypass_checks
        self.mutually_exclusive = mutually_exclusive
        self.required_together = required_together
        self.required_one_of = required_one_of
        self.required_if = required_if
        self.required_by = required_by
        self.cleanup_files = []
        self.run_command_environ_update = {}
        self.aliases = {}
        self.no_log_values = set()
        self._options_context = []
        self._clean = None
        for attribute, default in PASS_VARS.values():
            setattr(self, attribute, default)
        self.no_log = no_log
        if add_file_common_args:
            for name, rules in FILE_COMMON_ARGUMENTS.items():
                argument_spec.setdefault(name, rules)
        self._check_locale()
        self._load_params()
        self._set_internal_properties()
        self.validator = ModuleArgumentSpecValidator(
            argument_spec, mutually_exclusive, required_together, required_one_of, required_if, required_by
        )
        self.validation_result = self.validator.validate(self.params)
        self.params.update(self.validation_result.validated_parameters)
        self.no_log_values.update(self.validation_result._no_log_values)
        self.aliases.update(self.validation_result._aliases)
        self._refuse_mistakes()
        if self.check_mode and not supports_check_mode:
            self.exit_json(skipped=True, msg="remote module ({}) does not support check mode".format(self._name))
        if not self.no_log:
            self._log_invocation()
        self._set_cwd()

    def _refuse_mistakes(self):
        errors = self.validation_result.errors.errors
        if not errors:
            return
        unsupported = isinstance(errors[0], UnsupportedError)
        if unsupported and self._ignore_unknown_opts:
            return
        msg = errors[0].msg
        if unsupported:
            msg = "Unsupported parameters for ({}) module: {}".format(self._name, msg)
        self.fail_json(msg=msg)

    def _load_params(self):
        self.params = _load_params()

    def _set_internal_properties(self, argument_spec=None, module_parameters=None):
        given = self.params if module_parameters is None else module_parameters
        for name, (attribute, _) in PASS_VARS.items():
            key = "_ansible_" + name
            if key in given:
                setattr(self, attribute, self.boolean(given[key]) if name in PASS_BOOLS else given[key])
                self.params.pop(key, None)

    def _check_locale(self):
        try:
            locale.setlocale(locale.LC_ALL, "")
        except locale.Error:
            best = get_best_parsable_locale(self)
            locale.setlocale(locale.LC_ALL, best)
            # Programs differ in which of them they prefer.
            for name in ("LANG", "LC_ALL", "LC_MESSAGES"):
                os.environ[name] = best

    def _set_cwd(self):
        """Leaves a folder that the user may not read: programs would fail in it."""
        try:
            here = os.getcwd()
            if os.access(here, os.F_OK | os.R_OK):
                return here
        except OSError:
            pass
        for folder in (self.tmpdir, os.path.expandvars("$HOME"), tempfile.gettempdir()):
            try:
                os.chdir(folder)
                return folder
            except OSError:
                continue
        return None

    @property
    def tmpdir(self):
        """A folder for this run alone; gone when the module ends."""
        if self._tmpdir is None:
            base = self._remote_tmp and os.path.expanduser(os.path.expandvars(self._remote_tmp))
            if base and not os.path.exists(base):
                try:
                    os.makedirs(base, mode=0o700)
                except OSError as error:
                    text = "Unable to use {!r} as temporary directory, falling back to system default.".format(base)
                    self.error_as_warning(text, error)
                    base = None
            prefix = "ansible-moduletmp-{}-".format(time.time())
            self._tmpdir = tempfile.mkdtemp(prefix=prefix, dir=base or None)
            if not self._keep_remote_files:
                atexit.register(shutil.rmtree, self._tmpdir, True)
        return self._tmpdir

    # What is said besides the result

    def warn(self, warning, help_text=None):
        warn(warning, help_text=help_text)
        self.log("[WARNING] {}".format(warning))

    def error_as_warning(self, msg, exception, help_text=None):
        error_as_warning(msg, exception, help_text=help_text)

    def deprecate(self, msg, version=None, date=None, collection_name=None, deprecator=None, help_text=None):
        if version is not None and date is not None:
            raise AssertionError("implementation error -- version and date must not both be set")
        deprecate(msg, version=version, date=date, collection_name=collection_name, help_text=help_text)

    def debug(self, msg):
        if self._debug:
            self.log("[debug] {}".format(msg))

    def log(self, msg, log_args=None):
        if self.no_log or not HAS_SYSLOG:
            return
        if not isinstance(msg, (bytes, str)):
            raise TypeError("msg should be a string (got {})".format(type(msg)))
        text = to_text(msg, errors="surrogate_then_replace")
        if self._target_log_info:
            text = "{} {}".format(self._target_log_info, text)
        self._log_to_syslog(remove_values(text, self.no_log_values))

    def _log_to_syslog(self, msg):
        try:
            syslog.openlog("ansible-{}".format(self._name), 0, getattr(syslog, str(self._syslog_facility), syslog.LOG_USER))
            syslog.syslog(syslog.LOG_INFO, msg.encode("utf-8", "replace").decode("utf-8"))
        except (TypeError, ValueError) as error:
            text = "Failed to log to syslog ({}). To proceed anyway, disable syslog logging by setting no_target_syslog to True in your Ansible config."
            self.fail_json(msg=text.format(error), msg_to_log=msg)

    def _log_invocation(self):
        words = []
        for name, value in self.params.items():
            secret = self.argument_spec.get(self.aliases.get(name, name), {}).get("no_log")
            if secret is None and PASSWORD_MATCH.search(name):
                shown = "NOT_LOGGING_PASSWORD"
                warn("Module did not set no_log for {}".format(name))
            elif self.boolean(secret):
                shown = "NOT_LOGGING_PARAMETER"
            else:
                shown = heuristic_log_sanitize(to_text(value, errors="surrogate_then_replace"), self.no_log_values)
            words.append("{}={}".format(name, shown))
        self.log(" ".join(["Invoked with"] + words if words else ["Invoked"]))

    # Small conversions

    def boolean(self, arg):
        if arg is None:
            return arg
        try:
            return boolean(arg)
        except TypeError as error:
            self.fail_json(msg=to_native(error))

    def safe_eval(self, value, locals=None, include_exceptions=False):
        return safe_eval(value, locals, include_exceptions)

    def jsonify(self, data):
        try:
            return jsonify(data)
        except UnicodeError as error:
            self.fail_json(msg=to_text(error))

    def from_json(self, data):
        return json.loads(data)

    @staticmethod
    def human_to_bytes(number, isbits=False):
        return human_to_bytes(number, isbits=isbits)

    def fail_on_missing_params(self, required_params=None):
        try:
            check_missing_parameters(self.params, required_params)
        except TypeError as error:
            self.fail_json(msg=to_native(error))

    def get_bin_path(self, arg, required=False, opt_dirs=None):
        try:
            return get_bin_path(arg, opt_dirs=opt_dirs)
        except ValueError as error:
            if required:
                self.fail_json(msg=to_text(error))
        return None

    # Digests

    def digest_from_file(self, filename, algorithm):
        if not os.path.exists(filename):
            return None
        if os.path.isdir(filename):
            self.fail_json(msg="attempted to take checksum of directory: {}".format(filename))
        if hasattr(algorithm, "hexdigest"):
            digest = algorithm
        elif algorithm in AVAILABLE_HASH_ALGORITHMS:
            digest = AVAILABLE_HASH_ALGORITHMS[algorithm]()
        else:
            text = "Could not hash file '{}' with algorithm '{}'. Available algorithms: {}"
            self.fail_json(msg=text.format(filename, algorithm, ", ".join(AVAILABLE_HASH_ALGORITHMS)))
        with open(os.path.realpath(filename), "rb") as content:
            for block in iter(lambda: content.read(1 << 16), b""):
                digest.update(block)
        return digest.hexdigest()

    def md5(self, filename):
        if "md5" not in AVAILABLE_HASH_ALGORITHMS:
            raise ValueError("MD5 not available.  Possibly running in FIPS mode")
        return self.digest_from_file(filename, "md5")

    def sha1(self, filename):
        return self.digest_from_file(filename, "sha1")

    def sha256(self, filename):
        return self.digest_from_file(filename, "sha256")

    # The end

    def add_cleanup_file(self, path):
        if path not in self.cleanup_files:
            self.cleanup_files.append(path)

    def do_cleanup_files(self):
        for path in self.cleanup_files:
            self.cleanup(path)

    def cleanup(self, tmpfile):
        if os.path.exists(tmpfile):
            try:
                os.unlink(tmpfile)
            except OSError as error:
                sys.stderr.write("could not cleanup {}: {}".format(tmpfile, error))

    def _return_formatted(self, kwargs):
        self.add_path_info(kwargs)
        kwargs.setdefault("invocation", {"module_args": self.params})
        given = kwargs.pop("warnings", None) or []
        for warning in given if isinstance(given, list) else [given]:
            warn(to_text(warning))
        given = kwargs.pop("deprecations", None) or []
        for note in given if isinstance(given, list) else [given]:
            if isinstance(note, Mapping):
                deprecate(note["msg"], note.get("version"), note.get("date"), note.get("collection_name"))
            elif isinstance(note, (list, tuple)) and len(note) == 2:
                deprecate(note[0], version=note[1])
            else:
                deprecate(to_text(note))
        if get_warnings():
            kwargs["warnings"] = get_warnings()
        if get_deprecations():
            kwargs["deprecations"] = get_deprecations()
        self._record_module_result(remove_values(kwargs, self.no_log_values))

    def _record_module_result(self, result):
        sys.stdout.write("\n" + jsonify(result) + "\n")
        sys.stdout.flush()

    def exit_json(self, **kwargs):
        self.do_cleanup_files()
        self._return_formatted(kwargs)
        sys.exit(0)

    def fail_json(self, msg, exception=_UNSET, **kwargs):
        kwargs.update(failed=True, msg=str(msg))
        if isinstance(exception, str):
            kwargs["exception"] = exception
        elif "error" in self._tracebacks_for:
            shown = exception if isinstance(exception, BaseException) else sys.exc_info()[1]
            if shown is not None:
                lines = traceback.format_exception(type(shown), shown, shown.__traceback__)
            else:
                lines = traceback.format_stack()
            kwargs["exception"] = "".join(lines)
        self.do_cleanup_files()
        self._return_formatted(kwargs)
        sys.exit(1)
