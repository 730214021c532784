"""What dnf.rs does with dnf 4: runs in the system's Python, which dnf itself is written in.

Standard input: the module's options as JSON, with `check` and `files` (URLs and where they were downloaded to).
Standard output: the module's result as JSON, with `warnings`. Exit status 42: this Python has no dnf.
"""

import json
import os
import sys

result_to = os.dup(1)
os.dup2(2, 1)  # whatever dnf or its plugins print is no result

try:
    import dnf
    import dnf.const
    import dnf.exceptions
    import dnf.subject
    import dnf.util
except ImportError:
    sys.exit(42)

if dnf.base.WITH_MODULES:
    import dnf.module.module_base

options = json.load(sys.stdin)
warnings = []


class Answer(Exception):
    """The end of the work, with what the module returns."""

    def __init__(self, **result):
        super().__init__()
        self.result = result


def refuse(msg, **more):
    raise Answer(failed=True, msg=msg, **dict({"results": []}, **more))


def configured():
    """A dnf.Base as the options want it, with its repositories read and its packages loaded."""
    base = dnf.Base()
    conf = base.conf
    if options["conf_file"]:
        if not os.access(options["conf_file"], os.R_OK):
            refuse("cannot read configuration file", conf_file=options["conf_file"])
        conf.config_file_path = options["conf_file"]
    conf.read()
    conf.debuglevel = 0
    conf.assumeyes = True
    conf.gpgcheck = conf.localpkg_gpgcheck = not options["disable_gpg_check"]
    conf.sslverify = options["sslverify"]
    conf.installroot = options["installroot"]
    conf.substitutions.update_from_etc(options["installroot"])
    conf.exclude = list(conf.exclude) + options["exclude"]
    if options["disable_excludes"] and options["disable_excludes"] not in conf.disable_excludes:
        conf.disable_excludes = list(conf.disable_excludes) + [options["disable_excludes"]]
    if options["releasever"] is not None:
        conf.substitutions["releasever"] = options["releasever"]
    if conf.substitutions.get("releasever") is None:
        warnings.append('Unable to detect release version (use "releasever" option to specify release version)')
        conf.substitutions["releasever"] = ""
    for folder in ("cachedir", "logdir", "persistdir"):
        conf.prepend_installroot(folder)
    if options["skip_broken"]:
        conf.strict = 0
    if options["nobest"] is not None:
        conf.best = not options["nobest"]
    elif options["best"] is not None:
        conf.best = options["best"]
    if options["download_only"]:
        conf.downloadonly = True
        if options["download_dir"]:
            conf.destdir = options["download_dir"]
    if options["cacheonly"]:
        conf.cacheonly = True
    conf.clean_requirements_on_remove = options["autoremove"]
    conf.install_weak_deps = options["install_weak_deps"]

    base.setup_loggers()
    base.init_plugins(set(options["disable_plugin"]), set(options["enable_plugin"]))
    base.pre_configure_plugins()
    base.read_all_repos()
    for option, act in (("disablerepo", "disable"), ("enablerepo", "enable")):
        for pattern in filter(None, options[option]):
            for repo in base.repos.get_matching(pattern):
                getattr(repo, act)()
    if options["disable_gpg_check"]:
        for repo in base.repos.iter_enabled():
            repo.gpgcheck = repo.repo_gpgcheck = False
    base.configure_plugins()
    try:
        if options["update_cache"]:
            base.update_cache()
        base.fill_sack(load_system_repo="auto")
    except dnf.exceptions.RepoError as error:
        refuse(str(error), rc=1)
    kinds = [kind for kind in ("bugfix", "security") if options[kind]]
    if kinds and callable(getattr(base, "add_security_filters", None)):
        base.add_security_filters("eq", types=kinds)
    elif kinds:  # dnf before 4.9
        upgrades = base.sack.query().upgrades()
        base._update_security_filters = [upgrades.filter(advisory_type__eq=kind) for kind in kinds]
    return base


def described(package):
    entry = {
        "name": package.name,
        "arch": package.arch,
        "epoch": str(package.epoch),
        "release": package.release,
        "version": package.version,
        "repo": package.repoid,
        "yumstate": "installed" if package.installtime else "available",
    }
    entry["envra"] = entry["nevra"] = "{epoch}:{name}-{version}-{release}.{arch}".format(**entry)
    return entry


