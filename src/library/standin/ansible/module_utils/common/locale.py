"""A locale in which programs speak as modules expect."""


def get_best_parsable_locale(module, preferences=None, raise_on_locale=False):
    found = "C"
    try:
        program = module.get_bin_path("locale")
        if not program:
            raise RuntimeWarning("Could not find 'locale' tool")
        rc, out, err = module.run_command([program, "-a"])
        if rc != 0:
            raise RuntimeWarning("Unable to get locale information, rc={}: {}".format(rc, err))
        available = out.strip().splitlines()
        if not available:
            raise RuntimeWarning("No output from locale, rc={}: {}".format(rc, err))
        wanted = preferences or ["C.utf8", "C.UTF-8", "en_US.utf8", "en_US.UTF-8", "C", "POSIX"]
        found = next((name for name in wanted if name in available), found)
    except RuntimeWarning:
        if raise_on_locale:
            raise
    return found
