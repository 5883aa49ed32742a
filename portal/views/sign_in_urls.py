"""Addresses of signing in, of one's own account and of people.

Of the library's pages only those named here exist. Some have two names: the library looks for its
own, and everything else uses ours.
"""

from __future__ import annotations

from allauth.account.views import reauthenticate
from allauth.mfa.base import views as mfa_views
from allauth.mfa.recovery_codes import views as recovery_views
from allauth.mfa.totp import views as totp_views
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe

from portal.views import account, erasures, people, sign_in_providers
from portal.views.sign_in import SignInView, SignOutView

# The library's classes look at the person, and redirect, before they look at the method.
_form = require_http_methods(["GET", "HEAD", "POST"])
_SAML = "sign-in/saml/<slug:organization_slug>/"

urlpatterns = [
    path("sign-in/", SignInView.as_view(), name="sign-in"),
    path("sign-in/", SignInView.as_view(), name="account_login"),
    path("sign-out/", SignOutView.as_view(), name="sign-out"),
    path("sign-in/code/", _form(mfa_views.authenticate), name="mfa_authenticate"),
    path("sign-in/oidc/", sign_in_providers.oidc_begin, name="sign-in-oidc"),
    path("sign-in/oidc/callback/", sign_in_providers.oidc_callback, name="sign-in-oidc-callback"),
    path(f"{_SAML}", sign_in_providers.saml_begin, name="saml_login"),
    path(f"{_SAML}acs/", sign_in_providers.saml_consume, name="saml_acs"),
    path(f"{_SAML}acs/finish/", sign_in_providers.saml_finish, name="saml_finish_acs"),
    path(f"{_SAML}metadata/", sign_in_providers.saml_metadata, name="saml_metadata"),
    path(f"{_SAML}sls/", sign_in_providers.saml_single_logout, name="saml_sls"),
    path("account/", account.account_page, name="account"),
    path("account/", account.account_page, name="mfa_index"),
    path("account/password/", account.change_password, name="account-password"),
    path("account/sessions/end/", account.end_my_other_sessions, name="account-sessions-end"),
    path("account/sessions/<int:pk>/end/", account.end_my_session, name="account-session-end"),
    path("account/again/", _form(reauthenticate), name="account_reauthenticate"),
    path("account/again/code/", _form(mfa_views.reauthenticate), name="mfa_reauthenticate"),
    path("account/second-factor/", account.second_factor_needed, name="second-factor-needed"),
    path(
        "account/second-factor/set-up/",
        _form(account.SetUpSecondFactorView.as_view()),
        name="mfa_activate_totp",
    ),
    path(
        "account/second-factor/remove/",
        _form(totp_views.deactivate_totp),
        name="mfa_deactivate_totp",
    ),
    path(
        "account/second-factor/codes/",
        require_safe(recovery_views.view_recovery_codes),
        name="mfa_view_recovery_codes",
    ),
    path(
        "account/second-factor/codes/new/",
        _form(recovery_views.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path("people/", people.PersonListPage.as_view(), name="person-list"),
    path("people/roles/", people.GrantListPage.as_view(), name="role-grant-list"),
    path("people/<int:pk>/", people.person_page, name="person"),
    path("people/<int:pk>/erasure/", erasures.person_erasure, name="person-erasure"),
    path("people/<int:pk>/<slug:action>/", people.person_action, name="person-action"),
]
