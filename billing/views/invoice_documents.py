"""Attaching a document to an invoice that is known already: one by CSV often comes without."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing.forms.invoices import DocumentForm
from billing.models import Invoice
from billing.services.invoice_documents import attach_document, land_document
from billing.services.invoices import InvoiceRefusedError
from billing.views.invoice_forms import keeper
from billing.views.invoices import invoice_crumbs, invoice_or_404
from portal.imports.contracts import ImportRefusedError
from portal.models import User
from portal.shell.periods import Month
from portal.shell.views import Crumb
from portal.uploads import takes_files

_SUPERSEDED = "This version of the invoice is superseded: attach the document to the one in force."


@takes_files
@require_http_methods(["GET", "HEAD", "POST"])
def invoice_attach_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Attach the document of an invoice, or another one; its amounts stay as they are."""
    person = keeper(request)
    invoice = invoice_or_404(request, pk)
    form = DocumentForm(request.POST or None, request.FILES or None)
    problem = _SUPERSEDED if invoice.superseded_at is not None else ""
    if request.method == "POST" and not problem and form.is_valid():
        kept = _attached(form, invoice, person)
        if kept is not None:
            messages.success(request, f"The document of invoice {kept.number} is attached.")
            return HttpResponseRedirect(reverse("invoice", args=[kept.pk]))
    return _page(request, invoice, form, problem)


def _page(request: HttpRequest, invoice: Invoice, form: DocumentForm, problem: str) -> HttpResponse:
    back = reverse("invoice", args=[invoice.pk])
    has_one = bool(invoice.document_sha256)
    context = {
        "page_title": f"{'Replace' if has_one else 'Attach'} the document",
        "page_lead": f"Invoice {invoice.number}, {invoice.issuer}, "
        f"{Month.of(invoice.month).label}. What it states stays as it is"
        f"{'; the document before stays with its version' if has_one else ''}.",
        "breadcrumbs": [*invoice_crumbs(), Crumb(invoice.number, back)],
        "form": None if problem else form,
        "has_files": True,
        "problem": problem,
        "submit_label": "" if problem else "Replace it" if has_one else "Attach it",
        "cancel_url": back,
    }
    return render(request, "billing/money_form.html", context, status=409 if problem else 200)


def _attached(form: DocumentForm, invoice: Invoice, person: User) -> Invoice | None:
    """The version with the document; None when the form now says what is wrong."""
    upload = form.cleaned_data["document"]
    try:
        document = land_document(upload, name=str(upload.name))
        return attach_document(
            invoice_id=invoice.pk, document=document, actor=person, at=timezone.now()
        )
    except InvoiceRefusedError as error:
        form.add_error(error.field or None, error.reason)
    except ImportRefusedError as error:
        form.add_error("document", str(error))
    return None
