-- Asks Gatehouse of a request whether HAProxy may pass it on: `http-request lua.gatehouse jira https://jira.example.com`.
-- What may be passed on has the variable txn.gatehouse_allows, and what the application is to be told in its headers.
-- It needs HAProxy 2.6 with Lua and nothing else.

-- Where the gateway is asked: server.internal_listen.
local questions = "http://127.0.0.1:9090/_gatehouse/authorize/haproxy/"

-- What describes a request is ours to say.
local ours = {
    ["x-original-method"] = true, ["x-original-url"] = true, ["x-original-uri"] = true, ["x-original-host"] = true,
    ["x-forwarded-method"] = true, ["x-forwarded-proto"] = true, ["x-forwarded-host"] = true, ["x-forwarded-uri"] = true,
    ["x-forwarded-for"] = true, ["host"] = true, ["connection"] = true, ["content-length"] = true,
    ["transfer-encoding"] = true, ["expect"] = true,
}

-- What the gateway tells the application. Every answer has all of it, so that nothing of a client's is left.
local told = {
    "x-forwarded-user", "x-forwarded-email", "x-forwarded-name", "x-forwarded-groups", "x-gatehouse-assertion", "cookie",
}

core.register_action("gatehouse", { "http-req" }, function(txn, app, origin)
    local headers = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not ours[name] then
            headers[name] = {}
            for _, value in pairs(values) do
                table.insert(headers[name], value)
            end
        end
    end
    headers["x-original-method"] = { txn.sf:method() }
    headers["x-original-url"] = { origin .. txn.sf:pathq() }
    headers["x-forwarded-for"] = { txn.sf:src() }

    local answer = core.httpclient():get { url = questions .. app, headers = headers, timeout = 10000 }
    if answer == nil or answer.status ~= 200 then
        return
    end
    for _, name in ipairs(told) do
        txn.http:req_del_header(name)
        local value = answer.headers[name] and answer.headers[name][0]
        if value ~= nil and value ~= "" then
            txn.http:req_set_header(name, value)
        end
    end
    local cookie = answer.headers["set-cookie"] and answer.headers["set-cookie"][0]
    if cookie ~= nil then
        txn:set_var("txn.gatehouse_set_cookie", cookie)
    end
    txn:set_var("txn.gatehouse_allows", true)
end, 2)
