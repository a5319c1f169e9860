//! Organisational units. The root is nobody's child, and is listed only when it is asked for.

use serde_json::{Value, json};

use super::{CUSTOMER, check_names, error, tagged};
use crate::support::clouds::{
    asked::{Answer, Asked, Outcome},
    cloud::Cloud,
    ids::Sort,
    tenant::{Tenant, Unit},
};

fn render(tenant: &Tenant, unit: &Unit) -> Value {
    let id = |no| format!("id:{}", tenant.ids.google(Sort::Unit, no));
    let parent = unit.parent.and_then(|no| tenant.units.get(no as usize));
    let mut object = json!({
        "kind": "admin#directory#orgUnit",
        "name": unit.name,
        "description": "",
        "orgUnitId": id(unit.no),
        "orgUnitPath": unit.path,
    });
    if let Some(parent) = parent {
        object["parentOrgUnitId"] = json!(id(parent.no));
        object["parentOrgUnitPath"] = json!(parent.path);
    }
    tagged(object)
}

fn check_customer(customer: &str) -> Result<(), Answer> {
    let own = matches!(customer, "my_customer" | CUSTOMER);
    if own { Ok(()) } else { Err(error::forbidden()) }
}

pub fn list(cloud: &Cloud, asked: &Asked, customer: &str) -> Outcome {
    check_names(asked, &["orgUnitPath", "type"])?;
    check_customer(customer)?;
    let tenant = cloud.tenant();
    let above =
        asked.parameter("orgUnitPath").map_or("/", |path| if path.is_empty() { "/" } else { path });
    let above = format!("/{}", above.trim_matches('/'));
    let parent = tenant.units.iter().find(|unit| unit.path == above);
    let parent = parent.ok_or_else(|| error::not_found("orgUnitPath"))?;
    let below = format!("{}/", above.trim_end_matches('/'));
    let wanted = |unit: &&Unit| match asked.parameter("type") {
        None | Some("children") => unit.parent == Some(parent.no),
        Some("all") => unit.path.starts_with(&below) && unit.no != parent.no,
        _ => unit.no == parent.no || unit.path.starts_with(&below),
    };
    if asked
        .parameter("type")
        .is_some_and(|it| !matches!(it, "all" | "children" | "allIncludingParent"))
    {
        return Err(error::invalid("type"));
    }
    let units: Vec<Value> =
        tenant.units.iter().filter(wanted).map(|unit| render(&tenant, unit)).collect();
    let body = json!({ "kind": "admin#directory#orgUnits", "organizationUnits": units });
    Ok(Answer::json(tagged(body)))
}

/// By path, without the first slash, or by id.
pub fn one(cloud: &Cloud, asked: &Asked, customer: &str, key: &str) -> Outcome {
    check_names(asked, &[])?;
    check_customer(customer)?;
    let tenant = cloud.tenant();
    let path = format!("/{key}");
    let is_it = |unit: &&Unit| {
        unit.path == path || key == format!("id:{}", tenant.ids.google(Sort::Unit, unit.no))
    };
    let unit = tenant.units.iter().find(is_it);
    let unit = unit.ok_or_else(|| error::not_found("orgUnitPath"))?;
    Ok(Answer::json(render(&tenant, unit)))
}
