//! What a login does in every case, and what administrators do, on both databases. The numbers are those
//! of the list of cases in `docs/directory.md`.

use chrono::TimeDelta;
use gatehouse::{
    config::{
        Claim, ClaimsConfig, LetterCase, LinkExisting, Otherwise, TransformConfig,
        WithoutGroupClaim,
    },
    directory::{
        Change, DirectoryId, Identity, InactiveReason, Issuer, NameKey, PersonId, Profile, Subject,
        SubjectKind, User,
    },
    provisioning::{
        Claims, GroupClaim, ManagedGroups, Mapping, Policy, Statement, Warning, plan_deactivation,
        plan_joining, plan_leaving, plan_nesting, plan_reactivation, plan_removal, plan_unnesting,
    },
    store::{
        Edit, GroupListing, Member, Provision, ProvisionError, Provisioned, Step, Store,
        StoreError, UserDetails,
    },
};

use crate::support::{
    databases::databases,
    directory::{claims, edit, groups, now, policy},
};

const CORP: &str = "saml:corp";

/// One database with a directory.
struct House {
    store: Store,
    internal: DirectoryId,
    policy: Policy,
}

/// Runs a case on every database.
async fn on_every_database(case: impl AsyncFn(House)) {
    for database in databases().await {
        let store = database.store.clone();
        let internal = store.ensure_directory("Internal", now()).await.unwrap();
        case(House { store, internal, policy: policy() }).await;
    }
}

impl House {
    async fn log_in(&self, claims: Claims) -> Result<Provisioned, ProvisionError> {
        self.log_in_to(self.internal, claims).await
    }

    async fn log_in_to(
        &self,
        directory: DirectoryId,
        claims: Claims,
    ) -> Result<Provisioned, ProvisionError> {
        let request = Provision {
            enabled_at_source: None,
            directory,
            claims,
            policy: self.policy.clone(),
            actor: "login".to_owned(),
            reason: "trace".to_owned(),
        };
        self.store.provision(&request, now()).await
    }

    async fn refusal(&self, claims: Claims) -> &'static str {
        match self.log_in(claims).await {
            Err(ProvisionError::Refused(refusal)) => refusal.code(),
            other => panic!("{other:?}"),
        }
    }

    async fn find(&self, name: &str) -> Option<UserDetails> {
        let users = self.store.list_users_by_name(&NameKey::of(name)).await.unwrap();
        assert!(users.len() <= 1, "{users:?}");
        users.into_iter().next()
    }

    async fn user(&self, name: &str) -> User {
        self.find(name).await.unwrap().user
    }

    async fn edit(&self, user: &User, changes: Vec<Change>) {
        edit(&self.store, user, changes).await.unwrap();
    }

    async fn create_group(&self, name: &str) {
        let change = Change::CreateGroup { group: name.to_owned() };
        let steps = vec![Step { person: None, user: None, change }];
        let (actor, reason) = ("admin".to_owned(), "test".to_owned());
        let edit = Edit { directory: self.internal, steps, actor, reason };
        self.store.apply_edit(edit, false, now()).await.unwrap();
    }

    /// The names of the groups that somebody is in.
    async fn groups(&self, name: &str) -> Vec<String> {
        let details = self.find(name).await.unwrap();
        details.memberships.into_iter().map(|(group, _)| group).collect()
    }

    /// Everything the directory holds, but for numbers.
    async fn snapshot(&self) -> Snapshot {
        let users = self.store.list_users(None, 1000).await.unwrap();
        let user = |details: UserDetails| {
            let user = details.user;
            (user.uuid, user.profile, user.inactive, details.identities, details.memberships)
        };
        let groups = self.store.list_groups(None, 1000).await.unwrap();
        let mut listed = Vec::new();
        for GroupListing { id, name, .. } in groups {
            let members = self.store.list_members(id).await.unwrap();
            let member = |member: Member| (member.username, member.source);
            listed.push((name, members.into_iter().map(member).collect::<Vec<_>>()));
        }
        format!("{:#?}\n{listed:#?}", users.into_iter().map(user).collect::<Vec<_>>())
    }

    async fn head(&self) -> i64 {
        let latest = self.store.list_latest_changes(None, 1).await.unwrap();
        latest.first().map_or(0, |change| change.batch)
    }
}

type Snapshot = String;

fn alice(groups: GroupClaim) -> Claims {
    claims(CORP, "alice", groups)
}

/// The same person under another name, as after a wedding.
fn renamed(claims: &Claims, username: &str) -> Claims {
    let mut claims = claims.clone();
    username.clone_into(&mut claims.profile.username);
    claims
}

/// A person whom nobody can be matched with, by another subject.
fn stranger(username: &str, subject: &str) -> Claims {
    let subject = Subject { kind: SubjectKind::NameidPersistent, value: subject.to_owned() };
    let issuer = Issuer("saml:partner".to_owned());
    let mut claims = claims(CORP, username, GroupClaim::NotAsked);
    claims.identity = Identity { issuer, subject, match_key: None };
    claims
}

#[tokio::test]
async fn j01_a_first_login_makes_an_account_and_a_log_of_it() {
    on_every_database(async |house| {
        house.log_in(alice(groups(&["jira-users"]))).await.unwrap();
        let details = house.find("alice").await.unwrap();
        assert_eq!(details.identities.len(), 1);
        assert_eq!(details.memberships, [("jira-users".to_owned(), format!("jit:{CORP}"))]);
        let log = house.store.list_latest_changes(None, 100).await.unwrap();
        assert!(log.iter().all(|change| change.batch == log[0].batch && change.actor == "login"));
        assert!(log.iter().any(|change| matches!(change.change, Change::CreateUser { .. })));
    })
    .await;
}

