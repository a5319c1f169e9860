//! Applications that answer before they have read everything.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader, split},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use super::{House, app, house};
use crate::support::tls;

/// More than all buffers on the way take together.
const MANY: usize = 8 * 1024 * 1024;

/// What was read of each request's body, and on how many connections.
#[derive(Clone, Default)]
struct Seen {
    bodies: Arc<Mutex<Vec<usize>>>,
    connections: Arc<Mutex<usize>>,
}

async fn start() -> (House, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let serving = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *serving.connections.lock().unwrap() += 1;
            tokio::spawn(serve(stream, serving.clone()));
        }
    });
    let house = house(&app("cluster", &format!("upstream = \"http://127.0.0.1:{port}\""))).await;
    (house, seen)
}

/// Answers each request as soon as its head is there.
async fn serve(stream: TcpStream, seen: Seen) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let (mut head, mut byte) = (Vec::new(), [0; 1]);
        while !head.ends_with(b"\r\n\r\n") {
            reader.read_exact(&mut byte).await.ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        if head.contains("/echo ") {
            echo(&mut reader, &mut writer, length).await?;
            continue;
        }
        let (status, last) = if head.contains("/refused ") {
            ("413 Payload Too Large", "close")
        } else {
            ("200 OK", "x")
        };
        let answer =
            format!("HTTP/1.1 {status}\r\nConnection: {last}\r\nContent-Length: 5\r\n\r\nearly");
        writer.write_all(answer.as_bytes()).await.ok()?;
        if last == "close" {
            writer.shutdown().await.ok()?;
        }
        let mut some = vec![0; 64 * 1024];
        let mut read = 0;
        while read < length {
            let count = reader.read(&mut some[..(length - read).min(64 * 1024)]).await.ok()?;
            if count == 0 {
                break;
            }
            read += count;
        }
        seen.bodies.lock().unwrap().push(read);
    }
}

/// Says everything again, while it is said.
async fn echo(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    length: usize,
) -> Option<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    writer.write_all(head.as_bytes()).await.ok()?;
    let copied = tokio::io::copy(&mut reader.take(length as u64), writer).await.ok()?;
    (copied == length as u64).then_some(())
}

impl House {
    /// Sends a request with a long body, and reads the answer while it is sent.
    async fn upload(&self, path: &str) -> (String, Vec<u8>) {
        let plan = &self.gateway.plan;
        let stream = tls::connect(plan, "jira.localhost").await;
        let (mut reader, mut writer) = split(stream);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: jira.localhost:{}\r\nContent-Length: {MANY}\r\n\r\n",
            plan.port()
        );
        let sending = tokio::spawn(async move {
            writer.write_all(head.as_bytes()).await.unwrap();
            for piece in 0..MANY / 65_536 {
                let piece = vec![u8::try_from(piece % 251).unwrap(); 65_536];
                if writer.write_all(&piece).await.is_err() {
                    break;
                }
            }
            writer.flush().await.ok();
            writer
        });
        let (mut head, mut byte) = (Vec::new(), [0; 1]);
        while !head.ends_with(b"\r\n\r\n") {
            reader.read_exact(&mut byte).await.unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        reader.read_exact(&mut body).await.unwrap();
        let _writer = timeout(Duration::from_secs(20), sending).await.unwrap();
        (head.lines().next().unwrap().to_owned(), body)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_early_gets_the_rest_and_the_connection_goes_on() {
    let (house, seen) = start().await;
    for round in 1..=3 {
        let (status, body) = house.upload("/cluster/x").await;
        assert_eq!((status.as_str(), &body[..]), ("HTTP/1.1 200 OK", &b"early"[..]));
        while seen.bodies.lock().unwrap().len() < round {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(*seen.bodies.lock().unwrap(), [MANY; 3]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(house.get("/cluster/y").await.body, "early");
    assert!(*seen.connections.lock().unwrap() <= 3, "one of them is used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_refuses_a_body_without_reading_it_is_heard() {
    let (house, seen) = start().await;
    let (status, body) = house.upload("/cluster/refused").await;
    assert_eq!((status.as_str(), &body[..]), ("HTTP/1.1 413 Payload Too Large", &b"early"[..]));
    assert_eq!(house.get("/cluster/y").await.body, "early");
    assert_eq!(*seen.connections.lock().unwrap(), 2, "the other one was over");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_and_what_is_answered_pass_each_other() {
    let (house, _) = start().await;
    let (status, body) = house.upload("/cluster/echo").await;
    assert_eq!((status.as_str(), body.len()), ("HTTP/1.1 200 OK", MANY));
    let as_sent = body
        .chunks(65_536)
        .enumerate()
        .all(|(index, piece)| piece.iter().all(|byte| usize::from(*byte) == index % 251));
    assert!(as_sent);
}
