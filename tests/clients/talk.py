"""What scripts do with Jira: talk.py WAY URL. Prints what it has seen, in JSON."""

import json
import socket
import sys

import requests
from atlassian import Jira
from jira import JIRA, JIRAError

resolve = socket.getaddrinfo


def resolve_as_browsers(host, *rest, **more):
    """Names below .localhost are this machine (RFC 6761 section 6.3)."""
    local = isinstance(host, str) and host.endswith(".localhost")
    return resolve("localhost" if local else host, *rest, **more)


socket.getaddrinfo = resolve_as_browsers


def work(jira):
    """An issue with a comment and an attachment, made and read again."""
    project = jira.projects()[0].key
    issue = jira.create_issue(project=project, summary="from outside: ä|[]", issuetype={"name": "Task"})
    jira.add_comment(issue, "said")
    content = bytes(range(256)) * 4096
    jira.add_attachment(issue, attachment=__import__("io").BytesIO(content), filename="Übersicht (1).bin")
    issue = jira.issue(issue.key)
    found = jira.search_issues(f'project = "{project}" AND key = {issue.key}')
    return {
        "me": jira.myself()["name"],
        "summary": issue.fields.summary,
        "comments": [comment.body for comment in jira.comments(issue)],
        "attachment": issue.fields.attachment[0].get() == content,
        "found": [one.key for one in found] == [issue.key],
    }


def basic(url):
    seen = work(JIRA(url, basic_auth=("alice", "alice-pw"), max_retries=0))
    seen["other"] = Jira(url, username="alice", password="alice-pw").myself()["name"]
    return seen


def bearer(url):
    seen = work(JIRA(url, token_auth="pat-of-bob", max_retries=0))
    seen["other"] = Jira(url, token="pat-of-bob").myself()["name"]
    return seen


def wrong(url):
    """The application's answer, not the gateway's."""
    try:
        JIRA(url, token_auth="made-up", max_retries=0).myself()
    except JIRAError as error:
        return {"status": error.status_code, "text": error.text or error.response.text}


def kerberos(url):
    jira = JIRA(url, kerberos=True, get_server_info=False, max_retries=0)
    # A ticket is shown on the login host, which a page leads to.
    page = jira._session.get(url + "/", headers={"Accept": "text/html"})
    seen = work(jira)
    seen["page"] = page.status_code
    seen["cookies"] = sorted(cookie.name for cookie in jira._session.cookies)

    # A token of somebody else beside the session of a browser.
    beside = requests.Session()
    beside.cookies.update(jira._session.cookies)
    me = url + "/rest/api/2/myself"
    seen["with_session"] = beside.get(me).json()["name"]
    seen["beside"] = beside.get(me, headers={"Authorization": "Bearer pat-of-bob"}).json()["name"]
    dashboard = url + "/secure/Dashboard.jspa"
    seen["dashboard"] = [asker.get(dashboard).headers["X-AUSERNAME"] for asker in (beside, requests)]
    return seen


def anonymous(url):
    answer = requests.get(url + "/rest/api/2/myself", allow_redirects=False)
    page = requests.get(url + "/", headers={"Accept": "text/html"}, allow_redirects=False)
    info = requests.get(url + "/rest/api/2/serverInfo")
    return {
        "script": answer.status_code,
        "challenge": answer.headers.get("WWW-Authenticate"),
        "page": page.status_code,
        "info": info.status_code,
    }


def websocket(url):
    """Synchrony's way: text and binary messages, some large, and a ping."""
    import asyncio
    import ssl

    from websockets.asyncio.client import connect

    async def converse():
        trust = ssl.create_default_context(cafile=requests.certs.where())
        trust.load_verify_locations(__import__("os").environ["REQUESTS_CA_BUNDLE"])
        address = url.replace("https://", "wss://") + "/echo"
        async with connect(address, ssl=trust, origin=url, max_size=None) as socket:
            messages = ["hello", b"\0\xff" * 10, "x" * 2_000_000, b"y" * 3_000_000]
            for message in messages:
                await socket.send(message)
            echoed = [await socket.recv() == message for message in messages]
            await asyncio.wait_for(await socket.ping(), 5)
            return {"echoed": echoed, "compressed": bool(socket.protocol.extensions)}

    return asyncio.run(converse())


way, url = sys.argv[1:]
print(json.dumps(globals()[way](url)))
