#!/usr/bin/env python3
"""Render every template of a repository's roles with ansible-core and with rplay, and compare byte for byte.

    render.py [OPTION...] ROLES_FOLDER...

Run it with the Python of the reference ansible-core (2.19). For each role with templates a role is written that has the
original's defaults, vars, files and templates, and these tasks instead of its own:

  - one that renders each template under `templates/` as it is, with the role's own variables;
  - each `template` task of the role (and each action that merges configurations: its first source), with its own loop
    and vars, without its `when`.

Errors are ignored and recorded, so one run covers everything. Hosts are three made-up nodes with given facts, on
connection local; templates are rendered on the first `--hosts` of them.

  --reference PROGRAM   the ansible-playbook to compare with (default: on PATH)
  --rplay PROGRAM       the rplay to compare (default: target/debug/rplay)
  --out FOLDER          where everything is written (default: a fresh temporary folder); given again, what the reference
                        rendered there is kept unless --again
  --vars FILE           variables of the highest precedence (repeatable)
  --group-vars PATH     a group_vars folder, put beside the playbook (repeatable; later files join the earlier)
  --filters FOLDER      filter plugins, linked beside the playbook (repeatable)
  --lookups, --tests    the same for lookup and test plugins
  --inventory FILE      an inventory to use instead of the three nodes in one group; nodes named in it get the facts
  --groups GROUP,...    groups that all three nodes are in
  --with ROLE_FOLDER    a role whose defaults and vars every role sees (repeatable)
  --only ROLE,...       these roles only
  --hosts N             on how many hosts templates are rendered (default 1)
  --collections FOLDER  where the reference finds `ansible_collections`; filters of ansible.utils are known by short names
  --fill                variables that nothing defines are given made-up values (found by running rplay until no new
                        name is missing), so that more templates are rendered to their end
  --whole               the reference runs its own copy module for each file instead of writing it from the controller
                        (many times slower; for figures)
  --show N              how many differences are shown (default 20)

Counted per role: files that are equal, reordered (the same lines in another order: sets have a random order in the
reference, another one in each run) and different; items that fail in both with the same message, with another
message, and in one only. The program exits with 1 when anything differs.
"""
import argparse
import collections
import difflib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import yaml

HERE = pathlib.Path(__file__).resolve().parent
TEMPLATING = {"template", "ansible.builtin.template"}
MERGING = {"merge_configs", "merge_yaml", "config_template", "openstack.config_template.config_template"}
KEPT = ("vars", "loop", "loop_control", "environment")
NODES = {"node1": "192.0.2.11", "node2": "192.0.2.12", "node3": "192.0.2.13"}

# The reference's template action hands its result to the copy action, which starts Python on the target more than once.
# This one writes the file itself; what is rendered, and what fails, is the reference's own.
COPY_ACTION = '''
import os
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    TRANSFERS_FILES = True

    def run(self, tmp=None, task_vars=None):
        args = self._task.args
        if not os.path.isdir(os.path.dirname(args["dest"])):
            return {"failed": True, "changed": False, "msg": "Destination directory %s does not exist" % os.path.dirname(args["dest"])}
        if args.get("src"):
            with open(args["src"], "rb") as source:
                data = source.read()
        else:
            data = args["content"].encode()
        with open(args["dest"], "wb") as target:
            target.write(data)
        return {"changed": True, "dest": args["dest"]}
'''


class Loader(yaml.CSafeLoader):
    pass


class Unsafe(str):
    pass


def tagged(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return Unsafe(text) if suffix == "unsafe" else text
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else loader.construct_mapping(node)


class Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data):
        return True


Loader.add_multi_constructor("!", tagged)
Dumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


def dump(value):
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, width=10000)


