"""Programs of the controller."""

import os
import shutil


def get_bin_path(arg, opt_dirs=None, required=None):
    path = os.pathsep.join([folder for folder in opt_dirs or [] if folder] + [os.environ.get("PATH", ""), "/sbin", "/usr/sbin"])
    found = shutil.which(arg, path=path)
    if not found:
        raise ValueError('Failed to find required executable "{}" in paths: {}'.format(arg, path))
    return found
