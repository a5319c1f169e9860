//! The one call of GSS-API that no safe crate offers.

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

    // SAFETY: every pointer is to a local that lives past the call, and the counts are those of what
    // they point to; the library reads the OID and the C strings and copies what it keeps (RFC 2744
    // 5.2, MIT's gssapi_ext.h). Null is allowed for the name and the two results that are not wanted.
    let major = unsafe {
        sys::gss_acquire_cred_from(
            &raw mut minor,
            ptr::null_mut(),
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

/// The library's name for a keytab file; `None` if the path holds a NUL.
pub(super) fn keytab_name(path: &[u8]) -> Option<CString> {
    CString::new([b"FILE:", path].concat()).ok()
}
