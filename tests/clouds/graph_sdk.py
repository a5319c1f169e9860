"""Microsoft's own library reads the whole directory, by pages and by delta, with each kind of credential."""
import asyncio
import datetime
import ssl
import time

import httpx
import jwt
from azure.identity.aio import CertificateCredential, ClientAssertionCredential, ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.subscription import Subscription
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph.generated.users.item.get_member_groups.get_member_groups_post_request_body import GetMemberGroupsPostRequestBody
from msgraph_core import GraphClientFactory, PageIterator
from kiota_abstractions.base_request_configuration import RequestConfiguration

from asked import CERTIFICATE, CREDENTIALS, HOSTS, apply, control, equal, known, same_keys
from listening import Listener

ENTRA = CREDENTIALS["graph"]
ROOT = HOSTS["graph"] + "/v1.0"
LOGIN = HOSTS["login"]
SELECT = "id,userPrincipalName,mail,otherMails,displayName,givenName,surname,accountEnabled,userType,onPremisesSamAccountName,onPremisesSecurityIdentifier,onPremisesImmutableId,employeeId,externalUserState,proxyAddresses".split(",")

trust = ssl.create_default_context(cafile=CERTIFICATE)


def workload_token():
    """What a Kubernetes cluster would have put into a file."""
    now = int(time.time())
    claims = {"iss": ENTRA["issuer"], "sub": ENTRA["subject"], "aud": ["api://AzureADTokenExchange"], "iat": now, "exp": now + 600}
    return jwt.encode(claims, ENTRA["issuer_key"], "RS256", {"kid": ENTRA["issuer_kid"]})


def credentials():
    common = dict(authority=LOGIN, disable_instance_discovery=True, connection_verify=CERTIFICATE)
    yield "secret", ClientSecretCredential(ENTRA["tenant"], ENTRA["client_id"], ENTRA["client_secret"], **common)
    pem = (ENTRA["private_key"] + ENTRA["certificate"]).encode()
    yield "certificate", CertificateCredential(ENTRA["tenant"], ENTRA["client_id"], certificate_data=pem, **common)
    yield "federated", ClientAssertionCredential(ENTRA["tenant"], ENTRA["client_id"], workload_token, **common)


def client(credential):
    provider = AzureIdentityAuthenticationProvider(credential, scopes=[HOSTS["graph"] + "/.default"], allowed_hosts=["localhost"])
    http = GraphClientFactory.create_with_default_middleware(client=httpx.AsyncClient(verify=trust, base_url=ROOT))
    adapter = GraphRequestAdapter(provider, http)
    adapter.base_url = ROOT
    return GraphServiceClient(request_adapter=adapter)


async def pages(graph, first):
    """Everything of a list, by the library's own iterator."""
    found = []
    iterator = PageIterator(first, graph.request_adapter)
    await iterator.iterate(lambda item: found.append(item) or True)
    return found


def check_known(thing):
    """The library's model has a field for everything that was said."""
    more = set(thing.additional_data) - {"@odata.context", "members@delta", "@removed"}
    equal(f"fields that {type(thing).__name__} does not have", more, set())


def check_user(user, wanted):
    check_known(user)
    equal("login", user.user_principal_name, wanted["login"])
    equal("display name", user.display_name, wanted["display"])
    equal("names", (user.given_name, user.surname), (wanted["given"], wanted["family"]))
    equal("mail", user.mail, wanted["mail"])
    equal("enabled", user.account_enabled, wanted["active"])
    equal("employee", user.employee_id, wanted["employee"])
    premises = wanted["on_premises"] or {"sam": None, "sid": None, "immutable": None}
    found = (user.on_premises_sam_account_name, user.on_premises_security_identifier, user.on_premises_immutable_id)
    equal("on premises", found, (premises["sam"], premises["sid"], premises["immutable"]))
    kind = {"member": "Member", "untyped": None}.get(wanted["kind"] if isinstance(wanted["kind"], str) else "", "Guest")
    equal("type", user.user_type, kind)


async def check_lists(graph):
    users, groups = known("graph")
    parameters = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(select=SELECT, top=97)
    first = await graph.users.get(RequestConfiguration(query_parameters=parameters))
    found = {user.id: user for user in await pages(graph, first)}
    same_keys("users", found, users)
    for id, user in found.items():
        check_user(user, users[id])
    first = await graph.groups.get()
    found = {group.id: group for group in await pages(graph, first)}
    same_keys("groups", found, groups)
    for id, group in found.items():
        check_known(group)
        equal("name", group.display_name, groups[id]["name"])
        equal("description", group.description, groups[id]["description"])
        members = await pages(graph, await graph.groups.by_group_id(id).members.get())
        same_keys("members", [member.id for member in members], groups[id]["members"])
        through = await pages(graph, await graph.groups.by_group_id(id).transitive_members.get())
        same_keys("transitive members", [member.id for member in through], groups[id]["through"])
    id = next(id for id, user in users.items() if user["no"] == 1)
    mine = {group for group, it in groups.items() if id in it["through"]}
    body = GetMemberGroupsPostRequestBody(security_enabled_only=False)
    answer = await graph.users.by_user_id(id).get_member_groups.post(body)
    same_keys("groups of a user", answer.value, mine)
    through = await graph.users.by_user_id(id).transitive_member_of.graph_group.get()
    same_keys("groups of a user", [group.id for group in await pages(graph, through)], mine)
    return len(users), len(groups)


