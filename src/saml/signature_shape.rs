//! What a signature has to look like (SAML core 5.4; XML Signature 4).

use roxmltree::Node;

use super::{
    ResponseError,
    algorithms::{self, ENVELOPED, EXCLUSIVE_C14N},
    xml::{self, ASSERTION, DSIG},
};

/// What `KeyInfo` may hold. It is not believed: keys come from metadata. But some of what it could
/// hold would be fetched.
const KEY_INFO: [&str; 14] = [
    "X509Data",
    "X509Certificate",
    "X509IssuerSerial",
    "X509IssuerName",
    "X509SerialNumber",
    "X509SubjectName",
    "X509SKI",
    "KeyName",
    "KeyValue",
    "RSAKeyValue",
    "Modulus",
    "Exponent",
    "DSAKeyValue",
    "ECKeyValue",
];

/// Checks that `signature` is a plain one, and signs the element it is in and nothing else.
pub(super) fn check(
    signature: Node<'_, '_>,
    signed: Node<'_, '_>,
    allow_sha1: bool,
) -> Result<(), ResponseError> {
    check_place(signature)?;
    let parts = elements(signature);
    let names: Vec<_> = parts.iter().map(|part| part.tag_name().name()).collect();
    if !all_dsig(&parts)
        || !matches!(
            names[..],
            ["SignedInfo", "SignatureValue"] | ["SignedInfo", "SignatureValue", "KeyInfo"]
        )
    {
        return Err(wrong("it must be SignedInfo, SignatureValue and perhaps KeyInfo"));
    }
    check_signed_info(parts[0], signed, allow_sha1)?;
    match parts.get(2) {
        Some(key_info) => check_key_info(*key_info),
        None => Ok(()),
    }
}

/// Right after the issuer, which comes first (SAML core 2.3.3 and 3.2.2).
fn check_place(signature: Node<'_, '_>) -> Result<(), ResponseError> {
    let before = signature.prev_sibling_element();
    let after_issuer = before.is_some_and(|issuer| {
        xml::is(issuer, ASSERTION, "Issuer") && issuer.prev_sibling_element().is_none()
    });
    if after_issuer { Ok(()) } else { Err(wrong("it must come right after Issuer")) }
}

fn check_signed_info(
    info: Node<'_, '_>,
    signed: Node<'_, '_>,
    allow_sha1: bool,
) -> Result<(), ResponseError> {
    let [c14n, method, reference] =
        exactly(info, ["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
    expect_algorithm(c14n, |uri| uri == EXCLUSIVE_C14N)?;
    expect_algorithm(method, |uri| algorithms::is_signature(uri, allow_sha1))?;
    if !elements(c14n).is_empty() || !elements(method).is_empty() {
        return Err(wrong("its methods must have no parameters"));
    }
    let id = signed.attribute("ID").filter(|id| !id.is_empty());
    let refers = reference.attribute("URI").and_then(|uri| uri.strip_prefix('#'));
    if id.is_none() || refers != id {
        return Err(wrong("it must refer to the element that it is in"));
    }
    check_reference(reference, allow_sha1)
}

fn check_reference(reference: Node<'_, '_>, allow_sha1: bool) -> Result<(), ResponseError> {
    let [transforms, digest, _] =
        exactly(reference, ["Transforms", "DigestMethod", "DigestValue"])?;
    expect_algorithm(digest, |uri| algorithms::is_digest(uri, allow_sha1))?;
    let [enveloped, exclusive] = exactly(transforms, ["Transform", "Transform"])?;
    expect_algorithm(enveloped, |uri| uri == ENVELOPED)?;
    expect_algorithm(exclusive, |uri| uri == EXCLUSIVE_C14N)?;
    let prefixes = elements(exclusive);
    let only_prefixes = prefixes.iter().all(|node| {
        xml::is(*node, EXCLUSIVE_C14N, "InclusiveNamespaces") && elements(*node).is_empty()
    });
    if !elements(enveloped).is_empty()
        || !elements(digest).is_empty()
        || prefixes.len() > 1
        || !only_prefixes
    {
        return Err(wrong("its transforms must have no parameters but prefixes"));
    }
    Ok(())
}

fn check_key_info(key_info: Node<'_, '_>) -> Result<(), ResponseError> {
    let harmless = key_info.descendants().filter(Node::is_element).skip(1).all(|node| {
        node.tag_name().namespace() == Some(DSIG) && KEY_INFO.contains(&node.tag_name().name())
    });
    if harmless { Ok(()) } else { Err(wrong("KeyInfo may hold certificates and keys only")) }
}

/// The element children, which must be exactly these of XML Signature, in order.
fn exactly<'a, 'input, const N: usize>(
    node: Node<'a, 'input>,
    names: [&str; N],
) -> Result<[Node<'a, 'input>; N], ResponseError> {
    let found = elements(node);
    let right = all_dsig(&found) && found.iter().map(|child| child.tag_name().name()).eq(names);
    let name = node.tag_name().name();
    found
        .try_into()
        .ok()
        .filter(|_| right)
        .ok_or_else(|| wrong(&format!("{name} must hold {}", names.join(", "))))
}

fn expect_algorithm(
    node: Node<'_, '_>,
    allowed: impl Fn(&str) -> bool,
) -> Result<(), ResponseError> {
    let uri = node.attribute("Algorithm").unwrap_or_default();
    if allowed(uri) { Ok(()) } else { Err(ResponseError::Algorithm(uri.to_owned())) }
}

fn elements<'a, 'input>(node: Node<'a, 'input>) -> Vec<Node<'a, 'input>> {
    node.children().filter(Node::is_element).collect()
}

fn all_dsig(nodes: &[Node<'_, '_>]) -> bool {
    nodes.iter().all(|node| node.tag_name().namespace() == Some(DSIG))
}

fn wrong(problem: &str) -> ResponseError {
    ResponseError::SignatureShape(problem.to_owned())
}
