"""Mistakes in arguments."""


class AnsibleFallbackNotFound(Exception):
    """A fallback has no value."""


class AnsibleValidationError(Exception):
    """One mistake."""

    def __init__(self, message):
        super().__init__(message)
        self.error_message = message

    @property
    def msg(self):
        return self.args[0]


class AnsibleValidationErrorMultiple(AnsibleValidationError):
    """Every mistake that was found; the first one speaks for all."""

    def __init__(self, errors=None):
        super().__init__(None)
        self.errors = list(errors or [])

    def __getitem__(self, index):
        return self.errors[index]

    def __setitem__(self, index, error):
        self.errors[index] = error

    def __delitem__(self, index):
        del self.errors[index]

    @property
    def msg(self):
        return self.errors[0].args[0]

    @property
    def messages(self):
        return [error.msg for error in self.errors]

    def append(self, error):
        self.errors.append(error)

    def extend(self, errors):
        self.errors.extend(errors)


def _kind(name):
    return type(name, (AnsibleValidationError,), {"__module__": __name__, "__doc__": "A kind of mistake."})


AliasError = _kind("AliasError")
ArgumentTypeError = _kind("ArgumentTypeError")
ArgumentValueError = _kind("ArgumentValueError")
DeprecationError = _kind("DeprecationError")
ElementError = _kind("ElementError")
MutuallyExclusiveError = _kind("MutuallyExclusiveError")
NoLogError = _kind("NoLogError")
RequiredByError = _kind("RequiredByError")
RequiredDefaultError = _kind("RequiredDefaultError")
RequiredError = _kind("RequiredError")
RequiredIfError = _kind("RequiredIfError")
RequiredOneOfError = _kind("RequiredOneOfError")
RequiredTogetherError = _kind("RequiredTogetherError")
SubParameterTypeError = _kind("SubParameterTypeError")
UnsupportedError = _kind("UnsupportedError")
