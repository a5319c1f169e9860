//! The clear part of an AP-REQ (RFC 4120, 5.5.1): what it is for and which key opens it.

use std::fmt;

use super::{
    Enctype,
    der::{self, DerError, Reader},
};

/// Content octets of the Kerberos mechanism's OID, 1.2.840.113554.1.2.2 (RFC 4121).
pub(super) const KERBEROS: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";

/// Before a `KRB_AP_REQ` in a context token (RFC 4121, 4.1).
const AP_REQ_TOKEN_ID: &[u8] = &[1, 0];

/// Longer than any DNS name; keeps what a client writes into our log short.
const MAX_NAME_BYTES: usize = 300;
/// `HTTP/host/domain` is the longest that Windows knows.
const MAX_NAME_COMPONENTS: usize = 3;

/// Whom a ticket is for and which key it needs, as its clear part says.
///
/// Nothing of this is proven: it explains a refusal, it never is a reason to let someone in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketHeader {
    /// The service principal name without the realm: `HTTP/jira.example.com`.
    pub spn: String,
    /// The service's realm: `EXAMPLE.COM`.
    pub realm: String,
    /// The version of the service's key; KDCs other than Windows' and MIT's may leave it out.
    pub kvno: Option<u32>,
    /// The kind of the service's key.
    pub enctype: Enctype,
}

impl fmt::Display for TicketHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.spn, self.realm)?;
        if let Some(kvno) = self.kvno {
            write!(f, " kvno {kvno}")?;
        }
        write!(f, " {}", self.enctype)
    }
}

/// An AP-REQ that was read to its end.
#[derive(Debug)]
pub(super) struct ApReq<'a> {
    pub(super) ticket: TicketHeader,
    /// The encrypted authenticator, which no two requests of honest clients share.
    pub(super) authenticator: &'a [u8],
}

/// Encrypted data (RFC 4120, 5.2.9).
struct EncryptedData<'a> {
    enctype: Enctype,
    kvno: Option<u32>,
    cipher: &'a [u8],
}

/// Reads the context token of RFC 4121 4.1 that holds an AP-REQ.
pub(super) fn read(token: &[u8]) -> Result<ApReq<'_>, DerError> {
    let mut outer = Reader::new(token);
    let mut framed = outer.inside(der::application(0))?;
    outer.end()?;
    // To the letter: the library reads the length of the OID as one octet.
    framed.literal(&[der::OBJECT_IDENTIFIER, 9])?;
    framed.literal(KERBEROS)?;
    framed.literal(AP_REQ_TOKEN_ID)?;
    let mut message = framed.inside(der::application(14))?;
    framed.end()?;
    let mut request = message.inside(der::SEQUENCE)?;
    message.end()?;

    expect_number(request.field(0, der::INTEGER)?, 5)?;
    expect_number(request.field(1, der::INTEGER)?, 14)?;
    request.field(2, der::BIT_STRING)?;
    let ticket = request.inside(der::field(3))?;
    let authenticator = request.inside(der::field(4))?;
    request.end()?;

    Ok(ApReq { ticket: read_ticket(ticket)?, authenticator: read_encrypted(authenticator)?.cipher })
}

/// `Ticket` (RFC 4120, 5.3).
fn read_ticket(mut field: Reader<'_>) -> Result<TicketHeader, DerError> {
    let mut tagged = field.inside(der::application(1))?;
    field.end()?;
    let mut ticket = tagged.inside(der::SEQUENCE)?;
    tagged.end()?;

    expect_number(ticket.field(0, der::INTEGER)?, 5)?;
    let realm = read_string(ticket.field(1, der::GENERAL_STRING)?)?;
    let spn = read_principal_name(ticket.field(2, der::SEQUENCE)?)?;
    let encrypted = read_encrypted(ticket.inside(der::field(3))?)?;
    ticket.end()?;
    Ok(TicketHeader { spn, realm, kvno: encrypted.kvno, enctype: encrypted.enctype })
}

fn read_encrypted(mut field: Reader<'_>) -> Result<EncryptedData<'_>, DerError> {
    let mut encrypted = field.inside(der::SEQUENCE)?;
    field.end()?;

    let enctype = i32::try_from(der::integer(encrypted.field(0, der::INTEGER)?)?)
        .map_err(|_| DerError("an enctype is out of range"))?;
    let kvno = encrypted.optional_field(1, der::INTEGER)?.map(der::integer).transpose()?;
    let cipher = encrypted.field(2, der::OCTET_STRING)?;
    encrypted.end()?;
    if cipher.is_empty() {
        return Err(DerError("the encrypted part is empty"));
    }
    Ok(EncryptedData { enctype: Enctype(enctype), kvno: kvno.map(unsigned), cipher })
}

/// A read-only domain controller's number is in the upper half of the kvno, and some encode the
/// whole as a negative number (MS-KILE 3.1.5.8).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits are meant")]
const fn unsigned(kvno: i64) -> u32 {
    kvno as u32
}

/// `PrincipalName` (RFC 4120, 5.2.2), its components joined by slashes.
fn read_principal_name(sequence: &[u8]) -> Result<String, DerError> {
    let mut name = Reader::new(sequence);
    name.field(0, der::INTEGER)?;
    let mut strings = Reader::new(name.field(1, der::SEQUENCE)?);
    name.end()?;

    let mut components = Vec::new();
    while !strings.is_empty() {
        if components.len() == MAX_NAME_COMPONENTS {
            return Err(DerError("the service's name has too many components"));
        }
        components.push(read_string(strings.content(der::GENERAL_STRING)?)?);
    }
    if components.iter().any(|component| component.contains('/')) {
        return Err(DerError("a component of the service's name has a slash"));
    }
    Ok(components.join("/"))
}

/// A string that may stand in a log.
fn read_string(content: &[u8]) -> Result<String, DerError> {
    let text = str::from_utf8(content).map_err(|_| DerError("a name is not UTF-8"))?;
    if text.is_empty() || text.len() > MAX_NAME_BYTES || text.contains(char::is_control) {
        return Err(DerError("a name is empty, too long or has control characters"));
    }
    Ok(text.to_owned())
}

fn expect_number(content: &[u8], expected: i64) -> Result<(), DerError> {
    if der::integer(content)? == expected {
        Ok(())
    } else {
        Err(DerError("another protocol version or message type than Kerberos 5's AP-REQ"))
    }
}
