//! Applications that lie, hang, reset and never end: what becomes of their answers.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::support::{
    curl::{Answer, Curl},
    gateway::{Plan, TestGateway},
};

/// What the gateway waits for in silence.
const PATIENCE_SECONDS: u64 = 2;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers as the last part of the path says.
async fn serve(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut some = [0; 8192];
    loop {
        while !head.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut some).await {
                Ok(read @ 1..) => head.extend_from_slice(&some[..read]),
                _ => return,
            }
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        let path = text.split(' ').nth(1).unwrap_or_default();
        let lie = path.rsplit('/').next().unwrap_or_default().to_owned();
        head.clear();
        if !answer(&lie, &mut stream).await {
            return;
        }
    }
}

/// Whether the connection goes on.
async fn answer(lie: &str, stream: &mut TcpStream) -> bool {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    let text = match lie {
        "hang" => return forever(stream, "").await,
        "stall" => {
            sleep(Duration::from_mins(1)).await;
            return false;
        }
        "reset" => {
            let _ = stream.set_zero_linger();
            return false;
        }
        "close" => return false,
        "garbage" => "this is not HTTP\r\n\r\n".to_owned(),
        "http09" => "ok".to_owned(),
        "preface" => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "endless-head" => {
            return drip(stream, "HTTP/1.1 200 OK\r\n", &format!("X: {}\r\n", "y".repeat(3000)), 1)
                .await;
        }
        "slow-head" => return drip(stream, "HTTP/1.1 200 OK\r\n", "X: y\r\n", 300).await,
        "huge-head" => format!("HTTP/1.1 200 OK\r\nX: {}\r\n{OK}", "y".repeat(1 << 20)),
        "many-headers" => format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(5000)),
        "some-interim" => {
            format!("{}{OK}", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".repeat(3))
        }
        "endless-interim" => return drip(stream, "", "HTTP/1.1 100 Continue\r\n\r\n", 1).await,
        "hundred" => OK.replace("ok", "no").repeat(100).replacen("no", "ok", 1),
        "upgrade" => {
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                .to_owned()
        }
        "both" => format!("{chunked}Content-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        "lengths" => {
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello".to_owned()
        }
        "same-lengths" => {
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello".to_owned()
        }
        "folded" => "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
        "bare" => {
            "HTTP/1.1 200 OK\nX: a\nContent-Length: 2\n\nokHTTP/1.1 200 OK\n\nother".to_owned()
        }
        "bad-length" => "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello".to_owned(),
        "split" => {
            "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok".to_owned()
        }
        "cut" => format!("{length}half of it"),
        "cut-chunks" => format!("{chunked}\r\n5\r\nhello\r\n5\r\nhe"),
        "bad-chunk" => format!("{chunked}\r\n5\r\nhello\r\nzz\r\nhello\r\n"),
        "silent-body" => return forever(stream, &format!("{length}half of it")).await,
        "slow-body" => return drip_body(stream, length).await,
        "surplus" => format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother"),
        other => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{other}", other.len()),
    };
    let whole =
        !(lie.contains("cut") || lie.contains("chunk") || lie == "http09" || lie == "garbage");
    stream.write_all(text.as_bytes()).await.is_ok() && whole
}

async fn forever(stream: &mut TcpStream, start: &str) -> bool {
    let _ = stream.write_all(start.as_bytes()).await;
    // Until the gateway has enough of it.
    let _ = stream.read(&mut [0; 1]).await;
    false
}

async fn drip(stream: &mut TcpStream, start: &str, more: &str, millis: u64) -> bool {
    let _ = stream.write_all(start.as_bytes()).await;
    while stream.write_all(more.as_bytes()).await.is_ok() {
        sleep(Duration::from_millis(millis)).await;
    }
    false
}

/// A hundred bytes, for longer than the gateway would wait for one.
async fn drip_body(stream: &mut TcpStream, start: &str) -> bool {
    let _ = stream.write_all(start.as_bytes()).await;
    for _ in 0..10 {
        sleep(Duration::from_millis(100 * PATIENCE_SECONDS + 50)).await;
        let _ = stream.write_all(b"0123456789").await;
    }
    true
}

struct House {
    gateway: TestGateway,
    browser: Curl,
}

async fn house() -> House {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    // Nobody logs in here: the identity provider need not be there.
    let more = format!(
        "[[app]]\nname = \"liar\"\nurl = \"{{jira}}/liar\"\nupstream = \"http://127.0.0.1:{port}\"\n\
         answer_timeout_seconds = {PATIENCE_SECONDS}\nrule = [{{ path = \"/liar/*\", decision = \"pass\" }}]\n\
         [[saml]]\nname = \"nobody\"\ntitle = \"Nobody\"\nentity_id = \"https://idp.example.test/metadata\"\n\
         metadata = {{ file = \"src/saml/self_test/metadata.xml\" }}\ndomains = [\"example.test\"]\n\
         [saml.claims]\nsubject = [\"uid\"]\nusername = [\"uid\"]\n"
    );
    let gateway = Plan::new().with(&more).start().await;
    let browser = gateway.browser();
    House { gateway, browser }
}

