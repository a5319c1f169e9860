//! What a response has to look like before any library sees it.
//!
//! xmlsec follows references and runs transforms before it knows whether a signature holds, and
//! libxml2 repairs what is broken. So a strict parser looks first, and lets through one shape only:
//! one `Response`, one `Assertion` in it, unique ids, and one plain signature on either or both. That
//! alone stops signature wrapping, requests and file reads through references, and costly transforms.

use std::collections::BTreeSet;

use roxmltree::{Document, Node, ParsingOptions};

use super::{
    ResponseError, signature_shape,
    xml::{self, ASSERTION, DSIG, PROTOCOL},
};

/// Ten thousand groups fit in.
pub(super) const MAX_BYTES: usize = 2 * 1024 * 1024;
const MAX_NODES: u32 = 200_000;
const MAX_DEPTH: usize = 32;

/// A document of the right shape. Its signatures are still to be verified.
#[derive(Debug)]
pub(super) struct Gated<'a> {
    pub(super) document: Document<'a>,
    pub(super) response_is_signed: bool,
}

/// The text of a response, if it can be read in one way only.
pub(super) fn decode(bytes: &[u8]) -> Result<&str, ResponseError> {
    if bytes.len() > MAX_BYTES {
        return Err(ResponseError::TooLarge(MAX_BYTES));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ResponseError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(declaration) = text.strip_prefix("<?xml").and_then(|rest| rest.split("?>").next()) {
        let declaration = declaration.to_ascii_lowercase();
        if declaration.contains("encoding") && !declaration.contains("utf-8") {
            return Err(ResponseError::NotUtf8);
        }
    }
    // Inside of CDATA nothing is markup; no identity provider needs it.
    if text.contains("<![CDATA[") {
        return Err(ResponseError::Unneeded("CDATA"));
    }
    Ok(text)
}

/// Parses a response and checks its shape.
pub(super) fn pass(text: &str, allow_sha1: bool) -> Result<Gated<'_>, ResponseError> {
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| ResponseError::Malformed(error.to_string()))?;
    check_nodes(&document)?;
    check_ids(&document)?;

    let response = document.root_element();
    if !xml::is(response, PROTOCOL, "Response") {
        return Err(shape("the root is not a samlp:Response"));
    }
    let assertion = find_assertion(response)?;
    let signatures: Vec<Node<'_, '_>> =
        document.descendants().filter(|node| xml::is(*node, DSIG, "Signature")).collect();
    if signatures.is_empty() {
        return Err(ResponseError::Unsigned);
    }
    for signature in &signatures {
        let signed = signature.parent_element().filter(|p| *p == response || *p == assertion);
        let signed = signed.ok_or_else(|| shape("a signature is at a place of its own"))?;
        signature_shape::check(*signature, signed, allow_sha1)?;
    }
    let on = |parent| signatures.iter().filter(|s| s.parent_element() == Some(parent)).count();
    if on(response) > 1 || on(assertion) > 1 {
        return Err(shape("an element has two signatures"));
    }
    let response_is_signed = on(response) == 1;
    Ok(Gated { document, response_is_signed })
}

fn shape(problem: &str) -> ResponseError {
    ResponseError::Shape(problem.to_owned())
}

/// Refuses what has no business in a response, wherever it is.
fn check_nodes(document: &Document<'_>) -> Result<(), ResponseError> {
    for node in document.descendants() {
        if node.is_comment() {
            return Err(ResponseError::Unneeded("a comment"));
        }
        if node.is_pi() {
            return Err(ResponseError::Unneeded("a processing instruction"));
        }
        if node.is_element() && node.ancestors().take(MAX_DEPTH + 2).count() > MAX_DEPTH + 1 {
            return Err(shape("it is nested too deeply"));
        }
        // Canonicalization has no answer for these, and implementations sign nothing instead.
        if node.namespaces().any(|ns| !ns.uri().is_empty() && !ns.uri().contains(':')) {
            return Err(ResponseError::Unneeded("a relative namespace"));
        }
        let dsig = node.tag_name().namespace() == Some(DSIG);
        let in_signature = || node.ancestors().any(|above| xml::is(above, DSIG, "Signature"));
        if dsig && !in_signature() {
            return Err(shape("a part of a signature is outside of it"));
        }
    }
    Ok(())
}

/// Every id names one element, under whatever spelling some library takes for an id.
fn check_ids(document: &Document<'_>) -> Result<(), ResponseError> {
    let mut seen = BTreeSet::new();
    for node in document.descendants().filter(Node::is_element) {
        let mut ids = node.attributes().filter(|a| a.name().eq_ignore_ascii_case("id"));
        if let Some(id) = ids.next()
            && !seen.insert(id.value())
        {
            return Err(ResponseError::Id(id.value().to_owned()));
        }
        if let Some(second) = ids.next() {
            return Err(ResponseError::Id(second.value().to_owned()));
        }
    }
    Ok(())
}

/// The one assertion, which is a child of the response.
fn find_assertion<'a, 'input>(
    response: Node<'a, 'input>,
) -> Result<Node<'a, 'input>, ResponseError> {
    let named = |name: &'static str| {
        response
            .descendants()
            .filter(move |node| node.tag_name().name() == name && node.is_element())
    };
    if named("EncryptedAssertion").next().is_some() {
        return Err(ResponseError::Encrypted);
    }
    if named("Response").count() > 1 {
        return Err(shape("there is a response inside of it"));
    }
    let mut assertions = named("Assertion");
    match (assertions.next(), assertions.next()) {
        (Some(assertion), None)
            if xml::is(assertion, ASSERTION, "Assertion")
                && assertion.parent_element() == Some(response) =>
        {
            Ok(assertion)
        }
        (None, _) => {
            // Without one the status says why; a response without it would need no assertion either.
            let status = xml::child(response, PROTOCOL, "Status")
                .and_then(|status| xml::child(status, PROTOCOL, "StatusCode"));
            let code = status.and_then(|code| code.attribute("Value")).unwrap_or_default();
            Err(if code.ends_with(":Success") || code.is_empty() {
                ResponseError::Missing("Assertion")
            } else {
                ResponseError::Status(code.to_owned())
            })
        }
        _ => Err(shape("there is not exactly one assertion, as a child of the response")),
    }
}
