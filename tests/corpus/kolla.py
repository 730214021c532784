#!/usr/bin/env python3
"""Render kolla-ansible's templates with ansible-core and with rplay, and compare byte for byte.

    kolla.py templates CHECKOUT --work FOLDER [OPTION...]    every template of every role, through render.py
    kolla.py genconfig CHECKOUT --work FOLDER [OPTION...]    the roles' own tasks/config.yml, as `genconfig` runs them

Options are those of render.py. Inventory: the checkout's `multinode` with three nodes; variables: the checkout's own
group_vars, made-up passwords, and services switched on. kolla's filter plugins import the checkout's `kolla_ansible`,
which needs `pbr` and `bcrypt`: name a folder with them in PYTHONPATH.

For `genconfig` the roles are copied, without their handlers. Each `merge_configs` and `merge_yaml` becomes a `template` of its first source
(nothing overrides it here), and nothing becomes another user. Each service's config.yml runs on all nodes in a block of
its own, so one that fails does not end the others.
"""
import argparse
import os
import pathlib
import re
import shutil
import sys

import yaml

import render

GROUPS = {"control": ["node1", "node2", "node3"], "network": ["node1", "node2"], "compute": ["node2", "node3"], "monitoring": ["node1"], "storage": ["node3"], "deployment": ["node1"]}
SERVICES = """aodh barbican blazar ceilometer cinder cloudkitty collectd cron cyborg designate etcd fluentd glance gnocchi grafana
heat horizon ironic iscsi keystone kolla_toolbox loadbalancer magnum manila mariadb masakari memcached mistral multipathd
neutron nova nova-cell octavia opensearch openvswitch ovn-controller ovn-db placement prometheus prometheus-node-exporters
rabbitmq skyline tacker trove valkey watcher""".split()
ENABLED = """aodh barbican blazar ceilometer cinder cinder_backup cinder_backend_nfs cloudkitty collectd cyborg designate etcd fluentd
glance gnocchi grafana heat horizon ironic keystone magnum manila manila_backend_generic mariadb masakari memcached mistral multipathd
neutron neutron_provider_networks nova octavia opensearch openvswitch placement prometheus rabbitmq skyline tacker trove valkey watcher
central_logging haproxy keepalived neutron_dvr neutron_qos neutron_vpnaas""".split()


def settings(checkout):
    values = {
        "kolla_internal_vip_address": "192.0.2.250", "kolla_external_vip_address": "198.51.100.250", "kolla_internal_fqdn": "internal.example.net", "kolla_external_fqdn": "external.example.net",
        "network_interface": "eth0", "kolla_external_vip_interface": "eth1", "neutron_external_interface": "eth1", "kolla_base_distro": "rocky", "kolla_enable_tls_external": "yes", "kolla_action": "config",
        "glance_backend_file": "yes", "octavia_provider_drivers": "amphora:Amphora provider", "octavia_auto_configure": "no", "ironic_dnsmasq_dhcp_ranges": [{"range": "192.0.2.100,192.0.2.110"}], "workaround_ansible_issue_8743": True,
        "kolla_same_external_internal_vip": False, "CONFIG_DIR": "/etc/kolla", "node_custom_config": "/nonexistent/config", "config_owner_user": "root", "config_owner_group": "root",
    }
    values.update({f"enable_{name}": "yes" for name in ENABLED})
    passwords = yaml.safe_load((checkout / "etc/kolla/passwords.yml").read_text())
    for number, (name, value) in enumerate(passwords.items(), 1):
        if isinstance(value, dict):
            values[name] = {key: f"{name} {key}" for key in value}
        elif "uuid" in name:
            values[name] = f"00000000-0000-4000-8000-{number:012}"
        elif value is None:
            values[name] = f"secret-{name.replace('_', '-')}"
    return values


def inventory(checkout):
    lines, group = [], None
    for line in (checkout / "ansible/inventory/multinode").read_text().splitlines():
        if heading := re.fullmatch(r"\[([\w:-]+)\]\s*", line):
            group = heading[1]
            lines += ["", line, *GROUPS.get(group, [])]
        elif group not in GROUPS and line and not line.startswith("#"):
            lines.append(line)
    return "\n".join(lines) + "\n"


