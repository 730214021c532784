"""Files and file systems, as modules read them."""

import os


def get_file_content(path, default=None, strip=True):
    """The text of a file; the default where there is none that can be read."""
    try:
        with open(path) as file:
            text = file.read()
    except (OSError, ValueError):
        return default
    if strip:
        text = text.strip()
    return text or default


def get_file_lines(path, strip=True, line_sep=None):
    text = get_file_content(path, strip=strip)
    if not text:
        return []
    if line_sep is None:
        return text.splitlines()
    return (text.rstrip(line_sep) if len(line_sep) == 1 else text).split(line_sep)


def get_mount_size(mountpoint):
    try:
        found = os.statvfs(mountpoint)
    except OSError:
        return {}
    return {
        "size_total": found.f_frsize * found.f_blocks, "size_available": found.f_frsize * found.f_bavail,
        "block_size": found.f_bsize, "block_total": found.f_blocks, "block_available": found.f_bavail,
        "block_used": found.f_blocks - found.f_bavail, "inode_total": found.f_files, "inode_available": found.f_favail,
        "inode_used": found.f_files - found.f_favail,
    }
