"""Every component of the shell in every state, on pages that only tests serve."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template import engines

from portal.models import User
from portal.shell.charts import (
    BarListRow,
    Series,
    TimelineMark,
    bar_chart,
    bar_list,
    line_chart,
    milestone_timeline,
    progress_chart,
)
from portal.shell.columns import (
    DateColumn,
    FigureColumn,
    LinkTo,
    MoneyColumn,
    NumberColumn,
    Record,
    ShareColumn,
    ShellColumn,
    StatusColumn,
)
from portal.shell.figures import Figure, FigureKind
from portal.shell.filters import MonthFilter, SearchFilter, ShellFilterSet
from portal.shell.formats import money_text, to_decimal
from portal.shell.periods import Month, month_range
from portal.shell.statuses import FIGURE_STATUSES, FigureStatus, Status, Tone
from portal.shell.tables import ShellTable
from portal.shell.views import Action, Crumb, EmptyState, ListPage

HERE = Path(__file__).parent
SAY = "A drawing of the gallery."
NOW = dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)
MONTHS = [month.label for month in month_range(Month(2025, 12), Month(2026, 12))]


def _page(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    template = engines["django"].from_string((HERE / name).read_text(encoding="utf-8"))
    return HttpResponse(template.render(context, request))


def usd(value: Any) -> str:
    return money_text(to_decimal(value), "USD")


class GalleryForm(forms.Form):
    title = forms.CharField(help_text="One line, as people will search for it.")
    summary = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    stage = forms.ChoiceField(choices=[("", "Choose"), ("pilot", "Pilot"), ("live", "Live")])
    due = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), help_text="A day.")
    agrees = forms.BooleanField(label="The owner agrees", help_text="Ask first.")
    risk = forms.ChoiceField(
        widget=forms.RadioSelect, choices=[("low", "Low"), ("high", "High")], help_text="Pick one."
    )
    tags = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, choices=[("a", "First"), ("b", "Second")]
    )
    upload = forms.FileField(required=False)


def figures() -> list[Figure]:
    """One figure for each status, a missing one, and the odd sizes."""
    made = [
        Figure.money(
            "Effective cost",
            123_456_789_012_345,
            "USD",
            status=status,
            basis="Metered",
            window="Nov 2026",
            as_of=NOW,
            definition_url="/gallery/",
            lineage_url="/gallery/",
        )
        for status in FigureStatus
    ]
    made.append(Figure.missing("Cost per held delivery", "no delivery has been held yet"))
    made.append(
        Figure(
            label="Share delivered",
            value=Decimal("0.9961"),
            kind=FigureKind.SHARE,
            status=FigureStatus.FINAL,
            note="n = 255",
        )
    )
    made.append(
        Figure.money("A credit", -4_200_000, "USD", status=FigureStatus.FINAL, basis="Invoiced")
    )
    return made


def components(request: HttpRequest, key: str = "") -> HttpResponse:
    """Figures, statuses, notices, forms, tables inside a page, empty states."""
    messages.success(request, "Saved.")
    messages.error(request, "The file was refused: line 3, BilledCost, expected a number.")
    form = GalleryForm({"title": "", "stage": "pilot"})
    form.add_error(None, "The milestone is due before the use case starts.")
    context = {
        "page_title": "Components",
        "page_lead": "Every part of the shell in every state.",
        "breadcrumbs": [Crumb("Gallery", "/gallery/"), Crumb("List", "/gallery/list/")],
        "figures": figures(),
        "statuses": FIGURE_STATUSES.statuses,
        "tones": [Status(tone, tone.title(), "A tone.", "dot", tone) for tone in Tone],
        "form": form,
        "table": GalleryTable.of(RECORDS[:4]),
        "empty": EmptyState("Nothing here yet", "Import a file.", "Import", "/gallery/"),
    }
    return _page(request, "components.html", context)


def _spend() -> list[Series]:
    compute = [Decimal(100 + 37 * i % 90) for i in range(12)]
    return [
        Series("Compute", compute),
        Series("A service with a name that is much longer than anybody expected", compute[::-1]),
        Series("Credits", [Decimal(-20 * (i % 3)) for i in range(12)]),
    ]


def _late(values: list[int]) -> list[int | None]:
    return [None if i in {3, 7} else v for i, v in enumerate(values)]


def charts(request: HttpRequest) -> HttpResponse:
    """Charts with zero, negative, single, missing and long values."""
    missing = Series(
        "Deployments", _late(list(range(4, 16))), reason="the source was not connected"
    )
    one = Series("One", [7])
    zero = Series("None", [0, 0, 0])
    bars = [
        bar_chart(title="Cost by month", labels=MONTHS, series=_spend(), text=usd, description=SAY),
        bar_chart(title="Side by side", labels=MONTHS, series=_spend()[:2], stacked=False,
                  description=SAY),
        bar_chart(title="With gaps", labels=MONTHS, series=[missing], target=10, description=SAY),
        bar_chart(title="All zero", labels=MONTHS[:3], series=[zero], description=SAY),
        bar_chart(title="A single month", labels=["Nov 2026"], series=[one], description=SAY),
        bar_chart(title="Nothing at all", labels=[], series=[], description=SAY),
        line_chart(title="With gaps too", labels=MONTHS, series=[missing], target=12,
                   description=SAY),
        line_chart(title="Steps", labels=MONTHS, series=[missing], step=True, description=SAY),
        line_chart(title="A single point", labels=["Nov 2026"], series=[one], description=SAY),
        progress_chart(title="Held deliveries", value=18, target=25, target_words="At least",
                       baseline=4, reached=False),
        progress_chart(title="Cost per held delivery", value=Decimal("31.5"), target=40,
                       target_words="Below", reached=True, text=usd),
        progress_chart(title="Not measured", value=None, target=5, reason="no deployment yet"),
        progress_chart(title="Below zero", value=-3, target=2, reached=False),
        milestone_timeline(title="Milestones", description="Five milestones of 2026.",
                           marks=_marks(), today=dt.date(2026, 11, 20)),
        milestone_timeline(title="No milestone", description="None.", marks=[],
                           today=dt.date(2026, 11, 20)),
    ]  # fmt: skip
    rows = [
        BarListRow("Inference", Decimal("1830.22"), url="/gallery/"),
        BarListRow("A very long service name that has to wrap on a narrow screen", Decimal("400")),
        BarListRow("Refund", Decimal("-120")),
        BarListRow("Storage", None, reason="not allocated"),
    ]
    context = {
        "page_title": "Charts",
        "charts": bars,
        "bar_list": bar_list(title="By service", rows=rows, value_heading="Effective", text=usd),
    }
    return _page(request, "charts.html", context)


def _marks() -> list[TimelineMark]:
    reached = Status("reached", "Reached", "The measure says so.", "check", Tone.GOOD)
    missed = Status("missed", "Missed", "Its day has passed.", "cross", Tone.BAD)
    waiting = Status("open", "Open", "", "ring", Tone.INFO)
    day = dt.date
    return [
        TimelineMark("First production deployment", day(2026, 2, 3), reached, "1 of 1",
                     day(2026, 1, 28), "/gallery/"),
        TimelineMark("25 held deliveries", day(2026, 6, 30), missed, "18 of 25 held"),
        TimelineMark("Half of the teams have one", day(2026, 7, 8), reached, "5 of 8"),
        TimelineMark("Cost per held delivery below 40 USD", day(2026, 12, 15), waiting,
                     "not known: no charge is allocated yet"),
        TimelineMark("All services", day(2026, 12, 20), waiting, "3 of 9"),
    ]  # fmt: skip


RECORDS: list[Record] = [
    {
        "key": f"case-{i}",
        "title": f"Use case {i} <of many>" if i % 7 else "=SUM(A1:A9)",
        "team": f"Team {i % 5}",
        "status": list(FigureStatus)[i % 5].value,
        "count": i * 137 if i % 6 else None,
        "share": Decimal(i) / 200,
        "cost": i * 1_234_567_890 if i % 4 else None,
        "currency": "USD",
        "why": "no charge is allocated" if i % 4 == 0 else None,
        "day": dt.date(2026, 1, 1) + dt.timedelta(days=i),
    }
    for i in range(1, 121)
]


def _per_delivery(record: Record) -> Figure:
    if record["cost"] is None:
        return Figure.missing("Cost per delivery", record["why"])
    return Figure.money(
        "Cost per delivery",
        record["cost"] // 3,
        "USD",
        status=FigureStatus(record["status"]),
        basis="Metered",
        lineage_url="/gallery/",
    )


class GalleryTable(ShellTable):
    """Every kind of column."""

    caption = "Use cases of the gallery"
    default_sort = "title"
    unique_key = ("key",)
    title = ShellColumn("Use case", url=LinkTo("gallery-row", "key"), sub="team", row_header=True)
    status = StatusColumn("Status", vocabulary="figure")
    count = NumberColumn("Deliveries", nullable=True, reason="not counted yet")
    share = ShareColumn("Share", help_text="Of all changes.")
    cost = MoneyColumn("Cost", reason_key="why", nullable=True)
    per_delivery = FigureColumn(
        "Per delivery", figure=_per_delivery, fields=("cost", "why", "status")
    )
    day = DateColumn("Since")


class GalleryList(ListPage):
    """A list over plain records; `?n=0` is an empty one."""

    title = "Gallery list"
    lead = "Filter, sort and export."
    noun_plural = "use cases"
    export_name = "gallery"
    table_class = GalleryTable

    def get_queryset(self) -> list[Record]:
        return RECORDS[: int(self.request.GET.get("n", "120"))]

    def get_empty(self) -> EmptyState:
        return EmptyState("No use case yet", "Register the first one.", "Register", "/gallery/")

    def get_actions(self) -> list[Action]:
        return [Action("Register a use case", "/gallery/", is_primary=True)]


class PeopleTable(ShellTable):
    """A table over a real queryset."""

    caption = "People"
    default_sort = "username"
    username = ShellColumn("User name", row_header=True)
    full_name = ShellColumn("Name", reason="no name given")
    last_login = DateColumn("Last seen", nullable=True, reason="never signed in")


class PeopleFilters(ShellFilterSet):
    """Search, a choice and a month."""

    q = SearchFilter(fields=("username", "full_name"))
    is_active = django_filters.ChoiceFilter(
        choices=lambda: [("1", "Active"), ("0", "Not active")], empty_label="Any", label="State"
    )
    joined = MonthFilter(
        field_name="date_joined", zone=ZoneInfo("Europe/Lisbon"), label="Joined in"
    )

    class Meta:
        model = User
        fields = ()


class PeopleList(ListPage):
    """A list over the database, with filters."""

    title = "People"
    noun_plural = "people"
    export_name = "people"
    table_class = PeopleTable
    filterset_class = PeopleFilters

    def get_queryset(self) -> Any:
        return User.objects.all()


def refused(request: HttpRequest) -> HttpResponse:
    """A page that is not open to anybody."""
    raise PermissionDenied


def broken(request: HttpRequest) -> HttpResponse:
    """A page with a fault."""
    raise RuntimeError("the gallery's broken page")
