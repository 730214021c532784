"""Programs of the target."""

import os

from ansible.module_utils.common.file import is_executable


def get_bin_path(arg, opt_dirs=None, required=None):
    """Where a program is: these folders, `PATH`, the folders of administrators."""
    folders = [folder for folder in opt_dirs or [] if folder is not None and os.path.exists(folder)]
    folders += os.environ.get("PATH", "").split(os.pathsep)
    folders += [folder for folder in ("/sbin", "/usr/sbin", "/usr/local/sbin") if folder not in folders and os.path.exists(folder)]
    for folder in filter(None, folders):
        path = os.path.join(folder, arg)
        if os.path.exists(path) and not os.path.isdir(path) and is_executable(path):
            return path
    text = 'Failed to find required executable "{}" in paths: {}'
    raise ValueError(text.format(arg, os.pathsep.join(folders)))
