//! What filters and names would make of what is known, before they do.

use gatehouse::sync::{Preview, PreviewError, preview};

use super::{Way, World, worlds};

async fn look(world: &World) -> Preview {
    preview(&world.store, &world.connector(), 3).await.unwrap()
}

#[tokio::test]
async fn c16_each_filter_is_counted_by_itself_and_all_together() {
    for mut world in worlds(Way::Changes).await {
        let none = preview(&world.store, &world.connector(), 3).await;
        assert!(matches!(none, Err(PreviewError::NoMirror(_))), "{none:?}");
        world.organisation.set("ada", "department", "IT");
        world.organisation.set("dan", "department", "IT");
        world.organisation.disable("cleo");
        world.run().await;
        world.organisation.asked();
        let last = world.last_run().await.id;

        world.configure(
            "[users]\nmembers_of = [\"jira-users\"]\nexclude = [\"eve\"]\n\
             [[users.where]]\nattribute = \"department\"\nmatches = \"i.\"\n\
             [groups]\nnames = [\"re:(jira|wiki).*\"]\nhide = [\"wiki\"]\nprefix_strip = \"jira-\"",
        );
        let seen = look(&world).await;
        let counts = &seen.users.counts;
        assert_eq!((counts.come, counts.out_of_scope, counts.disabled), (1, 3, 1), "{seen:?}");
        let filters: Vec<_> = seen.users.filters.iter().map(|it| (it.keeps, it.drops)).collect();
        // Of the four who are enabled: two are in the group, three are not excluded, two are of the department.
        assert_eq!(filters, [(2, 2), (3, 1), (2, 2)], "{:?}", seen.users.filters);
        assert_eq!(seen.users.filters[1].dropped, ["eve@example.com"]);
        assert_eq!(seen.users.come, ["ada@example.com"]);
        assert_eq!((seen.groups.known, seen.groups.shown), (2, 1), "{:?}", seen.groups);
        assert_eq!(seen.groups.hidden, ["wiki"]);
        let group = &seen.groups.groups[0];
        assert_eq!((group.said.as_str(), group.name.as_str()), ("jira-users", "users"));
        assert_eq!(group.members, 1, "of those who come");
        assert!(world.organisation.asked().is_empty(), "nobody is asked");
        assert!(world.people().await.is_empty(), "nothing is written");
        assert_eq!(world.last_run().await.id, last);
    }
}

#[tokio::test]
async fn c17_members_are_counted_after_groups_in_groups_are_flattened() {
    for mut world in worlds(Way::Changes).await {
        world.organisation.join("g1", gatehouse::cloud::Member::Group("g2".to_owned()));
        world.organisation.join("g2", gatehouse::cloud::Member::Group("g1".to_owned()));
        world.run().await;
        let sizes = async |world: &World| {
            let groups = look(world).await.groups.groups;
            groups.into_iter().map(|group| (group.name, group.members)).collect::<Vec<_>>()
        };
        let [jira, wiki] = ["jira-users", "wiki"].map(str::to_owned);
        assert_eq!(sizes(&world).await, [(jira.clone(), 4), (wiki.clone(), 4)]);
        world.configure("[users]\nnested = false");
        assert_eq!(sizes(&world).await, [(jira, 3), (wiki, 1)]);
    }
}

#[tokio::test]
async fn a_mapping_that_renames_accounts_is_warned_of_before_it_does() {
    for mut world in worlds(Way::Changes).await {
        world.begin().await;
        assert!(!look(&world).await.is_new);
        world.configure("[claims]\nusername = [\"mail\"]\n[users]\nmembers_of = [\"jira-users\"]");
        let seen = look(&world).await;
        assert!(seen.is_new && seen.changes.new == 0, "{seen:?}");
        assert_eq!((seen.changes.renamed, seen.changes.put_out_of_scope), (3, 2), "{seen:?}");
        let pair = ["ada@example.com", "ada@mail.example.com"].map(str::to_owned);
        assert!(seen.changes.renames.contains(&pair), "{:?}", seen.changes);
        assert_eq!(seen.changes.out_of_scope, ["dan@example.com", "eve@example.com"]);
        let first = &seen.names.first[0];
        assert_eq!(first.username, "ada@mail.example.com");
        let part = |claim: &str| first.parts.iter().find(|part| part.claim == claim).unwrap();
        assert_eq!(part("username").source, "mail");
        assert_eq!(part("display_name").source, "displayName");

        // The dry run that is forced says the same.
        let forced = world.run().await;
        let directory = forced.directory.unwrap();
        assert!(forced.forced.is_some());
        assert_eq!(directory.renamed, 3, "{directory:?}");
        assert!(directory.renames.contains(&pair), "{directory:?}");
        assert_eq!(directory.put_out_of_scope, ["dan@example.com", "eve@example.com"]);
        assert_eq!(directory.deactivated.out_of_scope, 2);
    }
}

#[tokio::test]
async fn who_wants_the_same_name_is_told_before_anybody_gets_it() {
    for mut world in worlds(Way::Changes).await {
        world.organisation.set("dan", "mail", "shared@example.com");
        world.organisation.set("eve", "mail", "shared@example.com");
        world.organisation.hire("fay", |person| drop(person.attributes.remove("mail")));
        world.run().await;
        world.configure("[claims]\nusername = [\"mail\"]");
        let seen = look(&world).await;
        assert_eq!((seen.names.without, seen.names.fallbacks), (3, 0), "{:?}", seen.names);
        world.configure("[claims]\nusername = [\"mail\", \"userPrincipalName\"]");
        let seen = look(&world).await;
        assert_eq!((seen.names.without, seen.names.fallbacks), (0, 2), "{:?}", seen.names);
        let pair = ["shared@example.com", "dan@example.com"].map(str::to_owned);
        assert!(seen.names.fallen_back.contains(&pair), "{:?}", seen.names);
    }
}

#[tokio::test]
async fn filters_that_let_nobody_come_are_counted_all_the_same() {
    for mut world in worlds(Way::Changes).await {
        world.run().await;
        world.configure("[users]\nmembers_of = [\"nobody-there\"]");
        let seen = look(&world).await;
        assert!(seen.problem.as_ref().unwrap().contains("nobody"), "{seen:?}");
        assert_eq!((seen.users.filters[0].keeps, seen.users.filters[0].drops), (0, 5));
    }
}
