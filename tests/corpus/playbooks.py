#!/usr/bin/env python3
"""Every playbook of whole repositories: --syntax-check and --list-tasks with Ansible and with rplay.

  RELEASE/bin/python playbooks.py record NAME=FOLDER... -o 2.16.jsonl    once for each release, with its own Python
  python3 playbooks.py compare --rplay PROGRAM NAME=FOLDER... 2.11.jsonl 2.16.jsonl 2.19.jsonl [-o DIFFERENCES.txt]

A playbook is a YAML file whose list has an entry with `hosts` or `import_playbook`. Both sides run in the repository, with
its ansible.cfg, and with every `roles`, `library` and plugin folder of the repository as theirs. Ansible is imported once and
forked for each playbook; where the listing succeeds, --syntax-check, which reads the same and prints the name alone, is not run
as well. A record that was interrupted is continued. Nothing is written into the checkouts, and nothing is run.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

MODES = ("--syntax-check", "--list-tasks")
SKIPPED = {".git", ".tox", "node_modules", "__pycache__"}
FOLDERS = {
    "ANSIBLE_ROLES_PATH": ("roles",),
    "ANSIBLE_LIBRARY": ("library", "ansible_plugins/modules"),
    "ANSIBLE_ACTION_PLUGINS": ("action_plugins", "ansible_plugins/action", "plugins/actions"),
    "ANSIBLE_FILTER_PLUGINS": ("filter_plugins", "ansible_plugins/filter", "plugins/filter"),
    "ANSIBLE_LOOKUP_PLUGINS": ("lookup_plugins", "ansible_plugins/lookup"),
    "ANSIBLE_STRATEGY_PLUGINS": ("strategy_plugins", "ansible_plugins/strategy"),
    "ANSIBLE_MODULE_UTILS": ("module_utils", "ansible_plugins/module_utils"),
}


def repositories(pairs):
    for pair in pairs:
        name, _, folder = pair.partition("=")
        yield name, os.path.abspath(folder)


def playbooks(folder):
    """Playbook files below a folder, relative to it."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("", lambda loader, suffix, node: None)
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(files):
            path = os.path.join(root, name)
            if not name.endswith((".yml", ".yaml")) or os.path.islink(path):
                continue
            try:
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                if not re.search(r"^[ -]*(hosts|import_playbook|include|[\w.]+import_playbook):", text, re.M):
                    continue
                document = yaml.load(text, Loader)
            except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError):
                continue
            entries = [entry for entry in document if isinstance(entry, dict)] if isinstance(document, list) else []
            if any("hosts" in entry or any("import_playbook" in str(key) for key in entry) for entry in entries):
                found.append(os.path.relpath(path, folder))
    return found


def environment(folder):
    """What both sides are given."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    found = collections.defaultdict(list)
    for root, folders, _ in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for variable, names in FOLDERS.items():
            found[variable].extend(os.path.join(root, name) for name in names if os.path.isdir(os.path.join(root, name)))
    env.update({variable: ":".join(paths) for variable, paths in found.items() if paths})
    env.update(ANSIBLE_LOCALHOST_WARNING="0", ANSIBLE_NOCOLOR="1", LC_ALL="C.UTF-8", ANSIBLE_LOCAL_TEMP=tempfile.gettempdir())
    env.update(ANSIBLE_RETRY_FILES_ENABLED="0", ANSIBLE_INVENTORY="localhost,")
    return env


def arguments(playbook, mode):
    return ["-i", "localhost,", mode, playbook]


def forked(args):
    """ansible-playbook in a child of this process: exit code, standard output, standard error."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        pid = os.fork()
        if pid == 0:
            code = 250
            try:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                from ansible.cli.playbook import PlaybookCLI
                from ansible.errors import AnsibleError, AnsibleOptionsError, AnsibleParserError

                cli = PlaybookCLI(["ansible-playbook", *args])
                try:
                    if hasattr(cli, "parse"):
                        cli.parse()
                    code = cli.run() or 0
                except AnsibleParserError as error:
                    print("ERROR! " + str(error), file=sys.stderr)
                    code = 4
                except AnsibleOptionsError as error:
                    print("ERROR! " + str(error), file=sys.stderr)
                    code = 5
                except AnsibleError as error:
                    print("ERROR! " + str(error), file=sys.stderr)
                    code = 1
            except SystemExit as ended:
                code = int(ended.code or 0)
            except BaseException as error:
                print("ERROR! " + repr(error), file=sys.stderr)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code & 255)
        _, status = os.waitpid(pid, 0)
        out.seek(0)
        err.seek(0)
        return os.waitstatus_to_exitcode(status), out.read(), err.read()


