"""django-scim2 as the only application of a Django project: `gunicorn django_scim2_app:application`."""

import os

import django
from django.conf import settings

import tenants

settings.configure(
    **tenants.settings(
        "django_scim2_app",
        ["django_scim", "people"],
        MIDDLEWARE=["tenants.Middleware", "django_scim.middleware.SCIMAuthCheckMiddleware"],
        AUTH_USER_MODEL="people.User",
        SCIM_SERVICE_PROVIDER={
            "SCHEME": "http",
            "NETLOC": f"127.0.0.1:{os.environ['PORT']}",
            "GROUP_MODEL": "people.models.Group",
            "AUTHENTICATION_SCHEMES": [
                {"type": "oauthbearertoken", "name": "OAuth Bearer Token", "description": "A token for each tenant"}
            ],
        },
    )
)
django.setup()
tenants.make_tables()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include  # noqa: E402
from django.urls import path  # noqa: E402

urlpatterns = [path("scim/v2/", include("django_scim.urls"))]
application = get_wsgi_application()
