"""Variables of groups."""


def sort_groups(groups):
    return sorted(groups, key=lambda group: (group.depth, group.priority, group.name))


def get_group_vars(groups):
    found = {}
    for group in sort_groups(groups):
        found.update(group.get_vars())
    return found
