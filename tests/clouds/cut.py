"""Cuts the vendors' descriptions of their APIs to what is used of them, as OpenAPI 2 for Prism.

`cut.py okta SPEC` takes `dist/spec.json` of the npm package @okta/openapi; `cut.py google DOCUMENT` takes
`googleapiclient/discovery_cache/documents/admin.directory_v1.json` of the Python package google-api-python-client.
"""
import json
import sys

OKTA = [
    "/api/v1/users", "/api/v1/users/{userId}", "/api/v1/users/{userId}/groups", "/api/v1/groups", "/api/v1/groups/rules",
    "/api/v1/groups/rules/{ruleId}", "/api/v1/groups/{groupId}", "/api/v1/groups/{groupId}/users", "/api/v1/apps",
    "/api/v1/apps/{appId}", "/api/v1/apps/{appId}/users", "/api/v1/apps/{appId}/users/{userId}", "/api/v1/apps/{appId}/groups",
]
# What the document has no null for, and the service has: its own library's recordings show it.
NULLABLE = {
    "activated", "lastLogin", "passwordChanged", "statusChanged", "description", "displayName", "mobilePhone", "secondEmail",
    "firstName", "lastName", "employeeNumber", "department", "title", "manager", "externalId", "errorRedirectUrl", "loginRedirectUrl",
}
GOOGLE = {
    "users": ["list", "get", "watch"], "channels": ["stop"], "groups": ["list", "get"], "members": ["list", "get", "hasMember"], "orgunits": ["list", "get"],
}
KEPT = ("type", "format", "enum", "items", "properties", "additionalProperties", "$ref", "required", "description")


def referred(thing):
    """The names of definitions in a piece of a document."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            if key == "$ref":
                yield value.rsplit("/", 1)[-1]
            else:
                yield from referred(value)
    elif isinstance(thing, list):
        for item in thing:
            yield from referred(item)


def needed(paths, definitions):
    """The definitions that are needed, and those that they need."""
    found, asked = {}, list(referred(paths))
    while asked:
        name = asked.pop()
        if name not in found:
            found[name] = definitions[name]
            asked += referred(found[name])
    return found


def plain(schema, nullable=frozenset()):
    """A schema without what nobody reads."""
    kept = {key: value for key, value in schema.items() if key in KEPT and key != "description"}
    for key, value in kept.items():
        if key == "properties":
            kept[key] = {name: plain(inner, nullable) for name, inner in value.items()}
            for name in nullable & set(kept[key]):
                kept[key][name]["x-nullable"] = True
        elif key == "additionalProperties" and value == {"type": "object"}:
            # That is how the document says "anything": logos are a list, and a profile has texts.
            kept[key] = True
        elif isinstance(value, dict):
            kept[key] = plain(value, nullable)
    return kept


def okta(document):
    paths = {}
    for path in OKTA:
        get = document["paths"][path]["get"]
        response = get["responses"]["200"]
        kept = {key: get[key] for key in ("operationId", "parameters") if key in get}
        kept["parameters"] = [{key: value for key, value in it.items() if key in ("in", "name", "required", "type", "default", "enum")} for it in kept.get("parameters", [])]
        kept["responses"] = {"200": {"description": "Success", "schema": response["schema"]}}
        paths[path] = {"get": kept}
    definitions = {name: plain(it, NULLABLE) for name, it in needed(paths, document["definitions"]).items()}
    return {"swagger": "2.0", "info": document["info"], "produces": ["application/json"], "paths": paths, "definitions": definitions}


def google_schema(schema):
    """Discovery writes references as names, and `any` for anything."""
    schema = plain(schema)
    if "$ref" in schema:
        return {"$ref": "#/definitions/" + schema["$ref"]}
    if schema.get("type") == "any":
        del schema["type"]
    for key in ("items", "additionalProperties"):
        if key in schema:
            schema[key] = google_schema(schema[key])
    if "properties" in schema:
        schema["properties"] = {name: google_schema(it) for name, it in schema["properties"].items()}
    return schema


def google_parameter(name, parameter):
    kept = {"name": name, "in": parameter["location"], "type": parameter["type"]}
    kept |= {key: float(parameter[key]) for key in ("minimum", "maximum") if key in parameter}
    kept |= {key: parameter[key] for key in ("enum", "required", "default") if key in parameter}
    # Discovery has everything in text.
    if kept.get("default") in ("true", "false"):
        kept["default"] = kept["default"] == "true"
    elif kept["type"] == "integer" and "default" in kept:
        kept["default"] = int(kept["default"])
    return kept


def google(document):
    paths = {}
    for resource, methods in GOOGLE.items():
        for name in methods:
            method = document["resources"][resource]["methods"][name]
            path = "/" + method["path"].replace("{+", "{")
            parameters = [google_parameter(*it) for it in method["parameters"].items()]
            parameters += [{"name": it, "in": "query", "type": "string"} for it in ("fields", "alt")]
            refer = lambda it: {"$ref": "#/definitions/" + it["$ref"]}
            if "request" in method:
                parameters.append({"name": "body", "in": "body", "required": True, "schema": refer(method["request"])})
            success = {"description": "Success"}
            responses = {"200": success | {"schema": refer(method["response"])}} if "response" in method else {"204": success}
            operation = {"operationId": method["id"], "parameters": parameters, "responses": responses}
            paths[path] = {method["httpMethod"].lower(): operation}
    definitions = {name: google_schema(it) for name, it in document["schemas"].items()}
    info = {"title": document["title"], "version": document["version"] + " " + document["revision"]}
    return {"swagger": "2.0", "info": info, "consumes": ["application/json"], "produces": ["application/json"], "paths": paths, "definitions": needed(paths, definitions)}


vendor, file = sys.argv[1:]
with open(file) as text:
    document = {"okta": okta, "google": google}[vendor](json.load(text))
json.dump(document, sys.stdout, indent=1, sort_keys=True)
print()
