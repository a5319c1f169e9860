//! What a message about an alarm says: to people, and to programs.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Condition;
use crate::{
    cloud::Expiry,
    notify::{in_chat, plain},
};

/// The version of what programs are told; it rises when something is not there any more that was.
const VERSION: u32 = 1;

/// A message, before it is put into words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling<'a> {
    /// What it can be known by if it comes twice.
    pub(super) id: &'a str,
    /// `raised`, `repeated`, `over` or `test`.
    pub(super) event: &'a str,
    /// What it is about.
    pub(super) condition: &'a Condition,
    /// Since when the alarm is.
    pub(super) since: DateTime<Utc>,
    /// When the message was written: it says the same whenever it is delivered.
    pub(super) at: DateTime<Utc>,
}

/// A message in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// One line.
    pub(super) subject: String,
    /// What a mail says.
    pub(super) text: String,
    /// What a webhook says (JSON).
    pub(super) body: String,
}

/// What programs are told. docs/alarms.md has it.
#[derive(Serialize)]
struct Body<'a> {
    version: u32,
    id: &'a str,
    event: &'a str,
    at: String,
    gateway: &'a str,
    alarm: AlarmBody<'a>,
    text: String,
}

#[derive(Serialize)]
struct AlarmBody<'a> {
    key: &'a str,
    kind: &'static str,
    severity: &'static str,
    connector: Option<&'a str>,
    since: String,
    expires_at: Option<String>,
    summary: &'a str,
    details: &'a [String],
    todo: &'a str,
}

impl Telling<'_> {
    pub(super) fn message(&self, gateway: &str) -> Message {
        Message {
            subject: format!("[Gatehouse] {}", self.title()),
            text: self.mail(gateway),
            body: self.body(gateway),
        }
    }

    /// The sentence, and what has become of it.
    fn title(&self) -> String {
        let summary = self.summary();
        match self.event {
            "over" => format!("over: {summary}"),
            "repeated" => format!("still: {summary}"),
            _ => summary,
        }
    }

    /// With the days that are left, of something that expires.
    fn summary(&self) -> String {
        let Condition { summary, expires_at, .. } = self.condition;
        let Some(at) = expires_at.filter(|_| self.event != "over") else {
            return plain(summary);
        };
        let expiry = Expiry { what: String::new(), at };
        // What it is, before what becomes of it.
        let what = summary.split(" expires on ").next().unwrap_or_default();
        plain(&format!("{what} {}", expiry.told(self.at)))
    }

    fn mail(&self, gateway: &str) -> String {
        let Condition { key, details, todo, .. } = self.condition;
        let mut lines = vec![self.title() + ".", String::new()];
        if !details.is_empty() {
            lines.extend(details.iter().map(|line| format!("  {}", plain(line))));
            lines.push(String::new());
        }
        if self.event != "over" {
            lines.extend([format!("What to do: {todo}"), String::new()]);
        }
        lines.push(format!("Alarm:   {key}"));
        lines.push(format!("Since:   {}", self.since.format("%Y-%m-%d %H:%M:%S UTC")));
        lines.push(format!("Written: {}", self.at.format("%Y-%m-%d %H:%M:%S UTC")));
        lines.push(format!("Gateway: {gateway}"));
        lines.push(format!("Message: {}", self.id));
        lines.push(String::new());
        let silence = format!(
            "`gatehouse alarm list` shows what else there is; `gatehouse alarm silence {key} --for 3d` keeps quiet about this."
        );
        lines.push(silence);
        lines.join("\n")
    }

    /// What Slack, Mattermost and the like show. What others have written is code there, so that it calls nobody.
    fn chat(&self) -> String {
        let Condition { details, todo, .. } = self.condition;
        let mut lines = vec![self.title()];
        lines.extend(details.iter().map(|line| in_chat(line)));
        if self.event != "over" {
            lines.push(format!("What to do: {todo}"));
        }
        lines.join("\n")
    }

    fn body(&self, gateway: &str) -> String {
        let Condition { key, kind, connector, details, todo, expires_at, .. } = self.condition;
        let details: Vec<_> = details.iter().map(|line| plain(line)).collect();
        let is_critical = self.condition.is_critical(self.at);
        let alarm = AlarmBody {
            key,
            kind: if self.event == "test" { "test" } else { kind.as_str() },
            severity: if is_critical { "critical" } else { "warning" },
            connector: connector.as_deref(),
            since: stamp(self.since),
            expires_at: expires_at.map(stamp),
            summary: &self.summary(),
            details: &details,
            todo,
        };
        let (id, event, at, text) = (self.id, self.event, stamp(self.at), self.chat());
        let body = Body { version: VERSION, id, event, at, gateway, alarm, text };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// RFC 3339, to the second.
fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::AlarmKind;

    fn condition() -> Condition {
        Condition {
            key: "connector:corp:warnings".to_owned(),
            kind: AlarmKind::Warnings,
            connector: Some("corp".to_owned()),
            summary: "corp: the last run has a warning".to_owned(),
            details: vec!["the group <!channel>\r\nBcc: x@y could not be read".to_owned()],
            todo: "look".to_owned(),
            expires_at: None,
        }
    }

    fn said(event: &str, condition: &Condition) -> Message {
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let telling = Telling { id: "7", event, condition, since: DateTime::UNIX_EPOCH, at };
        telling.message("https://login.example.com")
    }

    #[test]
    fn programs_are_told_what_the_page_says() {
        let body: Value = serde_json::from_str(&said("raised", &condition()).body).unwrap();
        let expected = json!({
            "version": 1,
            "id": "7",
            "event": "raised",
            "at": "1970-01-02T00:00:00Z",
            "gateway": "https://login.example.com",
            "alarm": {
                "key": "connector:corp:warnings",
                "kind": "warnings",
                "severity": "warning",
                "connector": "corp",
                "since": "1970-01-01T00:00:00Z",
                "expires_at": null,
                "summary": "corp: the last run has a warning",
                "details": ["the group <!channel>  Bcc: x@y could not be read"],
                "todo": "look",
            },
            "text": "corp: the last run has a warning\n`the group ‹!channel›  Bcc: x@y could not be read`\n\
                     What to do: look",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn people_read_what_it_is_what_to_do_and_how_to_have_quiet() {
        let Message { subject, text, .. } = said("raised", &condition());
        assert_eq!(subject, "[Gatehouse] corp: the last run has a warning");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[2], "  the group <!channel>  Bcc: x@y could not be read");
        assert!(text.contains("What to do: look\n"), "{text}");
        assert!(text.contains("alarm silence connector:corp:warnings --for 3d"), "{text}");
        let over = said("over", &condition());
        assert_eq!(over.subject, "[Gatehouse] over: corp: the last run has a warning");
        assert!(!over.text.contains("What to do"), "{}", over.text);
    }

    #[test]
    fn the_days_that_are_left_are_those_of_the_message() {
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(8);
        let summary = "corp: the client secret expires on 1970-01-09".to_owned();
        let condition = Condition { summary, expires_at: Some(at), ..condition() };
        let subject = said("raised", &condition).subject;
        assert_eq!(subject, "[Gatehouse] corp: the client secret expires on 1970-01-09, in 7 days");
        let past = Condition { expires_at: Some(DateTime::UNIX_EPOCH), ..condition };
        let subject = said("repeated", &past).subject;
        assert_eq!(subject, "[Gatehouse] still: corp: the client secret expired on 1970-01-01");
    }
}