#[tokio::test]
async fn j02_without_permission_to_make_accounts_nobody_gets_one() {
    on_every_database(async |mut house| {
        house.policy.create_users = false;
        assert_eq!(house.refusal(alice(GroupClaim::NotAsked)).await, "no-account");
        assert!(house.find("alice").await.is_none());
    })
    .await;
}

#[tokio::test]
async fn j03_only_members_of_managed_groups_get_an_account() {
    on_every_database(async |mut house| {
        house.policy.create_only_with_groups = true;
        house.policy.managed_groups = ManagedGroups::new(&["jira-users".to_owned()], &[]);
        for said in
            [groups(&["other"]), GroupClaim::Empty, GroupClaim::Absent, GroupClaim::NotAsked]
        {
            assert_eq!(house.refusal(alice(said)).await, "no-entitlement");
        }
        assert_eq!(house.head().await, 0, "nothing was written");
        house.log_in(alice(groups(&["other", "JIRA-users"]))).await.unwrap();
        house.log_in(alice(groups(&["other"]))).await.unwrap();
        assert_eq!(house.groups("alice").await, Vec::<String>::new(), "old accounts stay");
    })
    .await;
}

#[tokio::test]
async fn j04_a_new_name_renames_the_account_and_keeps_everything() {
    on_every_database(async |house| {
        let before = alice(groups(&["jira-users"]));
        house.log_in(before.clone()).await.unwrap();
        let uuid = house.user("alice").await.uuid;
        house.log_in(renamed(&before, "alice.new")).await.unwrap();
        assert!(house.find("alice").await.is_none());
        assert_eq!(house.user("alice.new").await.uuid, uuid);
        assert_eq!(house.groups("alice.new").await, ["jira-users"]);
    })
    .await;
}

#[tokio::test]
async fn j05_a_name_that_somebody_has_is_not_taken_by_a_rename() {
    on_every_database(async |house| {
        let said = alice(GroupClaim::NotAsked);
        house.log_in(said.clone()).await.unwrap();
        house.log_in(claims(CORP, "bob", GroupClaim::NotAsked)).await.unwrap();
        let login = house.log_in(renamed(&said, "Bob")).await.unwrap();
        assert_eq!(login.plan.warnings.len(), 1, "{:?}", login.plan.warnings);
        assert_eq!(house.user("alice").await.person, login.person);
    })
    .await;
}

