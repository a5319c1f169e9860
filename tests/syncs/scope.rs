//! Who comes, which groups are shown, and under which names.

use gatehouse::{cloud::Member, directory::InactiveReason};

use super::{Way, user, worlds};

fn group(id: &str) -> Member {
    Member::Group(id.to_owned())
}

#[tokio::test]
async fn c17_members_of_groups_in_groups_count_also_if_they_go_round_in_circles() {
    for mut world in worlds(Way::Changes).await {
        world.configure("[users]\nmembers_of = [\"id:g1\"]");
        world.organisation.found("g3", "deep");
        world.organisation.join("g1", group("g2"));
        world.organisation.join("g2", group("g3"));
        world.organisation.join("g3", group("g1"));
        world.organisation.join("g3", user("eve"));
        world.begin().await;
        let all = ["deep", "jira-users", "wiki"];
        assert_eq!(world.groups_of("eve@example.com").await, all);
        assert_eq!(world.groups_of("ada@example.com").await, all);
        // A link goes, and with it everybody who was in by it only.
        world.organisation.leave("g2", &group("g3"));
        let cut = world.run().await;
        assert!(!cut.compared_all, "{cut:?}");
        assert_eq!(world.state_of("eve@example.com").await, Some(InactiveReason::OutOfScope));
        assert_eq!(world.groups_of("ada@example.com").await, ["deep", "jira-users"]);
        assert_eq!(world.groups_of("dan@example.com").await, all);

        // So does a group, whether or not anybody says that it is in the others no more.
        world.organisation.dissolve("g2");
        let gone = world.run().await;
        assert!(!gone.compared_all, "{gone:?}");
        assert_eq!(world.state_of("dan@example.com").await, Some(InactiveReason::OutOfScope));
        world.organisation.found("g2", "wiki");
        world.organisation.join_users("g2", &["dan"]);
        world.organisation.join("g1", group("g2"));
        world.run().await;
        assert_eq!(world.groups_of("dan@example.com").await, all);

        world.configure("[users]\nmembers_of = [\"id:g1\"]\nnested = false");
        assert!(world.run().await.dry_run);
        // With what has gone today it is much.
        let apply = world.try_run(|request| (request.apply, request.unguarded) = (true, true));
        apply.await.unwrap();
        assert_eq!(world.groups_of("ada@example.com").await, ["jira-users"]);
        assert_eq!(world.state_of("dan@example.com").await, Some(InactiveReason::OutOfScope));
    }
}

#[tokio::test]
async fn c16_and_c18_guests_conditions_and_exclusions_decide_who_comes() {
    for mut world in worlds(Way::Changes).await {
        world.organisation.hire("guest", |person| {
            person.guest = true;
            let name = "guest_other.example#EXT#@t.example";
            person.attributes.insert("userPrincipalName".to_owned(), name.to_owned());
        });
        world.organisation.set("bob", "department", "IT");
        world.organisation.set("eve", "department", "Sales");
        world.configure(
            "[users]\nnot_members_of = [\"wiki\"]\nexclude = [\"ada\"]\n\
             [[users.where]]\nattribute = \"department\"\nis_not = [\"sales\"]",
        );
        world.begin().await;
        let names: Vec<_> = world.people().await.into_keys().collect();
        assert_eq!(names, ["bob@example.com", "cleo@example.com", "guest@other.example"]);
        world.configure("[users]\nkind = \"guests\"");
        world.try_run(|_| {}).await.unwrap();
        world.try_run(|request| (request.apply, request.unguarded) = (true, true)).await.unwrap();
        assert_eq!(world.state_of("bob@example.com").await, Some(InactiveReason::OutOfScope));
        assert_eq!(world.state_of("guest@other.example").await, None);
    }
}

#[tokio::test]
async fn c16_and_c19_groups_are_shown_as_the_configuration_says() {
    for mut world in worlds(Way::Changes).await {
        world.organisation.found("g3", "jira-secret");
        world.organisation.found("g4", "jira-empty");
        world.organisation.join_users("g3", &["ada"]);
        world.configure(
            "[groups]\nnames = [\"jira-*\"]\nhide = [\"jira-secret\"]\n\
             [[claims.transform]]\nclaim = \"groups\"\npattern = \"^jira-\"\nreplace = \"j:\"",
        );
        world.begin().await;
        assert_eq!(world.groups_of("ada@example.com").await, ["j:users"]);
        assert!(world.groups_of("dan@example.com").await.is_empty());
        let groups = world.store.list_groups(None, 100).await.unwrap();
        let names: Vec<_> = groups.into_iter().map(|group| group.name).collect();
        assert_eq!(names, ["j:empty", "j:users"]);
    }
}

