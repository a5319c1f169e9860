//! A set of headers' names that each name of each request is looked up in.

/// Names by their lengths: of each length there are few, and most names have another.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<Vec<String>>);

impl Names {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name.len()).is_some_and(|names| names.iter().any(|other| other == name))
    }
}

impl<S: Into<String>> FromIterator<S> for Names {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        let mut by_length = Self::default();
        for name in names {
            let name = name.into();
            if by_length.0.len() <= name.len() {
                by_length.0.resize(name.len() + 1, Vec::new());
            }
            by_length.0[name.len()].push(name);
        }
        by_length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_its_names_and_no_others() {
        let names = Names::from_iter(["te", "host", "cookie", "expect"]);
        for (name, is_there) in [
            ("te", true),
            ("expect", true),
            ("cookie", true),
            ("hosts", false),
            ("hast", false),
            ("", false),
            ("a-name-that-is-longer-than-all", false),
        ] {
            assert_eq!(names.has(name), is_there, "{name}");
        }
        assert!(!Names::default().has("te"));
    }
}
