"""Terms of lookups as a list."""


def listify_lookup_plugin_terms(terms, templar=None, loader=None, fail_on_undefined=True, convert_bare=False):
    if templar is not None:
        terms = templar.template(terms)
    if isinstance(terms, str) or not isinstance(terms, (list, tuple)):
        return [terms.strip() if isinstance(terms, str) else terms]
    return terms
