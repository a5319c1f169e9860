"""A Django application whose users are those of a Crowd server: app.py DIRECTORY PORT CROWD_URL NAME PASSWORD.

django-crowd-auth does all of it: it takes the token from Crowd's cookie, asks the server whose it is, and makes the user
with the groups. Nothing else says who somebody is; headers are not looked at.
"""

import socketserver
import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from django.conf import settings

directory, port, crowd_url, name, password = sys.argv[1:]
settings.configure(
    DEBUG=False,
    SECRET_KEY="of a demonstration",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path(directory) / "django.db")}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django_crowd_auth"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django_crowd_auth.middlewares.sso",
    ],
    AUTHENTICATION_BACKENDS=["django_crowd_auth.backends.Backend"],
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    SESSION_COOKIE_SECURE=True,
    CROWD_CLIENT={"crowd_url": crowd_url, "app_name": name, "app_pass": password, "timeout": 10},
    CROWD_SUPERUSERS_GROUP="jira-administrators",
    CROWD_SESSION_VALIDATION_INTERVAL=300,
)
django.setup()

from django.contrib.auth import logout  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponseRedirect, JsonResponse  # noqa: E402
from django.shortcuts import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils.html import format_html  # noqa: E402
from django_crowd_auth.client import Client  # noqa: E402

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>A Django application</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 40rem; padding: 1rem; color: #172b4d; }}</style>
</head><body>
<h1>A Django application</h1>
<p>Crowd says that you are <strong id="user">{user}</strong>, {email}, in the groups <span id="groups">{groups}</span>.</p>
<p><a href="/logout/">Sign out</a></p>
</body></html>
"""


def groups_of(user):
    return sorted(user.groups.values_list("name", flat=True)) if user.is_authenticated else []


def page(request):
    """Who somebody is, for people. Who first came by ticket has no address here: the library keeps what it made."""
    user = request.user
    values = {"user": user.username or "nobody", "email": getattr(user, "email", "") or "without an address", "groups": ", ".join(groups_of(user))}
    return HttpResponse(format_html(PAGE, **values))


def whoami(request):
    """Who somebody is, for scripts."""
    user = request.user
    return JsonResponse({
        "user": user.username or None,
        "email": getattr(user, "email", None),
        "groups": groups_of(user),
        "superuser": user.is_superuser,
        "session": request.session.session_key,
        "headers": sorted(name for name in request.headers if name.lower().startswith("x-")),
        "cookies": sorted(request.COOKIES),
    })


def sign_out(request):
    """Ends the token, as every Crowd application does, and with it the session everywhere."""
    client = Client.from_settings()
    token = request.COOKIES.get(client.get_cookie_config()["name"])
    if token:
        client.terminate_session(token)
    logout(request)
    return HttpResponseRedirect("/")


urlpatterns = [path("", page), path("whoami", whoami), path("logout/", sign_out)]


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def log_message(self, *_):
        """Nothing: tests read what is printed."""


call_command("migrate", verbosity=0)
server = Server(("127.0.0.1", int(port)), Handler)
server.set_app(get_wsgi_application())
print("ready", flush=True)
server.serve_forever()
