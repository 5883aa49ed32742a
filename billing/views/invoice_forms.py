"""Entering an invoice with its document, and explaining differences."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing.choices import VarianceReason
from billing.forms.invoices import ExplanationForm, InvoiceForm, WithdrawalForm
from billing.models import Invoice, InvoiceVariance
from billing.policies import may_keep_invoices
from billing.selectors.closes import month_to_close
from billing.selectors.invoices import reconciled_invoice, variances_of_invoice
from billing.services.explanation_requests import say_explanation
from billing.services.invoice_documents import land_document
from billing.services.invoice_requests import say_invoice, say_withdrawal
from billing.services.invoices import (
    InvoiceRefusedError,
    withdraw_explanation,
)
from billing.views.invoices import invoice_crumbs, invoice_or_404
from billing.views.second_person import say_what_came
from portal.imports.contracts import ImportRefusedError
from portal.models import ApprovalRequest, User
from portal.shell.money import nano_text
from portal.shell.periods import Month
from portal.shell.views import Crumb
from portal.uploads import takes_files

_WAITS = (
    "Of a closed month it waits for a second person; the month keeps its figures and gets a "
    "correction."
)


def keeper(request: HttpRequest) -> User:
    """The person, who may enter invoices.

    Raises:
        PermissionDenied: they may not.
    """
    if not may_keep_invoices(request.user) or not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


@takes_files
@require_http_methods(["GET", "HEAD", "POST"])
def invoice_new_page(request: HttpRequest) -> HttpResponse:
    """Type in an invoice and attach its document; of a closed month, ask a second person."""
    person = keeper(request)
    month = month_to_close(now=timezone.now())
    initial = {"month": str(month) if month else "", "tax_in_lines": True}
    return _edit(request, person, initial | {"credits_in_lines": True}, None)


@takes_files
@require_http_methods(["GET", "HEAD", "POST"])
def invoice_change_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The next version of an invoice; the one before stays to be read."""
    person = keeper(request)
    invoice = invoice_or_404(request, pk)
    return _edit(request, person, InvoiceForm.initial_of(invoice), invoice)


def _edit(
    request: HttpRequest, person: User, initial: dict[str, Any], invoice: Invoice | None
) -> HttpResponse:
    if request.method == "POST":
        form = InvoiceForm(request.POST, request.FILES)
        if form.is_valid() and (kept := _keep(form, person, invoice)) is not None:
            return _kept(request, kept, "kept")
    else:
        form = InvoiceForm(initial=initial)
    back = reverse("invoice", args=[invoice.pk]) if invoice else reverse("invoices")
    crumbs = invoice_crumbs()
    if invoice is not None:
        crumbs.append(Crumb(invoice.number, back))
    context = {
        "page_title": f"Change invoice {invoice.number}" if invoice else "Enter an invoice",
        "page_lead": f"As the document states it; nothing is converted or rounded. {_WAITS}",
        "breadcrumbs": crumbs,
        "form": form,
        "has_files": True,
        "submit_label": "Keep this version" if invoice else "Keep it",
        "cancel_url": back,
    }
    return render(request, "billing/money_form.html", context)


def _kept(request: HttpRequest, made: Invoice | ApprovalRequest, done: str) -> HttpResponse:
    if isinstance(made, ApprovalRequest):
        return _said(request, made, "", "")
    address = reverse("invoice", args=[made.pk])
    return _said(request, made, f"Invoice {made.number} is {done}.", address)


def _said(request: HttpRequest, made: object, done: str, address: str) -> HttpResponse:
    """Where a person goes on, with what has come of it: the request, where one waits."""
    if isinstance(made, ApprovalRequest):
        address = reverse("approval", args=[made.pk])
    say_what_came(request, made, done)
    return HttpResponseRedirect(address)


