//! Who is assigned to an enterprise application
//! (`learn.microsoft.com/graph/api/serviceprincipal-list-approleassignedto`).
//!
//! No delta query follows assignments, so each round lists them. They are told as if the application were a group, and each of
//! its roles another one, whose members are the people and groups that are assigned: whoever knows the groups can tell
//! who comes, and a change of either is noticed as changes of groups are.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    Entra,
    members::{Listing, checked},
    objects::{self, Object},
    work::{AssignedWork, Work},
};
use crate::cloud::{
    Attributes, ConnectorError, Group, GroupKind, Item, Member, Members, Page, http::Request,
    trail::Trail,
};

const APPLICATIONS: &str = "Application.Read.All";
const GROUPS_OF_USERS: &str = "User.Read.All and GroupMember.Read.All";

/// An application in this tenant.
#[derive(Deserialize)]
pub(super) struct Application {
    id: String,
    #[serde(rename = "displayName")]
    pub name: Option<String>,
    #[serde(rename = "appRoles")]
    roles: Vec<AppRole>,
}

#[derive(Deserialize)]
struct AppRole {
    id: String,
    value: Option<String>,
}

/// That somebody is assigned.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assignment {
    principal_id: String,
    principal_type: String,
    app_role_id: String,
}

impl Assignment {
    /// Who it is, unless it is another application.
    fn member(&self) -> Option<Member> {
        match self.principal_type.as_str() {
            "User" => Some(Member::User(self.principal_id.clone())),
            "Group" => Some(Member::Group(self.principal_id.clone())),
            _ => None,
        }
    }

    /// What stands for the application, and for the role.
    fn ids(&self, application: &str) -> [String; 2] {
        [id_of(application), id_of_role(application, &self.app_role_id)]
    }
}

/// What stands for an application among groups. No group of Entra ID has such an id.
fn id_of(application: &str) -> String {
    format!("application:{application}")
}

fn id_of_role(application: &str, role: &str) -> String {
    format!("application:{application}:{role}")
}

impl Entra {
    /// Begins to say who is assigned: to what, and nobody yet.
    pub(super) async fn read_application(&self) -> Result<Page, ConnectorError> {
        let Some(named) = &self.config.application else { return Ok(Page::default()) };
        let found = self.find_application(named, Self::of_a_round).await?;
        let name = found.name.clone().unwrap_or_else(|| found.id.clone());
        let mut items = anew(id_of(&found.id), name, GroupKind::Application);
        for AppRole { id, value } in found.roles {
            let value = value.filter(|value| !value.is_empty());
            let role =
                value.map(|value| anew(id_of_role(&found.id, &id), value, GroupKind::AppRole));
            items.extend(role.into_iter().flatten());
        }
        let work = AssignedWork { application: found.id, link: None, trail: Trail::default() };
        Ok(Page { items, next: vec![Work::Assigned(work).task()], ..Page::default() })
    }

    pub(super) async fn read_assigned(&self, work: AssignedWork) -> Result<Page, ConnectorError> {
        let (assignments, next) = self.list_assigned(&work, Self::of_a_round).await?;
        let members =
            assignments.iter().filter_map(|it| Some((it.ids(&work.application), it.member()?)));
        let items = members.flat_map(|(ids, member)| ids.map(|id| joined(id, member.clone())));
        let items = items.collect();
        let next = next.map(|work| Work::Assigned(work).task());
        Ok(Page { items, next: next.into_iter().collect(), ..Page::default() })
    }

    /// The application of that application id, or object id.
    pub(super) async fn find_application(
        &self,
        named: &str,
        kind: impl Fn(Request) -> Request,
    ) -> Result<Application, ConnectorError> {
        let named = checked(named)?;
        for path in
            [format!("servicePrincipals(appId='{named}')"), format!("servicePrincipals/{named}")]
        {
            let url = self.graph.at(&format!("{path}?$select=id,displayName,appRoles"))?;
            let request = Request::get(url, "the application").needing(APPLICATIONS);
            match self.graph.ask(&kind(request)).await {
                Err(ConnectorError::Gone(_)) => {}
                found => return found,
            }
        }
        let problem = "there is no enterprise application of this application id or object id";
        Err(ConnectorError::Key {
            key: "connector.entra.application".to_owned(),
            problem: problem.to_owned(),
        })
    }

