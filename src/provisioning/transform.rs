//! Changes to what an issuer said, before it is believed.

use regex::{Regex, RegexBuilder};

use super::MappingError;
use crate::config::{Claim, LetterCase, Otherwise, TransformConfig};

/// A compiled pattern is at most so large: it is matched in time linear in the value's length, however it
/// was written.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// Changes, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Transforms(Vec<Transform>);

#[derive(Clone, Debug)]
struct Transform {
    claim: Claim,
    pattern: Regex,
    replace: String,
    case: LetterCase,
    otherwise: Otherwise,
}

/// What became of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Transformed {
    Value(String),
    /// The next source is to be asked.
    Ignored,
    /// There is none.
    Cleared,
}

/// A transform that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    /// No regular expression, or too large a one.
    #[error("transform[{0}].pattern: {1}")]
    Pattern(usize, String),
    /// A group that the pattern does not have would always be empty.
    #[error("transform[{0}].replace: the pattern has no group ${1}")]
    Group(usize, String),
}

impl Transforms {
    pub(super) fn compile(configs: &[TransformConfig]) -> Result<Self, TransformError> {
        let compiled = configs.iter().enumerate().map(|(index, config)| compile(index, config));
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// Takes a value through all changes of its claim.
    pub(super) fn apply(&self, claim: &Claim, value: String) -> Result<Transformed, MappingError> {
        let mut value = value;
        for transform in self.0.iter().filter(|transform| transform.claim == *claim) {
            if transform.pattern.is_match(&value) {
                let replaced = transform.pattern.replace_all(&value, transform.replace.as_str());
                value = match transform.case {
                    LetterCase::Keep => replaced.into_owned(),
                    LetterCase::Lower => replaced.to_lowercase(),
                    LetterCase::Upper => replaced.to_uppercase(),
                };
                continue;
            }
            match transform.otherwise {
                Otherwise::Raw => {}
                Otherwise::Ignore => return Ok(Transformed::Ignored),
                Otherwise::Clear => return Ok(Transformed::Cleared),
                Otherwise::Refuse => {
                    return Err(MappingError::Transform { claim: claim.clone(), value });
                }
            }
        }
        let value = value.trim();
        Ok(if value.is_empty() {
            Transformed::Cleared
        } else {
            Transformed::Value(value.to_owned())
        })
    }
}

fn compile(index: usize, config: &TransformConfig) -> Result<Transform, TransformError> {
    let pattern = RegexBuilder::new(&config.pattern).size_limit(MAX_PATTERN_BYTES).build();
    let pattern = pattern.map_err(|error| TransformError::Pattern(index, error.to_string()))?;
    check_groups(index, &pattern, &config.replace)?;
    Ok(Transform {
        claim: config.claim.clone(),
        pattern,
        replace: config.replace.clone(),
        case: config.case,
        otherwise: config.otherwise,
    })
}

/// `$1x` names the group `1x`: whoever writes it means `${1}x`.
fn check_groups(index: usize, pattern: &Regex, replace: &str) -> Result<(), TransformError> {
    let known: Vec<_> = pattern.capture_names().flatten().collect();
    for reference in replace.replace("$$", " ").split('$').skip(1) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = reference.find(|c| !plain(c)).unwrap_or(reference.len());
        let braced = reference.strip_prefix('{').and_then(|rest| rest.split('}').next());
        let name = braced.unwrap_or(&reference[..end]);
        let numbered = name.parse::<usize>().is_ok_and(|number| number < pattern.captures_len());
        if !numbered && !known.contains(&name) {
            return Err(TransformError::Group(index, name.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transform(pattern: &str, replace: &str, otherwise: Otherwise) -> TransformConfig {
        TransformConfig {
            claim: Claim::Username,
            pattern: pattern.to_owned(),
            replace: replace.to_owned(),
            case: LetterCase::Lower,
            otherwise,
        }
    }

    fn apply(configs: &[TransformConfig], value: &str) -> Result<Transformed, MappingError> {
        let transforms = Transforms::compile(configs).unwrap();
        transforms.apply(&Claim::Username, value.to_owned())
    }

    fn value(text: &str) -> Transformed {
        Transformed::Value(text.to_owned())
    }

    #[test]
    fn changes_are_made_in_order() {
        let both = [
            transform(r"^(\w+)\.(\w+)@", "$2.$1@", Otherwise::Raw),
            transform(r"@corp\.example$", "", Otherwise::Raw),
        ];
        assert_eq!(apply(&both, "Ada.Lovelace@corp.example"), Ok(value("lovelace.ada")));
        assert_eq!(apply(&both, "Other"), Ok(value("Other")));
    }

    #[test]
    fn what_does_not_match_is_left_passed_over_cleared_or_refused() {
        let with = |otherwise| apply(&[transform("^x$", "y", otherwise)], "a");
        assert_eq!(with(Otherwise::Raw), Ok(value("a")));
        assert_eq!(with(Otherwise::Ignore), Ok(Transformed::Ignored));
        assert_eq!(with(Otherwise::Clear), Ok(Transformed::Cleared));
        assert_eq!(with(Otherwise::Refuse).unwrap_err().code(), "transform-refused");
        assert_eq!(apply(&[transform(".*", " ", Otherwise::Raw)], "a"), Ok(Transformed::Cleared));
    }

    #[test]
    fn patterns_that_cannot_be_used_are_named() {
        for (pattern, replace, expected) in [
            ("(", "", "transform[0].pattern"),
            (r"(a)\1", "", "transform[0].pattern"),
            ("(a{1000}){1000}", "", "transform[0].pattern"),
            ("(a)", "$1x", "no group $1x"),
            ("(a)", "$2", "no group $2"),
            ("(a)", "${name}", "no group $name"),
        ] {
            let refused = Transforms::compile(&[transform(pattern, replace, Otherwise::Raw)]);
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(expected), "{pattern}: {refused}");
        }
        let named = transform("(?i)(?P<user>a)(b)", "${user}$2$$1", Otherwise::Raw);
        assert_eq!(apply(&[named], "AB"), Ok(value("ab$1")));
    }

    #[test]
    fn a_hostile_value_costs_time_in_proportion_to_its_length() {
        let nested = transform(r"^(([a-z])+.)+[A-Z]([a-z])+$", "", Otherwise::Raw);
        assert!(apply(&[nested], &"a".repeat(100_000)).is_ok());
    }
}