def facts(name, address):
    """What `setup` could have said about a node."""
    def interface(device, address):
        return {"active": True, "device": device, "macaddress": "52:54:00:00:00:" + address.rsplit(".", 1)[1], "mtu": 1500, "type": "ether",
                "ipv4": {"address": address, "netmask": "255.255.255.0", "network": address.rsplit(".", 1)[0] + ".0", "broadcast": address.rsplit(".", 1)[0] + ".255", "prefix": "24"},
                "ipv6": [{"address": "2001:db8::" + address.rsplit(".", 1)[1], "prefix": "64", "scope": "global"}, {"address": "fe80::1", "prefix": "64", "scope": "link"}]}

    return {
        "all_ipv4_addresses": [address, "198.51.100.7"], "all_ipv6_addresses": ["2001:db8::11", "fe80::1"], "apparmor": {"status": "disabled"}, "architecture": "x86_64",
        "bios_vendor": "SeaBIOS", "cmdline": {"quiet": True, "root": "/dev/vda1"}, "date_time": {"date": "2026-01-02", "day": "02", "epoch": "1767312000", "hour": "00", "iso8601": "2026-01-02T00:00:00Z", "iso8601_basic_short": "20260102T000000", "minute": "00", "month": "01", "second": "00", "time": "00:00:00", "tz": "UTC", "weekday": "Friday", "year": "2026"},
        "default_ipv4": {"address": address, "alias": "eth0", "broadcast": "192.0.2.255", "gateway": "192.0.2.1", "interface": "eth0", "macaddress": "52:54:00:00:00:01", "mtu": 1500, "netmask": "255.255.255.0", "network": "192.0.2.0", "prefix": "24", "type": "ether"},
        "default_ipv6": {}, "device_links": {"ids": {}, "labels": {}, "masters": {}, "uuids": {}}, "devices": {"vda": {"size": "20.00 GB", "model": None, "partitions": {"vda1": {"size": "19.00 GB", "uuid": "1"}}, "holders": [], "links": {"ids": []}, "removable": "0", "rotational": "1", "sectors": "41943040"}},
        "distribution": "CentOS", "distribution_file_variety": "CentOS", "distribution_major_version": "9", "distribution_release": "Stream", "distribution_version": "9",
        "dns": {"nameservers": ["192.0.2.1"], "search": ["example.net"]}, "domain": "example.net", "env": {"HOME": "/root", "PATH": "/usr/bin:/bin", "USER": "root"}, "fips": False, "form_factor": "Other", "fqdn": name + ".example.net", "hostname": name, "nodename": name,
        "eth0": interface("eth0", address), "eth1": interface("eth1", address.replace("192.0.2", "198.51.100")), "lo": {"active": True, "device": "lo", "ipv4": {"address": "127.0.0.1", "netmask": "255.0.0.0", "network": "127.0.0.0", "prefix": "8", "broadcast": ""}, "mtu": 65536, "type": "loopback"},
        "interfaces": ["lo", "eth0", "eth1"], "kernel": "5.14.0-1.el9.x86_64", "lsb": {}, "machine": "x86_64", "memfree_mb": 1000, "memtotal_mb": 16000, "memory_mb": {"real": {"free": 1000, "total": 16000, "used": 15000}, "swap": {"free": 0, "total": 0, "used": 0, "cached": 0}, "nocache": {"free": 2000, "used": 14000}},
        "mounts": [{"device": "/dev/vda1", "fstype": "xfs", "mount": "/", "options": "rw", "size_available": 10000000000, "size_total": 20000000000, "uuid": "1"}], "os_family": "RedHat", "pkg_mgr": "dnf", "processor": ["0", "GenuineIntel", "Fake CPU"], "processor_cores": 2, "processor_count": 1, "processor_nproc": 4, "processor_threads_per_core": 2, "processor_vcpus": 4,
        "product_name": "KVM", "python": {"executable": "/usr/bin/python3", "version": {"major": 3, "minor": 9, "micro": 18, "releaselevel": "final", "serial": 0}, "version_info": [3, 9, 18, "final", 0], "type": "cpython", "has_sslcontext": True}, "python_version": "3.9.18", "selinux": {"status": "enabled", "mode": "permissive", "config_mode": "enforcing", "policyvers": 33, "type": "targeted"}, "selinux_python_present": True, "service_mgr": "systemd",
        "ssh_host_key_rsa_public": "AAAAB3", "ssh_host_key_ed25519_public": "AAAAC3", "swapfree_mb": 0, "swaptotal_mb": 0, "system": "Linux", "system_vendor": "QEMU", "uptime_seconds": 1000, "user_dir": "/root", "user_gid": 0, "user_id": "root", "user_shell": "/bin/bash", "user_uid": 0, "userspace_architecture": "x86_64", "userspace_bits": "64", "virtualization_role": "guest", "virtualization_type": "kvm", "effective_user_id": 0, "effective_group_id": 0, "real_user_id": 0, "real_group_id": 0,
    }


