"""The exceptions."""


class TemplateError(Exception):
    """Anything that goes wrong in a template."""

    def __init__(self, message=None):
        super().__init__(message)

    @property
    def message(self):
        return self.args[0] if self.args else None


class TemplateNotFound(IOError, LookupError, TemplateError):
    """A template that does not exist."""

    def __init__(self, name, message=None):
        IOError.__init__(self, name)
        self.name = name


class TemplateSyntaxError(TemplateError):
    """Text that is not a template."""

    def __init__(self, message, lineno=0, name=None, filename=None):
        super().__init__(message)
        self.lineno, self.name, self.filename = lineno, name, filename


class TemplateAssertionError(TemplateSyntaxError):
    """A name that does not exist."""


class TemplateRuntimeError(TemplateError):
    """A failure while a template runs."""


class UndefinedError(TemplateRuntimeError):
    """Something undefined was used."""


class SecurityError(TemplateRuntimeError):
    """Something that a sandbox does not allow."""


class FilterArgumentError(TemplateRuntimeError):
    """A filter was called with arguments that do not fit."""
