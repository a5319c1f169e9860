//! Patterns of paths.
//!
//! A pattern is a path whose segments are compared one by one. In it, and nowhere else:
//!
//! - `/*` at the end stands for everything below, and for the path before it;
//! - a segment `*` before the end stands for one segment, whatever it is, and `setup*`, `*batch` or `a*z`
//!   for one that begins or ends so;
//! - a segment `**` stands for any number of segments, none included. There is one at most, and never the
//!   last.
//!
//! What comes before `**` is compared from the left, what comes after it is looked for in what is left, so
//! there is nothing to go back over: the work grows with the length of the path.

/// Whether the case of letters tells paths apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// Yes: an exemption holds for what was written.
    Exact,
    /// No: a restriction also holds for servers that do not look at it.
    Any,
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Every path does.
    #[error("{0:?} must begin with /")]
    NoPath(String),
    /// Queries, parameters, and what is encoded: no reading of a path has them.
    #[error("{0:?} has a character that no path has once it is decoded, one of % ; ? # \\")]
    Characters(String),
    /// `//`, `/./` or `/../`: no reading of a path has them.
    #[error("{0:?} has an empty segment or a dot segment, and would never match")]
    Segment(String),
    /// `a*b*c`.
    #[error("{0:?} has a segment with more than one *")]
    Stars(String),
    /// A second `**`, or one that ends the pattern.
    #[error("{0:?} may have one ** between slashes, and /* at its end")]
    AnyNumber(String),
}

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// As it was written.
    text: String,
    case: Case,
    head: Vec<Segment>,
    /// What comes after `**`, if there is one.
    tail: Vec<Segment>,
    /// Whether everything below matches too.
    below: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// One that begins and ends so.
    Star {
        before: String,
        after: String,
    },
}

/// What is left of a path, without the slash before it; nothing behind its last segment.
#[derive(Clone, Copy)]
struct Rest<'p>(Option<&'p str>);

impl<'p> Rest<'p> {
    /// The next segment, and what is left behind it.
    fn next(self) -> Option<(&'p str, Self)> {
        let text = self.0?;
        Some(match text.split_once('/') {
            Some((first, more)) => (first, Self(Some(more))),
            None => (text, Self(None)),
        })
    }
}

/// What no pattern has, and so is matched by stars only.
const ANY: &str = "\u{1}";

impl Pattern {
    pub(super) fn compile(text: &str, case: Case) -> Result<Self, PatternError> {
        let bad = |c: char| c.is_control() || matches!(c, '%' | ';' | '?' | '#' | '\\');
        let path = text.strip_prefix('/').ok_or_else(|| PatternError::NoPath(text.to_owned()))?;
        if path.contains(bad) {
            return Err(PatternError::Characters(text.to_owned()));
        }
        let mut words: Vec<_> = path.split('/').collect();
        let below = words.last() == Some(&"*");
        if below {
            words.pop();
        }
        let stars = words.iter().position(|word| *word == "**");
        let (head, tail) = match stars {
            Some(place) => (&words[..place], &words[place + 1..]),
            None => (&words[..], &[][..]),
        };
        if stars.is_some() && (tail.is_empty() || tail.contains(&"**")) {
            return Err(PatternError::AnyNumber(text.to_owned()));
        }
        for (place, word) in words.iter().enumerate() {
            let last = place + 1 == words.len() && !below;
            if matches!(*word, "." | "..") || (word.is_empty() && !last) {
                return Err(PatternError::Segment(text.to_owned()));
            }
            if *word != "**" && word.matches('*').count() > 1 {
                return Err(PatternError::Stars(text.to_owned()));
            }
        }
        let segments = |words: &[&str]| words.iter().map(|word| Segment::of(word, case)).collect();
        Ok(Self { text: text.to_owned(), case, head: segments(head), tail: segments(tail), below })
    }

    /// Whether a reading of a path matches. One that is not ASCII is to be given in lower case as well,
    /// for patterns that do not look at the case.
    pub(super) fn matches(&self, path: &str, in_lower_case: &str) -> bool {
        let path = if self.case == Case::Any { in_lower_case } else { path };
        let Some(mut rest) = self.take(&self.head, Rest(path.strip_prefix('/'))) else {
            return false;
        };
        if self.tail.is_empty() {
            return self.ends(rest);
        }
        loop {
            if self.take(&self.tail, rest).is_some_and(|rest| self.ends(rest)) {
                return true;
            }
            match rest.next() {
                Some((_, more)) => rest = more,
                None => return false,
            }
        }
    }

