//! SPNEGO (RFC 4178): what a browser wraps its Kerberos token in, and wants the answer in.

use super::{
    ap_req::KERBEROS,
    der::{self, DerError, Reader},
};

/// Content octets of SPNEGO's OID, 1.3.6.1.5.5.2.
pub(super) const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
/// Kerberos by the OID of an old mistake of Windows, 1.2.840.48018.1.2.2 (MS-SPNG 3.1.5.2); Windows
/// still names it first. The token is the same.
const MS_KERBEROS: &[u8] = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";
/// NTLM, 1.3.6.1.4.1.311.2.2.10.
pub(super) const NTLM: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";

/// Clients offer four at most.
const MAX_MECHANISMS: usize = 16;

/// What a client offers is written to the log; the longest there is has 10 octets.
const MAX_OID_BYTES: usize = 32;

/// `NegTokenInit`: the mechanisms that a client offers and a token for the first of them.
#[derive(Debug)]
pub(super) struct NegTokenInit<'a> {
    /// Content octets of their OIDs, best first.
    pub(super) mechanisms: Vec<&'a [u8]>,
    /// For the first mechanism, whichever that is.
    pub(super) mech_token: Option<&'a [u8]>,
}

/// Which of its two names the client gave Kerberos; the answer has to repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KerberosName {
    Standard,
    Microsoft,
}

impl KerberosName {
    pub(super) fn of(mechanism: &[u8]) -> Option<Self> {
        match mechanism {
            KERBEROS => Some(Self::Standard),
            MS_KERBEROS => Some(Self::Microsoft),
            _ => None,
        }
    }

    const fn oid(self) -> &'static [u8] {
        match self {
            Self::Standard => KERBEROS,
            Self::Microsoft => MS_KERBEROS,
        }
    }
}

/// Reads the `NegotiationToken` inside a context token whose mechanism is SPNEGO.
pub(super) fn read(mut framed: Reader<'_>) -> Result<NegTokenInit<'_>, DerError> {
    let mut choice = framed.inside(der::field(0))?;
    framed.end()?;
    let mut init = choice.inside(der::SEQUENCE)?;
    choice.end()?;

    let mechanisms = read_mechanisms(init.field(0, der::SEQUENCE)?)?;
    init.optional_field(1, der::BIT_STRING)?;
    let mech_token = init.optional_field(2, der::OCTET_STRING)?;
    // It protects the choice between mechanisms; where there is one only, nothing can be chosen.
    init.optional_field(3, der::OCTET_STRING)?;
    init.end()?;
    Ok(NegTokenInit { mechanisms, mech_token })
}

fn read_mechanisms(list: &[u8]) -> Result<Vec<&[u8]>, DerError> {
    let mut list = Reader::new(list);
    let mut mechanisms = Vec::new();
    while !list.is_empty() {
        if mechanisms.len() == MAX_MECHANISMS {
            return Err(DerError("more mechanisms are offered than there are"));
        }
        let mechanism = list.content(der::OBJECT_IDENTIFIER)?;
        if mechanism.len() > MAX_OID_BYTES {
            return Err(DerError("a mechanism's name is longer than any there is"));
        }
        mechanisms.push(mechanism);
    }
    Ok(mechanisms)
}

/// `NegTokenResp` that says `accept-completed`, with the mechanism's own answer if it has one.
pub(super) fn accept_completed(name: KerberosName, answer: Option<&[u8]>) -> Vec<u8> {
    let mut response = der::element(der::field(0), &der::element(der::ENUMERATED, &[0]));
    let mechanism = der::element(der::OBJECT_IDENTIFIER, name.oid());
    response.extend(der::element(der::field(1), &mechanism));
    if let Some(answer) = answer {
        let answer = der::element(der::OCTET_STRING, answer);
        response.extend(der::element(der::field(2), &answer));
    }
    der::element(der::field(1), &der::element(der::SEQUENCE, &response))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_with_the_bytes_that_mit_answers_with() {
        let expected = b"\xa1\x14\x30\x12\xa0\x03\x0a\x01\x00\xa1\x0b\x06\x09\
                         \x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
        assert_eq!(accept_completed(KerberosName::Standard, None), expected);

        let microsoft = accept_completed(KerberosName::Microsoft, Some(b"AP-REP"));
        assert!(microsoft.windows(MS_KERBEROS.len()).any(|bytes| bytes == MS_KERBEROS));
        assert!(microsoft.ends_with(b"\xa2\x08\x04\x06AP-REP"));
    }
}
