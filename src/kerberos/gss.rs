//! The calls of GSS-API that no safe crate offers.

#![expect(unsafe_code, reason = "no safe crate wraps gss_acquire_cred_from")]

use std::{
    ffi::{CStr, CString},
    ptr,
};

use libgssapi::{
    credential::Cred,
    error::{Error, MajorFlags},
};
use libgssapi_sys as sys;

use super::ap_req::KERBEROS;

/// Takes the keys of a keytab, such as `FILE:/etc/gatehouse/http.keytab`, for accepting tickets by
/// the Kerberos mechanism and no other.
///
/// What the environment says (`KRB5_KTNAME`, `KRB5RCACHENAME`) has no say in it. The library opens
/// the file again for each ticket, so that a new one renamed over the old is used at once.
pub(super) fn acquire(keytab: &CStr) -> Result<Cred, Error> {
    acquire_from(&[(c"keytab", keytab), (c"rcache", c"none:")])
}

fn acquire_from(pairs: &[(&CStr, &CStr)]) -> Result<Cred, Error> {
    let mut elements: Vec<_> = pairs
        .iter()
        .map(|(key, value)| sys::gss_key_value_element_desc {
            key: key.as_ptr(),
            value: value.as_ptr(),
        })
        .collect();
    let store = sys::gss_key_value_set_desc {
        count: u32::try_from(elements.len()).unwrap_or(0),
        elements: elements.as_mut_ptr(),
    };
    let mut kerberos = sys::gss_OID_desc {
        length: u32::try_from(KERBEROS.len()).unwrap_or(0),
        elements: KERBEROS.as_ptr().cast_mut().cast(),
    };
    let mut mechanisms = sys::gss_OID_set_desc { count: 1, elements: &raw mut kerberos };
    let (mut minor, mut credential) = (0, ptr::null_mut());

    let name = HttpServices::import()?;

    // SAFETY: every pointer is to a local that lives past the call, and the counts are those of what
    // they point to; the library reads the OID and the C strings and copies what it keeps (RFC 2744
    // 5.2, MIT's gssapi_ext.h). Null is allowed for the two results that are not wanted.
    let major = unsafe {
        sys::gss_acquire_cred_from(
            &raw mut minor,
            name.0,
            sys::_GSS_C_INDEFINITE,
            &raw mut mechanisms,
            sys::GSS_C_ACCEPT.cast_signed(),
            &raw const store,
            &raw mut credential,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    if major != sys::GSS_S_COMPLETE {
        return Err(Error { major: MajorFlags::from_bits_retain(major), minor });
    }
    // SAFETY: the call succeeded, so `credential` is a credential of which nobody else knows.
    Ok(unsafe { Cred::from_c(credential) })
}

/// Content octets of `GSS_C_NT_HOSTBASED_SERVICE`, 1.2.840.113554.1.2.1.4 (RFC 2743, 4.1).
const HOSTBASED_SERVICE: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";

/// The name of every web server: `HTTP`, on whatever host and in whatever realm.
///
/// A credential without a name takes a ticket for any key of the keytab, and what the ticket calls its
/// service is in clear: whoever is given a ticket for another service could pass it on as one for us.
struct HttpServices(sys::gss_name_t);

impl HttpServices {
    fn import() -> Result<Self, Error> {
        let mut text = *b"HTTP";
        let mut buffer =
            sys::gss_buffer_desc { length: text.len(), value: text.as_mut_ptr().cast() };
        let mut kind = sys::gss_OID_desc {
            length: u32::try_from(HOSTBASED_SERVICE.len()).unwrap_or(0),
            elements: HOSTBASED_SERVICE.as_ptr().cast_mut().cast(),
        };
        let (mut minor, mut name) = (0, ptr::null_mut());
        // SAFETY: the pointers are to locals that live past the call, with the lengths of what they
        // point to; the library copies the text and the OID (RFC 2744 5.16).
        let major = unsafe {
            sys::gss_import_name(&raw mut minor, &raw mut buffer, &raw mut kind, &raw mut name)
        };
        if major != sys::GSS_S_COMPLETE {
            return Err(Error { major: MajorFlags::from_bits_retain(major), minor });
        }
        Ok(Self(name))
    }
}

impl Drop for HttpServices {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the name was made by the library, and this is its one owner (RFC 2744 5.28).
        unsafe { sys::gss_release_name(&raw mut minor, &raw mut self.0) };
    }
}

/// The library's name for a keytab file; `None` if the path holds a NUL.
pub(super) fn keytab_name(path: &[u8]) -> Option<CString> {
    CString::new([b"FILE:", path].concat()).ok()
}
