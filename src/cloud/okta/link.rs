//! Where a list of Okta's goes on: the `Link` headers of RFC 8288, of which Okta sends several.

/// The address of the next page, of all `Link` headers of an answer.
pub(super) fn next<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    find(headers, "next")
}

/// Whether a page says which one it is, as each one does that comes with its links.
pub(super) fn has_self<'a>(headers: impl IntoIterator<Item = &'a str>) -> bool {
    find(headers, "self").is_some()
}

fn find<'a>(headers: impl IntoIterator<Item = &'a str>, relation: &str) -> Option<&'a str> {
    let mut links = headers.into_iter().flat_map(Links);
    links.find(|(_, parameters)| is(relation, parameters)).map(|(target, _)| target)
}

/// The links of one header: each target with its parameters.
struct Links<'a>(&'a str);

impl<'a> Iterator for Links<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (_, rest) = self.0.split_once('<')?;
        let (target, rest) = rest.split_once('>')?;
        let (parameters, rest) = rest.split_at(end_of_parameters(rest));
        self.0 = rest;
        Some((target, parameters))
    }
}

/// Where the next link begins: at a comma that is not in quotes.
fn end_of_parameters(text: &str) -> usize {
    let mut quoted = false;
    let end = text.find(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    end.unwrap_or(text.len())
}

/// Whether one is among the relations.
fn is(relation: &str, parameters: &str) -> bool {
    parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
        let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
        name.trim().eq_ignore_ascii_case("rel")
            && relations.any(|it| it.eq_ignore_ascii_case(relation))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SELF: &str = r#"<https://example.okta.com/api/v1/users?limit=2>; rel="self""#;
    const NEXT: &str = r#"<https://example.okta.com/api/v1/users?after=a,b&limit=2>; rel="next""#;

    #[test]
    fn the_next_page_is_found_among_several_link_headers() {
        let address = Some("https://example.okta.com/api/v1/users?after=a,b&limit=2");
        assert_eq!(next([SELF, NEXT]), address);
        assert_eq!(next([NEXT, SELF]), address);
        let one = format!("{SELF}, {NEXT}");
        assert_eq!(next([one.as_str()]), address, "or in one");
        assert_eq!(next([SELF]), None);
        assert!(has_self([SELF]) && has_self([NEXT, SELF]) && has_self([one.as_str()]));
        assert!(!has_self([NEXT]) && !has_self([]));
        assert_eq!(next([]), None);
    }

    #[test]
    fn other_spellings_of_a_link_are_links() {
        for header in [
            "<x>;rel=next",
            "<x> ; REL = \"NEXT\"",
            r#"<x>; title="a, b"; rel="last next""#,
            r#"<y>; title="<x>, rel=next"; rel="self", <x>; rel="next""#,
        ] {
            assert_eq!(next([header]), Some("x"), "{header}");
        }
        for header in
            ["", "<x>", "<x>; rel=\"self\"", "x; rel=next", "<x; rel=next", "<x>; rel=nextish"]
        {
            assert_eq!(next([header]), None, "{header}");
        }
    }
}
