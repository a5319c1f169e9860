#!/usr/bin/env bash
# The demo, unattended: logs in by Kerberos and by SAML with curl, looks at what the applications saw, and
# exits with 0 only if all of it is right.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/demo/start.sh

require_free_ports
rm -rf "$DEMO"
start_all
jars=$DEMO/jars
mkdir "$jars"

# expect WHAT TEXT PATTERN: says so, or shows the text and ends.
expect() {
    if grep -Eq -- "$3" <<<"$2"; then
        echo "ok    $1"
    else
        echo "demo-check: $1: no match for '$3' in:" >&2
        echo "$2" >&2
        tail -n 20 "$DEMO/gatehouse.log" >&2
        exit 1
    fi
}

# as JAR ARGUMENTS...: a browser with its cookies, as far as curl can be one.
as() {
    local jar=$jars/$1
    shift
    curl -sS -m 20 --cacert "$DEMO/ca.pem" -b "$jar" -c "$jar" -H 'Accept: text/html' "$@"
}

# ticket USER: a ticket from the KDC.
ticket() {
    export KRB5CCNAME=FILE:$DEMO/ccache.$1
    echo "$1-pw" | kinit "$1" >/dev/null
}

# The value of a hidden field of a form on standard input.
field() {
    sed -n "s/.*name=\"$1\" value=\"\([^\"]*\)\".*/\1/p" | head -n 1 | sed 's/&amp;/\&/g'
}

# sign_in_by_saml JAR USER URL: fills in the identity provider's form, as a browser with its user would.
sign_in_by_saml() {
    local jar=$1 user=$2 url=$3 page state answer response relay_state
    # The first answer asks for a ticket; its page leads to the identity provider.
    page=$(as "$jar" -L "$url" | sed -n 's/.*href="\([^"]*saml\/start[^"]*\)".*/\1/p' | sed 's/&#38;/\&/g; s/&amp;/\&/g')
    [ -n "$page" ] || fail "the login page does not lead to the identity provider"
    page=$(as "$jar" -L "$page")
    state=$(field AuthState <<<"$page")
    [ -n "$state" ] || fail "the identity provider shows no form: $page"
    answer=$(as "$jar" -L --data-urlencode "AuthState=$state" --data "username=$user&password=$user-pw" \
        "$IDP/simplesamlphp/module.php/core/loginuserpass.php")
    response=$(field SAMLResponse <<<"$answer")
    relay_state=$(field RelayState <<<"$answer")
    [ -n "$response" ] || fail "the identity provider sends no response: $answer"
    printf '%s' "$response" >"$jars/$jar.response"
    as "$jar" -L --data-urlencode "SAMLResponse@$jars/$jar.response" --data-urlencode "RelayState=$relay_state" \
        $LOGIN/_gatehouse/saml/acs
}

echo "--- without a session"
expect "a page leads to the login host" \
    "$(as nobody -o /dev/null -w '%{http_code} %{redirect_url}' $JIRA/browse/DEMO-1)" "^303 $LOGIN/_gatehouse/login"
expect "the login host asks for a ticket" \
    "$(as nobody -L -o /dev/null -D - $JIRA/browse/DEMO-1)" "^[Ww][Ww][Ww]-[Aa]uthenticate: Negotiate"
expect "a script gets 401 and JSON" \
    "$(curl -sS --cacert "$DEMO/ca.pem" -H 'Accept: application/json' -w ' %{http_code}' $JIRA/rest/whoami)" \
    'login-required.* 401$'
expect "what a rule lets pass needs no login" "$(as nobody $JIRA/status)" "^running"
expect "another spelling of it does" \
    "$(as nobody -o /dev/null -w '%{http_code}' --path-as-is "$JIRA/status/..;/admin")" "^400"