def template_tasks(role):
    """The role's template tasks: (place, template source, destination, the task's own keywords)."""
    found = []

    def walk(tasks, path):
        for task in tasks if isinstance(tasks, list) else []:
            if not isinstance(task, dict):
                continue
            for inner in ("block", "rescue", "always"):
                walk(task.get(inner), path)
            for name in (TEMPLATING | MERGING) & set(task):
                args = task[name]
                if isinstance(args, str):
                    args = dict(word.split("=", 1) for word in re.findall(r"(?:\w+)=(?:\"[^\"]*\"|\{\{.*?\}\}\S*|\S+)", args))
                args = {**(args or {}), **(task.get("args") or {})}
                source = args.get("src")
                if not source and isinstance(args.get("sources"), list) and args["sources"]:
                    source = args["sources"][0]
                if isinstance(source, str) and source:
                    keywords = {key: value for key, value in task.items() if key in KEPT or key.startswith("with_")}
                    options = {key: args[key] for key in args if key in ("trim_blocks", "lstrip_blocks", "newline_sequence", "block_start_string", "block_end_string", "variable_start_string", "variable_end_string", "comment_start_string", "comment_end_string")}
                    found.append((path.name, source.strip("'\""), str(args.get("dest", "")).strip("'\""), keywords, options))

    for path in sorted((role / "tasks").rglob("*.y*ml")) if (role / "tasks").is_dir() else []:
        try:
            walk(yaml.load(path.read_text(), Loader=Loader), path)
        except (yaml.YAMLError, UnicodeDecodeError):
            pass
    return found


def write_role(role, name, target):
    """Writes a role that renders the templates of another, if it has any."""
    for folder in ("defaults", "vars", "templates", "files", "filter_plugins", "lookup_plugins", "test_plugins"):
        if (role / folder).is_dir():
            target.mkdir(parents=True, exist_ok=True)
            (target / folder).symlink_to((role / folder).resolve())
    quoted = [path for path in (role / "templates").rglob("*.j2") if b'_blocks: "' in path.read_bytes()[:200]]
    if quoted:
        # ansible-core 2.19 refuses booleans in quotes in a `#jinja2:` header; written as it wants them, the rest is seen.
        (target / "templates").unlink()
        shutil.copytree(role / "templates", target / "templates")
        for path in quoted:
            copy = target / "templates" / path.relative_to(role / "templates")
            head, body = copy.read_text().split("\n", 1)
            copy.write_text(head.replace('"true"', "True").replace('"false"', "False") + "\n" + body)
    tasks, results = [], []
    out = "{{ corpus_out }}/{{ inventory_hostname }}/" + name

    def add(task, number):
        task.update(ignore_errors=True, register=f"corpus_{number}")
        tasks.append(task)
        results.append(number)

    # What roles usually include by the family of the system.
    system = next((f"{word}.yml" for word in ("CentOS-9", "CentOS", "RedHat", "centos", "redhat") if (role / "vars" / f"{word}.yml").is_file()), None)
    if system:
        tasks.append({"name": f"{name}: variables of the system", "include_vars": system})
    templates = sorted(path.relative_to(role / "templates") for path in (role / "templates").rglob("*") if path.is_file()) if (role / "templates").is_dir() else []
    if templates:
        add({"name": f"{name}: every template", "template": {"src": "{{ corpus_template }}", "dest": out + "/{{ corpus_template | replace('/', '%') }}"}, "loop": [str(path) for path in templates], "loop_control": {"loop_var": "corpus_template"}}, 0)
    for number, (place, source, dest, keywords, options) in enumerate(template_tasks(role), 1):
        keywords = dict(keywords)
        task = {"name": f"{name}: {place}: {number}", "template": {"src": source, "dest": out + f"/task-{number}-" + "{{ corpus_dest | replace('/', '%') }}", **options}}
        task["vars"] = {**(keywords.pop("vars", None) or {}), "corpus_dest": dest}
        task.update(keywords)
        add(task, number)
    if results:
        results = "{{ {" + ", ".join(f"'{number}': corpus_{number}" for number in results) + "} | to_json }}"
        tasks.append({"name": f"{name}: what came of it", "copy": {"content": results, "dest": out + "/results.json"}})
        (target / "tasks").mkdir(parents=True, exist_ok=True)
        (target / "tasks" / "main.yml").write_text(dump(tasks))
    return bool(results)


