#!/usr/bin/env python3
"""Runs the filters of real repositories under ansible-core and under rplay, and compares what comes out.

    tests/plugins/compare.py REPOSITORIES --ansible BIN/ansible-playbook --rplay target/debug/rplay [--name kolla]

REPOSITORIES is a folder with checkouts: ceph-ansible, infrared, kolla-ansible, khaleesi, quickstart, tripleo-ansible.
Both run plugins under the Python beside ansible-playbook (RPLAY_PYTHON). The calls are in `calls.yml` beside this file.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).resolve().parent


def playbook(calls, variables, facts):
    tasks = []
    for number, call in enumerate(calls):
        message = {"n": number, "v": "{{ " + call + " }}"}
        tasks.append({"name": str(number), "ansible.builtin.debug": {"msg": message}, "ignore_errors": True})
    plays = []
    if facts:
        fact = {"name": "facts", "ansible.builtin.set_fact": dict(facts, cacheable=True)}
        plays.append({"hosts": "all", "gather_facts": False, "tasks": [fact]})
    return plays + [{"hosts": "one", "gather_facts": False, "vars": variables or {}, "tasks": tasks}]


def results(program, folder, env):
    """What each task yields: the value, or the error's message from the plugin's own on."""
    command = [program, "-i", "hosts", "-c", "local", "calls.yml"]
    env = dict(env, ANSIBLE_STDOUT_CALLBACK="ansible.builtin.json" if "ansible" in os.path.basename(program) else "json")
    ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    start = ran.stdout.find("{\n")
    try:
        tasks = json.loads(ran.stdout[start:])["plays"][-1]["tasks"]
    except (ValueError, LookupError):
        sys.exit("{} gave no results:\n{}\n{}".format(program, ran.stdout[-2000:], ran.stderr[-2000:]))
    found = []
    for task in tasks:
        result = task["hosts"]["one"]
        message = result["msg"]
        if result.get("failed"):
            message = "! " + message.rpartition("resolving value for 'msg': ")[2]
        else:
            message = message["v"]
        found.append(message)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", type=pathlib.Path)
    parser.add_argument("--ansible", required=True)
    parser.add_argument("--rplay", required=True)
    parser.add_argument("--python", help="another Python for rplay's plugins, such as one without ansible-core")
    parser.add_argument("--name", default="")
    options = parser.parse_args()
    total = different = 0
    python = str(pathlib.Path(options.ansible).parent / "python3")
    for suite in yaml.safe_load((HERE / "calls.yml").read_text()):
        if options.name not in suite["name"]:
            continue
        root = options.repositories
        env = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        env.update(RPLAY_PYTHON=python, ANSIBLE_PYTHON_INTERPRETER=python, PYTHONDONTWRITEBYTECODE="1")
        for kind in ("filter", "test", "lookup"):
            folders = [str(root / folder) for folder in suite.get(kind + "s", [])]
            env["ANSIBLE_{}_PLUGINS".format(kind.upper())] = ":".join(folders)
        env["PYTHONPATH"] = ":".join([str(root / folder) for folder in suite.get("python", [])] + [str(HERE / "modules")])
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "hosts").write_text(suite.get("hosts", "one\n"))
            text = yaml.safe_dump(playbook(suite["calls"], suite.get("vars"), suite.get("facts")), sort_keys=False, width=10000)
            pathlib.Path(folder, "calls.yml").write_text(text)
            theirs = results(os.path.abspath(options.ansible), folder, env)
            env["RPLAY_PYTHON"] = options.python or python
            ours = results(os.path.abspath(options.rplay), folder, env)
        for call, their, our in zip(suite["calls"], theirs, ours):
            total += 1
            if their != our:
                different += 1
                print("{}: {}\n  ansible-core: {!r}\n  rplay:        {!r}".format(suite["name"], call, their, our))
        failed = sum(isinstance(their, str) and their.startswith("! ") for their in theirs)
        print("{}: {} calls, {} of them fail".format(suite["name"], len(suite["calls"]), failed))
    print("{} of {} calls differ".format(different, total))
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
