"""The vendors' descriptions judge: a proxy that knows them stands before the fakes and says what does not fit."""
import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import jwt

from asked import CREDENTIALS, HOSTS, control, equal, known

PRISM, DATA = sys.argv[2], "tests/data/clouds"


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Proxy:
    """Prism between here and a cloud."""

    def __init__(self, document, upstream):
        self.port, self.upstream = free_port(), upstream
        command = [PRISM, "proxy", f"{DATA}/{document}", upstream, "--errors", "-h", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            with socket.socket() as it:
                if it.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        sys.exit("Prism did not start")

    def get(self, address, headers, body=None):
        """An answer that fits, and its headers; to a body, if there is one."""
        parts = urllib.parse.urlsplit(address)
        path = parts.path + ("?" + parts.query if parts.query else "")
        data = None if body is None else json.dumps(body).encode()
        headers = headers | ({} if body is None else {"Content-Type": "application/json"})
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        try:
            with urllib.request.urlopen(request) as answer:
                text = answer.read()
                return json.loads(text) if text else None, answer.headers
        except urllib.error.HTTPError as error:
            sys.exit(f"{address}: {error.code} {error.read().decode()[:800]}")

    def refuses(self, path, headers):
        """Whether the proxy finds that a question does not fit: otherwise it would judge nothing."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError as error:
            equal("refusal by the description", error.code, 422)
        else:
            sys.exit(f"{path} was let through")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def okta():
    headers = {"Authorization": "SSWS " + CREDENTIALS["okta"]["api_token"], "Accept": "application/json"}
    users, groups = known("okta")
    asked = 0
    with Proxy("okta.json", HOSTS["okta"]) as proxy:
        proxy.refuses("/api/v1/users?limit=many", headers)

        def read(path):
            nonlocal asked
            found = []
            while path:
                asked += 1
                items, answered = proxy.get(path, headers)
                found += items
                links = ", ".join(answered.get_all("link"))
                path = next(iter(re.findall(r'<([^>]*)>; rel="next"', links)), None)
            return found

        def one(path):
            nonlocal asked
            asked += 1
            return proxy.get(path, headers)[0]

        equal("users", len(read("/api/v1/users?search=id%20pr&limit=20")), len(users))
        equal("groups", len(read("/api/v1/groups?limit=7")), len(groups))
        for id, group in list(groups.items())[:8]:
            read(f"/api/v1/groups/{id}/users?limit=50")
            equal("group", one(f"/api/v1/groups/{id}")["id"], id)
        for id in list(users)[:50]:
            equal("user", one(f"/api/v1/users/{id}")["id"], id)
            read(f"/api/v1/users/{id}/groups")
        for rule in read("/api/v1/groups/rules"):
            one(f"/api/v1/groups/rules/{rule['id']}")
        for app in read("/api/v1/apps"):
            one(f"/api/v1/apps/{app['id']}")
            read(f"/api/v1/apps/{app['id']}/groups")
            for user in read(f"/api/v1/apps/{app['id']}/users?limit=20&expand=user"):
                one(f"/api/v1/apps/{app['id']}/users/{user['id']}")
    print(f"Okta: {asked} answers fit")


def google_token():
    key, now = CREDENTIALS["google"]["key"], int(time.time())
    kinds = ("user.readonly", "group.readonly", "group.member.readonly", "orgunit.readonly")
    scope = " ".join("https://www.googleapis.com/auth/admin.directory." + kind for kind in kinds)
    claims = {"iss": key["client_email"], "sub": CREDENTIALS["google"]["admin"], "scope": scope, "aud": key["token_uri"], "iat": now, "exp": now + 3600}
    assertion = jwt.encode(claims, key["private_key"], "RS256", {"kid": key["private_key_id"]})
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    with urllib.request.urlopen(key["token_uri"], urllib.parse.urlencode(form).encode()) as answer:
        return json.load(answer)["access_token"]


def google():
    headers = {"Authorization": "Bearer " + google_token(), "Accept": "application/json"}
    users, groups = known("google")
    asked = 0
    root = "/admin/directory/v1"
    with Proxy("google.json", HOSTS["google"]) as proxy:
        proxy.refuses(root + "/users?customer=my_customer&maxResults=501", headers)

        def one(path):
            nonlocal asked
            asked += 1
            return proxy.get(root + path, headers)[0]

        def read(path, name):
            found, token = [], ""
            while token is not None:
                answer = one(path + (f"&pageToken={token}" if token else ""))
                found += answer.get(name, [])
                token = answer.get("nextPageToken")
            return found

        for extra in ("", "&projection=full&viewType=admin_view", "&viewType=domain_public", "&orderBy=email&sortOrder=DESCENDING"):
            equal("users", len(read("/users?customer=my_customer&maxResults=50" + extra, "users")), len(users))
        read("/users?customer=my_customer&showDeleted=true", "users")
        equal("groups", len(read("/groups?customer=my_customer&maxResults=20", "groups")), len(groups))
        for id in list(users)[:50]:
            equal("user", one(f"/users/{id}")["id"], id)
        for id in list(groups)[:10]:
            one(f"/groups/{id}")
            for derived in ("false", "true"):
                members = read(f"/groups/{id}/members?maxResults=100&includeDerivedMembership={derived}", "members")
            for member in [it for it in members if it["type"] == "USER"][:2]:
                equal("member", one(f"/groups/{id}/hasMember/{member['id']}"), {"isMember": True})
        one("/customer/my_customer/orgunits?type=all")
        for event in ("add", "delete", "undelete", "update"):
            asked += 2
            wish = {"id": f"described-{event}", "type": "web_hook", "address": "https://localhost:1/", "params": {"ttl": "60"}}
            channel = proxy.get(f"{root}/users/watch?customer=my_customer&event={event}", headers, wish)[0]
            equal("channel", channel["id"], wish["id"])
            proxy.get("/admin/directory_v1/channels/stop", headers, {"id": channel["id"], "resourceId": channel["resourceId"]})
    print(f"Google: {asked} answers fit")


for vendor in ("okta", "google"):
    control(f"/{vendor}/manners", {"limit": 1_000_000}, "PUT")
okta()
google()
