"""What plugins of the controller take from the modules' base."""

import platform
import sys

from ansible.module_utils.common.text.converters import jsonify, to_bytes, to_native, to_text  # noqa: F401
from ansible.module_utils.parsing.convert_bool import BOOLEANS, BOOLEANS_FALSE, BOOLEANS_TRUE, boolean  # noqa: F401


def missing_required_lib(library, reason=None, url=None):
    text = "Failed to import the required Python library ({}) on {}'s Python {}.".format(
        library, platform.node(), sys.executable
    )
    if reason:
        text += " This is required {}.".format(reason)
    if url:
        text += " See {} for more info.".format(url)
    return text + (
        " Please read the module documentation and install it in the appropriate location."
        " If the required library is installed, but Ansible is using the wrong Python interpreter,"
        " please consult the documentation on ansible_python_interpreter"
    )
