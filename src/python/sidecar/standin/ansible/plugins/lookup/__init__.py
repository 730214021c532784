"""The base of lookups."""

from ansible.errors import AnsibleFileNotFound
from ansible.plugins import AnsiblePlugin
from ansible.utils.display import Display

display = Display()

__all__ = ["LookupBase", "display"]


class LookupBase(AnsiblePlugin):
    """A lookup: `run` gives the list of its results."""

    accept_args_markers = False
    accept_lazy_markers = False

    def __init__(self, loader=None, templar=None, **kwargs):
        super().__init__()
        self._loader = loader
        self._templar = templar
        self._display = display

    def run(self, terms, variables=None, **kwargs):
        raise NotImplementedError("a lookup needs a method `run`")

    def get_basedir(self, variables):
        return variables["role_path"] if "role_path" in variables else self._loader.get_basedir()

    @staticmethod
    def _flatten(terms):
        flat = []
        for term in terms:
            flat.extend(term) if isinstance(term, (list, tuple)) else flat.append(term)
        return flat

    @staticmethod
    def _combine(a, b):
        return [LookupBase._flatten([x, y]) for x in a for y in b]

    @staticmethod
    def _flatten_hash_to_list(terms):
        return [{"key": key, "value": value} for key, value in terms.items()]

    def find_file_in_search_path(self, myvars, subdir, needle, ignore_missing=False):
        paths = myvars["ansible_search_path"] if "ansible_search_path" in myvars else [self.get_basedir(myvars)]
        try:
            return self._loader.path_dwim_relative_stack(paths, subdir, needle, is_role="role_path" in myvars)
        except AnsibleFileNotFound:
            if not ignore_missing:
                self._display.warning(
                    "Unable to find '{}' in expected paths (use -vvvvv to see paths)".format(needle)
                )
        return None

    def _deprecate_inline_kv(self):
        pass
