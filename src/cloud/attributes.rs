//! What a cloud's JSON says of somebody, as values by name.

use serde_json::Value;

use super::Attributes;

/// Adds what a value says under a name. What is inside an object is called `object.name`; of a list of objects the
/// `address` or `value` of each counts. What says nothing is not there.
pub(super) fn add(name: &str, value: &Value, into: &mut Attributes) {
    if let Value::Object(object) = value {
        for (key, value) in object {
            add(&format!("{name}.{key}"), value, into);
        }
        return;
    }
    let values: Vec<_> = match value {
        Value::Array(items) => items.iter().filter_map(of_item).collect(),
        value => text(value).into_iter().collect(),
    };
    extend(name, values, into);
}

/// Adds values to those that a name has.
pub(super) fn extend(name: &str, values: impl IntoIterator<Item = String>, into: &mut Attributes) {
    let mut values = values.into_iter().peekable();
    if values.peek().is_some() {
        into.entry(name.to_owned()).or_default().get_or_insert_default().extend(values);
    }
}

/// What a plain value says.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What an item of a list says.
pub(super) fn of_item(item: &Value) -> Option<String> {
    match item {
        Value::Object(object) => {
            ["address", "value"].iter().find_map(|key| text(object.get(*key)?))
        }
        item => text(item),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_the_names_that_lead_to_them() {
        let mut attributes = Attributes::new();
        let said = json!({
            "login": "alice@example.com", "manager": null, "title": "", "level": 7, "remote": false,
            "teams": ["a", "b", { "deep": 1 }], "home": { "city": "Oslo" },
            "emails": [{ "address": "a@x.org", "primary": true }, { "value": "b@x.org" }, { "type": "none" }],
        });
        add("profile", &said, &mut attributes);
        let found: Vec<_> = attributes
            .into_iter()
            .map(|(name, values)| format!("{name}={}", values.unwrap().join("+")))
            .collect();
        assert_eq!(
            found,
            [
                "profile.emails=a@x.org+b@x.org",
                "profile.home.city=Oslo",
                "profile.level=7",
                "profile.login=alice@example.com",
                "profile.remote=false",
                "profile.teams=a+b",
            ]
        );
    }
}
