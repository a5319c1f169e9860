//! What Okta's answers say about its rate limits: `developer.okta.com/docs/reference/rl-best-practices`.

use std::time::Duration;

use chrono::DateTime;

use crate::cloud::http::{Answer, Quota, Verdict, Window};

/// What is left of the limit that a request counted for. It is given back once a minute, by Okta's clock.
pub(super) fn quota(answer: &Answer) -> Quota {
    // Nothing is used up of a limit of nothing.
    let window = window(answer).filter(|window| window.limit > 0);
    Quota { window, ..Quota::default() }
}

/// What an answer means that says that it was too much.
pub(super) fn throttled(answer: &Answer) -> Verdict {
    match window(answer) {
        // A limit of nothing is that of requests at the same time.
        Some(Window { limit: 0, .. }) => Verdict::Crowded,
        Some(window) => Verdict::Throttled(Some(window.ends_in)),
        None => Verdict::Throttled(answer.retry_after()),
    }
}

fn window(answer: &Answer) -> Option<Window> {
    let reset = least(answer, "x-rate-limit-reset")?;
    let ends = DateTime::from_timestamp(i64::from(reset), 0)?;
    // Its second has to be over.
    let ends_in = answer.until(ends) + Duration::from_secs(1);
    let limit = least(answer, "x-rate-limit-limit")?;
    Some(Window { limit, remaining: least(answer, "x-rate-limit-remaining")?, ends_in })
}

/// A header that is a number. Where several limits apply there are several of each: the strictest counts.
fn least(answer: &Answer, name: &str) -> Option<u32> {
    let values = answer.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|value| value.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::*;

    fn answer(headers: &[(&'static str, &str)]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        Answer { status: StatusCode::TOO_MANY_REQUESTS, headers: map, body: Vec::new() }
    }

    const DATE: (&str, &str) = ("date", "Thu, 26 Nov 2026 10:00:20 GMT");

    #[test]
    fn a_limit_is_waited_for_by_oktas_own_clock() {
        let headers = [
            DATE,
            ("x-rate-limit-limit", "600"),
            ("x-rate-limit-remaining", "0"),
            ("x-rate-limit-reset", "1795687260"),
        ];
        let window = quota(&answer(&headers)).window.unwrap();
        assert_eq!((window.limit, window.remaining, window.ends_in.as_secs()), (600, 0, 41));
        assert!(
            matches!(throttled(&answer(&headers)), Verdict::Throttled(Some(time)) if time.as_secs() == 41)
        );
    }

    #[test]
    fn of_several_limits_the_strictest_counts() {
        let headers = [
            DATE,
            ("x-rate-limit-limit", "600, 50"),
            ("x-rate-limit-remaining", "300"),
            ("x-rate-limit-remaining", "2"),
            ("x-rate-limit-reset", "1795687260"),
        ];
        let window = quota(&answer(&headers)).window.unwrap();
        assert_eq!((window.limit, window.remaining), (50, 2));
    }

    #[test]
    fn too_much_at_the_same_time_is_no_pause() {
        let headers = [
            DATE,
            ("x-rate-limit-limit", "0"),
            ("x-rate-limit-remaining", "0"),
            ("x-rate-limit-reset", "1795687260"),
        ];
        assert!(matches!(throttled(&answer(&headers)), Verdict::Crowded));
        assert!(quota(&answer(&headers)).window.is_none());
        assert!(matches!(throttled(&answer(&[])), Verdict::Throttled(None)));
        assert!(quota(&answer(&[])).window.is_none());
    }
}
