//! What holds whoever is said and whoever is there.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::directory::NameKey;

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(&["ann", "Ann", "bob", "BOB", "eve", "bob@x.com", "ann@y.com"][..])
        .prop_map(str::to_owned)
}

fn email() -> impl Strategy<Value = Option<String>> {
    let addresses = ["ann@x.com", "ANN@x.com", "bob@x.com", "eve@y.com", "ann@y.com"];
    prop::option::of(prop::sample::select(addresses.to_vec()).prop_map(str::to_owned))
}

fn shown() -> impl Strategy<Value = Option<String>> {
    let names = ["Ann Lee", "Lee, Ann", "Bob", "Eve"];
    prop::option::of(prop::sample::select(names.to_vec()).prop_map(str::to_owned))
}

fn existing() -> impl Strategy<Value = Vec<ExistingUser>> {
    let user = (word(), email(), shown(), prop::option::of("[1-4]"));
    let user = user.prop_map(|(username, email, display_name, id)| ExistingUser {
        username,
        email,
        display_name,
        id,
    });
    prop::collection::vec(user, 0..8)
}

fn said() -> impl Strategy<Value = Vec<SaidUser>> {
    let user = (prop::option::of(word()), email(), shown());
    prop::collection::vec(user, 0..8).prop_map(|users| {
        let user = |(subject, (username, email, display_name))| SaidUser {
            issuer: None,
            subject: format!("{subject}"),
            username,
            email,
            display_name,
        };
        (1..).zip(users).map(user).collect()
    })
}

proptest! {
    #[test]
    fn everybody_is_in_one_class_and_nobody_gets_the_name_of_another(
        have in existing(), say in said(),
    ) {
        let proposals = match_users(&have, say.clone());
        let said: Vec<_> = proposals.iter().map(|proposal| proposal.said.clone()).collect();
        prop_assert_eq!(said, say);
        let counts = Counts::of(&proposals);
        let all = counts.exact + counts.probable + counts.ambiguous + counts.none;
        prop_assert_eq!(all, proposals.len());

        let there: HashSet<_> = have.iter().map(|user| user.username.as_str()).collect();
        let mut given = HashSet::new();
        for Proposal { class, username, .. } in &proposals {
            let proposes = matches!(class, MatchClass::Exact | MatchClass::Probable);
            prop_assert_eq!(username.is_some(), proposes);
            if let Some(username) = username {
                prop_assert!(there.contains(username.as_str()));
                prop_assert!(given.insert(NameKey::of(username)), "{username} is given twice");
            }
        }
    }

    #[test]
    fn the_order_makes_no_difference(have in existing(), say in said()) {
        let class = |proposals: Vec<Proposal>| {
            let mut classes: Vec<_> = proposals
                .into_iter()
                .map(|p| (p.said.subject, p.class.as_str(), p.username.map(|u| NameKey::of(&u))))
                .collect();
            classes.sort();
            classes
        };
        let (mut evah, mut yas) = (have.clone(), say.clone());
        evah.reverse();
        yas.reverse();
        prop_assert_eq!(class(match_users(&have, say)), class(match_users(&evah, yas)));
    }

    #[test]
    fn a_report_is_read_as_it_was_written(
        cells in prop::collection::hash_map("[ '=+@a,;\"é-]{0,5}x", "['=+@,;\"-]{0,4}[a-z]{1,4}", 0..6),
    ) {
        let mut names = HashSet::new();
        let proposals: Vec<_> = cells
            .into_iter()
            .filter(|(_, username)| names.insert(NameKey::of(username)))
            .map(|(subject, username)| Proposal {
                said: SaidUser { subject, ..SaidUser::default() },
                class: MatchClass::Exact,
                username: Some(username),
                why: String::new(),
            })
            .collect();
        let read = read_report("report", &write_report(&proposals).unwrap()).unwrap();
        let read: Vec<_> = read.into_iter().map(|row| (row.subject, Some(row.username))).collect();
        let written: Vec<_> = proposals.into_iter().map(|p| (p.said.subject, p.username)).collect();
        prop_assert_eq!(read, written);
    }
}
