"""The command line: what of it is known."""

CLIARGS = {}


def cliargs_deferred_get(key, default=None, shallowcopy=False):
    def get():
        return CLIARGS.get(key, default)

    return get
