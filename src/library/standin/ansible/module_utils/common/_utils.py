"""Classes by their parents."""


def get_all_subclasses(cls):
    found, new = set(), set(cls.__subclasses__())
    while new:
        found |= new
        new = set(child for parent in new for child in parent.__subclasses__()) - found
    return found