    /// A page of who is assigned, and the next one.
    async fn list_assigned(
        &self,
        work: &AssignedWork,
        kind: impl Fn(Request) -> Request,
    ) -> Result<(Vec<Assignment>, Option<AssignedWork>), ConnectorError> {
        const SELECT: &str = "principalId,principalType,appRoleId";
        let application = checked(&work.application)?;
        let url = match &work.link {
            Some(link) => self.graph.follow(link)?,
            None => self.graph.at(&format!(
                "servicePrincipals/{application}/appRoleAssignedTo?$select={SELECT}&$top=999"
            ))?,
        };
        let request = Request::get(url, "who is assigned to the application").needing(APPLICATIONS);
        let list: Listing<Assignment> = self.graph.ask(&kind(request)).await?;
        let Some(link) = list.next else { return Ok((list.value, None)) };
        self.graph.follow(&link)?;
        let mut next = work.clone();
        if next.trail.is_circle(&link, list.value.iter().map(|it| it.principal_id.as_str())) {
            return Err(ConnectorError::Loop("who is assigned to the application".to_owned()));
        }
        next.link = Some(link);
        Ok((list.value, Some(next)))
    }

    /// What stands for the application and for the roles that somebody is assigned to, by themselves or as a direct member
    /// of a group.
    pub(super) async fn look_up_assignments(
        &self,
        id: &str,
    ) -> Result<Vec<String>, ConnectorError> {
        let Some(named) = &self.config.application else { return Ok(Vec::new()) };
        let application = self.find_application(named, Self::of_somebody).await?.id;
        let mut own: BTreeSet<Member> = self.list_direct_groups(id).await?;
        own.insert(Member::User(id.to_owned()));
        let mut found = BTreeSet::new();
        let mut next = Some(AssignedWork { application, link: None, trail: Trail::default() });
        while let Some(work) = next {
            let (assignments, further) = self.list_assigned(&work, Self::of_somebody).await?;
            let is_own = |it: &&Assignment| it.member().is_some_and(|member| own.contains(&member));
            found
                .extend(assignments.iter().filter(is_own).flat_map(|it| it.ids(&work.application)));
            next = further;
        }
        Ok(found.into_iter().collect())
    }

    /// The groups that somebody is a direct member of (`graph/api/user-list-memberof`).
    async fn list_direct_groups(&self, id: &str) -> Result<BTreeSet<Member>, ConnectorError> {
        let mut url =
            self.graph.at(&format!("users/{}/memberOf?$select=id&$top=999", checked(id)?))?;
        let (mut groups, mut trail) = (BTreeSet::new(), Trail::default());
        loop {
            let request = Request::get(url, "groups of users").needing(GROUPS_OF_USERS);
            let list: Listing<Object> = self.graph.ask(&Self::of_somebody(request)).await?;
            let is_group = |member: &Member| matches!(member, Member::Group(_));
            groups.extend(list.value.iter().filter_map(objects::member).filter(is_group));
            let Some(link) = list.next else { return Ok(groups) };
            url = self.graph.follow(&link)?;
            if trail.is_circle(&link, list.value.iter().filter_map(objects::id)) {
                return Err(ConnectorError::Loop(format!("groups of {id}")));
            }
        }
    }
}

/// Something that people are assigned to, and that nobody is any more.
fn anew(id: String, name: String, kind: GroupKind) -> Vec<Item> {
    let members = Members { group: id.clone(), afresh: true, joined: Vec::new(), left: Vec::new() };
    let (name, kind) = (Some(name), Some(kind));
    let group = Group { id, name, kind, attributes: Attributes::new(), whole: true };
    vec![Item::Group(group), Item::Members(members)]
}

fn joined(group: String, member: Member) -> Item {
    Item::Members(Members { group, afresh: false, joined: vec![member], left: Vec::new() })
}
