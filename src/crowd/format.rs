//! XML or JSON: the two ways in which everything can be said, chosen for either direction by itself.

use http::{HeaderMap, HeaderValue, header};

/// How something is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// What Atlassian's own clients take, and whoever says nothing.
    #[default]
    Xml,
    /// What most others take.
    Json,
}

impl Format {
    /// As `Content-Type` has it.
    #[must_use]
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Xml => "application/xml;charset=UTF-8",
            Self::Json => "application/json",
        })
    }

    /// What a media type names, with or without parameters.
    pub(super) fn of_media_type(text: &str) -> Option<Self> {
        let name = text.split(';').next().unwrap_or_default().trim();
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("application/json") {
            Some(Self::Json)
        } else if is("application/xml") || is("text/xml") {
            Some(Self::Xml)
        } else {
            None
        }
    }

    /// Splits `.xml` or `.json` off a resource's path.
    pub(super) fn of_suffix(path: &str) -> (&str, Option<Self>) {
        if let Some(resource) = path.strip_suffix(".json") {
            (resource, Some(Self::Json))
        } else if let Some(resource) = path.strip_suffix(".xml") {
            (resource, Some(Self::Xml))
        } else {
            (path, None)
        }
    }

    /// What `Accept` likes best (RFC 9110 12.5.1); of two that it likes as well, the first. Whoever accepts
    /// neither gets XML, as a Crowd server's clients expect that say nothing.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let mut best = (Self::Xml, 0);
        for line in headers.get_all(header::ACCEPT) {
            for range in line.to_str().unwrap_or_default().split(',') {
                let (format, weight) = (Self::of_range(range), weight(range));
                if let Some(format) = format.filter(|_| weight > best.1) {
                    best = (format, weight);
                }
            }
        }
        best.0
    }

    fn of_range(range: &str) -> Option<Self> {
        let any = |range: &str| range.starts_with("*/*") || range.starts_with("application/*");
        Self::of_media_type(range).or_else(|| any(range.trim()).then_some(Self::Xml))
    }
}

/// The weight of a media range, in thousandths.
fn weight(range: &str) -> u32 {
    let mut parameters = range.split(';').skip(1).map(str::trim);
    let Some(weight) = parameters.find_map(|parameter| parameter.strip_prefix("q=")) else {
        return 1000;
    };
    match weight.split_once('.') {
        None => weight.parse::<u32>().map_or(0, |whole| whole.min(1) * 1000),
        Some((whole, digits)) if whole == "0" && digits.len() <= 3 => {
            format!("{digits:0<3}").parse().unwrap_or(0)
        }
        Some(_) => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_says_which() {
        let accepted = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::ACCEPT, HeaderValue::from_static(line));
            }
            Format::accepted(&headers)
        };
        assert_eq!(accepted(&[]), Format::Xml);
        assert_eq!(accepted(&["*/*"]), Format::Xml);
        assert_eq!(accepted(&["application/json"]), Format::Json);
        assert_eq!(accepted(&["Application/JSON; charset=utf-8"]), Format::Json);
        assert_eq!(accepted(&["application/json, */*"]), Format::Json);
        assert_eq!(accepted(&["application/json, text/plain, */*"]), Format::Json);
        assert_eq!(accepted(&["application/xml, application/json"]), Format::Xml);
        assert_eq!(accepted(&["application/xml;q=0.5, application/json;q=0.75"]), Format::Json);
        assert_eq!(accepted(&["text/html", "application/json"]), Format::Json);
        assert_eq!(accepted(&["application/json;q=0"]), Format::Xml);
        assert_eq!(accepted(&["text/html"]), Format::Xml);
    }

    #[test]
    fn a_suffix_says_which() {
        assert_eq!(
            Format::of_suffix("/config/cookie.json"),
            ("/config/cookie", Some(Format::Json))
        );
        assert_eq!(Format::of_suffix("/user.xml"), ("/user", Some(Format::Xml)));
        assert_eq!(Format::of_suffix("/user"), ("/user", None));
    }
}
