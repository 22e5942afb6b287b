"""django-scim2-server as the only application of a Django project: `gunicorn django_scim2_server_app:application`."""

import django
from django.conf import settings

import tenants

settings.configure(
    **tenants.settings("django_scim2_server_app", ["django_scim2_server"], MIDDLEWARE=["tenants.Middleware"])
)
django.setup()
tenants.make_tables()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include  # noqa: E402
from django.urls import path  # noqa: E402

urlpatterns = [path("scim/v2/", include("django_scim2_server.urls"))]
application = get_wsgi_application()
