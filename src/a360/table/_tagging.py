"""Tags for releases: one name for the state of several tables."""

from collections.abc import Sequence

from a360.errors import UsageError
from a360.table._pins import require_tag_name
from a360.table._refs import Tag
from a360.table._tables import Tables


def set_tag(tables: Tables, tag: str, names: Sequence[str]) -> list[Tag]:
    """Tag tables, by default all there are, in the state they have now.

    Raises:
        UsageError: `usage` where the name is none, or is taken: a tag names one state and never another.
    """
    require_tag_name(tag)
    taken = [each.table for each in tables.tags(tables.list()) if each.name == tag]
    if taken:
        raise UsageError(
            "usage",
            f"The tag {tag} is set already",
            found=f"{len(taken)} table(s) bear it, {taken[0]} among them",
            next_step=f"choose another name, or free this one: a360 tag remove {tag}",
        )
    return tables.tag(tag, names or tables.list())


def remove_tag(tables: Tables, tag: str, names: Sequence[str]) -> list[Tag]:
    """Take a tag off tables, by default off all.

    Raises:
        UsageError: `unknown-tag` where none bears it.
    """
    removed = tables.untag(tag, names or tables.list())
    if not removed:
        raise UsageError(
            "unknown-tag",
            f"No table bears the tag {tag[:64]}",
            next_step="`a360 tag list` lists the tags and their tables",
        )
    return removed