def link_all(folders, target):
    """Links what is in the folders into one; files of one name are joined."""
    for folder in map(pathlib.Path, folders):
        for path in sorted(folder.iterdir()) if folder.is_dir() else [folder]:
            if path.is_dir():
                link_all([path], target / path.name)
                continue
            target.mkdir(parents=True, exist_ok=True)
            there = target / path.name
            if there.exists():
                there.write_text(there.read_text() + "\n" + path.read_text())
            else:
                shutil.copy(path, there)


def write_nodes(out):
    (out / "host_vars").mkdir(exist_ok=True)
    for node, address in NODES.items():
        given = {key: Unsafe(value) if isinstance(value, str) else value for key, value in facts(node, address).items()}
        (out / "host_vars" / f"{node}.yml").write_text(dump({"ansible_connection": "local", "ansible_host": address, "given_facts": given}))


def given_facts():
    """The play that gives all nodes their facts."""
    given = {f"ansible_{key}": "{{ given_facts['" + key + "'] }}" for key in facts("", "0.0.0.0") if key != "env"}
    given["ansible_facts"] = "{{ given_facts }}"
    return {"name": "given facts", "hosts": ",".join(NODES), "gather_facts": False, "tasks": [{"set_fact": given}]}


def prepare(options, out):
    roles = {}
    wanted = set(options.only.split(",")) if options.only else None
    for folder in map(pathlib.Path, options.folders):
        for path in [folder] if (folder / "templates").is_dir() else sorted(folder.glob("**/")):
            if any((path / below).is_dir() for below in ("templates", "tasks")) and not path.name.startswith("."):
                name = re.sub(r"\W", "_", str(path.relative_to(folder)) if path != folder else path.name)
                if (not wanted or name in wanted) and write_role(path, name, out / "roles" / name):
                    roles[name] = path
    hosts = out / "hosts"
    if options.inventory:
        shutil.copy(options.inventory, hosts)
    else:
        hosts.write_text("".join("\n".join([line, *NODES, ""]) for line in ["", *(f"[{group}]" for group in options.groups.split(",") if group)]))
    write_nodes(out)
    link_all(options.group_vars, out / "group_vars")
    for kind, folders in (("filter", options.filters), ("lookup", options.lookups), ("test", options.tests)):
        if folders:
            link_all(folders, out / f"{kind}_plugins")
    (out / "ansible.cfg").write_text("[defaults]\n")
    common = []
    for number, path in enumerate(map(pathlib.Path, options.common)):
        (out / "roles" / f"common_{number}").mkdir(parents=True)
        for folder in ("defaults", "vars"):
            if (path / folder).is_dir():
                (out / "roles" / f"common_{number}" / folder).symlink_to(path / folder)
        common.append({"role": f"common_{number}"})
    if options.fill:
        filled = out / "filled.json"
        (out / "roles" / "filled" / "defaults").mkdir(parents=True)
        (out / "roles" / "filled" / "defaults" / "main.yml").write_text(filled.read_text() if filled.exists() else "{}")
        common.insert(0, {"role": "filled"})
    first = list(NODES)[: options.hosts]
    plays = [given_facts()]
    plays += [{"name": name, "hosts": ",".join(first), "gather_facts": False, "roles": [*common, {"role": name}]} for name in sorted(roles)]
    (out / "site.yml").write_text(dump(plays))
    return roles, first


