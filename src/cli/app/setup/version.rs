//! Versions of applications.

/// As far as it makes a difference: 10.3.15 is 10.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut numbers = text.split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next().unwrap_or(Ok(0))) {
            (Some(Ok(major)), Ok(minor)) => Ok(Self { major, minor }),
            _ => Err("write a number such as 10.3".to_owned()),
        }
    }

    pub(super) fn major(self) -> u32 {
        self.major
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_numbers() {
        assert_eq!(Version::parse("10.3.15").unwrap().to_string(), "10.3");
        assert_eq!(Version::parse("9").unwrap().major(), 9);
        for wrong in ["", "x", "10.x", "v10"] {
            assert!(Version::parse(wrong).is_err(), "{wrong}");
        }
    }
}
