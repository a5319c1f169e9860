//! Query options of lists: `concepts/query-parameters`, `concepts/paging`, `concepts/aad-advanced-queries`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{context, error, filter};
use crate::support::clouds::{
    asked::{Answer, Asked},
    cloud::Cloud,
    expression::{Comparison, Expression},
    page::{Page, origin},
};

const LARGEST_PAGE: usize = 999;
const PAGE: usize = 100;

pub struct Options {
    pub select: Option<Vec<String>>,
    pub top: usize,
    pub condition: Option<Expression>,
    pub search: Option<String>,
    pub count: bool,
    pub expand_manager: bool,
    /// Where the page begins.
    pub after: u32,
}

impl Options {
    /// The options of a list of things that have these properties.
    pub fn read(asked: &Asked, kind: &str, properties: &[&str]) -> Result<Self, Answer> {
        check_names(asked)?;
        let options = Self {
            select: select(asked, kind, properties)?,
            top: top(asked)?,
            condition: condition(asked, kind, properties)?,
            search: asked.parameter("$search").map(|text| text.trim_matches('"').to_owned()),
            count: asked.parameter("$count").is_some_and(|count| count == "true"),
            expand_manager: expand(asked)?,
            after: after(asked)?,
        };
        options.check_advanced(asked)?;
        Ok(options)
    }

    /// What the index of advanced queries is needed for is asked for in two ways at once, again on every page.
    fn check_advanced(&self, asked: &Asked) -> Result<(), Answer> {
        let eventual = asked
            .header("consistencylevel")
            .is_some_and(|level| level.eq_ignore_ascii_case("eventual"));
        if self.search.is_some() && !eventual {
            let message = "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'";
            return Err(error::unsupported(asked, message));
        }
        if self.count && !eventual {
            let message = "$count is not currently supported.";
            return Err(error::bad(asked, message));
        }
        let advanced = self.condition.as_ref().is_some_and(|condition| {
            let how = |how| matches!(how, Comparison::NotEqual | Comparison::EndsWith);
            condition.negates() || condition.comparisons().iter().any(|(_, it, _)| how(*it))
        });
        if advanced && !(eventual && self.count) {
            let message = "Operator is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information";
            return Err(error::unsupported(asked, message));
        }
        Ok(())
    }

    /// Whether the index is asked, which may be behind.
    pub fn asks_index(&self) -> bool {
        self.count || self.search.is_some()
    }

    /// Whether an object, with all its properties, is wanted.
    pub fn wants(&self, object: &Value) -> bool {
        let condition = self.condition.as_ref().is_none_or(|it| it.is_true_of(object));
        let found = self.search.as_ref().is_none_or(|text| {
            let (path, text) = text.split_once(':').unwrap_or(("displayName", text));
            let value = object[path].as_str().unwrap_or_default().to_lowercase();
            let text = text.to_lowercase();
            value.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with(&text))
        });
        condition && found
    }

    /// What was selected of an object, or what is there by default.
    pub fn cut(&self, object: &Value, default: &[&str]) -> Map<String, Value> {
        let wanted = |name: &String| match &self.select {
            Some(select) => select.contains(name) || name == "@odata.type",
            None => default.contains(&name.as_str()) || name == "@odata.type",
        };
        let all = object.as_object().into_iter().flatten().filter(|(name, _)| wanted(name));
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The list's page as it is written.
    pub fn answer(
        &self,
        cloud: &Cloud,
        asked: &Asked,
        page: Page,
        of: &str,
        total: Option<usize>,
    ) -> Answer {
        let page = page.twisted(cloud, asked, &self.after.to_string());
        let of = match &self.select {
            Some(select) => format!("{of}({})", select.join(",")),
            None => of.to_owned(),
        };
        let mut body = json!({ "@odata.context": context(asked, cloud, &of), "value": page.items });
        if let Some(next) = page.next {
            body["@odata.nextLink"] = json!(link(asked, "$skiptoken", &token(&next)));
        }
        if let Some(total) = total.filter(|_| asked.parameter("$skiptoken").is_none()) {
            body["@odata.count"] = json!(total);
        }
        Answer::json(body)
    }
}

