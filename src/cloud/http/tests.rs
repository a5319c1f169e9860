use chrono::TimeDelta;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::*;

fn answer(headers: &[(&'static str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    });
    let headers: HeaderMap = headers.collect();
    Answer { status: StatusCode::OK, headers, body: body.as_bytes().to_vec() }
}

#[test]
fn a_pause_is_a_number_of_seconds_or_a_time_of_the_clouds_own_clock() {
    let date = ("date", "Thu, 26 Nov 2026 07:00:00 GMT");
    for (said, seconds) in [
        ("17", Some(17)),
        ("0", Some(0)),
        ("Thu, 26 Nov 2026 07:02:00 GMT", Some(120)),
        ("Thu, 26 Nov 2026 06:00:00 GMT", Some(0)),
        ("9999999999", Some(3_600)),
        ("18446744073709551615", Some(3_600)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(3_600)),
        ("soon", None),
        ("-1", None),
    ] {
        let answer = answer(&[date, ("retry-after", said)], "");
        assert_eq!(answer.retry_after().map(|time| time.as_secs()), seconds, "{said}");
    }
    assert_eq!(answer(&[date], "").retry_after(), None);
    let answer = answer(&[date], "");
    let later = answer.date().unwrap() + TimeDelta::seconds(5);
    assert_eq!(answer.until(later).as_secs(), 5);
}

#[test]
fn what_is_wrong_with_a_body_is_told_without_quoting_it() {
    #[derive(Debug, serde::Deserialize)]
    struct Token {
        #[expect(dead_code, reason = "only read")]
        expires_in: u32,
    }
    for body in
        [r#"{"expires_in": "s3cret"}"#, r#"{"expires_in": 5, "access_token": "s3cre"#, "s3cret"]
    {
        let problem = answer(&[], body).json::<Token>().unwrap_err();
        assert!(problem.contains("line 1") && !problem.contains("s3c"), "{problem}");
    }
}

#[test]
fn a_quotation_is_short_and_on_one_line() {
    assert_eq!(excerpt("  one\r\n two\u{0}three\t"), "one two three");
    assert_eq!(excerpt(&"ü".repeat(400)).chars().count(), 301);
    let answer = answer(&[("request-id", "abc-1")], "");
    assert_eq!(answer.with_id("it is busy"), "it is busy (request abc-1)");
}

#[test]
fn a_request_does_not_show_what_it_sends() {
    let url: url::Url = "https://login.example.com/token?x=1".parse().unwrap();
    let request = Request::post_form(url, &[("client_secret", "s3cret")], "a token");
    assert_eq!(format!("{request:?}"), "POST /token (a token)");
    assert_eq!(request.body.unwrap().as_slice(), b"client_secret=s3cret");
}
