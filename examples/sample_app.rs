//! An application that shows who the gateway says you are, and everything else it was sent.
//!
//! `sample_app NAME ADDRESS` serves at an address such as `127.0.0.1:8081`.

use std::{env::args, fmt::Write as _};

use axum::{
    Json, Router,
    extract::WebSocketUpgrade,
    extract::ws::{Message, WebSocket},
    http::{HeaderMap, Method, Uri},
    response::{Html, IntoResponse},
    routing::{any, get},
};
use serde_json::{Map, Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = args().skip(1).collect();
    let [name, address] = arguments.as_slice() else {
        return Err("usage: sample_app NAME ADDRESS".into());
    };
    let name = name.clone();
    let page = move |method: Method, uri: Uri, headers: HeaderMap| {
        let name = name.clone();
        async move { Html(page(&name, &method, &uri, &headers)) }
    };
    let routes = Router::new()
        .route("/status", get(async || "running\n"))
        .route("/rest/whoami", any(async |headers: HeaderMap| Json(Value::Object(sent(&headers)))))
        .route("/echo", get(echo))
        .fallback(page);
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, routes).await?;
    Ok(())
}

/// What was sent, by name. Bytes beyond ASCII are UTF-8.
fn sent(headers: &HeaderMap) -> Map<String, Value> {
    let text =
        |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), json!(text(value)))).collect()
}

async fn echo(upgrade: WebSocketUpgrade) -> impl IntoResponse {
    upgrade.on_upgrade(async |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            let echoed = matches!(message, Message::Text(_) | Message::Binary(_));
            if echoed && socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page(name: &str, method: &Method, uri: &Uri, headers: &HeaderMap) -> String {
    let sent = sent(headers);
    let said = |header: &str| sent.get(header).and_then(Value::as_str).unwrap_or("-");
    let mut rows = String::new();
    for (name, value) in &sent {
        let value = escape(value.as_str().unwrap_or_default());
        let _ = write!(rows, "<tr><th>{}</th><td>{value}</td></tr>", escape(name));
    }
    format!(
        r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{app}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 50rem; padding: 1rem; color: #172b4d; }}
table {{ border-collapse: collapse; width: 100%; table-layout: fixed; }}
th {{ text-align: left; width: 11rem; }} th, td {{ border-top: 1px solid #c1c7d0; padding: .3rem; vertical-align: top; overflow-wrap: anywhere; }}
@media (max-width: 30rem) {{ th, td {{ display: block; width: auto; }} td {{ border: 0; }} }}
</style></head><body>
<h1>{app}</h1>
<p>The gateway says that you are <strong id="user">{user}</strong>, {full}, {email}, in the groups <span id="groups">{groups}</span>.</p>
<p>You asked for <code id="asked">{method} {uri}</code>.</p>
<p><a href="/_gatehouse/logout">Sign out</a></p>
<h2>What the application was sent</h2>
<table>{rows}</table>
</body></html>
"#,
        app = escape(name),
        user = escape(said("x-forwarded-user")),
        full = escape(said("x-forwarded-name")),
        email = escape(said("x-forwarded-email")),
        groups = escape(said("x-forwarded-groups")),
        uri = escape(&uri.to_string()),
    )
}
