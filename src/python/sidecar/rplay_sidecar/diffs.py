"""What a file of the host holds before an action writes it, for `--diff`."""

import base64
import os

# Ansible's `max_diff_size`.
LONGEST = 104448


def of(action, destination, source, task_vars, content, source_file):
    """Before and after, with the keys that callbacks know."""
    from ansible.errors import AnsibleError

    diff = {}
    stat = action._execute_module("ansible.legacy.stat", dict(path=destination, follow=True), task_vars=task_vars)
    found = stat.get("stat") or {}
    if not found.get("exists"):
        diff["before"] = ""
    elif found.get("isdir"):
        diff["before_header"], diff["before"] = destination, ""
    elif found.get("size", 0) > LONGEST:
        diff["dst_larger"] = LONGEST
    else:
        slurped = action._execute_module("ansible.legacy.slurp", dict(path=destination), task_vars=task_vars)
        if "content" in slurped:
            data = base64.b64decode(slurped["content"])
            if b"\x00" in data:
                diff["dst_binary"] = 1
            else:
                diff["before_header"], diff["before"] = destination, data.decode("utf-8", "replace")
    if not source_file:
        diff["after_header"], diff["after"] = "dynamically generated", source
    elif os.stat(source).st_size > LONGEST:
        diff["src_larger"] = LONGEST
    else:
        try:
            with open(source, "rb") as file:
                data = file.read()
        except OSError as error:
            raise AnsibleError("Unexpected error while reading source ({}) for diff: {} ".format(source, error)) from error
        if b"\x00" in data:
            diff["src_binary"] = 1
        else:
            diff["after_header"] = destination if content else source
            diff["after"] = data.decode("utf-8", "replace")
    if action._task.no_log:
        if "before" in diff:
            diff["before"] = ""
        if "after" in diff:
            diff["after"] = " [[ Diff output has been hidden because 'no_log: true' was specified for this result ]]\n"
    return diff
