"""Gives every bearer token `tenant-N` a database of its own: a copy of one that has empty tables."""

import json
import os
import re
import shutil
import threading
from pathlib import Path

from django.http import JsonResponse

FOLDER = Path(os.environ["DATA"])
TEMPLATE = FOLDER / "template.sqlite3"
MAKING = threading.Lock()


def settings(module, apps, **more):
    """Returns what both Django applications have in common."""
    return {
        "SECRET_KEY": "only for tests",
        "ALLOWED_HOSTS": ["*"],
        "ROOT_URLCONF": module,
        "USE_TZ": True,
        "INSTALLED_APPS": ["django.contrib.contenttypes", "django.contrib.auth", *apps],
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": TEMPLATE,
                "OPTIONS": {
                    "timeout": 20,
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA synchronous=off; PRAGMA journal_mode=memory;",
                },
            }
        },
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        **more,
    }


class Middleware:
    """Knows the tenant by its token, and without one nobody. Answers POST /login {userName, password} as an application would."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        from django.contrib.auth.models import AnonymousUser

        token = re.fullmatch(r"Bearer (tenant-\d+)", request.headers.get("Authorization", ""))
        request.user = Service() if token else AnonymousUser()
        if token:
            connect(token[1])
        if token and request.path == "/login":
            return JsonResponse(lets_in(**json.loads(request.body)), safe=False)
        return self.get_response(request)


class Service:
    is_authenticated = True
    is_anonymous = False
    is_superuser = True


def connect(tenant):
    from django.db import connection

    path = FOLDER / f"{tenant}.sqlite3"
    with MAKING:
        if not path.exists():
            shutil.copy(TEMPLATE, path)
    connection.close()
    connection.settings_dict = {**connection.settings_dict, "NAME": path}


def lets_in(userName, password):
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.filter(username__iexact=userName).first()
    return user is not None and user.is_active and user.check_password(password)


def make_tables():
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