def record(options):
    """One line for each playbook and mode."""
    done = set()
    if os.path.exists(options.output):
        with open(options.output, encoding="utf-8") as file:
            done = {(row["repository"], row["playbook"], row["mode"]) for row in map(json.loads, file)}
    out = open(options.output, "a", encoding="utf-8")
    for name, folder in repositories(options.repositories):
        files = playbooks(folder)
        # The settings are read when Ansible is imported, so each repository has a process of its own.
        pid = os.fork()
        if pid == 0:
            os.environ.clear()
            os.environ.update(environment(folder))
            os.chdir(folder)
            from ansible.release import __version__ as version
            import ansible.cli.playbook  # noqa: F401
            import ansible.executor.playbook_executor  # noqa: F401

            for playbook in files:
                if (name, playbook, MODES[-1]) in done:
                    continue
                listed = forked(arguments(playbook, MODES[1]))
                checked = 0, f"\nplaybook: {playbook}\n", ""
                if listed[0] != 0:
                    checked = forked(arguments(playbook, MODES[0]))
                for mode, (code, stdout, stderr) in zip(MODES, (checked, listed)):
                    row = {"repository": name, "playbook": playbook, "mode": mode, "version": version}
                    row.update(code=code, stdout=stdout, stderr=stderr[-2000:])
                    out.write(json.dumps(row) + "\n")
                out.flush()
            os._exit(0)
        os.waitpid(pid, 0)


def compare(options):
    folders = dict(repositories(options.repositories))
    environments = {name: environment(folder) for name, folder in folders.items()}
    rows = collections.defaultdict(dict)
    for path in options.records:
        with open(path, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                if row["repository"] in folders:
                    release = ".".join(row["version"].split(".")[:2])
                    rows[row["repository"], row["playbook"], row["mode"]][release] = row

    def run(repository, playbook, mode, release):
        compat = ["--compat", release] if release else []
        command = [os.path.abspath(options.rplay), *compat, *arguments(playbook, mode)]
        try:
            done = subprocess.run(
                command, cwd=folders[repository], env=environments[repository], capture_output=True, timeout=60, check=False
            )
        except subprocess.TimeoutExpired:
            return 124, "", "more than a minute"
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    counts = collections.defaultdict(collections.Counter)
    details = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        asked = {}
        for key, releases in rows.items():
            asked[key, None] = pool.submit(run, *key, None)
            for release, row in releases.items():
                if row["code"] == 0:
                    asked[key, release] = pool.submit(run, *key, release)
        for key, releases in rows.items():
            repository, playbook, mode = key
            count = counts[repository, mode]
            count["playbooks"] += 1
            good = [release for release, row in releases.items() if row["code"] == 0]
            code, stdout, stderr = asked[key, None].result()
            count["ok in any Ansible"] += bool(good)
            count["ok in rplay"] += code == 0
            if good and code != 0:
                count["refused by rplay only"] += 1
                details.append(f"== {repository} {playbook} {mode}: refused, {', '.join(good)} take it\n{stderr}")
            for release in good:
                code, stdout, stderr = asked[key, release].result()
                wanted, stdout = tags_in_order(releases[release]["stdout"]), tags_in_order(stdout)
                count["pairs"] += 1
                if code != 0:
                    count["refused under --compat"] += 1
                    details.append(f"== {repository} {playbook} {mode} --compat {release}: refused\n{stderr}")
                elif stdout == wanted:
                    count["equal"] += 1
                else:
                    count["differ"] += 1
                    details.append(f"== {repository} {playbook} {mode} --compat {release}: differs\n{difference(wanted, stdout)}")
    columns = [
        "playbooks",
        "ok in any Ansible",
        "ok in rplay",
        "refused by rplay only",
        "pairs",
        "equal",
        "differ",
        "refused under --compat",
    ]
    print("| repository | mode | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 2) + "|")
    for (repository, mode), count in counts.items():
        print(f"| {repository} | {mode.strip('-')} | " + " | ".join(str(count[column]) for column in columns) + " |")
    if options.output:
        with open(options.output, "w", encoding="utf-8") as file:
            file.write("\n".join(details) + "\n")
    bad = sum(count["refused by rplay only"] + count["differ"] + count["refused under --compat"] for count in counts.values())
    return 1 if bad else 0


def tags_in_order(listing):
    """A play's tags come in the order of a Python set, another one in each run of Ansible."""
    ordered = lambda match: "TAGS: [" + ",".join(sorted(match[1].split(","))) + "]"
    lines = (re.sub(r"TAGS: \[(.*)\]$", ordered, line) if "  play #" in line else line for line in listing.splitlines(True))
    return "".join(lines)


def difference(wanted, found):
    import difflib

    lines = difflib.unified_diff(wanted.splitlines(), found.splitlines(), "Ansible", "rplay", lineterm="", n=1)
    return "\n".join(list(lines)[:40])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("repositories", nargs="+", metavar="NAME=FOLDER")
    recording.add_argument("-o", "--output", required=True)
    comparing = commands.add_parser("compare")
    comparing.add_argument("--rplay", required=True)
    comparing.add_argument("--jobs", type=int, default=2)
    comparing.add_argument("-o", "--output")
    comparing.add_argument("inputs", nargs="+", metavar="NAME=FOLDER|RECORD")
    options = parser.parse_args()
    if options.command == "record":
        record(options)
        return 0
    options.repositories = [given for given in options.inputs if "=" in given]
    options.records = [given for given in options.inputs if "=" not in given]
    return compare(options)


if __name__ == "__main__":
    sys.exit(main())
