//! What groups are called here.

use gatehouse::directory::InactiveReason;

use super::{Way, worlds};

#[tokio::test]
async fn names_are_changed_in_one_order() {
    for mut world in worlds(Way::Changes).await {
        world.organisation.found("g1", "APP_Jira_Users-Role");
        world.configure(
            "[groups]\nprefix_strip = \"app_\"\nsuffix_strip = \"-role\"\nlowercase = true\n\
             prefix_add = \"$x-\"\n\
             [[groups.example]]\nname = \"APP_Wiki-Role\"\nbecomes = \"$x-wiki\"\n\
             [[claims.transform]]\nclaim = \"groups\"\npattern = \"_Jira_\"\nreplace = \"_J_\"",
        );
        world.begin().await;
        assert_eq!(world.groups_of("ada@example.com").await, ["$x-j_users"]);
    }
}

#[tokio::test]
async fn c19_groups_that_become_one_name_are_not_one_group() {
    for mut world in worlds(Way::Changes).await {
        world.organisation.found("g3", "app-wiki");
        world.organisation.join_users("g3", &["eve"]);
        world.configure("[groups]\nprefix_strip = \"app-\"");
        let report = world.begin().await;
        let conflicts = report.directory.unwrap().conflicts;
        assert_eq!(conflicts.len(), 1, "{conflicts:?}");
        assert_eq!(conflicts[0].name, "wiki");
    }
}

#[tokio::test]
async fn c14_a_group_keeps_the_name_that_permissions_refer_to_if_that_is_wanted() {
    for mut world in worlds(Way::Changes).await {
        world.configure("[groups]\nrename = \"keep\"");
        world.begin().await;
        world.organisation.found("g1", "jira-people");
        world.organisation.join_users("g1", &["eve"]);
        world.run().await;
        assert_eq!(world.groups_of("eve@example.com").await, ["jira-users"]);
        // Nor does a look at one user rename it.
        world.organisation.join_users("g1", &["dan"]);
        let connector = world.connector();
        let look = super::look_at("dan");
        gatehouse::sync::sync_user(&world.store, &world.clock, &connector, &look).await.unwrap();
        assert_eq!(world.groups_of("dan@example.com").await, ["jira-users", "wiki"]);
        // A group that is new, and called as the other one is here, is another group.
        world.organisation.found("g3", "jira-users");
        world.organisation.join_users("g3", &["eve"]);
        let report = world.run().await;
        let conflicts = report.directory.unwrap().conflicts;
        assert_eq!(conflicts.iter().map(|it| it.external_id.as_str()).collect::<Vec<_>>(), ["g3"]);

        world.configure("");
        world.begin().await;
        assert_eq!(world.groups_of("dan@example.com").await, ["jira-people", "wiki"]);
    }
}

#[tokio::test]
async fn patterns_and_units_decide_who_comes() {
    for mut world in worlds(Way::Changes).await {
        world.organisation.set("ada", "orgUnitPath", "/Sales/EMEA");
        world.organisation.set("bob", "orgUnitPath", "/SalesOps");
        world.configure(
            "[users]\nmembers_of = [\"re:jira-.*\"]\n\
             [[users.where]]\nattribute = \"orgUnitPath\"\nunder = \"/Sales\"",
        );
        world.begin().await;
        assert_eq!(world.people().await.into_keys().collect::<Vec<_>>(), ["ada@example.com"]);
        // Whoever moves away is out of scope, and not missing.
        world.organisation.set("ada", "orgUnitPath", "/Engineering");
        world.organisation.set("bob", "orgUnitPath", "/sales");
        world.run().await;
        assert_eq!(world.state_of("ada@example.com").await, Some(InactiveReason::OutOfScope));
        assert_eq!(world.state_of("bob@example.com").await, None);
    }
}
