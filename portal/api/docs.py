"""The schema, and the page that shows it, under the same content security policy as every page."""

from __future__ import annotations

from typing import Any, ClassVar

from django.templatetags.static import static
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated

from portal.api.scopes import ANY_TOKEN, WithinScopes


class SchemaView(SpectacularAPIView):
    """OpenAPI 3.1, as JSON or YAML by `Accept`."""

    permission_classes = [IsAuthenticated, WithinScopes]
    scopes: ClassVar[dict[str, str]] = {"GET": ANY_TOKEN}


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI with its files from the installed package, only those that it needs."""

    permission_classes = [IsAuthenticated, WithinScopes]
    scopes: ClassVar[dict[str, str]] = {"GET": ANY_TOKEN}
    url_name = "api-schema"
    template_name = "portal/api_docs.html"

    @staticmethod
    def _swagger_ui_resource(filename: str) -> str:
        return static(f"vendor/swagger-ui/{filename}")

    @staticmethod
    def _swagger_ui_favicon() -> str:
        return static("vendor/swagger-ui/favicon-32x32.png")


schema_view: Any = SchemaView.as_view()
docs_view: Any = DocsView.as_view()
# A page for people: who is not signed in is sent to sign in, as on every page.
docs_view.login_required = True
