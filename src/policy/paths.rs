//! Paths that mean something to an application.

use super::{
    Readings,
    pattern::{Case, Pattern, PatternError},
};

/// A set of patterns. A path is among them if any reading of it is, in either case: whoever asks wants to know
/// what an application could take it for.
#[derive(Clone, Debug, Default)]
pub struct Paths(Vec<Pattern>);

impl Paths {
    /// From patterns as rules have them, all below a path. Says of a bad one its number, from 0.
    pub fn below(prefix: &str, patterns: &[String]) -> Result<Self, (usize, PatternError)> {
        let compile = |(index, pattern): (usize, &String)| {
            // What does not begin with a slash would be part of the prefix's last word.
            Pattern::compile(pattern, Case::Any).map_err(|error| (index, error))?;
            let whole = format!("{prefix}{pattern}");
            Pattern::compile(&whole, Case::Any).map_err(|error| (index, error))
        };
        patterns.iter().enumerate().map(compile).collect::<Result<_, _>>().map(Self)
    }

    /// Whether any reading of a path is among them.
    #[must_use]
    pub fn have(&self, readings: &Readings<'_>) -> bool {
        !self.0.is_empty()
            && readings.iter().any(|path| {
                let in_lower_case = super::rules::fold(path);
                self.0.iter().any(|pattern| pattern.matches(path, &in_lower_case))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_among_them_however_it_is_written() {
        let patterns = ["/logout".to_owned(), "/secure/Logout!default.jspa".to_owned()];
        let paths = Paths::below("/jira", &patterns).unwrap();
        let have = |target| paths.have(&Readings::of(target).unwrap());
        for target in [
            "/jira/logout",
            "/jira/logout/",
            "/jira/LOGOUT;jsessionid=1?x",
            "/jira/%6cogout",
            "/jira/secure/Logout!default.jspa?atl_token=x",
            "/jira/s/x/_/logout",
        ] {
            assert!(have(target), "{target}");
        }
        for target in ["/logout", "/jira/logoutconfirm.jsp", "/jira/logout/x", "/jira"] {
            assert!(!have(target), "{target}");
        }
        assert_eq!(Paths::below("/jira", &["logout".to_owned()]).unwrap_err().0, 0);
        assert!(!Paths::default().have(&Readings::of("/logout").unwrap()));
    }
}