async def check_assignments(graph):
    """An application by its application id, its roles, and who is assigned to it."""
    users, groups = known("graph")
    listed = (await graph.service_principals.get()).value
    jira = next(app for app in listed if app.display_name == "Jira")
    found = await graph.service_principals_with_app_id(jira.app_id).get()
    check_known(found)
    equal("application", found.id, jira.id)
    roles = {str(role.id): role.value for role in found.app_roles}
    first = await graph.service_principals.by_service_principal_id(found.id).app_role_assigned_to.get()
    assigned = await pages(graph, first)
    for assignment in assigned:
        check_known(assignment)
        who = {"User": users, "Group": groups}[assignment.principal_type]
        equal("assigned", str(assignment.principal_id) in who, True)
        equal("role", str(assignment.app_role_id) in roles, True)
        equal("application", str(assignment.resource_id), found.id)
    return len(assigned), sorted(roles.values())


class Copy:
    """A directory that is kept by what deltas say."""

    def __init__(self):
        self.users, self.groups, self.members = {}, {}, {}

    def users_say(self, items):
        for user in items:
            check_known(user)
            if "@removed" in user.additional_data:
                self.users.pop(user.id, None)
            else:
                old = self.users.setdefault(user.id, {})
                for field in ("user_principal_name", "display_name", "account_enabled"):
                    value = getattr(user, field)
                    if value is not None:
                        old[field] = value

    def groups_say(self, items):
        for group in items:
            check_known(group)
            if "@removed" in group.additional_data:
                self.groups.pop(group.id, None)
                self.members.pop(group.id, None)
                continue
            if group.display_name is not None:
                self.groups[group.id] = group.display_name
            members = self.members.setdefault(group.id, set())
            for member in group.additional_data.get("members@delta", []):
                leaves = "@removed" in member
                (members.discard if leaves else members.add)(str(member["id"]))

    def check(self):
        users, groups = known("graph")
        same_keys("users", self.users, users)
        for id, user in users.items():
            wanted = dict(user_principal_name=user["login"], display_name=user["display"], account_enabled=user["active"])
            equal("user", self.users[id], wanted)
        same_keys("groups", self.groups, groups)
        for id, group in groups.items():
            equal("name", self.groups[id], group["name"])
            same_keys(f"members of {group['name']}", self.members[id], group["members"])


async def read_round(builder, parameters, say):
    """One round of a feed, and the builder of the next one."""
    answer = await builder.get(parameters)
    while True:
        say(answer.value)
        if answer.odata_delta_link:
            return builder.with_url(answer.odata_delta_link)
        answer = await builder.with_url(answer.odata_next_link).get()


CHANGES = [
    [{"do": "add_user", "set": {"login": "new@example.com"}}, {"do": "change_user", "no": 30, "set": {"status": "SUSPENDED"}}],
    [{"do": "swap_logins", "one": 40, "other": 41}, {"do": "delete_user", "no": 42}, {"do": "change_group", "no": 5, "set": {"name": "Renamed"}}],
    [{"do": "restore_user", "no": 42}, {"do": "purge_user", "no": 43}, {"do": "add_group"}, {"do": "delete_group", "no": 20}],
    [{"do": "add_members", "group": 1, "members": [{"user": no} for no in range(50, 140)]}, {"do": "remove_members", "group": 2, "members": [{"user": 46}, {"user": 47}]}],
    [{"do": "restore_group", "no": 20}, {"do": "purge_group", "no": 21}, {"do": "add_members", "group": 20, "members": [{"group": 22}]}],
]


async def check_deltas(graph):
    copy = Copy()
    from msgraph.generated.groups.delta.delta_request_builder import DeltaRequestBuilder as GroupsDelta
    from msgraph.generated.users.delta.delta_request_builder import DeltaRequestBuilder as UsersDelta
    select = UsersDelta.DeltaRequestBuilderGetQueryParameters(select=["id", "userPrincipalName", "displayName", "accountEnabled"])
    people = await read_round(graph.users.delta, RequestConfiguration(query_parameters=select), copy.users_say)
    select = GroupsDelta.DeltaRequestBuilderGetQueryParameters(select=["id", "displayName", "members"])
    groups = await read_round(graph.groups.delta, RequestConfiguration(query_parameters=select), copy.groups_say)
    copy.check()
    for changes in CHANGES:
        apply("graph", *changes)
        people = await read_round(people, None, copy.users_say)
        groups = await read_round(groups, None, copy.groups_say)
        copy.check()
    people = await read_round(people, None, lambda items: equal("news", items, []))
    await read_round(groups, None, lambda items: equal("news", items, []))