#[tokio::test]
async fn c13_two_groups_with_one_name_are_not_one_group() {
    for mut world in worlds(Way::Changes).await {
        world.organisation.found("g3", "Wiki");
        world.organisation.join_users("g3", &["eve"]);
        let report = world.begin().await;
        let conflicts = report.directory.unwrap().conflicts;
        assert_eq!(conflicts.len(), 1, "{conflicts:?}");
        let groups_of = async |world: &super::World| {
            let names = ["dan@example.com", "eve@example.com"];
            let mut groups = Vec::new();
            for name in names {
                groups.extend(world.groups_of(name).await);
            }
            groups.sort();
            groups
        };
        let first = groups_of(&world).await;
        assert_eq!(first.len(), 1, "{first:?}");
        // Who had the name keeps it.
        world.organisation.hire("fay", |_| {});
        world.organisation.join_users(&conflicts[0].external_id, &["fay"]);
        world.try_run(|request| request.full = true).await.unwrap();
        assert_eq!(groups_of(&world).await, first);
        world.configure("[groups]\nsame_name = \"suffix\"");
        world.begin().await;
        let both =
            [world.groups_of("dan@example.com").await, world.groups_of("eve@example.com").await];
        assert!(both.iter().all(|groups| groups.len() == 1) && both[0] != both[1], "{both:?}");
    }
}

#[tokio::test]
async fn a_group_that_could_not_have_its_name_has_it_once_it_is_free() {
    for world in worlds(Way::Changes).await {
        world.organisation.found("g3", "Wiki");
        world.organisation.join_users("g3", &["eve"]);
        let conflicts = world.begin().await.directory.unwrap().conflicts;
        let (other, left_out) = match conflicts[0].external_id.as_str() {
            "g2" => ("g3", "dan@example.com"),
            _ => ("g2", "eve@example.com"),
        };
        // Nothing is new, and it is not forgotten for that; nor if something is new that has nothing to do with it.
        world.run().await;
        world.organisation.set("ada", "displayName", "Ada L");
        world.run().await;
        assert!(world.groups_of(left_out).await.is_empty());
        world.organisation.found(other, "knowledge");
        for _ in 0..2 {
            let report = world.run().await;
            assert!(!report.compared_all, "{report:?}");
        }
        let groups = world.groups_of(left_out).await;
        assert!(groups.len() == 1 && groups[0].eq_ignore_ascii_case("wiki"), "{groups:?}");
    }
}

#[tokio::test]
async fn c12_nobody_gets_somebody_elses_name_and_nobody_is_dropped_in_silence() {
    for mut world in worlds(Way::Changes).await {
        world.configure("[claims]\nusername = [\"mail\"]");
        world.begin().await;
        world.organisation.set("eve", "mail", "ada@mail.example.com");
        world.organisation.hire("fay", |person| {
            person.attributes.insert("mail".to_owned(), "ADA@mail.example.com".to_owned());
        });
        world.organisation.hire("nameless", |person| drop(person.attributes.remove("mail")));
        let report = world.run().await;
        let told: Vec<_> = report.nameless.iter().map(|one| one.external_id.as_str()).collect();
        assert_eq!(told, ["nameless", "eve", "fay"], "{report:?}");
        let people = world.people().await;
        // Who had the name keeps it, and who had another one keeps that.
        assert_eq!(people["ada@mail.example.com"].1, ["jira-users"]);
        assert!(people.contains_key("eve@mail.example.com") && people.len() == 5, "{people:?}");

        // They are looked at again until it is settled, whether or not they change.
        world.organisation.set("ada", "mail", "ada.l@mail.example.com");
        world.organisation.set("eve", "mail", "eve@mail.example.com");
        let report = world.run().await;
        assert!(!report.compared_all, "{report:?}");
        assert!(world.people().await.contains_key("ADA@mail.example.com"), "{report:?}");
    }
}

#[tokio::test]
async fn c12_a_second_source_gives_everybody_a_name_of_their_own() {
    for mut world in worlds(Way::Changes).await {
        world.configure("[claims]\nusername = [\"mail\", \"userPrincipalName\"]");
        world.organisation.set("eve", "mail", "shared@example.com");
        world.organisation.set("dan", "mail", "shared@example.com");
        world.begin().await;
        let people = world.people().await;
        assert!(people.contains_key("eve@example.com") && people.contains_key("dan@example.com"));
        assert!(!people.contains_key("shared@example.com"), "{people:?}");
        // Somebody who comes later, alone with a change.
        world.organisation.hire("fay", |person| {
            person.attributes.insert("mail".to_owned(), "ada@mail.example.com".to_owned());
        });
        let report = world.run().await;
        assert!(report.nameless.is_empty() && !report.compared_all, "{report:?}");
        let people = world.people().await;
        assert!(people.contains_key("fay@example.com"), "{people:?}");
        assert_eq!(people["ada@mail.example.com"].1, ["jira-users"]);
    }
}