echo "--- alice, by Kerberos"
ticket alice
negotiate=(--negotiate -u : -L --location-trusted)
page=$(as alice "${negotiate[@]}" "$JIRA/browse/DEMO-1?focus=comments")
expect "alice reaches the page she wanted" "$page" 'id="asked">GET /browse/DEMO-1\?focus=comments<'
expect "the application is told that it is alice" "$page" '<strong id="user">alice</strong>'
expect "the ticket does not reach the application" "$(grep -ci negotiate <<<"$page" || true)" '^0$'
expect "the second host needs no second login" "$(as alice -L $WIKI/)" '<strong id="user">alice</strong>'
expect "Django learns from Crowd who she is" "$(as alice -L $DJANGO/)" '<strong id="user">alice</strong>'
expect "and nobody tells it by a cookie of their own" \
    "$(as alice -b 'crowd.token_key=made-up' $DJANGO/whoami)" '"user": "alice"'
expect "a client's own identity headers are dropped" \
    "$(as alice -H 'X_Forwarded_User: root' -H 'X-Forwarded-User: root' $JIRA/rest/whoami)" '"x-forwarded-user":"alice"'
expect "NTLM is told apart and leads to the choice" \
    "$(as ntlm -L -H 'Authorization: NTLM TlRMTVNTUAABAAAA' -H 'Accept: text/html' $JIRA/)" 'Sign in'

echo "--- bob, by SAML"
page=$(sign_in_by_saml bob bob "$WIKI/display/DEMO?page=2")
expect "bob reaches the page he wanted" "$page" 'id="asked">GET /display/DEMO\?page=2<'
expect "the application is told who he is, in UTF-8" "$page" "Bob O'Hara &amp; Söns, bob@example.test"
expect "and his groups" "$page" '<span id="groups">jira-users</span>'

page=$(as bob -L $DJANGO/)
expect "Django shows him without another login" "$page" '<strong id="user">bob</strong>, bob@example.test'
expect "with his groups" "$page" '<span id="groups">jira-users</span>'

echo "--- alice, by SAML: the same person"
page=$(sign_in_by_saml alice2 alice "$JIRA/")
expect "alice is alice" "$page" '<strong id="user">alice</strong>'
shown=$(gatehouse user show alice)
expect "one account with a ticket's identity" "$shown" "identity +kerberos:$REALM"
expect "and an assertion's" "$shown" "identity +saml:demo-idp"
expect "there is one account only" "$(grep -c '^username' <<<"$shown")" '^1$'

explained=$(gatehouse user explain alice)
expect "it is explained why she is in a group" "$explained" 'is in "wiki-users" by jit:saml:demo-idp since .*login'
expect "who said what she shows" "$explained" 'shows email "alice@.*" by saml:demo-idp since '
expect "and what her next login would change" "$explained" '^  change nothing'
batch=$(gatehouse group create review-board | sed -n 's/^batch \([0-9]*\):.*/\1/p')
expect "an administrator gives a group" "$(gatehouse group join review-board alice)" 'join "review-board" by manual'
gatehouse group leave review-board alice >/dev/null
expect "and takes a change back" "$(gatehouse changes undo "$batch")" 'remove the group "review-board"'

printf 'username,email,groups,attributes.room\ncarol,carol@example.test,jira-users,B 7\n' >"$jars/people.csv"
expect "a list makes accounts" "$(gatehouse import "$jars/people.csv")" '1 users? created'
expect "which are there" "$(gatehouse user show carol)" 'attribute +room "B 7"'
expect "and go with their batch" "$(gatehouse changes undo "$(gatehouse changes list --limit 1 | awk '{print $1}')")" '1 users? removed'

echo "--- bob's response, from another browser"
expect "it logs nobody in" \
    "$(as thief -L -o /dev/null -w '%{http_code}' --data-urlencode "SAMLResponse@$jars/bob.response" --data "RelayState=x" \
        $LOGIN/_gatehouse/saml/acs)" '^400'
expect "and whoever brought it is nobody" "$(as thief -o /dev/null -w '%{http_code}' $WIKI/)" '^303'

