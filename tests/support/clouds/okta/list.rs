//! Pages, with links in headers: `docs/reference/core-okta-api/#pagination`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::error;
use crate::support::clouds::{
    asked::{Answer, Asked},
    cloud::Cloud,
    faults::Trouble,
    page::{Page, origin},
};

/// Where a page begins, and how much is on it.
pub struct Window {
    pub after: usize,
    pub limit: usize,
}

impl Window {
    pub fn read(cloud: &Cloud, asked: &Asked, default: usize, most: usize) -> Result<Self, Answer> {
        let limit = match asked.parameter("limit") {
            None => default,
            Some(limit) => match limit.parse() {
                Ok(limit) if (1..=most).contains(&limit) => limit,
                _ => {
                    let cause = format!("The limit must be between 1 and {most}.");
                    return Err(error::invalid("limit", &cause));
                }
            },
        };
        let after = match asked.parameter("after") {
            None => 0,
            Some(cursor) => read_cursor(cursor)
                .ok_or_else(|| error::invalid("after", "Invalid paging request."))?,
        };
        Ok(Self { after, limit: limit.min(cloud.manners().page) })
    }
}

/// A cursor is nobody's business.
fn cursor(place: usize) -> String {
    format!("00u{}", URL_SAFE_NO_PAD.encode(format!("cursor:{place}")))
}

fn read_cursor(cursor: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor.strip_prefix("00u")?).ok()?;
    String::from_utf8(bytes).ok()?.strip_prefix("cursor:")?.parse().ok()
}

/// Writes a page: each link in a header of its own.
pub fn answer(
    cloud: &Cloud,
    asked: &Asked,
    window: &Window,
    items: Vec<Value>,
    next: Option<usize>,
) -> Answer {
    let page = Page { items, next: next.map(|place| place.to_string()) };
    let page = page.twisted(cloud, asked, &window.after.to_string());
    let mut answer = Answer::json(Value::Array(page.items));
    if asked.troubles.contains(&Trouble::NoLinks) {
        return answer;
    }
    answer = answer.with("link", link(asked, &asked.origin, asked.parameter("after"), "self"));
    if let Some(place) = page.next.and_then(|place| place.parse().ok()) {
        answer = answer.with("link", link(asked, origin(asked), Some(&cursor(place)), "next"));
    }
    answer
}

fn link(asked: &Asked, origin: &str, after: Option<&str>, relation: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(after) = after {
        query.append_pair("after", after);
    }
    for (name, value) in asked.query.iter().filter(|(name, _)| name != "after") {
        query.append_pair(name, value);
    }
    let query = query.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("<{origin}{}{mark}{query}>; rel=\"{relation}\"", asked.path)
}

/// One page of what an iterator gives; a place is how many objects of the tenant were passed over.
pub fn fill<T>(
    window: &Window,
    all: impl Iterator<Item = (usize, T)>,
    write: impl Fn(T) -> Value,
) -> (Vec<Value>, Option<usize>) {
    let mut all = all.peekable();
    let items = all.by_ref().take(window.limit).map(|(_, item)| write(item)).collect();
    (items, all.peek().map(|(place, _)| *place))
}
