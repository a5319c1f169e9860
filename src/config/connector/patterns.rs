//! Regular expressions in filters.

use regex::{Regex, RegexBuilder};

/// A compiled pattern is at most so large: it is matched in time linear in the text's length, however it was written.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// A pattern that has to match all of a text, in whichever case.
pub fn whole_pattern(pattern: &str) -> Result<Regex, regex::Error> {
    // By itself first, so that none becomes another one by what is put around it, as `a)|(b` would.
    build(pattern)?;
    build(&format!(r"\A(?:{pattern})\z"))
}

fn build(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).case_insensitive(true).size_limit(MAX_PATTERN_BYTES).build()
}

#[cfg(test)]
mod tests {
    use super::whole_pattern;

    #[test]
    fn matches_all_of_a_text_in_whichever_case() {
        for (pattern, text, is_match) in [
            ("jira-(dev|ops)", "JIRA-ops", true),
            ("jira-(dev|ops)", "jira-ops-2", false),
            ("dev|ops", "xdev", false),
            ("(?m)^dev$", "dev\nops", false),
            ("", "", true),
        ] {
            assert_eq!(
                whole_pattern(pattern).unwrap().is_match(text),
                is_match,
                "{pattern} {text}"
            );
        }
        for bad in ["a)|(b", "(", r"(a)\1", "(a{1000}){1000}", "(?=a)"] {
            assert!(whole_pattern(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_hostile_text_costs_time_in_proportion_to_its_length() {
        let nested = whole_pattern("(([a-z])+.)+[0-9]([a-z])+").unwrap();
        assert!(!nested.is_match(&"a".repeat(100_000)));
    }
}