async def refused(request, status):
    try:
        await request
    except ODataError as error:
        equal("refusal", error.response_status_code, status)
    else:
        equal("refusal", None, status)


async def check_subscriptions(graph):
    """What is asked for is told, prolonged and ended."""
    listener, now = Listener("graph"), datetime.datetime.now(datetime.timezone.utc)

    def wish(**other):
        fields = dict(change_type="updated,deleted", resource="users", notification_url=listener.address, client_state="a secret")
        fields |= dict(lifecycle_notification_url=listener.address, expiration_date_time=now + datetime.timedelta(days=2))
        return Subscription(**(fields | other))

    made = [await graph.subscriptions.post(wish(resource=resource)) for resource in ("users", "groups")]
    for subscription in made:
        check_known(subscription)
    await refused(graph.subscriptions.post(wish()), 409)
    for bad in (
        dict(expiration_date_time=now + datetime.timedelta(days=30)), dict(client_state="x" * 129), dict(change_type="created"),
        dict(notification_url="http://localhost/"), dict(notification_url="https://localhost:1/"), dict(resource="devices"),
    ):
        await refused(graph.subscriptions.post(wish(**bad)), 400)
    listed = await graph.subscriptions.get()
    same_keys("subscriptions", [it.id for it in listed.value], [it.id for it in made])
    one = graph.subscriptions.by_subscription_id(made[0].id)
    later = await one.patch(Subscription(expiration_date_time=now + datetime.timedelta(days=20)))
    equal("more time", later.expiration_date_time > made[0].expiration_date_time, True)
    users, groups = known("graph")
    user = next(id for id, it in users.items() if it["no"] == 30)
    group = next(id for id, it in groups.items() if it["no"] == 5)
    apply("graph", {"do": "change_user", "no": 30, "set": {"status": "SUSPENDED"}})
    apply("graph", {"do": "add_members", "group": 5, "members": [{"user": 199}]})
    for kind, id, subscription in (("User", user, made[0]), ("Group", group, made[1])):
        said = listener.next()[1]["value"][0]
        equal("whose", (said["subscriptionId"], said["clientState"], said["tenantId"]), (subscription.id, "a secret", ENTRA["tenant"]))
        equal("what", (said["changeType"], said["resource"]), ("updated", f"{kind}s/{id}"))
        equal("of whom", (said["resourceData"]["@odata.type"], said["resourceData"]["id"]), (f"#Microsoft.Graph.{kind}", id))
    control("/graph/lifecycle/reauthorizationRequired", method="POST")
    equal("lifecycle", listener.next()[1]["value"][0]["lifecycleEvent"], "reauthorizationRequired")
    for subscription in made:
        await graph.subscriptions.by_subscription_id(subscription.id).delete()
    await refused(one.delete(), 404)
    return len(made)


async def check_application(graph):
    """When the secret ends, as the application is told itself."""
    found = await graph.applications_with_app_id(ENTRA["client_id"]).get()
    check_known(found)
    equal("application", found.app_id, ENTRA["client_id"])
    hints = {secret.hint: secret for secret in found.password_credentials}
    secret = hints[ENTRA["client_secret"][:3]]
    check_known(secret)
    equal("secret text", secret.secret_text, None)
    left = (secret.end_date_time - datetime.datetime.now(datetime.timezone.utc)).days
    if not 0 < left <= 366:
        raise SystemExit(f"the secret ends in {left} days")
    for key in found.key_credentials:
        check_known(key)
        equal("kind of key", (key.type, key.usage), ("AsymmetricX509Cert", "Verify"))


async def main():
    control("/graph/manners", {"limit": 1_000_000, "empty_page_every": 3, "leavers_stay_members": False}, "PUT")
    for name, credential in credentials():
        async with credential:
            graph = client(credential)
            users, groups = await check_lists(graph)
            print(f"{name}: {users} users and {groups} groups")
    async with next(credentials())[1] as credential:
        assigned, roles = await check_assignments(client(credential))
        print(f"assignments: {assigned} with one of {roles}")
    async with next(credentials())[1] as credential:
        print(f"subscriptions: {await check_subscriptions(client(credential))}")
    async with next(credentials())[1] as credential:
        await check_application(client(credential))
        await check_deltas(client(credential))
        print(f"delta: {len(CHANGES)} rounds")


asyncio.run(main())
