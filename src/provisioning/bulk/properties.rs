//! What holds for every list and every account.

use proptest::prelude::*;

use super::*;

fn profile() -> impl Strategy<Value = Profile> {
    let text = || prop::option::of("[ab]");
    let attributes = prop::collection::btree_map("[ab]", "[cd]", 0..3);
    ("(alice|ALICE)", text(), text(), attributes).prop_map(
        |(username, email, display_name, attributes)| Profile {
            username,
            email,
            display_name,
            attributes,
            ..Profile::default()
        },
    )
}

fn groups() -> impl Strategy<Value = Vec<GroupId>> {
    let ids = prop::collection::btree_set(1_i64..6, 0..5);
    ids.prop_map(|ids| ids.into_iter().map(GroupId).collect())
}

fn inactive() -> impl Strategy<Value = Option<InactiveReason>> {
    prop::option::of(prop::sample::select(vec![
        InactiveReason::AdminBlock,
        InactiveReason::DisabledAtSource,
        InactiveReason::MissingAtSource,
        InactiveReason::Idle,
    ]))
}

fn held() -> impl Strategy<Value = HeldUser> {
    (profile(), inactive(), groups()).prop_map(|(profile, inactive, groups)| HeldUser {
        user: UserId(1),
        person: PersonId(1),
        uuid: Uuid::nil(),
        state: UserState { profile, inactive },
        groups,
        break_glass: false,
        subjects: 0,
        match_key: None,
    })
}

fn standing() -> impl Strategy<Value = Standing> {
    // The first is an administrator's, and no list's to give.
    let reasons = InactiveReason::ALL.into_iter().skip(1).map(Standing::Inactive);
    let all = [Standing::Unsaid, Standing::Active, Standing::Allowed].into_iter().chain(reasons);
    prop::sample::select(all.collect::<Vec<_>>())
}

fn listed() -> impl Strategy<Value = ListedUser> {
    (profile(), standing(), prop::option::of(groups())).prop_map(|(profile, standing, groups)| {
        ListedUser { profile, standing, groups, identity: None }
    })
}

/// As the store applies a step.
fn apply(held: &HeldUser, step: &UserStep) -> HeldUser {
    let mut after = held.clone();
    if let Some(state) = &step.after {
        assert_eq!(step.before.as_ref(), Some(&held.state));
        after.state = state.clone();
    }
    for group in &step.joins {
        assert!(!after.groups.contains(group));
        after.groups.push(*group);
    }
    for group in &step.leaves {
        assert!(held.groups.contains(group));
        after.groups.retain(|other| other != group);
    }
    after.groups.sort_unstable();
    after
}

proptest! {
    #[test]
    fn a_list_is_reached_and_then_changes_nothing(held in held(), listed in listed()) {
        let after = plan_listed(&listed, &held).map_or(held.clone(), |step| apply(&held, &step));
        prop_assert_eq!(plan_listed(&listed, &after), None);
        if let Some(groups) = &listed.groups {
            prop_assert_eq!(groups, &after.groups);
        }
        let blocked = held.state.inactive == Some(InactiveReason::AdminBlock);
        prop_assert_eq!(after.state.inactive == Some(InactiveReason::AdminBlock), blocked);
        if listed.profile.email.is_some() {
            prop_assert_eq!(after.state.profile.email, listed.profile.email);
        }
        prop_assert_eq!(after.state.profile.username, held.state.profile.username);
    }

    #[test]
    fn the_step_back_restores_what_was(held in held(), listed in listed()) {
        if let Some(step) = plan_listed(&listed, &held) {
            prop_assert_eq!(apply(&apply(&held, &step), &step.inverse()), held);
        }
    }

    #[test]
    fn the_parts_of_a_step_are_the_step(held in held(), listed in listed()) {
        if let Some(step) = plan_listed(&listed, &held) {
            let (adding, ending) = step.clone().split();
            let parts = [adding, ending].into_iter().flatten();
            let after = parts.fold(held.clone(), |held, part| apply(&held, &part));
            prop_assert_eq!(after, apply(&held, &step));
        }
    }

    #[test]
    fn who_is_not_listed_is_kept_or_out(held in held()) {
        prop_assert_eq!(plan_unlisted(&held, Unlisted::Keep), None);
        let out = plan_unlisted(&held, Unlisted::Deactivate);
        let after = out.map_or(held.clone(), |step| apply(&held, &step));
        prop_assert!(after.state.inactive.is_some() && after.groups.is_empty());
        prop_assert_eq!(plan_unlisted(&after, Unlisted::Deactivate), None);
    }

    #[test]
    fn who_may_break_the_glass_is_never_out(held in held(), listed in listed()) {
        let held = HeldUser { break_glass: true, ..held };
        prop_assert_eq!(plan_unlisted(&held, Unlisted::Deactivate), None);
        let after = plan_listed(&listed, &held).map_or(held.clone(), |step| apply(&held, &step));
        prop_assert!(after.state.inactive.is_none() || after.state.inactive == held.state.inactive);
        prop_assert_eq!(plan_listed(&listed, &after), None);
    }

    #[test]
    fn an_account_is_made_as_it_is_listed(listed in listed()) {
        let numbers = NewNumbers { person: PersonId(1), user: UserId(1), uuid: Uuid::nil() };
        let made = plan_new(&listed, numbers);
        let state = made.after.unwrap();
        let held = HeldUser {
            user: made.user, person: made.person, uuid: made.uuid, state, groups: made.joins,
            break_glass: false, subjects: 0, match_key: None,
        };
        prop_assert_eq!(plan_listed(&listed, &held), None);
    }
}