    /// What is left of a path behind these segments.
    fn take<'p>(&self, segments: &[Segment], path: Rest<'p>) -> Option<Rest<'p>> {
        let mut rest = path;
        for segment in segments {
            let (first, more) = rest.next()?;
            if !segment.matches(first, self.case) {
                return None;
            }
            rest = more;
        }
        Some(rest)
    }

    /// Whether a match may end before `rest`. For many servers a slash at the end makes no difference, so
    /// it is none for a restriction.
    fn ends(&self, rest: Rest<'_>) -> bool {
        match rest.0 {
            None => true,
            Some("") => self.below || self.case == Case::Any,
            Some(_) => self.below,
        }
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether every path that `other` matches matches this one.
    pub(super) fn covers(&self, other: &Self) -> bool {
        (self.case == Case::Any || other.case == Case::Exact)
            && other.examples(self.length() + 2).iter().all(|path| self.matches_example(path))
    }

    /// Whether some path matches both, as far as examples tell.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.examples(other.length() + 2).iter().any(|path| other.matches_example(path))
            || other.examples(self.length() + 2).iter().any(|path| self.matches_example(path))
            || self.leads_through(other)
            || other.leads_through(self)
    }

    /// Whether `**` can stand for the beginning of a path that matches `other`.
    fn leads_through(&self, other: &Self) -> bool {
        let beginning = other.head.get(self.head.len()..).unwrap_or_default();
        let path = [&self.head, beginning, &self.tail].map(spell).concat();
        self.matches_example(&path) && other.matches_example(&path)
    }

    /// Whether some path below `prefix` matches.
    pub(super) fn is_below(&self, prefix: &str) -> bool {
        let prefix: Vec<_> = prefix.split('/').skip(1).collect();
        let open = self.below || !self.tail.is_empty();
        let mut pairs = self.head.iter().zip(&prefix);
        pairs.all(|(segment, name)| segment.matches(name, self.case))
            && (open || self.head.len() >= prefix.len())
    }

    fn matches_example(&self, path: &str) -> bool {
        self.matches(path, &path.to_lowercase())
    }

    fn length(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// Paths that match, with everything that may be anything spelled in a way that no pattern spells: a
    /// pattern that matches all of them matches all paths, if it has fewer segments than `longest`.
    fn examples(&self, longest: usize) -> Vec<String> {
        let (head, tail) = (spell(&self.head), spell(&self.tail));
        let gaps = if self.tail.is_empty() { 0 } else { longest };
        let mut examples = Vec::new();
        for gap in 0..=gaps {
            let path = format!("{head}{}{tail}", format!("/{ANY}").repeat(gap));
            let slash = format!("{path}/");
            if !path.is_empty() {
                examples.push(path.clone());
            }
            if self.ends(Rest(Some(""))) && !path.ends_with('/') {
                examples.push(slash);
            }
            if self.below {
                examples.extend(
                    (1..=longest).map(|n| path.clone() + format!("/{ANY}").repeat(n).as_str()),
                );
            }
        }
        examples
    }
}

fn spell(segments: &[Segment]) -> String {
    segments.iter().flat_map(|segment| ["/".to_owned(), segment.example()]).collect()
}

impl Segment {
    fn of(word: &str, case: Case) -> Self {
        let word = if case == Case::Any { word.to_lowercase() } else { word.to_owned() };
        match word.split_once('*') {
            Some((before, after)) => {
                Self::Star { before: before.to_owned(), after: after.to_owned() }
            }
            None => Self::Literal(word),
        }
    }

    fn matches(&self, text: &str, case: Case) -> bool {
        let same = |one: &[u8], other: &[u8]| match case {
            Case::Exact => one == other,
            Case::Any => one.eq_ignore_ascii_case(other),
        };
        let text = text.as_bytes();
        match self {
            Self::Literal(literal) => same(text, literal.as_bytes()),
            Self::Star { before, after } => {
                let (before, after) = (before.as_bytes(), after.as_bytes());
                !text.is_empty()
                    && text.len() >= before.len() + after.len()
                    && same(&text[..before.len()], before)
                    && same(&text[text.len() - after.len()..], after)
            }
        }
    }

    fn example(&self) -> String {
        match self {
            Self::Literal(literal) => literal.clone(),
            Self::Star { before, after } => format!("{before}{ANY}{after}"),
        }
    }
}

#[cfg(test)]
mod tests;
