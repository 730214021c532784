"""Modules that go on under another Python, which has what they need."""

import os
import subprocess
import sys

_LIBRARY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))

# What the other Python reads: where the modules are, what it runs, and with which arguments.
_PROGRAM = """
import runpy, sys
sys.path.insert(0, {library!r})
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = {args!r}
basic._ANSIBLE_PROFILE = {profile!r}
try:
    runpy.run_module({module!r}, init_globals=dict(_respawned=True, _module_fqn={module!r}, _modlib_path={library!r}),
                     run_name='__main__', alter_sys=True)
except Exception as error:
    import json, traceback
    sys.stderr.write(traceback.format_exc())
    print(json.dumps(dict(failed=True, exception=dict(event=dict(msg=str(error) or type(error).__name__)))))
    sys.exit(1)
"""


def has_respawned():
    return hasattr(sys.modules["__main__"], "_respawned")


def respawn_module(interpreter_path):
    if has_respawned():
        raise Exception("module has already been respawned")
    from ansible.module_utils import basic

    main = sys.modules["__main__"]
    text = _PROGRAM.format(
        library=main._modlib_path, args=basic._ANSIBLE_ARGS, profile=basic._ANSIBLE_PROFILE, module=main._module_fqn
    )
    sys.stdout.flush()
    process = subprocess.Popen([interpreter_path, "-"], stdin=subprocess.PIPE)
    process.communicate(text.encode("utf-8"))
    sys.exit(process.returncode)


def probe_interpreters_for_module(interpreter_paths, module_name):
    """The first of these Pythons that can import a module."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = "{}:{}".format(_LIBRARY, environment.get("PYTHONPATH", "")).rstrip(": ")
    for path in interpreter_paths:
        if not os.path.exists(path):
            continue
        program = "import {}, ansible.module_utils.basic".format(module_name)
        try:
            if subprocess.call([path, "-c", program], env=environment, stderr=subprocess.DEVNULL) == 0:
                return path
        except OSError:
            continue
    return None
