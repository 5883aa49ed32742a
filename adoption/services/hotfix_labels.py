"""Which pull requests are hotfixes by their labels, as the connections of their repository say.

Read anew each time a repository is placed, from labels as they are stored: another configuration
counts for what came before it as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q

from adoption.deploys.config import DeployConfig
from adoption.models import Deployment, PullRequest, Repository
from portal.imports.registry import import_sources
from portal.models import Connection


def hotfixes_among(repository_id: int, pulls: Mapping[int, PullRequest]) -> frozenset[int]:
    """Changes that a label calls a hotfix.

    Args:
        pulls: pull requests by the change that they became.
    """
    if not any(pull.labels for pull in pulls.values()):
        return frozenset()
    names = _labels_of(repository_id)
    return frozenset(
        change
        for change, pull in pulls.items()
        if names and any(label.lower() in names for label in pull.labels)
    )


def _labels_of(repository_id: int) -> frozenset[str]:
    """Those of the connections that brought its deployments, and of those to its host."""
    host = Repository.objects.values_list("key", flat=True).get(pk=repository_id).partition("/")[0]
    deploying = Deployment.objects.filter(service__repository_id=repository_id)
    said = Connection.objects.exclude(
        Q(config__hotfix_labels=None) | Q(config__hotfix_labels="")
    ).filter(config__has_key="hotfix_labels")
    bringing = set(deploying.values_list("connection_id", flat=True)) if said else set()
    found: set[str] = set()
    for connection in said:
        config = import_sources.get(connection.source).config_model.model_validate(
            connection.config
        )
        is_theirs = connection.pk in bringing or getattr(config, "host", None) == host
        if isinstance(config, DeployConfig) and is_theirs:
            found |= config.hotfixes
    return frozenset(found)
