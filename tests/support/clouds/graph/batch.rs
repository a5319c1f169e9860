//! `concepts/json-batching`: twenty requests in one, each with its own status, in any order.

use axum::http::{HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use super::{error, metered, versioned};
use crate::support::clouds::{
    asked::{Answer, Asked, Body, Outcome},
    cloud::Cloud,
    tokens::Issued,
};

pub fn answer(cloud: &Cloud, asked: &Asked, token: &Issued) -> Outcome {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let requests = body["requests"].as_array().filter(|_| asked.method == Method::POST);
    let Some(requests) = requests else {
        return Err(error::bad(asked, "Invalid batch payload format."));
    };
    if requests.is_empty() || requests.len() > 20 {
        return Err(error::bad(
            asked,
            "Number of batch request steps exceeds the maximum value (20).",
        ));
    }
    let ids: Vec<_> = requests.iter().filter_map(|request| request["id"].as_str()).collect();
    let twice = ids.iter().enumerate().any(|(index, id)| ids[..index].contains(id));
    if ids.len() != requests.len() || twice {
        return Err(error::bad(asked, "Request id must be a unique string."));
    }
    let mut responses = Vec::new();
    for request in requests {
        responses.push(one(cloud, asked, token, request)?);
    }
    // The order of answers is not that of requests.
    responses.reverse();
    Ok(Answer::json(json!({ "responses": responses })))
}

fn one(cloud: &Cloud, asked: &Asked, token: &Issued, request: &Value) -> Result<Value, Answer> {
    let (Some(method), Some(url)) = (request["method"].as_str(), request["url"].as_str()) else {
        return Err(error::bad(asked, "Invalid batch payload format."));
    };
    let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
    let path = format!("{}/v1.0/{}", cloud.manners().base_path, url.trim_start_matches('/'));
    let mut inner = Asked::at(method, &asked.origin, &path, asked.now);
    inner.troubles = cloud.faults.take(&path);
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value.as_str().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            inner.headers.insert(name, value);
        }
    }
    if !request["body"].is_null() {
        inner.body = serde_json::to_vec(&request["body"]).unwrap_or_default().into();
    }
    let answer = answer_one(cloud, token, &inner);
    let headers: Map<String, Value> =
        answer.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let body = match answer.body {
        Body::Json(value) => value,
        Body::Text(text) => json!(text),
        Body::Nothing => Value::Null,
    };
    Ok(json!({ "id": request["id"], "status": answer.status, "headers": headers, "body": body }))
}

fn answer_one(cloud: &Cloud, token: &Issued, inner: &Asked) -> Answer {
    if let Some(failure) = crate::support::clouds::edge::refusal(cloud, inner) {
        return failure;
    }
    let answer = versioned(cloud, inner).and_then(|path| metered(cloud, inner, token, &path));
    answer.unwrap_or_else(|refusal| refusal)
}
