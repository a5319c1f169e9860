"""Okta's own library reads the whole organisation, with an API token and with a key and proofs of it."""
import asyncio

# First, so that the library trusts the certificate.
from asked import CREDENTIALS, HOSTS, apply, control, equal, known, same_keys
from listening import Listener
from okta.api_response import OktaAPIResponse
from okta.client import Client
from okta.models import Application, AppUser, Group, GroupRule, LogEvent, User

OKTA = CREDENTIALS["okta"]


def settings():
    common = {"orgUrl": HOSTS["okta"], "rateLimit": {"maxRetries": 2}}
    key = {"authorizationMode": "PrivateKey", "clientId": OKTA["client_id"], "privateKey": OKTA["private_key"], "kid": OKTA["kid"]}
    scopes = ["okta.users.read", "okta.groups.read", "okta.apps.read"]
    yield "API token", common | {"token": OKTA["api_token"]}, {}
    yield "key with proofs", common | key | {"scopes": scopes, "dpopEnabled": True}, {}
    yield "key without proofs", common | key | {"scopes": scopes}, {"dpop": False}


async def read(client, model, path):
    """Everything of a list, by the library's own pages, each in the library's own model."""
    executor = client.get_request_executor()
    # This layer knows keys, but leaves API tokens to the one above.
    token = client.get_config()["client"].get("token")
    headers = {"Authorization": f"SSWS {token}"} if token else {}
    request, error = await executor.create_request("GET", path, {}, headers)
    equal("error", error, None)
    request, details, body, error = await executor.fire_request(request)
    equal("error", error, None)
    equal("status", details.status, 200)
    response = OktaAPIResponse(executor, request, details, body)
    items = response.get_body()
    while response.has_next():
        more, error = await response.next()
        equal("error", error, None)
        items = items + more
    found = {item["id"]: model.from_dict(item) for item in items}
    equal("repeated objects", len(found), len(items))
    for id, item in found.items():
        more = getattr(item, "additional_properties", None) or {}
        equal(f"fields that {model.__name__} does not have", set(more), set())
    return found


def check_user(user, wanted):
    profile = user.profile
    equal("login", profile.login, wanted["login"])
    equal("names", (profile.first_name, profile.last_name, profile.display_name), (wanted["given"], wanted["family"], wanted["display"]))
    equal("mail", profile.email, wanted["mail"] or wanted["login"])
    equal("status", user.status, wanted["status"])


async def check(client):
    users, groups = known("okta")
    there = {id: user for id, user in users.items() if user["status"] != "DEPROVISIONED"}
    listed = await read(client, User, "/api/v1/users?limit=7")
    same_keys("users", listed, there)
    searched = await read(client, User, "/api/v1/users?limit=61&search=id%20pr")
    same_keys("users that are searched", searched, users)
    for id, user in searched.items():
        check_user(user, users[id])
    first, _, error = await client.list_users(limit=10)
    equal("error", error, None)
    equal("users of a page", [user.id for user in first], list(listed)[:10])
    found = await read(client, Group, "/api/v1/groups?limit=9")
    same_keys("groups", found, groups)
    for id, group in found.items():
        equal("name", group.profile.actual_instance.name, groups[id]["name"])
        members = await read(client, User, f"/api/v1/groups/{id}/users?limit=50")
        same_keys("members", members, set(groups[id]["members"]) & set(there))
    id = next(id for id, user in users.items() if user["no"] == 1)
    mine = await read(client, Group, f"/api/v1/users/{id}/groups")
    same_keys("groups of a user", mine, [group for group, it in groups.items() if id in it["members"]])
    rules = await read(client, GroupRule, "/api/v1/groups/rules")
    equal("rules", [rule.name for rule in rules.values()], ["Most of all"])
    apps = await read(client, Application, "/api/v1/apps")
    jira = next(app for app in apps.values() if app.label == "Jira")
    assigned = await read(client, AppUser, f"/api/v1/apps/{jira.id}/users?limit=5")
    equal("strangers", set(assigned) - set(there), set())
    equal("how they are assigned", {user.scope for user in assigned.values()}, {"USER", "GROUP"})
    through = {id for group in groups.values() if group["no"] in (3, 8) for id in group["members"]} & set(there)
    equal("assigned by a group, and missing", through - set(assigned), set())
    return len(users), len(groups), len(assigned)


async def check_changes(client):
    """What changed is found by time: a membership in the group's own time only."""
    group = next(group for group in known("okta")[1].values() if group["no"] == 30)
    since = max(it["changed"] for it in known("okta")[1].values())
    control("/time", {"seconds": 60}, "POST")
    apply("okta", {"do": "add_members", "group": 30, "members": [{"user": 1}]})
    changed = await read(client, Group, f'/api/v1/groups?filter=lastUpdated%20gt%20"{since}"')
    equal("groups that are changed", set(changed), set())
    changed = await read(client, Group, f'/api/v1/groups?filter=lastMembershipUpdated%20gt%20"{since}"')
    equal("groups with other members", set(changed), {group["id"]})


def check_hooks():
    """An event hook is verified, and tells what Okta's library takes for an event of the System Log."""
    listener = Listener("okta")
    hook = {"uri": listener.address, "secret": "a secret", "events": ["user.lifecycle.suspend", "group.user_membership.add"]}
    control("/okta/hooks", hook)
    users, groups = known("okta")
    user = next(id for id, it in users.items() if it["no"] == 31)
    group = next(id for id, it in groups.items() if it["no"] == 30)
    apply("okta", {"do": "add_members", "group": 30, "members": [{"user": 31}]}, {"do": "change_user", "no": 31, "set": {"status": "SUSPENDED"}})
    for kind, targets in (("group.user_membership.add", [user, group]), ("user.lifecycle.suspend", [user])):
        headers, said = listener.next()
        equal("secret", headers["authorization"], "a secret")
        event = LogEvent.from_dict(said["data"]["events"][0])
        equal("event", (event.event_type, [target.id for target in event.target]), (kind, targets))
    return len(hook["events"])


async def main():
    control("/okta/manners", {"limit": 1_000_000}, "PUT")
    for name, config, manners in settings():
        control("/okta/manners", {"dpop": True} | manners, "PUT")
        async with Client(config) as client:
            print(name + ": %d users, %d groups, %d assigned" % await check(client))
    async with Client(next(settings())[1]) as client:
        await check_changes(client)
        print("changes by time")
    print("event hooks: %d events" % check_hooks())


asyncio.run(main())
