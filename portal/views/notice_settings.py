"""One's own choice of notices, and the hour of digests."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal.forms.notice_settings import NoticeSettingsForm
from portal.models import User
from portal.selectors.notice_settings import own_digest_setting, own_notice_choices
from portal.services.notice_settings import save_notice_settings
from portal.shell.views import Crumb


@require_http_methods(["GET", "HEAD", "POST"])
def notice_settings_page(request: HttpRequest) -> HttpResponse:
    """Which notices come by which way, when digests come, and to which chat."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    person = request.user
    setting = own_digest_setting(person)
    form = NoticeSettingsForm(
        request.POST if request.method == "POST" else None,
        choices=own_notice_choices(person),
        initial=NoticeSettingsForm.initial_of(setting),
    )
    if request.method == "POST" and form.is_valid() and _save(form, person):
        messages.success(request, "Saved. It holds from the next notice on.")
        return HttpResponseRedirect(reverse("notice-settings"))
    context = {
        "page_title": "Notification settings",
        "page_lead": "What you are told, and by which way. Only you see and change this.",
        "breadcrumbs": [Crumb("Notices", reverse("notice-list"))],
        "form": form,
        "setting": setting,
        "cancel_url": reverse("notice-list"),
        "sends_mail": settings.SENDS_MAIL,
        "address": person.email,
    }
    return render(request, "portal/notices/notice_settings.html", context)


def _save(form: NoticeSettingsForm, person: User) -> bool:
    """Whether it was kept; what is refused stands at its field."""
    data = form.cleaned_data
    names = ("time_zone", "hour", "weekday", "chat_address", "forget_chat")
    try:
        save_notice_settings(user=person, ways=form.ways(), **{name: data[name] for name in names})
    except ValidationError as error:
        form.add_error(None, error)
        return False
    return True
