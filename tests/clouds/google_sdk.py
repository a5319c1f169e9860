"""Google's own library reads the whole customer, for an administrator, by its own pages."""
import httplib2
from google.oauth2 import service_account
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.channel import new_webhook_channel, notification_from_headers
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from asked import CERTIFICATE, CREDENTIALS, HOSTS, apply, control, equal, known, same_keys
from listening import Listener

GOOGLE = CREDENTIALS["google"]
SCOPES = ["https://www.googleapis.com/auth/admin.directory." + kind for kind in ("user.readonly", "group.readonly", "group.member.readonly", "orgunit.readonly")]


def service(subject):
    credentials = service_account.Credentials.from_service_account_info(GOOGLE["key"], scopes=SCOPES, subject=subject)
    http = AuthorizedHttp(credentials, http=httplib2.Http(ca_certs=CERTIFICATE))
    return build("admin", "directory_v1", http=http, static_discovery=True, client_options={"api_endpoint": HOSTS["google"]})


def read(collection, name, **parameters):
    """Everything of a list, by the library's own pages."""
    found, request = [], collection.list(**parameters)
    while request:
        answer = request.execute()
        found += answer.get(name, [])
        request = collection.list_next(request, answer)
    return found


def by_id(items):
    found = {item["id"]: item for item in items}
    equal("repeated objects", len(found), len(items))
    return found


def known_members(members):
    """Without people from elsewhere, and without the customer."""
    return [member for member in members if isinstance(member, str) and member != "customer"]


def refused(request, status, reason):
    try:
        request.execute()
    except HttpError as error:
        equal("refusal", (error.resp.status, error.error_details[0]["reason"]), (status, reason))
    else:
        equal("refusal", None, reason)


def check_user(user, wanted):
    equal("address", user["primaryEmail"], wanted["login"].lower())
    equal("name", user["name"]["fullName"], wanted["display"])
    equal("suspended", user["suspended"] or user["archived"], not wanted["active"])
    equal("aliases", user.get("aliases", []), wanted["aliases"])
    equal("employee", user.get("externalIds", [{"value": None}])[0]["value"], wanted["employee"])


def check(directory):
    users, groups = known("google")
    found = by_id(read(directory.users(), "users", customer="my_customer", maxResults=7, projection="full"))
    same_keys("users", found, users)
    for id, user in found.items():
        check_user(user, users[id])
    sorted_users = read(directory.users(), "users", domain="example.com", orderBy="email", maxResults=33)
    addresses = [user["primaryEmail"] for user in sorted_users]
    equal("order", addresses, sorted(user["login"].lower() for user in users.values()))
    query = read(directory.users(), "users", customer="my_customer", query="isSuspended=true")
    same_keys("suspended users", by_id(query), [id for id, user in users.items() if user["status"] in ("SUSPENDED", "DEPROVISIONED")])
    part = directory.users().list(customer="my_customer", fields="nextPageToken,users(id,name/givenName)").execute()
    equal("fields", {field for user in part["users"] for field in user}, {"id", "name"})
    found = by_id(read(directory.groups(), "groups", customer="my_customer", maxResults=9))
    same_keys("groups", found, groups)
    for id, group in found.items():
        equal("name", (group["name"], group["email"]), (groups[id]["name"], groups[id]["mail"]))
        plain = known_members(groups[id]["members"])
        members = read(directory.members(), "members", groupKey=id, maxResults=50)
        same_keys("members", [it["id"] for it in members if it["type"] in ("USER", "GROUP")], plain)
        equal("other members", len(members), len(groups[id]["members"]))
        equal("counted", group["directMembersCount"], str(len(members)))
        derived = read(directory.members(), "members", groupKey=id, includeDerivedMembership=True)
        through = known_members(groups[id]["through"])
        same_keys("derived members", [it["id"] for it in derived if it["type"] in ("USER", "GROUP")], through)
    everyone = read(directory.members(), "members", groupKey="group-0@example.com")
    equal("the customer", [it["type"] for it in everyone if it["type"] != "USER"], ["CUSTOMER"])
    id = next(id for id, user in users.items() if user["no"] == 1)
    mine = read(directory.groups(), "groups", userKey=id)
    same_keys("groups of a user", by_id(mine), [group for group, it in groups.items() if id in it["members"]])
    units = directory.orgunits().list(customerId="my_customer", type="all").execute()["organizationUnits"]
    equal("units", len(units), 5)
    return len(users), len(groups), len(units)


def check_refusals(directory):
    refused(directory.users().list(), 400, "badRequest")
    refused(directory.groups().get(groupKey="nobody@example.com"), 404, "notFound")
    control("/google/faults", [{"at": "/users", "what": {"kind": "status", "status": 403}}])
    refused(directory.users().list(customer="my_customer"), 403, "quotaExceeded")
    control("/google/faults", [{"at": "/users", "what": {"kind": "throttle"}}])
    refused(directory.users().list(customer="my_customer"), 403, "rateLimitExceeded")
    users = known("google")[0]
    plain = next(user for user in users.values() if user["no"] == 6)
    refused(service(plain["login"]).users().list(customer="my_customer"), 403, "insufficientPermissions")


def check_deleted(directory):
    apply("google", {"do": "delete_user", "no": 45})
    gone = read(directory.users(), "users", customer="my_customer", showDeleted="true")
    equal("deleted", [len(gone), "deletionTime" in gone[0]], [1, True])
    control("/time", {"seconds": 21 * 24 * 3600}, "POST")


def check_channels(directory):
    """A channel begins, tells of users as Google's library reads it, and ends."""
    listener = Listener("google")
    channels = {}
    for event in ("add", "update", "delete", "undelete"):
        channel = new_webhook_channel(listener.address, token="a secret", params={"ttl": "3600"})
        answer = directory.users().watch(customer="my_customer", event=event, body=channel.body()).execute()
        channel.update(answer)
        channels[event] = channel
        headers, _ = listener.next()
        equal("beginning", notification_from_headers(channel, headers).state, "sync")
    body = channels["add"].body()
    refused(directory.users().watch(customer="my_customer", event="add", body=body), 400, "channelIdNotUnique")
    for bad, reason in (({"address": "http://localhost/"}, "push.webhookUrlNotHttps"), ({"type": "mail"}, "invalid"), ({"id": "ä"}, "invalid")):
        refused(directory.users().watch(customer="my_customer", event="add", body=body | {"id": "other"} | bad), 400, reason)
    user = next(id for id, it in known("google")[0].items() if it["no"] == 30)
    happened = [
        ("update", {"do": "change_user", "no": 30, "set": {"status": "SUSPENDED"}}), ("delete", {"do": "delete_user", "no": 30}),
        ("undelete", {"do": "restore_user", "no": 30}),
    ]
    for event, change in happened:
        apply("google", change)
        headers, said = listener.next()
        notification = notification_from_headers(channels[event], headers)
        equal("what", (notification.state, notification.message_number, headers["x-goog-channel-token"]), (event, 2, "a secret"))
        equal("whom", said["id"], user)
    for channel in channels.values():
        directory.channels().stop(body=channel.body()).execute()
    refused(directory.channels().stop(body=channels["add"].body()), 404, "channelNotFound")
    return len(channels)


def main():
    control("/google/manners", {"limit": 1_000_000}, "PUT")
    directory = service(GOOGLE["admin"])
    print("service account: %d users, %d groups, %d units" % check(directory))
    print("channels: %d" % check_channels(directory))
    check_refusals(directory)
    check_deleted(directory)
    print("refusals and deleted users")


main()