echo "--- killed and started again"
kill_gateway
start_gateway
expect "alice is still signed in" "$(as alice $JIRA/)" '<strong id="user">alice</strong>'
expect "and at Django" "$(as alice $DJANGO/)" '<strong id="user">alice</strong>'

echo "--- a cloud"
expect "the connector may do all it has to" "$(gatehouse connector test entra)" '^ok .*users'
first=$(gatehouse sync entra)
expect "the first run only looks" "$first" 'this was a dry run, for it is the connector.s first'
expect "and says whom it would make" "$first" 'would change: .*users? created'
expect "then they are made" "$(gatehouse sync entra --apply)" '^changed: .*users? created'
expect "and a run after it changes nothing" "$(gatehouse sync entra)" '^nothing has changed'
page=$(sign_in_by_saml frank frank "$JIRA/")
expect "frank's groups are too many to be said, and the cloud is asked" "$page" '<span id="groups">.*jira-users.*<'
cloud POST graph/apply '[{"do": "change_user", "no": 3, "set": {"status": "SUSPENDED"}}]' >/dev/null
expect "he is suspended there, and a run notices" "$(gatehouse sync entra)" '1 users? deactivated'
sleep 1
expect "his session has ended" "$(as frank -o /dev/null -w '%{http_code}' $JIRA/)" '^303'
cloud POST graph/apply "$(python3 -c 'import json; print(json.dumps([{"do": "delete_user", "no": no} for no in range(20, 80)]))')" >/dev/null
held=$(gatehouse sync entra)
expect "half of the people are gone there, and wait for an administrator" "$held" 'what it takes away waits'
plan=$(sed -n 's/.*`plan approve \([0-9]*\)`.*/\1/p' <<<"$held")
expect "who approves it" "$(gatehouse plan approve "$plan")" 'deactivated'
batch=$(gatehouse changes list --limit 1 | awk '{print $1}')
expect "and takes it back" "$(gatehouse changes undo "$batch")" 'reactivated|updated'
expect "the runs are remembered" "$(gatehouse sync history entra)" ' done +changes'

echo "--- the chain to Django"
expect "every link of it holds" "$(gatehouse app test django --as bob --password-file "$DEMO/crowd.password")" "^ok +application"

echo "--- the end"
expect "the command line lists sessions" "$(gatehouse session list)" ' bob +.*saml:demo-idp'
expect "and ends them" "$(gatehouse session end --user bob)" 'ended 1 session'
sleep 1
expect "bob has to log in again" "$(as bob -o /dev/null -w '%{http_code}' $WIKI/)" '^303'
page=$(sign_in_by_saml bob2 bob "$DJANGO/")
expect "bob signs in to Django itself" "$page" '<strong id="user">bob</strong>'
expect "one login opens all" "$(as bob2 -L $WIKI/)" '<strong id="user">bob</strong>'
as bob2 -o /dev/null -H "Referer: $DJANGO/" -H 'Sec-Fetch-Site: same-origin' $DJANGO/logout/
sleep 1
expect "he signs out of Django" "$(as bob2 -o /dev/null -w '%{http_code}' $DJANGO/)" '^303'
expect "and is out everywhere" "$(as bob2 -o /dev/null -w '%{http_code}' $WIKI/)" '^303'
expect "alice signs out on one host" \
    "$(as alice -X POST -H "Origin: $JIRA" -o /dev/null -w '%{http_code} %{redirect_url}' $JIRA/_gatehouse/logout)" \
    "^303 $LOGIN/_gatehouse/logged-out"
expect "and is signed out on the other" "$(as alice -o /dev/null -w '%{http_code}' $WIKI/)" '^303'
expect "and of Django" "$(as alice -o /dev/null -w '%{http_code}' $DJANGO/)" '^303'
expect "requests were counted" "$(curl -fsS http://127.0.0.1:9091/metrics)" \
    '^gatehouse_requests_total\{app="wiki",decision="login",reason="ok",status="3xx"\} 4'

echo "demo-check: all of it worked"
