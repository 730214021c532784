"""The exceptions that plugins raise and catch, with ansible-core's names and relations."""


class AnsibleError(Exception):
    """A failure with a message; further arguments are accepted and kept."""

    exit_code = 1

    def __init__(self, message="", obj=None, show_content=True, suppress_extended_error=None, orig_exc=None,
                 help_text=None):
        super().__init__(message)
        self._message = message if isinstance(message, str) else str(message)
        self.obj = obj
        self.orig_exc = orig_exc
        self._help_text = help_text
        self._show_content = show_content

    @property
    def message(self):
        cause = self.orig_exc or self.__cause__
        text = self._message or "Unexpected {} error.".format(type(self).__name__)
        if isinstance(cause, Exception) and str(cause) and str(cause) not in text:
            text = "{}: {}".format(text.rstrip(". "), cause) if text else str(cause)
        return text

    @message.setter
    def message(self, text):
        self._message = text

    def __str__(self):
        return self.message

    def __repr__(self):
        return self.message


class AnsibleUndefinedConfigEntry(AnsibleError):
    """A setting that does not exist."""


class AnsibleTaskError(AnsibleError):
    """A task failed."""


class AnsiblePromptInterrupt(AnsibleError):
    """The user interrupted a prompt."""


class AnsiblePromptNoninteractive(AnsibleError):
    """There is nobody to ask."""


class AnsibleAssertionError(AnsibleError, AssertionError):
    """An assumption does not hold."""


class AnsibleOptionsError(AnsibleError):
    """Options that are wrong or do not fit together."""


class AnsibleRequiredOptionError(AnsibleOptionsError):
    """An option that must be given is missing."""


class AnsibleParserError(AnsibleError):
    """A file that cannot be read as what it should be."""


class AnsibleFieldAttributeError(AnsibleParserError):
    """A keyword with a wrong value."""


class AnsibleJSONParserError(AnsibleParserError):
    """Text that is not JSON."""


class AnsibleInternalError(AnsibleError):
    """A fault of Ansible itself."""


class AnsibleRuntimeError(AnsibleError):
    """Something failed while a playbook ran."""


class AnsibleModuleError(AnsibleRuntimeError):
    """A module failed."""


class AnsibleConnectionFailure(AnsibleRuntimeError):
    """A host cannot be reached."""


class AnsibleAuthenticationFailure(AnsibleConnectionFailure):
    """A host refused the user."""


class AnsibleCallbackError(AnsibleRuntimeError):
    """A callback failed."""


class AnsibleTemplateError(AnsibleRuntimeError):
    """A template failed."""


class TemplateTrustCheckFailedError(AnsibleTemplateError):
    """Text that is not trusted was to be rendered."""


class AnsibleTemplateSyntaxError(AnsibleTemplateError):
    """Text that is not a template."""


class AnsibleBrokenConditionalError(AnsibleTemplateError):
    """A condition that decides nothing."""


class AnsibleUndefinedVariable(AnsibleTemplateError):
    """A variable that is not there."""


class AnsibleValueOmittedError(AnsibleTemplateError):
    """The result is `omit`."""


class AnsibleTemplatePluginError(AnsibleTemplateError):
    """A filter, test or lookup failed."""


class AnsibleFileNotFound(AnsibleRuntimeError):
    """A file that was searched for and not found."""

    def __init__(self, message="", obj=None, show_content=True, suppress_extended_error=None, orig_exc=None, paths=None,
                 file_name=None):
        self.file_name = file_name
        self.paths = paths
        lines = [message] if message else []
        lines.append("Could not find or access '{}'".format(file_name) if file_name else "Could not find file")
        if paths and not isinstance(paths, str):
            lines.append("Searched in:\n\t" + "\n\t".join(str(path) for path in paths))
        super().__init__("\n".join(lines) + " on the Ansible Controller.", obj=obj, orig_exc=orig_exc)


class AnsibleAction(AnsibleRuntimeError):
    """An action ends early."""

    def __init__(self, message="", obj=None, show_content=True, suppress_extended_error=None, orig_exc=None, result=None):
        super().__init__(message, obj=obj, orig_exc=orig_exc)
        self.result = {} if result is None else result


class AnsibleActionSkip(AnsibleAction):
    """An action skips its task."""


class AnsibleActionFail(AnsibleAction):
    """An action fails its task."""


class AnsiblePluginError(AnsibleError):
    """A plugin cannot be used."""

    def __init__(self, message=None, plugin_load_context=None, help_text=None):
        super().__init__(message or "", help_text=help_text)
        self.plugin_load_context = plugin_load_context


class AnsiblePluginRemovedError(AnsiblePluginError):
    """A plugin that was removed."""


class AnsiblePluginCircularRedirect(AnsiblePluginError):
    """Plugins that redirect to one another."""


class AnsibleCollectionUnsupportedVersionError(AnsiblePluginError):
    """A collection for other releases."""


class AnsibleTypeError(AnsibleRuntimeError, TypeError):
    """A value of a wrong type."""


class AnsiblePluginNotFound(AnsiblePluginError):
    """A plugin that does not exist."""


class AnsibleConditionalError(AnsibleRuntimeError):
    """A condition failed."""


class AnsibleVariableTypeError(AnsibleRuntimeError):
    """A value that no variable can hold."""


AnsibleFilterError = AnsibleTemplatePluginError
AnsibleLookupError = AnsibleTemplatePluginError
AnsibleFilterTypeError = AnsibleTypeError
_AnsibleActionDone = AnsibleAction
