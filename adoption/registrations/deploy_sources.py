"""Sources of changes and deployments that send hooks, one block each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from adoption.deploys.config import DeployConfig, PipelineConfig
from adoption.deploys.reader import PayloadLines, ReadBody
from adoption.services.deploy_import import DeployImportStore
from adoption.services.hook_readers import READERS
from adoption.services.polled_pages import PolledPages
from adoption.sources.cdevents.config import CDEventsConfig
from adoption.sources.generic.source import GenericFiles
from adoption.sources.github.client import FETCH as GITHUB_FETCH
from adoption.sources.github.client import read_page as read_github_page
from adoption.sources.github.config import GitHubConfig
from adoption.sources.gitlab.client import FETCH as GITLAB_FETCH
from adoption.sources.gitlab.client import read_page as read_gitlab_page
from adoption.sources.gitlab.config import GitLabConfig
from portal.choices import ImportKind
from portal.credentials.needs import CredentialNeed
from portal.imports.contracts import FetchSpec
from portal.imports.files import collect_files
from portal.imports.registry import ImportSource, import_sources

_LINES = "Hooks arrive by themselves; files are stored hooks, one a line."


def _register(
    key: str,
    label: str,
    config: type[DeployConfig],
    *,
    summary: str = _LINES,
    credential: CredentialNeed | None = None,
    fetch: FetchSpec | None = None,
    read_page: ReadBody | None = None,
) -> None:
    read_event: Callable[[str, Mapping[str, Any], Any], Any] = READERS[key]
    import_sources.register(
        ImportSource(
            key=key,
            label=label,
            kind=ImportKind.DELIVERIES,
            source=PayloadLines(key, "1", config, read_event, read_page),
            make_store=DeployImportStore,
            config_model=config,
            accept=".jsonl,.gz",
            summary=summary,
            collect=collect_files,
            credential=credential,
            fetch=fetch,
        )
    )


_register(
    "github",
    "GitHub",
    GitHubConfig,
    credential=CredentialNeed(
        "Access token",
        "For polling: a fine-grained token that may read contents, pull requests and deployments "
        "of the repositories. Secrets of hooks are made on the page Hooks.",
        address_fields=("base_url",),
    ),
    fetch=dataclasses.replace(GITHUB_FETCH, memory=PolledPages),
    read_page=read_github_page,
)
_register(
    "gitlab",
    "GitLab",
    GitLabConfig,
    credential=CredentialNeed(
        "Access token",
        "For polling: a project or group token with the scope read_api. Secrets of hooks are "
        "made on the page Hooks.",
        address_fields=("base_url",),
    ),
    fetch=dataclasses.replace(GITLAB_FETCH, memory=PolledPages),
    read_page=read_gitlab_page,
)
_register("cdevents", "CDEvents", CDEventsConfig)
_register("circleci", "CircleCI", PipelineConfig)
_register("bitbucket", "Bitbucket Cloud", DeployConfig)
_register("azure_devops", "Azure DevOps", PipelineConfig)
_register("argocd", "Argo CD", DeployConfig)
_register("jenkins", "Jenkins", PipelineConfig)
_register("codedeploy", "AWS CodeDeploy", DeployConfig)
import_sources.register(
    ImportSource(
        key="generic",
        label="Own systems",
        kind=ImportKind.DELIVERIES,
        source=GenericFiles(PayloadLines("generic", "2", DeployConfig, READERS["generic"])),
        make_store=DeployImportStore,
        config_model=DeployConfig,
        accept=".csv,.jsonl,.gz",
        summary="CSV of changes or of deployments, or stored hooks, one a line.",
        collect=collect_files,
    )
)