def merging_to_template(text):
    """A tasks file whose merging actions are templates of their first source, and that becomes nobody."""
    text = re.sub(r"^(\s*)(?:[\w.]+\.)?merge_(?:configs|yaml):\n((?:\1  .*\n|\s*\n)+)", single_source, text, flags=re.M)
    return re.sub(r"^\s*become: .*\n", "", text, flags=re.M)


def single_source(match):
    indent, body = match[1], match[2]
    sources = re.search(r"^(\s*)sources:(.*)\n((?:\1[ -].*\n|\s*\n)*)", body, flags=re.M)
    if not sources:
        return match[0]
    first = re.search(r"-\s+(.*)", sources[3])
    inline = sources[2].strip()
    source = first[1] if first else inline
    rest = body.replace(sources[0], "")
    rest = re.sub(r"^\s*(yaml_objects|extend_lists|whitespace):.*\n", "", rest, flags=re.M)
    return f"{indent}ansible.builtin.template:\n{indent}  src: {source}\n{rest}"


def genconfig(checkout, options, work):
    for name in ("roles", "group_vars", "host_vars", "filter_plugins"):
        shutil.rmtree(work / name, ignore_errors=True)
    shutil.copytree(checkout / "ansible/roles", work / "roles", symlinks=True)
    for path in (work / "roles").glob("*/tasks/*.yml"):
        path.write_text(merging_to_template(path.read_text()))
    for path in (work / "roles").glob("*/handlers"):  # they restart containers
        shutil.rmtree(path)
    render.link_all([checkout / "ansible/group_vars"], work / "group_vars")
    render.link_all([checkout / "ansible/filter_plugins"], work / "filter_plugins")
    (work / "hosts").write_text(inventory(checkout))
    render.write_nodes(work)
    services = options.only.split(",") if options.only else SERVICES
    hosts = list(render.NODES)[: options.hosts]
    # A host that fails in a service leaves the play, not the run.
    plays = [render.given_facts()]
    for service in services:
        tasks = [{"block": [{"import_role": {"name": service, "tasks_from": "config.yml"}}],
                  "rescue": [{"copy": {"content": "{{ ansible_failed_task.name }}: {{ ansible_failed_result | to_json }}", "dest": "{{ corpus_out }}/{{ inventory_hostname }}/" + service + "/failed"}}]}]
        plays.append({"name": service, "hosts": ",".join(hosts), "gather_facts": False, "vars": {"node_config_directory": "{{ corpus_out }}/{{ inventory_hostname }}/" + service}, "tasks": tasks})
    (work / "site.yml").write_text(render.dump(plays))
    (work / "ansible.cfg").write_text("[defaults]\n")
    run = lambda program, side: render.run(program, work, side, options, services, hosts, ["-e", f"ansible_python_interpreter={sys.executable}"])
    if options.again or not (work / "reference.time").exists():
        run(options.reference, "reference")
    run(options.rplay, "rplay")
    return render.compare(work, options)


def main():
    mode, checkout, *rest = sys.argv[1:]
    checkout = pathlib.Path(checkout).resolve()
    parser = render.arguments()
    parser.add_argument("--work", required=True, type=os.path.abspath)
    options = parser.parse_args([*rest, str(checkout / "ansible/roles")])
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(checkout), os.environ.get("PYTHONPATH", "")])
    os.environ.setdefault("PBR_VERSION", "1.0")
    (work / "settings.yml").write_text(render.dump(settings(checkout)))
    options.vars.append(str(work / "settings.yml"))
    if mode == "genconfig":
        sys.exit(0 if genconfig(checkout, options, work) else 1)
    (work / "multinode").write_text(inventory(checkout))
    options.inventory = str(work / "multinode")
    options.group_vars.append(str(checkout / "ansible/group_vars"))
    options.filters.append(str(checkout / "ansible/filter_plugins"))
    options.out = str(work / "templates")
    sys.exit(0 if render.whole(options) else 1)


if __name__ == "__main__":
    main()