def _keep(
    form: InvoiceForm, person: User, changed: Invoice | None
) -> Invoice | ApprovalRequest | None:
    """The kept invoice or what was asked; None when the form now says what is wrong."""
    upload, now = form.cleaned_data["document"], timezone.now()
    try:
        document = land_document(upload, name=str(upload.name)) if upload else None
        return say_invoice(
            draft=form.draft(), actor=person, at=now, document=document,
            changed=changed.pk if changed is not None else None,
        )  # fmt: skip
    except InvoiceRefusedError as error:
        form.add_error(error.field if error.field in form.fields else None, error.reason)
    except ImportRefusedError as error:
        form.add_error("document", str(error))
    return None


@require_http_methods(["GET", "HEAD", "POST"])
def invoice_withdraw_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an invoice back, with a reason."""
    person = keeper(request)
    invoice = invoice_or_404(request, pk)
    back = reverse("invoice", args=[invoice.pk])
    form = WithdrawalForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = say_withdrawal(
                invoice_id=invoice.pk,
                reason=form.cleaned_data["reason"],
                actor=person,
                at=timezone.now(),
            )
        except InvoiceRefusedError as error:
            form.add_error(error.field if error.field in form.fields else None, error.reason)
        else:
            return _kept(request, made, "withdrawn")
    context = {
        "page_title": f"Withdraw invoice {invoice.number}",
        "page_lead": "It stays to be read, claims no cost line and is in no sum. Entered again, it "
        f"counts again. {_WAITS}",
        "breadcrumbs": [*invoice_crumbs(), Crumb(invoice.number, back)],
        "form": form,
        "submit_label": "Withdraw it",
        "cancel_url": back,
    }
    return render(request, "billing/money_form.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def explain_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Explain a part of the difference; the form starts with the whole of it."""
    person = keeper(request)
    invoice = invoice_or_404(request, pk)
    back = reverse("invoice", args=[invoice.pk])
    if request.method == "POST":
        form = ExplanationForm(request.POST)
        if form.is_valid():
            try:
                made = say_explanation(
                    invoice_id=invoice.pk,
                    reason=VarianceReason(form.cleaned_data["reason"]),
                    amount_nano=form.cleaned_data["amount"],
                    note=form.cleaned_data["note"],
                    actor=person,
                    at=timezone.now(),
                )
            except InvoiceRefusedError as error:
                form.add_error(error.field if error.field in form.fields else None, error.reason)
            else:
                return _said(request, made, "The explanation is recorded.", back)
    else:
        own = reconciled_invoice(invoice)
        left = own.residual_nano if own is not None else 0
        form = ExplanationForm(initial={"amount": nano_text(left) if left else ""})
    context = {
        "page_title": "Explain a difference",
        "page_lead": f"Invoice {invoice.number}, {invoice.issuer}, "
        f"{Month.of(invoice.month).label}, in {invoice.currency}. {_WAITS}",
        "breadcrumbs": [*invoice_crumbs(), Crumb(invoice.number, back)],
        "form": form,
        "submit_label": "Record the explanation",
        "cancel_url": back,
    }
    return render(request, "billing/money_form.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def explanation_withdraw_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an explanation back."""
    person = keeper(request)
    variance = InvoiceVariance.objects.select_related("invoice").filter(pk=pk).first()
    if variance is None or variance not in variances_of_invoice(variance.invoice):
        raise Http404
    invoice = variance.invoice
    back = reverse("invoice", args=[invoice.pk])
    problem = ""
    if request.method == "POST":
        try:
            withdraw_explanation(variance_id=variance.pk, actor=person, at=timezone.now())
        except InvoiceRefusedError as error:
            problem = error.reason
        else:
            return HttpResponseRedirect(back)
    context = {
        "page_title": "Withdraw an explanation",
        "page_lead": f"{nano_text(variance.amount_nano)} {invoice.currency}, "
        f"{variance.get_reason_display().lower()}: {variance.note}",
        "breadcrumbs": [*invoice_crumbs(), Crumb(invoice.number, back)],
        "problem": problem,
        "submit_label": "Withdraw it",
        "cancel_url": back,
    }
    return render(request, "billing/money_form.html", context, status=409 if problem else 200)
