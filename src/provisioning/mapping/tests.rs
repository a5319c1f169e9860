//! From an issuer's words to claims, case by case.

use super::*;
use crate::config::{ExampleConfig, LetterCase, Otherwise, TransformConfig};

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn mapping(change: impl FnOnce(&mut ClaimsConfig)) -> Mapping {
    let mut claims = ClaimsConfig { groups: strings(&["groups"]), ..ClaimsConfig::default() };
    change(&mut claims);
    Mapping::new("corp", &strings(&["example.com"]), &claims).unwrap()
}

fn transform(claim: Claim, pattern: &str, replace: &str, otherwise: Otherwise) -> TransformConfig {
    TransformConfig {
        claim,
        pattern: pattern.to_owned(),
        replace: replace.to_owned(),
        case: LetterCase::Lower,
        otherwise,
    }
}

fn statement(attributes: &[(&str, &[&str])]) -> Statement {
    let attributes = attributes.iter().map(|(name, values)| ((*name).to_owned(), strings(values)));
    Statement {
        name_id: "Alice@example.com".to_owned(),
        name_id_format: None,
        attributes: attributes.collect(),
    }
}

#[test]
fn attributes_are_read_transformed_and_tried_like_all_else() {
    let mapping = mapping(|claims| {
        let room = strings(&["none", "{building}-{room}"]);
        let department = strings(&["dept"]);
        claims.attributes =
            [("room".to_owned(), room), ("department".to_owned(), department)].into();
        claims.transform.push(transform(
            Claim::Attribute("department".to_owned()),
            "^[0-9]+ (.+)$",
            "$1",
            Otherwise::Clear,
        ));
    });
    let read = |dept: &str| {
        let said = statement(&[("building", &["B"]), ("room", &["7"]), ("dept", &[dept])]);
        mapping.claims(&said).unwrap().profile.attributes
    };
    let attributes = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(read("12 Sales"), attributes(&[("department", "sales"), ("room", "B-7")]));
    assert_eq!(read("Sales"), attributes(&[("room", "B-7")]));
}

#[test]
fn takes_the_first_attribute_that_says_something() {
    let mapping = mapping(|claims| {
        claims.username = strings(&["uid", "name_id"]);
        claims.username_part = UsernamePart::Local;
        claims.email = strings(&["none", "mail"]);
        claims.match_by = strings(&["mail"]);
    });
    let said = statement(&[("uid", &["", " "]), ("mail", &[" a@example.com ", "b@example.com"])]);
    let claims = mapping.claims(&said).unwrap();
    assert_eq!(claims.profile.username, "Alice");
    assert_eq!(claims.profile.email.as_deref(), Some("a@example.com"));
    assert_eq!(claims.identity.match_key.unwrap().as_str(), "a@example.com");
}

#[test]
fn an_issuer_speaks_for_no_domain_but_its_own() {
    let mapping = mapping(|claims| claims.match_by = strings(&["mail"]));
    let claims = mapping.claims(&statement(&[("mail", &["root@other.com"])])).unwrap();
    assert_eq!(claims.identity.match_key, None);
}

#[test]
fn tells_the_states_of_the_group_claim_apart() {
    let groups = |attributes: &[(&str, &[&str])]| {
        mapping(|_| {}).claims(&statement(attributes)).unwrap().groups
    };
    let one = BTreeSet::from(["jira-users".to_owned()]);
    assert_eq!(groups(&[("groups", &["jira-users", " ", "jira-users"])]), GroupClaim::Present(one));
    assert_eq!(groups(&[("groups", &[])]), GroupClaim::Empty);
    assert_eq!(groups(&[("groups", &[""])]), GroupClaim::Empty);
    assert_eq!(groups(&[]), GroupClaim::Absent);
    assert_eq!(groups(&[(OVERAGE_ATTRIBUTES[0], &["https://graph"])]), GroupClaim::Overage);
    let not_asked = mapping(|claims| claims.groups.clear());
    assert_eq!(not_asked.claims(&statement(&[])).unwrap().groups, GroupClaim::NotAsked);
}

#[test]
fn a_transient_name_id_is_nobodys_subject() {
    let transient = Statement {
        name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:transient".to_owned()),
        ..statement(&[("oid", &["42"])])
    };
    assert_eq!(mapping(|_| {}).claims(&transient), Err(MappingError::TransientSubject));
    let by_attribute = mapping(|claims| claims.subject = strings(&["oid"]));
    assert_eq!(by_attribute.claims(&transient).unwrap().identity.subject.value, "42");
}

#[test]
fn refuses_usernames_that_are_not_what_they_look_like() {
    for name in ["a\u{202e}b", "a\nb", "a\u{200b}", &"a".repeat(256)] {
        let said = Statement { name_id: name.to_owned(), ..Statement::default() };
        let refused = mapping(|_| {}).claims(&said).unwrap_err();
        assert_eq!(refused.code(), "username-unusable", "{name:?}");
    }
    let refused = mapping(|_| {}).claims(&Statement::default()).unwrap_err();
    assert_eq!(refused.code(), "username-missing");
}

#[test]
fn templates_transforms_and_group_names_are_used() {
    let mapping = mapping(|claims| {
        claims.username = strings(&["upn", "{given}.{sn}"]);
        claims.display_name = strings(&["{given} {sn}"]);
        claims.group_names = BTreeMap::from([("id-1".to_owned(), "app-jira".to_owned())]);
        claims.transform = vec![
            transform(Claim::Username, r"^([^@]+)@corp\.example$", "$1", Otherwise::Ignore),
            transform(Claim::Groups, "^app-(.+)$", "$1-users", Otherwise::Ignore),
        ];
    });
    // The second source is asked, but its value does not match either.
    let said = statement(&[("upn", &["x@other"]), ("given", &["Ada"]), ("sn", &["L"])]);
    assert_eq!(mapping.claims(&said).unwrap_err().code(), "username-missing");
    let said = statement(&[
        ("upn", &["Ada@corp.example"]),
        ("given", &["Ada"]),
        ("sn", &["L"]),
        ("groups", &["id-1", "app-Wiki", "other"]),
    ]);
    let claims = mapping.claims(&said).unwrap();
    assert_eq!(claims.profile.username, "ada");
    assert_eq!(claims.profile.display_name.as_deref(), Some("Ada L"));
    let groups = ["jira-users", "wiki-users"].map(str::to_owned);
    assert_eq!(claims.groups, GroupClaim::Present(groups.into()));
}

#[test]
fn examples_are_tried() {
    let example = |username: &str, groups: Option<&[&str]>| ExampleConfig {
        given: BTreeMap::from([
            ("uid".to_owned(), strings(&["Ada"])),
            ("groups".to_owned(), strings(&["a", "b"])),
        ]),
        username: username.to_owned(),
        email: None,
        display_name: None,
        attributes: BTreeMap::new(),
        groups: groups.map(strings),
    };
    let outcome = |example| {
        let claims = ClaimsConfig {
            username: strings(&["uid"]),
            groups: strings(&["groups"]),
            example: vec![example],
            ..ClaimsConfig::default()
        };
        Mapping::new("corp", &[], &claims).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(outcome(example("Ada", Some(&["b", "a"]))), Ok(()));
    let wrong = outcome(example("ada", None)).unwrap_err();
    assert_eq!(wrong, r#"example[0]: username is "Ada", and not "ada""#);
    assert!(outcome(example("Ada", Some(&["a"]))).unwrap_err().contains("groups are"));
    assert!(outcome(example("", None)).unwrap_err().contains("username is"));
}