impl House {
    /// The answer, and with what curl ended.
    async fn ask(&self, lie: &str, more: &[&str]) -> (Answer, u32) {
        let url = format!("{}/liar/{lie}", self.gateway.jira());
        let arguments = [&["-w", "%{http_code} %{exitcode}", "--http1.1"], more].concat();
        let answer = self.browser.ask_in_vain(&url, &arguments).await;
        let exit = answer.url.parse().unwrap();
        (answer, exit)
    }

    async fn refused(&self, reason: &str) -> u64 {
        let url = format!("{}/metrics", self.gateway.plan.internal());
        let text = self.browser.ask(&url, &[]).await.body;
        let line = format!("gatehouse_refused_total{{reason=\"{reason}\"}} ");
        text.lines().find_map(|text| text.strip_prefix(&line)?.parse().ok()).unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_becomes_a_page_that_says_so() {
    let house = Arc::new(house().await);
    for (lie, status, code) in [
        ("hang", 504, "upstream-timeout"),
        ("slow-head", 504, "upstream-timeout"),
        ("endless-interim", 502, "upstream-not-http"),
        ("reset", 502, "upstream-broken"),
        ("close", 502, "upstream-broken"),
        ("garbage", 502, "upstream-not-http"),
        ("http09", 502, "upstream-not-http"),
        ("preface", 502, "upstream-not-http"),
        ("endless-head", 502, "upstream-not-http"),
        ("huge-head", 502, "upstream-not-http"),
        ("many-headers", 502, "upstream-not-http"),
        ("lengths", 502, "upstream-not-http"),
        ("same-lengths", 502, "upstream-not-http"),
        ("both", 502, "upstream-not-http"),
        ("folded", 502, "upstream-not-http"),
        ("bad-length", 502, "upstream-not-http"),
        ("split", 502, "upstream-not-http"),
        ("upgrade", 502, "upstream-not-http"),
    ] {
        let before = house.refused(code).await;
        let (answer, exit) = house.ask(lie, &["-m", "8"]).await;
        assert_eq!((answer.status, exit), (status, 0), "{lie}: {}{}", answer.heads, answer.body);
        let said: serde_json::Value = answer.json();
        assert_eq!(said["error"]["code"], code, "{lie}: {said}");
        assert_eq!(said["error"]["trace"], answer.header("x-gatehouse-trace").unwrap(), "{lie}");
        assert_eq!(house.refused(code).await, before + 1, "{lie} is counted");
        let (good, _) = house.ask("good", &[]).await;
        assert_eq!(good.body, "good", "after {lie}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_not_taken_for_whole() {
    let house = house().await;
    for version in ["--http1.1", "--http2"] {
        for lie in ["cut", "cut-chunks", "bad-chunk", "silent-body"] {
            let (answer, exit) = house.ask(lie, &[version, "-m", "8"]).await;
            // Over HTTP/2, the end of the stream may overtake the head.
            let overtaken = version == "--http2" && answer.status == 0;
            assert!(answer.status == 200 || overtaken, "{lie} {version}: {}", answer.status);
            assert!(exit != 0 && exit != 28, "{lie} {version}: curl ends with {exit}");
        }
        let (answer, exit) = house.ask("slow-body", &[version]).await;
        assert_eq!((answer.body.len(), exit), (100, 0), "slow is not silent");
        let (answer, _) = house.ask("some-interim", &[version]).await;
        assert!(answer.body == "ok" && answer.status == 200, "{}", answer.heads);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_an_answer_that_was_there_before_the_request() {
    let house = house().await;
    for round in 0..40 {
        for lie in ["surplus", "hundred", "bare"] {
            let (answer, _) = house.ask(lie, &[]).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "ok"), "{lie} {round}");
            let mine = format!("mine-{round}");
            let (answer, _) = house.ask(&mine, &[]).await;
            assert_eq!(answer.body, mine, "after {lie}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_takes_as_long_as_it_takes() {
    let house = house().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(400_000).unwrap();
    let upload = file.path().display().to_string();
    let url = house.gateway.jira() + "/public/upload";
    let slow =
        house.browser.ask(&url, &["-X", "POST", "-T", &upload, "--limit-rate", "100k"]).await;
    assert_eq!(slow.status, 200);
    // To an application that never takes it all, and never answers.
    let (answer, _) = house.ask("stall", &["-X", "POST", "-T", &upload, "-m", "20"]).await;
    assert_eq!(answer.status, 504);
}
