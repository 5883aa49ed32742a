"""Digests: what a person is told together, once a day or once a week. Rooms register sections.

```python
digest_sections.register(DigestSection(
    "adoption.milestones", "Milestones", Cadence.WEEKLY, order=10,
    audience=is_programme_lead, build=milestone_lines))   # (user, since, until) -> lines
```

`portal.services.digests` puts the sections of a person together at their hour and tells them, by
the ways that they chose: in the portal, by e-mail, to their chat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.checks import CheckMessage, Error

from portal.choices import Cadence
from portal.models import User
from portal.registry import Registry


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One thing that happened or that is due: a sentence, and a path of this site.

    `key` names it within its section, for a section that keeps what was told.
    """

    text: str
    link: str = ""
    key: str = ""


@dataclass(frozen=True)
class DigestSection:
    """A part of a digest.

    Attributes:
        key: unique, `room.noun`.
        title: its heading.
        cadence: of which digest it is a part.
        order: smaller stands further up.
        audience: who gets it; asked for every active person, so it must be cheap.
        build: `build(user, since, until)` → lines about that half-open period; none when there is
            nothing to say. It sees only what `user` may see, and changes nothing.
        link: where one acts upon it, a path of this site; the digest leads there when it has no
            other section.
        closing: a last sentence, when there are lines.
        told: `told(user, lines, at)` notes what was told, in the transaction of the digest; for
            what must be in one digest only, however late it came.
    """

    key: str
    title: str
    cadence: Cadence
    order: int
    audience: Callable[[User], bool]
    build: Callable[[User, datetime, datetime], Sequence[DigestLine]]
    link: str = ""
    closing: str = ""
    told: Callable[[User, Sequence[DigestLine], datetime], None] | None = None


def _check(section: DigestSection) -> list[CheckMessage]:
    if not section.title or section.cadence not in Cadence.values:
        return [
            Error(f"digest section {section.key!r} needs a title and cadence", id="portal.E282")
        ]
    return []


digest_sections: Registry[DigestSection] = Registry("digest section", _check)


def sections_of(cadence: str, user: User) -> list[DigestSection]:
    """The sections of a person's digest, in their order."""
    found = [each for each in digest_sections if each.cadence == cadence and each.audience(user)]
    return sorted(found, key=lambda each: (each.order, each.key))