def listed(base, what):
    what = "upgrades" if what == "updates" else what
    if what in ("repos", "repositories"):
        return [{"repoid": repo.id, "state": "enabled"} for repo in base.repos.iter_enabled()]
    if what in ("installed", "upgrades", "available"):
        found = getattr(base.sack.query(), what)()
    else:
        found = dnf.subject.Subject(what).get_best_query(base.sack)
    return [described(package) for package in found]


class Transaction:
    """One call's changes: what is marked, what came of it, what went wrong."""

    def __init__(self, base):
        self.base = base
        self.modules = dnf.module.module_base.ModuleBase(base) if dnf.base.WITH_MODULES else None
        self.results = []
        self.failures = []
        self.msg = ""

    def fail(self, msg=None):
        refuse(self.msg if msg is None else msg, failures=self.failures, rc=1)

    # What the names stand for.

    def sort_names(self):
        self.packages, self.groups, self.environments, self.streams, self.files = [], [], [], [], []
        comps_read = False
        for name in options["name"]:
            if name in options["files"]:
                self.files.append(options["files"][name].strip())
            elif name.endswith(".rpm"):
                self.files.append(name.strip())
            elif name.startswith("/"):
                owners = self.base.sack.query().filter(provides=name, file=name).installed().run()
                if owners:
                    self.packages.append(owners[0].name)
                elif not options["update_only"]:
                    self.packages.append(name)
            elif name.startswith("@") or "/" in name:
                if not comps_read:
                    self.base.read_comps()
                    comps_read = True
                spec = name[1:].strip()
                if self.modules and self.modules._get_modules(spec)[0]:
                    self.streams.append(spec)
                else:
                    self.add_group(spec)
            else:
                self.packages.append(name.strip())

    def add_group(self, spec):
        for found, to in (
            (self.base.comps.group_by_pattern(spec), self.groups),
            (self.base.comps.environment_by_pattern(spec), self.environments),
        ):
            if found:
                to.append(found.id)
                return
        refuse("No group {0} available.".format(spec))

    def is_installed(self, spec):
        return bool(dnf.subject.Subject(spec).get_best_query(sack=self.base.sack).installed())

    def is_newer_installed(self, wanted):
        """Whether what is installed is newer than a version that a name, or a file's package, asks for."""
        installed = self.base.sack.query().installed()
        if isinstance(wanted, dnf.package.Package):
            same = sorted(installed.filter(name=wanted.name, arch=wanted.arch))
            return bool(same) and same[-1].evr_gt(wanted)
        solution = dnf.subject.Subject(wanted).get_best_solution(self.base.sack)
        nevra, query = solution["nevra"], solution["query"]
        if not query or not nevra or nevra.has_just_name():
            return False
        same = installed.filter(name=nevra.name)
        return bool(same) and same[0].evr_gt(query[0])

    def has_stream(self, spec):
        name = self.modules._get_modules(spec.strip())[1]
        enabled = self.base._moduleContainer.getEnabledStream(name.name)
        return bool(enabled) and (not name.stream or name.stream in enabled)

    # Marking.

    def mark(self, spec, upgrade):
        """Marks a package for installation, or for its upgrade where it is installed."""
        base = self.base
        try:
            if dnf.util.is_glob_pattern(spec):
                if upgrade:
                    try:
                        base.upgrade(spec)
                    except dnf.exceptions.PackagesNotInstalledError:
                        pass
                base.install(spec, strict=base.conf.strict)
            elif self.is_newer_installed(spec):
                if options["allow_downgrade"]:
                    base.install(spec, strict=base.conf.strict)
            elif not self.is_installed(spec):
                base.install(spec, strict=base.conf.strict)
            elif upgrade:
                base.upgrade(spec)
        except dnf.exceptions.MarkingError as error:
            msg = "No package {0} available.".format(spec)
            if base.conf.strict:
                self.not_marked(spec, msg, error)
            else:
                self.results.append(msg)
        except dnf.exceptions.DepsolveError as error:
            self.not_marked(spec, "Depsolve Error occurred for package {0}.".format(spec), error)
        except dnf.exceptions.Error as error:
            self.not_marked(spec, "Unknown Error occurred for package {0}.".format(spec), error)

    def not_marked(self, spec, msg, error):
        self.msg += msg
        why = "{0} {1}".format(spec, error)
        if "no package matched" in why or "No match for argument:" in why:
            why = "No package {0} available.".format(spec)
        self.failures.append(why)

    def mark_all(self, upgrade):
        if not options["update_only"]:
            for spec in self.packages:
                self.mark(spec, upgrade)
            return
        missing = self.upgrade_only(self.packages)
        said = "Packages providing {0} not installed due to update_only specified"
        self.results.extend(said.format(spec) for spec in missing)

    def upgrade_only(self, wanted):
        """Upgrades what is installed; returns what is not."""
        missing = []
        for one in wanted:
            is_package = isinstance(one, dnf.package.Package)
            if not self.is_installed(described(one)["nevra"] if is_package else one):
                missing.append(one)
                continue
            try:
                (self.base.package_upgrade if is_package else self.base.upgrade)(one)
            except Exception as error:
                refuse("Error occurred attempting update_only operation: {0}".format(error), rc=1)
        return missing

    def install_files(self):
        try:
            found = self.base.add_remote_rpms(self.files)
            if options["update_only"]:
                self.upgrade_only(found)
            else:
                for package in found:
                    if options["allow_downgrade"] or not self.is_newer_installed(package):
                        self.base.package_install(package, strict=self.base.conf.strict)
        except Answer:
            raise
        except Exception as error:
            refuse("Error occurred attempting remote rpm operation: {0}".format(error), rc=1)
        self.results.extend("Installed {0}".format(name) for name in self.files)

    def install_group(self, group):
        count = self.base.group_install(group, dnf.const.GROUP_PACKAGE_TYPES)
        self.results.append("Group {0} {1}.".format(group, "installed" if count else "already installed"))

    def present(self):
        self.install_files()
        for spec in self.streams:
            try:
                if not self.has_stream(spec):
                    self.results.append("Module {0} installed.".format(spec))
                self.modules.install([spec])
                self.modules.enable([spec])
            except dnf.exceptions.MarkingErrors as error:
                self.failures.append("{0} {1}".format(spec, error))
        for what, names, install in (
            ("group", self.groups, self.install_group),
            ("environment", self.environments, lambda e: self.base.environment_install(e, dnf.const.GROUP_PACKAGE_TYPES)),
        ):
            for name in names:
                try:
                    install(name)
                except dnf.exceptions.DepsolveError:
                    self.fail("Depsolve Error occurred attempting to install {0}: {1}".format(what, name))
                except dnf.exceptions.Error as error:
                    self.failures.append("{0} {1}".format(name, error))
        self.mark_all(upgrade=False)

    def latest(self):
        self.install_files()
        for spec in self.streams:
            try:
                if self.has_stream(spec):
                    self.results.append("Module {0} upgraded.".format(spec))
                self.modules.upgrade([spec])
            except dnf.exceptions.MarkingErrors as error:
                self.failures.append("{0} {1}".format(spec, error))
        for group in self.groups:
            try:
                try:
                    self.base.group_upgrade(group)
                    self.results.append("Group {0} upgraded.".format(group))
                except dnf.exceptions.CompsError:
                    if not options["update_only"]:
                        self.install_group(group)
            except dnf.exceptions.Error as error:
                self.failures.append("{0} {1}".format(group, error))
        for environment in self.environments:
            try:
                try:
                    self.base.environment_upgrade(environment)
                except dnf.exceptions.CompsError:
                    self.base.environment_install(environment, dnf.const.GROUP_PACKAGE_TYPES)
            except dnf.exceptions.DepsolveError:
                self.msg = "Depsolve Error occurred attempting to install environment: {0}".format(environment)
            except dnf.exceptions.Error as error:
                self.failures.append("{0} {1}".format(environment, error))
        self.mark_all(upgrade=True)

    def absent(self):
        if self.files:
            refuse("Cannot remove paths -- please specify package name.")
        for spec in self.streams:
            try:
                if self.has_stream(spec):
                    self.results.append("Module {0} removed.".format(spec))
                for act in (self.modules.remove, self.modules.disable, self.modules.reset):
                    act([spec])
            except dnf.exceptions.MarkingErrors as error:
                self.failures.append("{0} {1}".format(spec, error))
        for names, remove in ((self.groups, self.base.group_remove), (self.environments, self.base.environment_remove)):
            for name in names:
                try:
                    remove(name)
                except dnf.exceptions.CompsError:
                    pass  # it is not there
        for spec in self.packages:
            try:
                self.base.remove(spec)
            except dnf.exceptions.MarkingError as error:
                self.results.append("{0}: {1}".format(error.value, spec))
        options["allowerasing"] = True  # what needs them goes too, as with the program
        if options["autoremove"]:
            self.base.autoremove()

    # Carrying out.

    def resolve(self):
        try:
            self.carry_out()
        except dnf.exceptions.DepsolveError as error:
            self.fail("Depsolve Error occurred: {0}".format(error))
        except dnf.exceptions.Error as error:
            self.fail("Unknown Error occurred: {0}".format(error))

    def carry_out(self):
        base, some = self.base, "Failed to install some of the specified packages"
        if not base.resolve(allow_erasing=options["allowerasing"]):
            if self.failures:
                self.fail(some)
            raise Answer(changed=False, msg="Nothing to do", results=self.results, rc=0)
        coming = base.transaction.install_set
        verb = "Downloaded" if options["download_only"] else "Installed"
        self.results.extend("{0}: {1}".format(verb, package) for package in coming)
        self.results.extend("Removed: {0}".format(package) for package in base.transaction.remove_set)
        if self.failures:
            self.fail(some)
        done = Answer(changed=True, msg="", results=self.results, rc=0)
        if options["check"]:
            done.result["msg"] = "Check mode: No changes made, but would have if not in check mode"
            raise done
        try:
            if options["download_only"] and options["download_dir"] and base.conf.destdir:
                dnf.util.ensure_dir(base.conf.destdir)
                base.repos.all().pkgdir = base.conf.destdir
            base.download_packages(coming)
        except dnf.exceptions.DownloadError as error:
            self.fail("Failed to download packages: {0}".format(error))
        if not options["disable_gpg_check"]:
            for package in coming:
                self.check_signature(package)
        if not options["download_only"]:
            number = base.do_transaction()
            if number is not None:
                transaction = base.history.old([number])[0]
                if transaction.return_code:
                    self.failures.append(transaction.output())
            if self.failures:
                self.fail(some)
        raise done

    def check_signature(self, package):
        """dnf's library leaves this to its users. 1: the key is not known yet, and may be one of the repository's."""
        verdict, why = self.base._sig_check_pkg(package)
        if verdict == 1:
            try:
                self.base._get_key_for_package(package)
                return
            except dnf.exceptions.Error:
                pass
        if verdict != 0:
            raise Answer(failed=True, msg="Failed to validate GPG signature for {0}: {1}".format(package, why))