def run(program, out, side, options, roles, hosts, extra):
    folder = out / side
    shutil.rmtree(folder, ignore_errors=True)
    for host in hosts:
        for role in roles:
            (folder / host / role).mkdir(parents=True)
    command = [program, "site.yml", "-i", "hosts", "-e", f"corpus_out={out / 'rendered'}"]
    for path in options.vars:
        command += ["-e", f"@{path}"]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_DEPRECATION_WARNINGS": "false", "ANSIBLE_PIPELINING": "1", "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_RETRY_FILES_ENABLED": "false", "ANSIBLE_CONFIG": str(out / "ansible.cfg"), "ANSIBLE_ROLES_PATH": str(out / "roles"), "LC_ALL": "C.UTF-8"}
    # Both write to the same paths, so that a path in a template or message does not differ.
    rendered = out / "rendered"
    rendered.unlink(missing_ok=True)
    rendered.symlink_to(folder)
    if side == "reference" and options.collections:
        # Old repositories call the filters of ansible.utils by short names, as when they were ansible's own.
        names = sorted(path.stem for path in pathlib.Path(options.collections).glob("ansible_collections/ansible/utils/plugins/filter/[a-z]*.py"))
        (out / "reference_filters").mkdir(exist_ok=True)
        for name in names:
            (out / "reference_filters" / f"short_{name}.py").write_text(f"from ansible_collections.ansible.utils.plugins.filter.{name} import FilterModule\n")
        environment["ANSIBLE_FILTER_PLUGINS"] = str(out / "reference_filters")
        environment["ANSIBLE_COLLECTIONS_PATH"] = options.collections
    if side == "reference" and not options.whole:
        (out / "reference_actions").mkdir(exist_ok=True)
        (out / "reference_actions" / "copy.py").write_text(COPY_ACTION)
        environment["ANSIBLE_ACTION_PLUGINS"] = str(out / "reference_actions")
    started = time.monotonic()
    with (out / f"{side}.log").open("w") as log:
        code = subprocess.run(command + extra, cwd=out, env=environment, stdout=log, stderr=subprocess.STDOUT).returncode
    seconds = time.monotonic() - started
    if code not in (0, 2):
        print((out / f"{side}.log").read_text()[-3000:])
        sys.exit(f"{program} ended with {code}")
    (out / f"{side}.time").write_text(f"{seconds:.1f}")


def fill(out, options, roles, hosts):
    """Defines what templates miss, until nothing new is missing."""
    filled = {}
    for _ in range(30):
        text = json.dumps(filled, indent=1)
        (out / "filled.json").write_text(text)
        (out / "roles" / "filled" / "defaults" / "main.yml").write_text(text)
        run(options.rplay, out, "rplay", options, roles, hosts, [])
        missing = {name for message in outcomes(out / "rplay").values() for name in re.findall(r"'(\w+)' is undefined", message or "")} - filled.keys()
        if not missing:
            break
        filled.update({name: f"made-up-{name.replace('_', '-')}" for name in missing})


def outcomes(folder):
    """What came of each task and item: {(host, role and task, item): message or None}."""
    found = {}
    for path in sorted(folder.glob("*/*/results.json")):
        for task, result in json.loads(path.read_text()).items():
            for number, item in enumerate(result["results"] if "results" in result else [result]):
                message = None
                if item.get("failed"):
                    message = item.get("msg", "")
                elif item.get("skipped"):
                    message = "(skipped) " + str(item.get("skip_reason", ""))
                found[f"{path.parent.relative_to(folder)} task {task}", number] = message
    return found


