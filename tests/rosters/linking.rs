//! Who people of a roster are, by the rules of a login.

use gatehouse::{
    config::LinkExisting,
    directory::{Identity, Issuer, Subject, SubjectKind},
    provisioning::{GroupClaim, Policy},
    store::Provision,
    sync::Why,
};

use super::{SOURCE, addressed, conflicts, membership, person, roster_policy};
use crate::{
    imports::{House, houses},
    support::directory::{claims, groups, now},
};

impl House {
    async fn log_in_by(&self, issuer: &str, name: &str, said: GroupClaim) {
        let request = Provision {
            enabled_at_source: None,
            directory: self.internal,
            claims: claims(issuer, name, said),
            policy: crate::support::directory::policy(),
            actor: "login".to_owned(),
            reason: "trace".to_owned(),
        };
        self.store.provision(&request, now()).await.unwrap();
    }
}

const KERBEROS: &str = "kerberos:EXAMPLE.COM";

#[tokio::test]
async fn who_has_logged_in_by_the_id_keeps_the_account() {
    for house in houses().await {
        assert!(house.log_in_by_id(house.internal, "e1", "ada").await);
        let other = house.store.ensure_directory("Other", now()).await.unwrap();
        assert!(house.log_in_by_id(other, "e2", "bob").await);
        let ada = house.find("ada").await.unwrap().user;
        let report =
            house.align(&[person("e1", "lovelace", &[0]), person("e2", "bob", &[0])]).await;
        assert_eq!((report.renamed, report.list.size.created), (1, 1));
        assert_eq!(house.find("lovelace").await.unwrap().user.uuid, ada.uuid);
        // The person of the other directory has an account here too, and no second identity.
        let bobs = house.store.list_users_by_name(&gatehouse::directory::NameKey::of("bob")).await;
        let bobs = bobs.unwrap();
        assert_eq!(bobs.len(), 2);
        assert_eq!(bobs[0].user.person, bobs[1].user.person);
        assert_eq!(bobs[0].identities.len(), 1);
        // And who is made by a roster logs in to that account.
        house
            .align(&[
                person("e1", "lovelace", &[0]),
                person("e2", "bob", &[0]),
                person("e3", "eve", &[]),
            ])
            .await;
        assert!(house.log_in_by_id(house.internal, "e3", "eve").await);
        let eve = house.find("eve").await.unwrap();
        assert_eq!(eve.identities, [("saml:corp".into(), "attribute".into(), "e3".into())]);
    }
}

#[tokio::test]
async fn an_address_links_one_person_by_the_word_of_issuers_of_the_domain() {
    for house in houses().await {
        house.log_in_by(KERBEROS, "ada", groups(&["wiki"])).await;
        house.log_in_by("saml:stranger", "eve", GroupClaim::NotAsked).await;
        let before = house.state().await;
        let ada = house.find("ada").await.unwrap().user;
        let roster = [addressed("e1", "ada"), addressed("e2", "eve"), addressed("e3", "new")];
        let report = house.align(&roster).await;
        assert_eq!(conflicts(&report), [("eve", Why::NameTaken)], "a stranger has no word");
        let linked = house.find("ada").await.unwrap();
        assert_eq!((linked.user.uuid, linked.identities.len()), (ada.uuid, 2));
        assert_eq!(linked.memberships, [membership("wiki", &format!("jit:{KERBEROS}"))]);
        house.undo(&report).await;
        assert_eq!(house.state().await, before);

        // By another issuer, they are the same person from then on.
        house.align(&roster).await;
        house.log_in_by(KERBEROS, "new", GroupClaim::NotAsked).await;
        assert_eq!(house.find("new").await.unwrap().identities.len(), 2);
        // An id that comes instead of another one, with the same address, is somebody else's.
        let report = house.align(&[addressed("e1", "ada"), addressed("e9", "new")]).await;
        assert_eq!(conflicts(&report), [("new", Why::NameTaken)]);
    }
}