def work():
    state = options["state"]
    if options["update_cache"] and not options["name"] and not options["list"]:
        configured()
        raise Answer(changed=False, msg="Cache updated", results=[], rc=0)
    if options["list"]:
        raise Answer(msg="", results=listed(configured(), options["list"]))
    if not options["download_only"] and not dnf.util.am_i_root():
        refuse("This command has to be run under the root user.")
    base = configured()
    try:
        transaction = Transaction(base)
        if not options["name"] and options["autoremove"]:
            state = "absent"
        if options["name"] == ["*"] and state == "latest":
            try:
                base.upgrade_all()
            except dnf.exceptions.DepsolveError:
                transaction.fail("Depsolve Error occurred attempting to upgrade all packages")
        else:
            transaction.sort_names()
            {"latest": transaction.latest, "absent": transaction.absent, "removed": transaction.absent}.get(
                state, transaction.present
            )()
        transaction.resolve()
    finally:
        base.close()


try:
    try:
        work()
        result = {}
    except Answer as answer:
        result = answer.result
    except dnf.exceptions.RepoError as error:
        result = {"failed": True, "msg": "Failed to synchronize repodata: {0}".format(error), "rc": 1, "results": [], "changed": False}
    except Exception as error:
        import traceback
        text = traceback.format_exc()
        result = {"failed": True, "msg": "dnf failed: {0}: {1}".format(type(error).__name__, error), "exception": text, "rc": 1, "results": []}
finally:
    sys.stdout.flush()
result["warnings"] = warnings
with os.fdopen(result_to, "w") as stream:
    json.dump(result, stream)