def first_difference(one, other):
    try:
        one, other = one.read_bytes().decode(), other.read_bytes().decode()
    except UnicodeDecodeError:
        return "bytes differ"
    return "\n".join(list(difflib.unified_diff(one.splitlines(), other.splitlines(), "reference", "rplay", n=0, lineterm=""))[2:10])


def reordered(data):
    return sorted(re.findall(rb"\w+|\W", data))


def compare(out, options):
    reference, ours = out / "reference", out / "rplay"
    counts = collections.defaultdict(collections.Counter)
    shown = 0

    def show(text):
        nonlocal shown
        shown += 1
        if shown <= options.show:
            print(text)

    def files(folder):
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != "results.json"}

    theirs, mine = files(reference), files(ours)
    for name in sorted(theirs | mine):
        role = name.split("/")[1]
        if name in theirs and name in mine:
            one, other = (reference / name).read_bytes(), (ours / name).read_bytes()
            verdict = "equal" if one == other else "reordered" if reordered(one) == reordered(other) else "different"
            counts[role][verdict] += 1
            if verdict == "different":
                show(f"--- {name}\n{first_difference(reference / name, ours / name)}")
    theirs, mine = outcomes(reference), outcomes(ours)
    for key in sorted(theirs.keys() | mine.keys()):
        role = key[0].split("/")[1].split(" ")[0]
        one, other = theirs.get(key, "(no result)"), mine.get(key, "(no result)")
        if one == other:
            if one is not None:
                counts[role]["fail_alike"] += 1
        elif one is not None and other is not None and not (one + other).count("(no result)"):
            counts[role]["fail_otherwise"] += 1
            show(f"--- {key[0]} item {key[1]} fails with another message\n  reference {one}\n      rplay {other}")
        else:
            counts[role]["fail_in_one"] += 1
            show(f"--- {key[0]} item {key[1]} fails in one only\n  reference {one}\n      rplay {other}")
    total = collections.Counter()
    for role in sorted(counts):
        total += counts[role]
        if counts[role].keys() - {"equal", "reordered", "fail_alike"}:
            print(f"{role}: {dict(counts[role])}")
    names = ("equal", "reordered", "different", "fail_alike", "fail_otherwise", "fail_in_one")
    print(f"{len(counts)} roles:", ", ".join(f"{total[name]} {name}" for name in names))
    times = {side: (out / f"{side}.time").read_text() for side in ("reference", "rplay")}
    print(f"reference {times['reference']} s, rplay {times['rplay']} s")
    return not any(total[name] for name in names[2:3] + names[4:])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS)
    parser.add_argument("--reference", default="ansible-playbook")
    parser.add_argument("--rplay", default=str(HERE.parent.parent / "target/debug/rplay"))
    parser.add_argument("--out")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--fill", action="store_true")
    parser.add_argument("--collections", type=os.path.abspath)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--inventory")
    parser.add_argument("--groups", default="")
    parser.add_argument("--with", dest="common", action="append", default=[], type=os.path.abspath)
    parser.add_argument("--only")
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--show", type=int, default=20)
    for name in ("vars", "group-vars", "filters", "lookups", "tests"):
        parser.add_argument(f"--{name}", action="append", default=[], type=os.path.abspath)
    parser.add_argument("folders", nargs="+", type=os.path.abspath)
    return parser


def whole(options):
    out = pathlib.Path(options.out or tempfile.mkdtemp(prefix="corpus-")).resolve()
    done = (out / "reference.time").exists() and not options.again
    for name in ("roles", "group_vars", "host_vars", "filter_plugins", "lookup_plugins", "test_plugins"):
        shutil.rmtree(out / name, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    roles, hosts = prepare(options, out)
    python = ["-e", f"ansible_python_interpreter={sys.executable}"]
    if not done:
        if options.fill:
            fill(out, options, roles, hosts)
        # The reference runs its modules with the Python it is run with.
        run(options.reference, out, "reference", options, roles, hosts, python)
    run(options.rplay, out, "rplay", options, roles, hosts, python)
    return compare(out, options)


if __name__ == "__main__":
    sys.exit(0 if whole(arguments().parse_args()) else 1)