/// Options that begin with `$` are known or refused.
fn check_names(asked: &Asked) -> Result<(), Answer> {
    const KNOWN: [&str; 8] =
        ["$select", "$top", "$filter", "$search", "$count", "$expand", "$skiptoken", "$orderby"];
    for (index, (name, _)) in asked.query.iter().enumerate() {
        if name == "$skip" || name == "$orderby" {
            return Err(error::unsupported(
                asked,
                &format!("'{name}' is not supported by the service."),
            ));
        }
        if name.starts_with('$') && !KNOWN.contains(&name.as_str()) {
            let message = format!("The query parameter '{name}' is not supported.");
            return Err(error::bad(asked, &message));
        }
        if asked.query[..index].iter().any(|(other, _)| other == name) {
            let message = format!(
                "Query option '{name}' was specified more than once, but it must be specified at most once."
            );
            return Err(error::bad(asked, &message));
        }
    }
    Ok(())
}

pub fn select(
    asked: &Asked,
    kind: &str,
    properties: &[&str],
) -> Result<Option<Vec<String>>, Answer> {
    let Some(select) = asked.parameter("$select") else { return Ok(None) };
    let mut chosen: Vec<String> = Vec::new();
    for name in select.split(',').map(str::trim) {
        let Some(known) = properties.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
            let message = format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type 'microsoft.graph.{kind}'."
            );
            return Err(error::bad(asked, &message));
        };
        chosen.push((*known).to_owned());
    }
    Ok(Some(chosen))
}

fn top(asked: &Asked) -> Result<usize, Answer> {
    let Some(top) = asked.parameter("$top") else { return Ok(PAGE) };
    let size = top.parse().ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
    size.ok_or_else(|| {
        let message =
            format!("Invalid page size specified: '{top}'. Must be between 1 and 999 inclusive.");
        error::bad(asked, &message)
    })
}

fn condition(asked: &Asked, kind: &str, properties: &[&str]) -> Result<Option<Expression>, Answer> {
    let Some(text) = asked.parameter("$filter") else { return Ok(None) };
    let Some(condition) = filter::parse(text) else {
        return Err(error::bad(
            asked,
            &format!("Invalid filter clause: There is a syntax error in '{text}'."),
        ));
    };
    for (path, _, _) in condition.comparisons() {
        if !properties.contains(&path) {
            let message = format!(
                "Invalid filter clause: Could not find a property named '{path}' on type 'microsoft.graph.{kind}'."
            );
            return Err(error::bad(asked, &message));
        }
    }
    Ok(Some(condition))
}

fn expand(asked: &Asked) -> Result<bool, Answer> {
    match asked.parameter("$expand") {
        None => Ok(false),
        Some(expand) if expand == "manager" || expand.starts_with("manager(") => Ok(true),
        Some(expand) => {
            let message = format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{expand}'."
            );
            Err(error::bad(asked, &message))
        }
    }
}

fn after(asked: &Asked) -> Result<u32, Answer> {
    let Some(token) = asked.parameter("$skiptoken") else { return Ok(0) };
    let place = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let place = place.and_then(|place| place.strip_prefix("after:")?.parse().ok());
    place.ok_or_else(|| error::error(asked, 400, "Directory_ExpiredPageToken", "The specified page token value has expired and can no longer be included in your request."))
}

fn token(next: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("after:{next}"))
}

/// This request's address with one parameter more.
pub fn link(asked: &Asked, name: &str, value: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, old) in asked.query.iter().filter(|(key, _)| key != name) {
        query.append_pair(key, old);
    }
    query.append_pair(name, value);
    let query = query.finish().replace("%24", "$");
    format!("{}{}?{query}", origin(asked), asked.path)
}
