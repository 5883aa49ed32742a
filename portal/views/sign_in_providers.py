"""To an identity provider and back: OpenID Connect and SAML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.saml import views as saml_views
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from lxml.etree import LxmlError
from onelogin.saml2.errors import OneLogin_Saml2_ValidationError
from requests import RequestException

from portal.signin.adapters import refusal_page
from portal.signin.oidc import StrictOidcAdapter, oidc_app

log = structlog.get_logger(__name__)
MAX_SAML_BYTES = 256 * 1024
UNREADABLE = "What the identity provider sent cannot be read. Begin again."
PROVIDER_IS_AWAY = "The identity provider does not answer as it should. Try again later."


class _CallbackView(OAuth2CallbackView):
    """Carries the nonce of the state over to where the id_token is checked."""

    def _get_state(self, request: HttpRequest, provider: Any) -> tuple[Any, Any]:
        state, response = super()._get_state(request, provider)
        if state is not None:
            self.adapter.nonce = str(state.get("nonce", ""))
        return state, response


def _adapter_or_404(request: HttpRequest) -> StrictOidcAdapter:
    try:
        oidc_app()
    except SocialApp.DoesNotExist:
        raise Http404("no OpenID Connect provider is configured") from None
    return StrictOidcAdapter(request)


@login_not_required
@require_safe
def oidc_begin(request: HttpRequest) -> HttpResponseBase:
    """Send the browser to the provider."""
    return _answer(OAuth2LoginView.adapter_view(_adapter_or_404(request)), request)


@login_not_required
@require_safe
def oidc_callback(request: HttpRequest) -> HttpResponseBase:
    """The browser comes back with a code, or with a refusal."""
    return _answer(_CallbackView.adapter_view(_adapter_or_404(request)), request)


def _answer(view: Any, request: HttpRequest) -> HttpResponseBase:
    try:
        answer: HttpResponseBase = view(request)
    except (OAuth2Error, RequestException) as error:
        log.warning("provider_away", why=str(error))
        return refusal_page(request, PROVIDER_IS_AWAY, status=502)
    return answer


@login_not_required
def saml_single_logout(request: HttpRequest, organization_slug: str) -> HttpResponseBase:
    """Not offered: an unsigned message must not end anybody's session.

    Raises:
        Http404: always. The address is named in the metadata, because the library needs one.
    """
    raise Http404("single logout is not offered")


def _saml(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The library's view, for a request without a Host header too, and of bounded size.

    What a provider sends waits in a session until the browser comes back with its cookie, and
    anybody may send it.
    """

    @login_not_required
    @csrf_exempt
    def guarded(request: HttpRequest, organization_slug: str) -> HttpResponseBase:
        request.META.setdefault("HTTP_HOST", request.get_host())
        if len(request.body) > MAX_SAML_BYTES:
            return refusal_page(request, "What the identity provider sent is too large.", 413)
        try:
            return view(request, organization_slug=organization_slug)
        except (LxmlError, OneLogin_Saml2_ValidationError, ValueError) as error:
            log.warning("saml_unreadable", why=str(error))
            return refusal_page(request, UNREADABLE, status=401)

    return guarded


saml_begin = require_safe(_saml(saml_views.login))
saml_consume = require_POST(_saml(saml_views.acs))
saml_finish = require_safe(_saml(saml_views.finish_acs))
saml_metadata = require_safe(_saml(saml_views.metadata))
for _view in (saml_begin, saml_consume, saml_finish, saml_metadata):
    _view.login_required = False  # type: ignore[attr-defined]
