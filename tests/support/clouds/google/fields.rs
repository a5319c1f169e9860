//! `fields`: `nextPageToken,users(id,name/givenName)`.

use serde_json::{Map, Value};

/// Names, each with what is wanted of it; nothing means all.
pub type Mask = Vec<(String, Option<Box<Part>>)>;
pub struct Part(pub Mask);

pub fn parse(text: &str) -> Option<Mask> {
    let mut rest = text;
    let mask = list(&mut rest)?;
    rest.is_empty().then_some(mask)
}

fn list(rest: &mut &str) -> Option<Mask> {
    let mut mask = Vec::new();
    loop {
        mask.push(item(rest)?);
        match rest.strip_prefix(',') {
            Some(more) => *rest = more,
            None => return Some(mask),
        }
    }
}

fn item(rest: &mut &str) -> Option<(String, Option<Box<Part>>)> {
    let end = rest.find([',', '(', ')', '/']).unwrap_or(rest.len());
    let name = rest[..end].trim().to_owned();
    *rest = &rest[end..];
    if name.is_empty() {
        return None;
    }
    if let Some(more) = rest.strip_prefix('/') {
        *rest = more;
        return Some((name, Some(Box::new(Part(vec![item(rest)?])))));
    }
    if let Some(more) = rest.strip_prefix('(') {
        *rest = more;
        let inner = list(rest)?;
        *rest = rest.strip_prefix(')')?;
        return Some((name, Some(Box::new(Part(inner)))));
    }
    Some((name, None))
}

/// What is wanted of a value. Lists are looked through.
pub fn cut(value: &Value, mask: &Mask) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| cut(item, mask)).collect(),
        Value::Object(object) => {
            let mut cut_out = Map::new();
            for (name, part) in mask {
                if name == "*" {
                    return value.clone();
                }
                if let Some(value) = object.get(name) {
                    let value =
                        part.as_ref().map_or_else(|| value.clone(), |part| cut(value, &part.0));
                    cut_out.insert(name.clone(), value);
                }
            }
            Value::Object(cut_out)
        }
        other => other.clone(),
    }
}