#[tokio::test]
async fn who_could_be_several_or_is_protected_is_nobody_for_a_roster() {
    for house in houses().await {
        house.log_in_by(KERBEROS, "ada", groups(&["admins"])).await;
        house.log_in_by(KERBEROS, "bob", GroupClaim::NotAsked).await;
        // Bob's address is that of a second person.
        house.log_in_by(KERBEROS, "twin", GroupClaim::NotAsked).await;
        let twin = house.find("twin").await.unwrap().user;
        let subject = Subject { kind: SubjectKind::Principal, value: "bob2".to_owned() };
        let match_key = addressed("e", "bob").match_key;
        let identity = Identity { issuer: Issuer(KERBEROS.to_owned()), subject, match_key };
        let add = gatehouse::directory::Change::AddIdentity { identity };
        crate::support::directory::edit(&house.store, &twin, vec![add]).await.unwrap();

        let roster = [addressed("e1", "ada"), addressed("e2", "bob")];
        let report = house.align(&roster).await;
        let expected = [("ada", Why::ProtectedPerson), ("bob", Why::Ambiguous)];
        assert_eq!((conflicts(&report), report.list.size.created), (expected.to_vec(), 0));
        // Without a word in the domain, no address is anybody's.
        let unbound = |request: &mut gatehouse::sync::RosterRequest| request.policy.domains.clear();
        let report = house.try_align(&roster, unbound).await.unwrap();
        assert_eq!(conflicts(&report), [("ada", Why::NameTaken), ("bob", Why::NameTaken)]);
    }
}

#[tokio::test]
async fn an_account_for_breaking_glass_is_nobodys_for_a_roster() {
    for house in houses().await {
        for name in ["ada", "bob"] {
            house.log_in_by(KERBEROS, name, GroupClaim::NotAsked).await;
        }
        let ada = house.find("ada").await.unwrap().user;
        house.store.set_password(&ada, "hash".to_owned(), true, now()).await.unwrap();
        let report = house.align(&[addressed("e1", "ada"), addressed("e2", "bob")]).await;
        assert_eq!(conflicts(&report), [("ada", Why::ProtectedPerson)]);
        assert_eq!(house.find("ada").await.unwrap().identities.len(), 1);
        assert_eq!(house.find("bob").await.unwrap().identities.len(), 2);
    }
}

#[tokio::test]
async fn an_account_that_nobody_has_claimed_is_theirs_if_the_configuration_says_so() {
    for house in houses().await {
        let list = "username,email,groups\nada,ada@example.com,\nbob,bob@example.org,\nroot,root@example.com,admins\n";
        house.import(list).await;
        let ada = house.find("ada").await.unwrap().user;
        house.store.set_password(&ada, "hash".to_owned(), false, now()).await.unwrap();
        let roster = [addressed("e1", "ada"), addressed("e2", "bob"), addressed("e3", "root")];
        let report = house.align(&roster).await;
        assert_eq!(report.conflicts.len(), 3);
        let link = |request: &mut gatehouse::sync::RosterRequest| {
            request.policy = Policy { link_existing: LinkExisting::Email, ..roster_policy() };
        };
        let report = house.try_align(&roster, link).await.unwrap();
        assert_eq!(conflicts(&report), [("bob", Why::NameTaken), ("root", Why::NameTaken)]);
        let linked = house.find("ada").await.unwrap();
        assert_eq!((linked.user.uuid, linked.identities.len()), (ada.uuid, 1));
        let password = house.store.find_password(ada.id).await.unwrap();
        assert_eq!(password, None, "whoever has set it has no second way in");
    }
}

#[tokio::test]
async fn a_person_with_two_ids_is_there_as_long_as_one_of_them_is() {
    for house in houses().await {
        house.align(&[person("e1", "ada", &[0]), person("e5", "bob", &[])]).await;
        let ada = house.find("ada").await.unwrap().user;
        let subject = Subject { kind: SubjectKind::Attribute, value: "e2".to_owned() };
        let identity =
            Identity { issuer: Issuer(super::ISSUER.to_owned()), subject, match_key: None };
        let add = gatehouse::directory::Change::AddIdentity { identity };
        crate::support::directory::edit(&house.store, &ada, vec![add]).await.unwrap();
        for id in ["e1", "e2"] {
            house.align(&[person(id, "ada", &[0]), person("e5", "bob", &[])]).await;
            let ada = house.find("ada").await.unwrap();
            assert_eq!(ada.user.inactive, None);
            assert_eq!(ada.memberships, [membership("jira-users", SOURCE)]);
        }
        let both =
            [person("e1", "ada", &[0]), person("e2", "other", &[0]), person("e5", "bob", &[])];
        let report = house.align(&both).await;
        assert_eq!(conflicts(&report), [("other", Why::SamePerson)]);
        house.align(&both[2..]).await;
        assert!(house.find("ada").await.unwrap().user.inactive.is_some());
    }
}
