"""What every judge needs: where the clouds are, what they should say, and a way to change them."""
import atexit
import json
import os
import sys
import tempfile
import urllib.request

CONTROL = sys.argv[1]


def control(path, body=None, method=None):
    """Asks the control of the clouds."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(CONTROL + path, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request) as answer:
        text = answer.read().decode()
    return [json.loads(line) for line in text.splitlines()]


CLOUDS = control("/")[0]
HOSTS = CLOUDS["hosts"]
CREDENTIALS = CLOUDS["credentials"]

# The certificate of the clouds, if they have one, which Python is told to trust.
if CLOUDS["certificate"]:
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write(CLOUDS["certificate"])
    CERTIFICATE = os.environ["SSL_CERT_FILE"] = file.name
    atexit.register(os.unlink, CERTIFICATE)


def known(vendor):
    """The users that there are, and the groups, by id: as the generator has them."""
    users = {user["id"]: user for user in control(f"/{vendor}/users")}
    groups = {group["id"]: group for group in control(f"/{vendor}/groups")}
    return {id: user for id, user in users.items() if not user["deleted"]}, groups


def apply(vendor, *changes):
    """Something happens."""
    return control(f"/{vendor}/apply", list(changes), "POST")[0]


def equal(what, found, wanted):
    """Says in what two things differ."""
    if found != wanted:
        sys.exit(f"{what}: {found!r:.300} instead of {wanted!r:.300}")


def same_keys(what, found, wanted):
    missing, more = set(wanted) - set(found), set(found) - set(wanted)
    if missing or more:
        sys.exit(f"{what}: {len(missing)} are missing {sorted(missing)[:3]}, {len(more)} are too many {sorted(more)[:3]}")
