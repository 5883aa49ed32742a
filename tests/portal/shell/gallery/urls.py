"""The product's addresses and the gallery; only tests serve it."""

from django.urls import path

from portal import urls as product
from tests.portal.shell.gallery import pages

urlpatterns = [
    *product.urlpatterns,
    path("gallery/", pages.components, name="gallery"),
    path("gallery/charts/", pages.charts, name="gallery-charts"),
    path("gallery/list/", pages.GalleryList.as_view(), name="gallery-list"),
    path("gallery/list/<slug:key>/", pages.components, name="gallery-row"),
    path("gallery/people/", pages.PeopleList.as_view(), name="gallery-people"),
    path("gallery/refused/", pages.refused, name="gallery-refused"),
    path("gallery/broken/", pages.broken, name="gallery-broken"),
]
handler400 = product.handler400
handler403 = product.handler403
handler404 = product.handler404
handler500 = product.handler500
