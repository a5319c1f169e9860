//! Pages with tokens: good for three days, and for the same question only.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{error, tagged};
use crate::support::clouds::{
    asked::{Answer, Asked},
    cloud::Cloud,
    jose::hash,
    page::Page,
};

const LIFE_SECONDS: i64 = 3 * 24 * 3_600;

pub struct Window {
    pub after: usize,
    pub limit: usize,
    question: String,
}

impl Window {
    pub fn read(cloud: &Cloud, asked: &Asked, default: usize, most: usize) -> Result<Self, Answer> {
        let limit = match asked.parameter("maxResults") {
            None => default,
            Some(limit) => match limit.parse() {
                Ok(limit) if (1..=most).contains(&limit) => limit,
                _ => return Err(error::invalid("maxResults")),
            },
        };
        let question = question(asked);
        let after = match asked.parameter("pageToken") {
            None => 0,
            Some(token) => read(token, &question, cloud.now().timestamp())
                .ok_or_else(|| error::invalid("pageToken"))?,
        };
        Ok(Self { after, limit: limit.min(cloud.manners().page), question })
    }

    /// Writes a page of things of a kind.
    pub fn answer(
        &self,
        cloud: &Cloud,
        asked: &Asked,
        kind: &str,
        name: &str,
        page: Page,
    ) -> Answer {
        let page = page.twisted(cloud, asked, &self.after.to_string());
        let mut body = json!({ "kind": format!("admin#directory#{kind}") });
        // A list of nothing is left out.
        if !page.items.is_empty() {
            body[name] = Value::Array(page.items);
        }
        if let Some(place) = page.next {
            let born = cloud.now().timestamp();
            let text = format!("{place}:{born}:{}", self.question);
            body["nextPageToken"] = json!(URL_SAFE_NO_PAD.encode(text));
        }
        Answer::json(tagged(body))
    }
}

/// A hash of the parameters that must stay the same.
fn question(asked: &Asked) -> String {
    let mut asked: Vec<_> = asked
        .query
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "pageToken" | "maxResults" | "fields" | "alt"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    asked.sort();
    hash(&asked.join("&"))[..12].to_owned()
}

fn read(token: &str, question: &str, now: i64) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let mut parts = text.splitn(3, ':');
    let (place, born, same) = (parts.next()?, parts.next()?, parts.next()?);
    let is_young = now - born.parse::<i64>().ok()? <= LIFE_SECONDS;
    (is_young && same == question).then(|| place.parse().ok())?
}
