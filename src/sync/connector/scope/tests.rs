use std::collections::BTreeMap;

use super::*;
use crate::config::AttributeCondition;

fn group(name: &str) -> KnownGroup {
    let kind = Some(GroupKind::Security);
    KnownGroup { name: Some(name.to_owned()), kind, attributes: BTreeMap::new() }
}

fn user(guest: Option<bool>, department: &str) -> KnownUser {
    let attributes = [("department".to_owned(), vec![department.to_owned()])].into();
    KnownUser { guest, attributes, ..KnownUser::default() }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn users_come_by_kind_attributes_and_not_if_they_are_excluded() {
    let covers = |change: &dyn Fn(&mut ConnectorUsersConfig), known: &KnownUser| {
        let mut users = ConnectorUsersConfig::default();
        change(&mut users);
        let scope = Scope::new(&users, &ConnectorGroupsConfig::default()).unwrap();
        scope.covers_user("7", known)
    };
    let (member, guest) = (user(None, " IT "), user(Some(true), "Sales"));
    assert!(covers(&|_| {}, &member) && covers(&|_| {}, &guest));
    let members = |users: &mut ConnectorUsersConfig| users.kind = UserKind::Members;
    assert!(covers(&members, &member) && !covers(&members, &guest));
    let guests = |users: &mut ConnectorUsersConfig| users.kind = UserKind::Guests;
    assert!(!covers(&guests, &member) && covers(&guests, &guest));
    let excluded = |users: &mut ConnectorUsersConfig| users.exclude = texts(&["7"]);
    assert!(!covers(&excluded, &member));
    let condition = |is: &[&str], is_not: &[&str]| AttributeCondition {
        attribute: "department".to_owned(),
        is: texts(is),
        is_not: texts(is_not),
        ..AttributeCondition::default()
    };
    // All of them have to be fulfilled.
    let both = |users: &mut ConnectorUsersConfig| {
        users.conditions = vec![condition(&["it", "hr", "sales"], &[]), condition(&[], &["sales"])];
    };
    assert!(covers(&both, &member) && !covers(&both, &guest));
}

#[test]
fn groups_are_shown_by_name_and_kind_and_not_if_they_are_hidden() {
    let shows = |config: ConnectorGroupsConfig, known: &KnownGroup| {
        Scope::new(&ConnectorUsersConfig::default(), &config).unwrap().shows("7", known)
    };
    let (all, any) = (ConnectorGroupsConfig::default, group("any"));
    assert!(shows(all(), &any));
    assert!(!shows(ConnectorGroupsConfig { hide: texts(&["an*"]), ..all() }, &any));
    assert!(!shows(ConnectorGroupsConfig { hide: texts(&["re:a.y"]), ..all() }, &any));
    let named = ConnectorGroupsConfig { names: texts(&["jira-*"]), ..all() };
    assert!(shows(named.clone(), &group("jira-x")) && !shows(named, &any));
    let none = ConnectorGroupsConfig { show: Some(ShownGroups::None), ..all() };
    assert!(!shows(none, &any));
    let kinds = |kind: &str| ConnectorGroupsConfig { kinds: texts(&[kind]), ..all() };
    assert!(!shows(kinds("microsoft365"), &any) && shows(kinds("security"), &any));
    let types = [("groupTypes".to_owned(), texts(&["DynamicMembership"]))].into();
    let dynamic = KnownGroup { attributes: types, ..group("any") };
    assert!(shows(kinds("dynamic"), &dynamic) && !shows(kinds("dynamic"), &any));
    let application = KnownGroup { kind: Some(GroupKind::Application), ..group("any") };
    assert!(!shows(all(), &application));
}
