//! What patterns match, and what they refuse to be.

use proptest::prelude::*;

use super::*;

fn matches(pattern: &str, case: Case, path: &str) -> bool {
    Pattern::compile(pattern, case).unwrap().matches(path, &path.to_lowercase())
}

#[test]
fn a_pattern_matches_segment_by_segment() {
    for (pattern, good, bad) in [
        ("/", &["/"][..], &["/a", "//"][..]),
        ("/*", &["/", "/a", "/a/", "/a/b"], &[]),
        ("/status", &["/status"], &["/status/", "/statusx", "/a/status", "/Status"]),
        ("/x/*", &["/x", "/x/", "/x/a/b"], &["/xy", "/", "/y/x"]),
        ("/a/*/c", &["/a/b/c"], &["/a/c", "/a//c", "/a/b/b/c", "/a/b/c/d"]),
        ("/a/*/c/*", &["/a/b/c", "/a/b/c/d/e"], &["/a/c/d"]),
        ("/setup*", &["/setup", "/setup.action"], &["/setu", "/setup/x", "/xsetup"]),
        ("/setup*/*", &["/setup", "/setup/x", "/setupx/y/z"], &["/x/setup"]),
        ("/download/*batch/*", &["/download/superbatch/x", "/download/batch"], &["/download/x"]),
        ("/a*z", &["/az", "/abcz"], &["/a", "/z", "/za"]),
        ("/aba*ba", &["/ababa", "/abaxba"], &["/aba"]),
        ("/**/info/refs", &["/info/refs", "/a/info/refs", "/a/b/info/refs"], &["/info/refs/x"]),
        ("/**/info/refs", &["/info/info/refs", "/a.git/info/refs"], &["/xinfo/refs", "/info"]),
        ("/**/lfs/*", &["/lfs", "/a/lfs/b/c", "/lfs/lfs/x"], &["/a/lfsx"]),
        ("/p/**/admin/*", &["/p/admin", "/p/a/b/admin/c"], &["/admin/p", "/q/p/admin"]),
        ("/s/**/_/*", &["/s/a/b/_/c", "/s/_/c"], &["/s/a.css", "/x/s/a/_/b"]),
    ] {
        for path in good {
            assert!(matches(pattern, Case::Exact, path), "{pattern} {path}");
        }
        for path in bad {
            assert!(!matches(pattern, Case::Exact, path), "{pattern} {path}");
        }
    }
}

#[test]
fn a_restriction_looks_neither_at_case_nor_at_a_slash_at_the_end() {
    for path in ["/admin", "/ADMIN", "/admin/", "/Admin/"] {
        assert!(matches("/Admin", Case::Any, path), "{path}");
    }
    for path in ["/ä/x", "/Ä/X", "/\u{212a}/x"] {
        assert_eq!(matches("/ä/*", Case::Any, path), !path.contains('\u{212a}'), "{path}");
        assert_eq!(matches("/K/*", Case::Any, path), path.contains('\u{212a}'), "{path}");
    }
    assert!(!matches("/admin", Case::Any, "/admin/x"));
}

#[test]
fn what_would_never_match_or_could_be_read_in_two_ways_is_refused() {
    for pattern in [
        "",
        "a",
        "*",
        "/a%20b",
        "/a;b",
        "/a?b",
        "/a#b",
        "/a\\b",
        "/a\nb",
        "//a",
        "/a//b",
        "/a/./b",
        "/..",
        "/a/../*",
        "/*a*",
        "/a*b*c",
        "/**",
        "/a/**",
        "/**/*",
        "/a/**/*",
        "/**/a/**/b",
        "/a**",
        "/a/***/b",
    ] {
        assert!(Pattern::compile(pattern, Case::Exact).is_err(), "{pattern:?}");
    }
}

fn segments() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("ab"), Just("A")].prop_map(str::to_owned)
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => segments(),
        1 => Just("*".to_owned()),
        1 => Just("a*".to_owned()),
        1 => Just("*b".to_owned()),
        2 => Just("**".to_owned()),
    ]
}

prop_compose! {
    /// Patterns over so few words that they often match the same paths.
    fn patterns()(words in prop::collection::vec(words(), 0..4), below: bool, any: bool) -> Option<Pattern> {
        let below = if below { "/*" } else { "" };
        let case = if any { Case::Any } else { Case::Exact };
        Pattern::compile(&format!("/{}{below}", words.join("/")), case).ok()
    }
}

fn paths() -> impl Strategy<Value = String> {
    let segments = prop::collection::vec(segments(), 0..6);
    (segments, any::<bool>()).prop_map(|(segments, slash)| {
        format!("/{}{}", segments.join("/"), if slash { "/" } else { "" }).replace("//", "/")
    })
}

/// The obvious way to match, with all the going back that it takes.
fn slowly(pattern: &[&str], path: &[&str], below: bool) -> bool {
    match (pattern, path) {
        ([], []) => true,
        ([], [_, ..]) => below,
        (["**", rest @ ..], _) => (0..=path.len()).any(|taken| slowly(rest, &path[taken..], below)),
        ([_, ..], []) => false,
        ([word, rest @ ..], [first, more @ ..]) => {
            let good = match word.split_once('*') {
                Some((before, after)) => {
                    first.len() >= (before.len() + after.len()).max(1)
                        && first.starts_with(before)
                        && first.ends_with(after)
                }
                None => word == first,
            };
            good && slowly(rest, more, below)
        }
    }
}

proptest! {
    #[test]
    fn matching_agrees_with_the_obvious_way(pattern in patterns(), path in paths()) {
        let Some(pattern) = pattern.filter(|pattern| pattern.case == Case::Exact) else {
            return Ok(());
        };
        let text = pattern.text.strip_suffix("/*").unwrap_or(&pattern.text);
        let words: Vec<_> = text.split('/').skip(1).collect();
        let segments: Vec<_> = path.split('/').skip(1).collect();
        let expected = slowly(&words, &segments, pattern.below);
        prop_assert_eq!(pattern.matches(&path, &path), expected, "{} {}", pattern.text, path);
    }

    #[test]
    fn what_a_pattern_covers_it_matches(one in patterns(), other in patterns(), path in paths()) {
        let (Some(one), Some(other)) = (one, other) else {
            return Ok(());
        };
        let lower = path.to_lowercase();
        if other.matches(&path, &lower) {
            prop_assert!(!one.covers(&other) || one.matches(&path, &lower), "{} {} {}", one.text, other.text, path);
        }
    }

    #[test]
    fn every_example_matches(pattern in patterns()) {
        if let Some(pattern) = pattern {
            prop_assert!(pattern.covers(&pattern), "{}", pattern.text);
        }
    }
}
