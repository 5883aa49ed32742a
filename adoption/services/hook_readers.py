"""Which reader understands the hooks of which provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adoption.sources.argocd.hook import read_hook as read_argocd
from adoption.sources.azure_devops.hook import read_hook as read_azure_devops
from adoption.sources.bitbucket.hook import read_hook as read_bitbucket
from adoption.sources.cdevents.hook import read_hook as read_cdevents
from adoption.sources.circleci.hook import read_hook as read_circleci
from adoption.sources.codedeploy.hook import read_hook as read_codedeploy
from adoption.sources.generic.hook import read_hook as read_generic
from adoption.sources.github.hook import read_hook as read_github
from adoption.sources.gitlab.hook import read_hook as read_gitlab
from adoption.sources.jenkins.hook import read_hook as read_jenkins
from adoption.sources.records import Reading

READERS: Mapping[str, Callable[[str, Mapping[str, Any], Any], Reading]] = {
    "github": read_github,
    "gitlab": read_gitlab,
    "cdevents": read_cdevents,
    "circleci": read_circleci,
    "bitbucket": read_bitbucket,
    "azure_devops": read_azure_devops,
    "argocd": read_argocd,
    "jenkins": read_jenkins,
    "codedeploy": read_codedeploy,
    "generic": read_generic,
}
