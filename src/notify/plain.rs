//! Texts that others have written, made harmless: names of groups, and what clouds say of errors.

/// More of one text nobody reads.
const MOST_CHARACTERS: usize = 500;

/// One line without anything that is not shown: no line breaks, no other control characters, nothing that turns the
/// direction of writing; and not too long.
#[must_use]
pub fn plain(text: &str) -> String {
    let shown = |c: char| if is_hidden(c) { ' ' } else { c };
    let mut line: String = text.chars().take(MOST_CHARACTERS).map(shown).collect();
    if text.chars().nth(MOST_CHARACTERS).is_some() {
        line.push('…');
    }
    line.trim().to_owned()
}

/// The same as code for Slack, Mattermost and the like: it can call nobody, and lead nowhere.
#[must_use]
pub fn in_chat(text: &str) -> String {
    let harmless = |c: char| match c {
        '<' => '‹',
        '>' => '›',
        '`' => '\'',
        c => c,
    };
    format!("`{}`", plain(text).chars().map(harmless).collect::<String>())
}

/// Control characters, and those that Unicode has for turning, isolating and separating (UAX #9, 2).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one() {
        assert_eq!(plain("a\r\nBcc: x@y\0"), "a  Bcc: x@y");
        assert_eq!(plain("\u{202e}abc\u{2066}\u{2028}"), "abc");
        assert_eq!(plain(&"x".repeat(501)).chars().count(), 501);
        assert!(plain(&"x".repeat(501)).ends_with("x…"));
    }

    #[test]
    fn nobody_is_called_by_the_name_of_a_group() {
        assert_eq!(in_chat("<!channel> `@all` [x](y)"), "`‹!channel› '@all' [x](y)`");
    }
}
