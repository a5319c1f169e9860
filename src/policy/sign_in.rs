//! How somebody can sign in.

/// The ways to sign in that are offered, in order: those that are wanted and exist, or all of them if
/// nothing is wanted. A `hidden` one has to be wanted.
#[must_use]
pub fn offered_ways<'a>(
    wanted: &[String],
    known: &[&'a str],
    hidden: Option<&'a str>,
) -> Vec<&'a str> {
    if wanted.is_empty() {
        return known.to_vec();
    }
    let find = |wanted: &String| known.iter().copied().chain(hidden).find(|known| known == wanted);
    wanted.iter().filter_map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_offered_in_that_order_and_nothing_else() {
        let known = ["kerberos", "corp", "partner"];
        let offered = |wanted: &[&str]| {
            let wanted: Vec<_> = wanted.iter().map(ToString::to_string).collect();
            offered_ways(&wanted, &known, Some("password"))
        };
        assert_eq!(offered(&[]), known);
        assert_eq!(offered(&["partner", "kerberos"]), ["partner", "kerberos"]);
        assert_eq!(offered(&["password", "corp"]), ["password", "corp"]);
        assert_eq!(offered(&["gone"]), [""; 0]);
    }
}