#[tokio::test]
async fn j07_a_removed_persons_name_is_theirs_until_it_is_released() {
    on_every_database(async |house| {
        let said = alice(groups(&["jira-users"]));
        let first = house.log_in(said.clone()).await.unwrap();
        let details = house.find("alice").await.unwrap();
        house.edit(&details.user, plan_removal(&details.user, &details.memberships)).await;
        assert!(house.find("alice").await.is_none());

        assert_eq!(house.refusal(stranger("alice", "p-1")).await, "username-retired");
        let back = house.log_in(said).await.unwrap();
        assert_eq!(back.person, first.person, "the same person comes back");

        let details = house.find("alice").await.unwrap();
        house.edit(&details.user, plan_removal(&details.user, &details.memberships)).await;
        assert!(house.store.release_name(house.internal, &NameKey::of("ALICE")).await.unwrap());
        assert!(!house.store.release_name(house.internal, &NameKey::of("alice")).await.unwrap());
        house.log_in(stranger("alice", "p-1")).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn j08_a_new_address_changes_the_account_and_not_who_it_is() {
    on_every_database(async |house| {
        let mut said = alice(GroupClaim::NotAsked);
        let first = house.log_in(said.clone()).await.unwrap();
        said.profile.email = Some("a.new@example.com".to_owned());
        let second = house.log_in(said).await.unwrap();
        assert_eq!(second.person, first.person);
        let email = house.user("alice").await.profile.email;
        assert_eq!(email.as_deref(), Some("a.new@example.com"));
    })
    .await;
}

#[tokio::test]
async fn j09_who_could_be_several_people_is_none_of_them() {
    on_every_database(async |house| {
        let key = |username: &str, subject: &str, issuer: &str| {
            let mut claims = claims(issuer, username, GroupClaim::NotAsked);
            claims.identity.subject.value = subject.to_owned();
            claims.identity.match_key = alice(GroupClaim::NotAsked).identity.match_key;
            claims
        };
        let first = house.log_in(key("alice", "1", CORP)).await.unwrap().person;
        // Linked by an administrator, a second person is known by the same address.
        let bob = house.log_in(claims(CORP, "bob", GroupClaim::NotAsked)).await.unwrap().person;
        assert_ne!(first, bob);
        let identity = key("bob", "2", CORP).identity;
        let user = house.user("bob").await;
        house.edit(&user, vec![Change::AddIdentity { identity }]).await;
        let ambiguous = key("alice", "3", "kerberos:EXAMPLE.COM");
        assert_eq!(house.refusal(ambiguous).await, "ambiguous-match");
    })
    .await;
}

#[tokio::test]
async fn j10_case_makes_no_second_account_and_the_stored_spelling_stays() {
    on_every_database(async |house| {
        let said = alice(GroupClaim::NotAsked);
        house.log_in(renamed(&said, "Alice")).await.unwrap();
        let login = house.log_in(renamed(&said, "ALICE")).await.unwrap();
        assert!(login.plan.changes.is_empty(), "{:?}", login.plan.changes);
        assert_eq!(house.user("alice").await.profile.username, "Alice");
    })
    .await;
}

#[tokio::test]
async fn j11_who_is_hidden_by_a_namesake_in_a_directory_before_is_not_let_in() {
    on_every_database(async |house| {
        let other = house.store.ensure_directory("Contractors", now()).await.unwrap();
        house.log_in(alice(GroupClaim::NotAsked)).await.unwrap();
        let namesake = house.log_in_to(other, stranger("Alice", "p-1")).await.unwrap().person;
        let account = async |order: &[DirectoryId], person: PersonId| {
            house.store.find_account(order, person).await.unwrap()
        };
        assert!(account(&[other, house.internal], namesake).await.is_some());
        assert!(account(&[house.internal, other], namesake).await.is_none());
        house.store.set_directory_disabled(house.internal, Some(now())).await.unwrap();
        assert!(account(&[house.internal, other], namesake).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn j12_j13_only_issuers_of_the_domain_speak_for_a_known_person() {
    on_every_database(async |house| {
        let first = house.log_in(alice(GroupClaim::NotAsked)).await.unwrap().person;
        let linked = claims("kerberos:EXAMPLE.COM", "alice", GroupClaim::NotAsked);
        assert_eq!(house.log_in(linked).await.unwrap().person, first);
        let foreign = claims("saml:foreign", "alice", GroupClaim::NotAsked);
        assert_eq!(house.refusal(foreign).await, "username-taken");
        assert_eq!(house.refusal(stranger("alice", "p-1")).await, "username-taken");
    })
    .await;
}

/// An account that was imported: nobody vouches for it yet.
async fn imported(house: &House, name: &str, email: &str) -> User {
    let newcomer = claims(CORP, name, GroupClaim::NotAsked);
    house.log_in(newcomer.clone()).await.unwrap();
    let user = house.user(name).await;
    let before = user.profile.clone();
    let email = (!email.is_empty()).then(|| email.to_owned());
    let after = Profile { email, ..before.clone() };
    let mut changes = vec![Change::RemoveIdentity { identity: newcomer.identity }];
    if after != before {
        changes.push(Change::UpdateUser { before, after });
    }
    house.edit(&user, changes).await;
    user
}

#[tokio::test]
async fn j12_an_account_that_nobody_has_logged_in_to_is_the_newcomers_if_the_policy_says_so() {
    use LinkExisting::{Email, Never, Username};
    on_every_database(async |mut house| {
        house.create_group("jira-administrators").await;
        house.policy.managed_groups = ManagedGroups::new(&[], &["jira-administrators".to_owned()]);
        let cases = [
            (Never, "same", false),
            (Email, "same", true),
            (Email, "other@example.com", false),
            (Email, "", false),
            (Username, "other@example.com", true),
            (Username, "", true),
            (Username, "other@elsewhere.com", false),
        ];
        for (index, (link, email, is_linked)) in cases.into_iter().enumerate() {
            let name = format!("user{index}");
            let address = format!("{name}@example.com");
            let email = if email == "same" { &address } else { email };
            house.policy.link_existing = Never;
            let user = imported(&house, &name, email).await;
            house.policy.link_existing = link;
            // Who is not bound to the domain has no word in it.
            let foreign = claims("saml:foreign", &name, GroupClaim::NotAsked);
            assert_eq!(house.refusal(foreign).await, "username-taken");
            let login = claims(CORP, &name, GroupClaim::NotAsked);
            if is_linked {
                assert_eq!(house.log_in(login).await.unwrap().person, user.person);
                let second = renamed(&claims(CORP, "other", GroupClaim::NotAsked), &name);
                assert_eq!(house.refusal(second).await, "username-taken", "only once");
            } else {
                assert_eq!(house.refusal(login).await, "username-taken", "{link:?} {email}");
            }
        }
        house.policy.link_existing = Username;
        let administrator = imported(&house, "root", "root@example.com").await;
        house.edit(&administrator, vec![plan_joining("jira-administrators")]).await;
        let login = claims(CORP, "root", GroupClaim::NotAsked);
        assert_eq!(house.refusal(login).await, "username-taken", "never to a protected account");
    })
    .await;
}

#[tokio::test]
async fn j06_a_name_that_somebody_has_in_another_directory_is_not_taken_by_a_rename() {
    on_every_database(async |house| {
        let other = house.store.ensure_directory("Other", now()).await.unwrap();
        house.log_in_to(other, stranger("alicia", "p-1")).await.unwrap();
        house.log_in(alice(GroupClaim::NotAsked)).await.unwrap();
        let wedding = renamed(&alice(GroupClaim::NotAsked), "alicia");
        let login = house.log_in(wedding.clone()).await.unwrap();
        assert_eq!(login.plan.warnings.len(), 1, "{:?}", login.plan.warnings);
        assert_eq!(house.user("alice").await.person, login.person);
        house.store.set_directory_disabled(other, Some(now())).await.unwrap();
        house.log_in(wedding).await.unwrap();
        let names = house.store.list_users_by_name(&NameKey::of("alicia")).await.unwrap();
        assert_eq!(names.len(), 2, "nobody sees the other one any more");
    })
    .await;
}

#[tokio::test]
async fn j30_without_a_seat_left_newcomers_are_refused_and_others_are_not() {
    on_every_database(async |mut house| {
        house.policy.max_active_users = Some(2);
        let first = house.log_in(alice(GroupClaim::NotAsked)).await.unwrap();
        assert!(matches!(first.plan.warnings[..], [Warning::FewSeats(1)]));
        house.log_in(claims(CORP, "bob", GroupClaim::NotAsked)).await.unwrap();
        assert_eq!(house.refusal(claims(CORP, "carl", GroupClaim::NotAsked)).await, "no-seat");
        house.log_in(alice(GroupClaim::NotAsked)).await.unwrap();
        let bob = house.user("bob").await;
        house.edit(&bob, plan_deactivation(&bob)).await;
        house.log_in(claims(CORP, "carl", GroupClaim::NotAsked)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn everybody_of_an_issuer_is_in_its_default_groups_whatever_is_said() {
    on_every_database(async |mut house| {
        house.policy.managed_groups = ManagedGroups::new(&["jira-*".to_owned()], &[]);
        house.policy.create_groups = false;
        let issuer = Issuer(CORP.to_owned());
        house.policy.default_groups = vec![(issuer, vec!["everybody".to_owned()])];
        house.create_group("jira-a").await;
        for (said, expected) in [
            (GroupClaim::NotAsked, &["everybody"][..]),
            (groups(&["jira-a"]), &["everybody", "jira-a"]),
            (GroupClaim::Empty, &["everybody"]),
            (GroupClaim::Absent, &["everybody"]),
        ] {
            house.log_in(alice(said)).await.unwrap();
            assert_eq!(house.groups("alice").await, expected);
        }
        let again = house.log_in(alice(GroupClaim::Empty)).await.unwrap();
        assert!(again.plan.changes.is_empty());
        house.log_in(claims("kerberos:EXAMPLE.COM", "bob", GroupClaim::NotAsked)).await.unwrap();
        assert!(house.groups("bob").await.is_empty(), "another issuer's");
    })
    .await;
}

#[tokio::test]
async fn j14_a_newcomer_needs_what_is_required_and_others_do_not() {
    on_every_database(async |mut house| {
        house.log_in(alice(GroupClaim::NotAsked)).await.unwrap();
        house.policy.required = vec![Claim::Email, Claim::DisplayName];
        house.log_in(alice(GroupClaim::NotAsked)).await.unwrap();
        let mut bob = claims(CORP, "bob", GroupClaim::NotAsked);
        assert_eq!(house.refusal(bob.clone()).await, "attribute-missing");
        bob.profile.display_name = Some("Bob".to_owned());
        house.log_in(bob).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn j15_what_is_not_said_stays() {
    on_every_database(async |house| {
        let mut said = alice(GroupClaim::NotAsked);
        said.profile.display_name = Some("Alice".to_owned());
        house.log_in(said.clone()).await.unwrap();
        (said.profile.email, said.profile.display_name) = (None, None);
        let login = house.log_in(said).await.unwrap();
        assert!(login.plan.changes.is_empty(), "{:?}", login.plan.changes);
    })
    .await;
}

#[tokio::test]
async fn j16_what_a_transform_does_not_match_is_left_passed_over_cleared_or_refused() {
    let statement = || Statement {
        name_id: "1".to_owned(),
        name_id_format: None,
        attributes: [("mail", "ada@other.example"), ("second", "ada@corp.example")]
            .map(|(name, value)| (name.to_owned(), vec![value.to_owned()]))
            .into(),
    };
    on_every_database(async |house| {
        for (otherwise, expected) in [
            (Otherwise::Raw, Some("ada@other.example")),
            (Otherwise::Ignore, Some("Ada at corp")),
            // What was said before stays: nothing is said now.
            (Otherwise::Clear, Some("Ada at corp")),
        ] {
            let mapping = mapping_of(otherwise);
            house.log_in(mapping.claims(&statement()).unwrap()).await.unwrap();
            let user = house.store.list_users(None, 10).await.unwrap().remove(0).user;
            assert_eq!(user.profile.email.as_deref(), expected, "{otherwise:?}");
        }
        let refused = mapping_of(Otherwise::Refuse).claims(&statement()).unwrap_err();
        assert_eq!(refused.code(), "transform-refused");
    })
    .await;
}

fn mapping_of(otherwise: Otherwise) -> Mapping {
    let config = ClaimsConfig {
        email: vec!["mail".to_owned(), "second".to_owned()],
        transform: vec![TransformConfig {
            claim: Claim::Email,
            pattern: "^ada@corp[.]example$".to_owned(),
            replace: "Ada at corp".to_owned(),
            case: LetterCase::Keep,
            otherwise,
        }],
        ..ClaimsConfig::default()
    };
    Mapping::new("corp", &[], &config).unwrap()
}

#[tokio::test]
async fn j17_j18_the_claim_is_mirrored_within_the_managed_groups() {
    on_every_database(async |mut house| {
        house.policy.managed_groups = ManagedGroups::new(&["jira-*".to_owned()], &[]);
        house.log_in(alice(groups(&["jira-a", "jira-b", "wiki-a"]))).await.unwrap();
        assert_eq!(house.groups("alice").await, ["jira-a", "jira-b"]);
        house.log_in(alice(groups(&["jira-b", "jira-c"]))).await.unwrap();
        assert_eq!(house.groups("alice").await, ["jira-b", "jira-c"]);
        house.log_in(alice(GroupClaim::Empty)).await.unwrap();
        assert_eq!(house.groups("alice").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn j19_j20_silence_about_groups_keeps_them_unless_it_means_none() {
    on_every_database(async |mut house| {
        house.log_in(alice(groups(&["jira-a"]))).await.unwrap();
        for silent in [GroupClaim::Absent, GroupClaim::Overage] {
            let login = house.log_in(alice(silent)).await.unwrap();
            assert_eq!(login.plan.warnings.len(), 1);
            assert_eq!(house.groups("alice").await, ["jira-a"]);
        }
        house.policy.without_group_claim = WithoutGroupClaim::Revoke;
        house.log_in(alice(GroupClaim::Overage)).await.unwrap();
        assert_eq!(house.groups("alice").await, ["jira-a"], "too many are not none");
        house.log_in(alice(GroupClaim::Absent)).await.unwrap();
        assert_eq!(house.groups("alice").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn j21_ids_are_not_made_into_groups() {
    on_every_database(async |house| {
        let id = "0f2c3a44-9d1e-4a53-8c2b-5f60f3a1b2c3";
        let login = house.log_in(alice(groups(&[id, "jira-users"]))).await.unwrap();
        assert_eq!(house.groups("alice").await, ["jira-users"]);
        let warning = login.plan.warnings[0].to_string();
        assert!(warning.contains(id), "{warning}");
    })
    .await;
}

#[tokio::test]
async fn j22_unknown_groups_are_ignored_or_made_a_few_at_a_time() {
    on_every_database(async |mut house| {
        house.policy.create_groups = false;
        let login = house.log_in(alice(groups(&["new-1"]))).await.unwrap();
        assert_eq!(login.plan.warnings.len(), 1);
        assert_eq!(house.groups("alice").await, Vec::<String>::new());

        (house.policy.create_groups, house.policy.max_new_groups) = (true, 2);
        let said = alice(groups(&["new-1", "new-2", "new-3"]));
        let login = house.log_in(said.clone()).await.unwrap();
        assert_eq!(login.plan.warnings.len(), 1);
        assert_eq!(house.groups("alice").await, ["new-1", "new-2"]);
        house.log_in(said).await.unwrap();
        assert_eq!(house.groups("alice").await, ["new-1", "new-2", "new-3"]);
    })
    .await;
}

#[tokio::test]
async fn j23_j24_what_others_gave_stays_and_groups_are_never_removed_by_a_login() {
    on_every_database(async |house| {
        house.log_in(alice(groups(&["jira-a", "jira-b"]))).await.unwrap();
        let user = house.user("alice").await;
        house.edit(&user, vec![plan_joining("jira-a")]).await;
        house.log_in(alice(GroupClaim::Empty)).await.unwrap();
        let details = house.find("alice").await.unwrap();
        assert_eq!(details.memberships, [("jira-a".to_owned(), "manual".to_owned())]);
        let names = house.store.list_groups(None, 10).await.unwrap();
        assert_eq!(names.len(), 2, "an empty group stays");
        house.edit(&user, vec![plan_leaving("jira-a")]).await;
    })
    .await;
}

#[tokio::test]
async fn j25_a_protected_group_needs_its_full_name_to_be_managed() {
    on_every_database(async |mut house| {
        let protected = ["jira-administrators".to_owned()];
        house.create_group("jira-administrators").await;
        house.policy.managed_groups = ManagedGroups::new(&["jira-*".to_owned()], &protected);
        let said = alice(groups(&["jira-administrators"]));
        house.log_in(said.clone()).await.unwrap();
        assert_eq!(house.groups("alice").await, Vec::<String>::new());
        house.policy.managed_groups = ManagedGroups::new(&protected, &protected);
        house.log_in(said).await.unwrap();
        assert_eq!(house.groups("alice").await, ["jira-administrators"]);
    })
    .await;
}

#[tokio::test]
async fn j26_members_of_a_group_inside_are_members_and_cycles_are_refused() {
    on_every_database(async |house| {
        let person = house.log_in(alice(groups(&["team"]))).await.unwrap().person;
        for name in ["department", "company"] {
            house.create_group(name).await;
        }
        let nest = async |change: Change| {
            let steps = vec![Step { person: None, user: None, change }];
            let (actor, reason) = ("admin".to_owned(), "test".to_owned());
            let edit = Edit { directory: house.internal, steps, actor, reason };
            house.store.apply_edit(edit, false, now()).await
        };
        nest(plan_nesting("department", "team")).await.unwrap();
        nest(plan_nesting("company", "Department")).await.unwrap();
        let effective = async || {
            let account = house.store.find_account(&[house.internal], person).await.unwrap();
            account.unwrap().groups
        };
        assert_eq!(effective().await, ["company", "department", "team"]);
        assert_eq!(house.groups("alice").await, ["team"], "directly");
        for (parent, child) in [("team", "company"), ("team", "team"), ("team", "nobody")] {
            let refused = nest(plan_nesting(parent, child)).await;
            assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{parent} {child}");
        }
        nest(plan_unnesting("company", "department")).await.unwrap();
        assert_eq!(effective().await, ["department", "team"]);
        house.store.undo(house.head().await, "admin", false, now()).await.unwrap();
        assert_eq!(effective().await, ["company", "department", "team"]);
    })
    .await;
}

#[tokio::test]
async fn j27_j28_j29_only_want_of_use_ends_with_a_login() {
    on_every_database(async |mut house| {
        house.log_in(alice(GroupClaim::NotAsked)).await.unwrap();
        let user = house.user("alice").await;
        for (reason, comes_back) in [
            (InactiveReason::Idle, true),
            (InactiveReason::MissingAtSource, true),
            (InactiveReason::AdminBlock, false),
            (InactiveReason::DisabledAtSource, false),
            (InactiveReason::OutOfScope, false),
        ] {
            house.edit(&user, vec![Change::DeactivateUser { reason }]).await;
            house.policy.reactivate_users = false;
            assert_eq!(house.refusal(alice(GroupClaim::NotAsked)).await, "account-inactive");
            house.policy.reactivate_users = true;
            let login = house.log_in(alice(GroupClaim::NotAsked)).await;
            assert_eq!(login.is_ok(), comes_back, "{reason:?}");
            house.edit(&user, plan_reactivation(&house.user("alice").await)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn j31_default_groups_are_given_at_the_first_visit_and_only_then() {
    on_every_database(async |house| {
        house.log_in(alice(groups(&["jira-users"]))).await.unwrap();
        let user = house.user("alice").await;
        // One that is named twice is given once.
        let given = ["jira-users", "new-group", "NEW-group"].map(str::to_owned);
        let visit = async |app: &str| {
            house.store.give_default_groups(&user, app, &given, now()).await.unwrap()
        };
        assert!(visit("jira").await);
        let details = house.find("alice").await.unwrap();
        let by_default = ("new-group".to_owned(), "default:jira".to_owned());
        assert!(details.memberships.contains(&by_default), "{:?}", details.memberships);
        assert_eq!(details.memberships.len(), 3, "also beside what the issuer gave");

        house.store.undo(house.head().await, "admin", false, now()).await.unwrap();
        assert!(!visit("jira").await, "who was taken out stays out");
        assert_eq!(house.groups("alice").await, ["jira-users"]);
        assert!(visit("wiki").await, "another application is another visit");
    })
    .await;
}

/// A login at some day.
async fn log_in_on(house: &House, claims: Claims, day: i64) {
    let request = Provision {
        enabled_at_source: None,
        directory: house.internal,
        claims,
        policy: house.policy.clone(),
        actor: "login".to_owned(),
        reason: "trace".to_owned(),
    };
    house.store.provision(&request, now() + TimeDelta::days(day)).await.unwrap();
}

async fn apply(house: &House, steps: Vec<Step>) {
    let (actor, reason) = ("upkeep".to_owned(), "test".to_owned());
    let edit = Edit { directory: house.internal, steps, actor, reason };
    house.store.apply_edit(edit, false, now()).await.unwrap();
}

#[tokio::test]
async fn accounts_that_nobody_uses_are_deactivated_and_come_back_with_a_login() {
    on_every_database(async |house| {
        log_in_on(&house, alice(GroupClaim::NotAsked), 0).await;
        log_in_on(&house, claims(CORP, "bob", groups(&["board"])), 0).await;
        log_in_on(&house, claims(CORP, "carol", GroupClaim::NotAsked), 0).await;
        log_in_on(&house, claims("kerberos:EXAMPLE.COM", "carol", GroupClaim::NotAsked), 50).await;
        let exempt = [NameKey::of("Board")];
        let since = |day: i64| now() + TimeDelta::days(day);
        let none = house.store.plan_idle(house.internal, since(0), &exempt).await.unwrap();
        assert!(none.is_empty(), "{none:?}");
        let steps = house.store.plan_idle(house.internal, since(40), &exempt).await.unwrap();
        assert_eq!(steps.len(), 1, "bob is exempt, carol was here: {steps:?}");
        apply(&house, steps).await;
        assert_eq!(house.user("alice").await.inactive, Some(InactiveReason::Idle));
        log_in_on(&house, alice(GroupClaim::NotAsked), 60).await;
        assert_eq!(house.user("alice").await.inactive, None);
    })
    .await;
}

#[tokio::test]
async fn what_a_silent_or_removed_issuer_gave_ends_and_nothing_else() {
    on_every_database(async |house| {
        log_in_on(&house, alice(groups(&["jira-a"])), 0).await;
        log_in_on(&house, claims("kerberos:EXAMPLE.COM", "alice", groups(&["jira-k"])), 50).await;
        let user = house.user("alice").await;
        house.create_group("manual").await;
        house.edit(&user, vec![plan_joining("manual")]).await;
        let since = now() + TimeDelta::days(40);
        let silent = house.store.plan_silence(house.internal, since).await.unwrap();
        let leaves: Vec<_> = silent.iter().map(|step| step.change.to_string()).collect();
        assert_eq!(leaves, [format!("leave \"jira-a\" by jit:{CORP}")]);

        let issuers = [CORP.to_owned()];
        let retired = house.store.plan_retirement(house.internal, &issuers).await.unwrap();
        assert_eq!(retired.len(), 1, "{retired:?}");
        apply(&house, silent.into_iter().chain(retired).collect()).await;
        assert_eq!(house.groups("alice").await, ["manual"]);
        assert_eq!(house.store.count_directory(house.internal).await.unwrap(), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn j33_while_the_database_is_away_nobody_logs_in() {
    on_every_database(async |house| {
        house.log_in(alice(GroupClaim::NotAsked)).await.unwrap();
        house.store.close().await;
        let failed = house.log_in(alice(GroupClaim::NotAsked)).await;
        assert!(matches!(failed, Err(ProvisionError::Store(_))), "{failed:?}");
    })
    .await;
}

#[tokio::test]
async fn j34_a_preview_says_what_a_login_would_change_and_writes_nothing() {
    on_every_database(async |house| {
        let said = alice(groups(&["jira-users"]));
        let plan = house.store.preview(house.internal, &said, &house.policy).await.unwrap();
        assert_eq!(house.head().await, 0);
        let login = house.log_in(said.clone()).await.unwrap();
        assert_eq!(login.plan.changes, plan.changes);
        let again = house.store.preview(house.internal, &said, &house.policy).await.unwrap();
        assert!(again.changes.is_empty(), "a second plan is empty: {:?}", again.changes);
    })
    .await;
}

#[tokio::test]
async fn a_name_of_two_alphabets_is_warned_about() {
    on_every_database(async |house| {
        let login = house.log_in(stranger("\u{430}lice", "p-1")).await.unwrap();
        assert!(login.plan.warnings[0].to_string().contains("several alphabets"));
        let plain = house.log_in(stranger("José", "p-2")).await.unwrap();
        assert!(plain.plan.warnings.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_login_that_changes_nothing_writes_once_an_hour_that_it_was() {
    on_every_database(async |house| {
        let said = alice(groups(&["jira-users"]));
        house.log_in(said.clone()).await.unwrap();
        let head = house.head().await;
        let last = async |house: &House| {
            let person = house.user("alice").await.person;
            house.store.list_last_logins(person).await.unwrap()
        };
        let request = |minutes: i64| {
            let request = Provision {
                enabled_at_source: None,
                directory: house.internal,
                claims: said.clone(),
                policy: house.policy.clone(),
                actor: "login".to_owned(),
                reason: "trace".to_owned(),
            };
            (request, now() + TimeDelta::minutes(minutes))
        };
        for (minutes, written) in [(30, 0), (59, 0), (61, 61), (90, 61)] {
            let (request, at) = request(minutes);
            house.store.provision(&request, at).await.unwrap();
            assert_eq!(last(&house).await[0].at, now() + TimeDelta::minutes(written), "{minutes}");
        }
        assert_eq!(last(&house).await[0].claims, said);
        assert_eq!(house.head().await, head, "the directory was not written");
    })
    .await;
}

#[tokio::test]
async fn a_plan_of_before_overwrites_nothing_that_changed_meanwhile() {
    on_every_database(async |house| {
        house.log_in(alice(GroupClaim::NotAsked)).await.unwrap();
        let user = house.user("alice").await;
        let before = house.snapshot().await;
        let mut after = user.profile.clone();
        after.display_name = Some("A".to_owned());
        let mut stale = user.profile.clone();
        stale.email = None;
        let taken =
            Change::UpdateUser { before: user.profile.clone(), after: user.profile.clone() };
        for changes in [
            vec![Change::UpdateUser { before: stale, after: after.clone() }],
            vec![Change::ReactivateUser { reason: InactiveReason::AdminBlock }],
            vec![taken, plan_joining("no-such-group")],
            vec![plan_leaving("no-such-group")],
            vec![
                Change::CreateGroup { group: "g".to_owned() },
                Change::RemoveGroup { group: "h".to_owned() },
            ],
        ] {
            let refused = edit(&house.store, &user, changes.clone()).await;
            assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{changes:?}");
            assert_eq!(house.snapshot().await, before, "nothing of {changes:?} is left");
        }
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_does_everything_and_leaves_nothing_behind() {
    on_every_database(async |house| {
        house.log_in(alice(groups(&["jira-users"]))).await.unwrap();
        let (before, head) = (house.snapshot().await, house.head().await);
        let details = house.find("alice").await.unwrap();
        let user = &details.user;
        let step = |change| Step { person: Some(user.person), user: Some(user.id), change };
        let steps = plan_removal(user, &details.memberships).into_iter().map(step).collect();
        let (actor, reason) = ("admin".to_owned(), "test".to_owned());
        let edit = Edit { directory: house.internal, steps, actor, reason };
        house.store.apply_edit(edit, true, now()).await.unwrap();
        let undone = house.store.undo(head, "admin", true, now()).await.unwrap();
        assert!(!undone.undone.is_empty());
        assert_eq!((house.snapshot().await, house.head().await), (before, head));
    })
    .await;
}

#[tokio::test]
async fn everything_can_be_taken_back_and_again() {
    on_every_database(async |house| {
        let mut snapshots = vec![(0, house.snapshot().await)];
        let remember = async |snapshots: &mut Vec<(i64, String)>| {
            snapshots.push((house.head().await, house.snapshot().await));
        };
        house.log_in(alice(groups(&["jira-users"]))).await.unwrap();
        remember(&mut snapshots).await;
        house.log_in(renamed(&alice(groups(&["jira-a", "jira-b"])), "alice.b")).await.unwrap();
        remember(&mut snapshots).await;
        let user = house.user("alice.b").await;
        house.create_group("manual-group").await;
        remember(&mut snapshots).await;
        for changes in [
            vec![plan_joining("manual-group"), plan_joining("jira-a")],
            plan_deactivation(&user),
            vec![Change::AddIdentity { identity: stranger("alice.b", "p-9").identity }],
        ] {
            house.edit(&user, changes).await;
            remember(&mut snapshots).await;
        }
        let details = house.find("alice.b").await.unwrap();
        house.edit(&details.user, plan_removal(&details.user, &details.memberships)).await;
        remember(&mut snapshots).await;

        // Back to the beginning, step by step, and forward again.
        let mut undoings = Vec::new();
        for pair in snapshots.windows(2).rev() {
            let [(_, before), (batch, _)] = pair else { unreachable!() };
            let undone = house.store.undo(*batch, "admin", false, now()).await.unwrap();
            let kept: Vec<_> = undone.kept.iter().filter(|kept| *kept != "a new person").collect();
            assert!(kept.is_empty(), "{kept:?}");
            assert_eq!(house.snapshot().await, *before, "after undoing {batch}");
            let twice = house.store.undo(*batch, "admin", false, now()).await;
            assert!(matches!(twice, Err(StoreError::Undone(_))), "{twice:?}");
            undoings.push(undone.applied.batch.unwrap());
        }
        for ((_, after), undoing) in snapshots[1..].iter().zip(undoings.iter().rev()) {
            house.store.undo(*undoing, "admin", false, now()).await.unwrap();
            assert_eq!(house.snapshot().await, *after, "after undoing the undoing {undoing}");
        }
        let nothing = house.store.undo(4711, "admin", false, now()).await;
        assert!(matches!(nothing, Err(StoreError::NoBatch(4711))));
    })
    .await;
}

#[tokio::test]
async fn an_undoing_that_would_overwrite_is_refused_as_a_whole() {
    on_every_database(async |house| {
        let said = alice(groups(&["jira-users"]));
        house.log_in(said.clone()).await.unwrap();
        house.log_in(renamed(&said, "alice.b")).await.unwrap();
        let rename = house.head().await;
        house.log_in(renamed(&said, "alice.c")).await.unwrap();
        let before = house.snapshot().await;
        let refused = house.store.undo(rename, "admin", false, now()).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
        assert_eq!(house.snapshot().await, before);
    })
    .await;
}

#[tokio::test]
async fn c24_a_removed_directory_comes_back_until_it_is_purged() {
    on_every_database(async |house| {
        let other = house.store.ensure_directory("Other", now()).await.unwrap();
        house.log_in(alice(groups(&["jira-a"]))).await.unwrap();
        let before = house.snapshot().await;
        let person = house.log_in_to(other, stranger("bob", "p-1")).await.unwrap().person;
        for number in 0..250 {
            let name = format!("user{number}");
            house.log_in_to(other, claims(CORP, &name, groups(&["wiki", &name]))).await.unwrap();
        }
        let full = house.store.list_users(Some(other), 1000).await.unwrap().len();
        assert_eq!(full, 251);
        let account = async || house.store.find_account(&[other], person).await.unwrap();

        let refused = house.store.purge_directory(other).await;
        assert!(matches!(refused, Err(StoreError::NotRemoved)));
        house.store.set_directory_removed(other, Some(now())).await.unwrap();
        assert!(account().await.is_none());
        house.store.set_directory_removed(other, None).await.unwrap();
        assert!(account().await.is_some());

        // Who had disabled it before finds it so again.
        house.store.set_directory_disabled(other, Some(now())).await.unwrap();
        house.store.set_directory_removed(other, Some(now() + TimeDelta::days(1))).await.unwrap();
        house.store.set_directory_removed(other, Some(now() + TimeDelta::days(2))).await.unwrap();
        house.store.set_directory_removed(other, None).await.unwrap();
        assert!(account().await.is_none());

        house.store.set_directory_removed(other, Some(now())).await.unwrap();
        house.store.purge_directory(other).await.unwrap();
        assert_eq!(house.snapshot().await, before);
        let left = house.store.list_directories().await.unwrap();
        assert_eq!(left.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn old_changes_are_forgotten_by_the_batch_and_readers_can_tell() {
    on_every_database(async |house| {
        house.log_in(alice(groups(&["jira-a"]))).await.unwrap();
        let first = house.head().await;
        assert_eq!(house.store.delete_changes_before(now()).await.unwrap(), 0);
        let later = now() + TimeDelta::days(2);
        let bob = Provision {
            enabled_at_source: None,
            directory: house.internal,
            claims: claims(CORP, "bob", GroupClaim::NotAsked),
            policy: house.policy.clone(),
            actor: "login".to_owned(),
            reason: "trace".to_owned(),
        };
        house.store.provision(&bob, later).await.unwrap();
        let forgotten = house.store.delete_changes_before(now() + TimeDelta::days(1)).await;
        assert_eq!(forgotten.unwrap(), 5, "all of the first batch");
        assert!(house.store.list_batch(first).await.unwrap().is_empty());
        let missed = house.store.follow_changes(4, 100).await;
        assert!(matches!(missed, Err(StoreError::Forgotten { after: 4, oldest: 6 })));
        assert_eq!(house.store.follow_changes(5, 100).await.unwrap().len(), 3);
        let head = house.store.list_changes(5, 100).await.unwrap().last().unwrap().seq;
        house.store.delete_changes_before(later + TimeDelta::days(1)).await.unwrap();
        assert!(house.store.follow_changes(head - 1, 100).await.is_err(), "all is forgotten");
        assert!(house.store.follow_changes(head, 100).await.unwrap().is_empty());
    })
    .await;
}
