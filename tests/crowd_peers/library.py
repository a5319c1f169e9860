"""Every method of the library `Crowd`, at a Crowd server: library.py URL NAME PASSWORD. Prints what came of it, in JSON."""

import inspect
import json
import sys

from crowd import CrowdServer

url, name, password = sys.argv[1:]
called = set()


class Watched:
    """Writes down what is called."""

    def __getattr__(self, method):
        called.add(method)
        return getattr(server, method)


server = CrowdServer(url, name, password, timeout=20)
crowd = Watched()
seen = {}

seen["ping"] = crowd.auth_ping()
seen["ping with a wrong password"] = CrowdServer(url, name, "wrong").auth_ping()
cookie = crowd.get_cookie_conf()
seen["cookie"] = [cookie["name"], cookie["secure"]]

# A user, from the first day to the last.
new = {"password": "Green-tea-42", "email": "zoe@example.test"}
seen["add"] = crowd.add_user("zoe", first_name="Zoë", last_name="O'Neill & Co", display_name="Zoë <O>", **new)
seen["add again"] = crowd.add_user("zoe", **new)
zoe = crowd.get_user("zoe")
fields = ["name", "first-name", "last-name", "display-name", "email", "active"]
seen["user"] = [zoe[field] for field in fields]
seen["somebody else"] = [crowd.get_user("nobody"), crowd.user_exists("nobody"), crowd.user_exists("ZOE")]
seen["attribute"] = crowd.set_user_attribute("zoe", "room", "B 7")
seen["attributes"] = crowd.get_user("zoe")["attributes"]["attributes"]

# Groups, and groups in groups.
made = [crowd.create_group("tea", "who drinks it"), crowd.create_group("green-tea")]
seen["groups made"] = made
seen["group made twice"] = crowd.create_group("tea") is not None
seen["group updated"] = crowd.update_group("tea", {"description": "who drinks tea", "active": True})
seen["child"] = crowd.add_child_group("green-tea", "tea")
seen["join"] = crowd.add_user_to_group("zoe", "green-tea")
seen["join nothing"] = crowd.add_user_to_group("zoe", "coffee")
seen["groups"] = [crowd.get_groups("zoe"), sorted(crowd.get_nested_groups("zoe"))]
seen["members"] = [crowd.get_nested_group_users("tea"), crowd.get_nested_group_users("coffee")]
memberships = crowd.get_memberships()
seen["memberships"] = {group: memberships[group] for group in ["tea", "green-tea"]}

# Searches: XML one way, JSON the other.
found = crowd.search("user", "email", "zoe@")
seen["found"] = [user["email"] for user in found["users"]]
seen["found groups"] = sorted(group["name"] for group in crowd.search("group", "name", "tea")["groups"])
seen["found nobody"] = crowd.search("user", "name", "nobody")["users"]

# Passwords and sessions.
user = crowd.auth_user("zoe", "Green-tea-42")
seen["signs in"] = [user["name"], crowd.auth_user("zoe", "wrong"), crowd.auth_user("nobody", "wrong")]
seen["new password"] = crowd.change_password("zoe", "Black-tea-43")
seen["with the old one"] = crowd.auth_user("zoe", "Green-tea-42")
session = crowd.get_session("zoe", "Black-tea-43", remote="192.0.2.7", proxy="192.0.2.8")
token = session["token"]
seen["session"] = [session["user"]["name"], session["expiry-date"] > session["created-date"]]
seen["no session"] = crowd.get_session("zoe", "wrong")
valid = crowd.validate_session(token, remote="192.0.2.7", proxy="192.0.2.8")
seen["valid"] = [valid["token"] == token, valid["user"]["email"]]
seen["invalid"] = crowd.validate_session("made-up")
seen["ended"] = [crowd.terminate_session(token), crowd.validate_session(token)]

# The end.
seen["inactive"] = [crowd.set_active("zoe", False), crowd.get_user("zoe")["active"]]
seen["inactive in vain"] = crowd.auth_user("zoe", "Black-tea-43")
seen["active"] = [crowd.set_active("zoe", True), crowd.auth_user("zoe", "Black-tea-43")["name"]]
seen["nobody inactive"] = crowd.set_active("nobody", False)
seen["reset link"] = crowd.send_password_reset_link("zoe")
seen["left"] = [crowd.remove_user_from_group("zoe", "green-tea"), crowd.remove_user_from_group("zoe", "green-tea")]
seen["child removed"] = crowd.remove_child_group("green-tea", "tea")
seen["groups removed"] = [crowd.remove_group("green-tea"), crowd.remove_group("tea")]
seen["removed twice"] = crowd.remove_group("tea") is not None

methods = {method for method, _ in inspect.getmembers(CrowdServer, inspect.isfunction) if not method.startswith("_")}
seen["not called"] = sorted(methods - called)
print(json.dumps(seen))
