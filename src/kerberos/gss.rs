//! The two calls of GSS-API that no safe crate offers.

#![expect(unsafe_code, reason = "no safe crate takes a keytab by name or restricts SPNEGO")]

use std::{ffi::CString, os::unix::ffi::OsStrExt as _, path::Path, ptr};

use libgssapi::{
    credential::Cred,
    error::{Error, MajorFlags},
};
use libgssapi_sys as sys;

static KRB5: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
static SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";

/// A credential that accepts tickets for every key of a keytab, bare or in SPNEGO.
///
/// The keytab is named in the call and not in the environment, which is the caller's. Replays are not
/// remembered here: a file would not be shared with other replicas, and cannot be written on a
/// read-only root. Whoever accepts a ticket remembers it in the store.
pub(super) fn acquire(keytab: &Path) -> Result<Cred, String> {
    let file = [b"FILE:".as_slice(), keytab.as_os_str().as_bytes()].concat();
    let file = CString::new(file).map_err(|_| "the path has a NUL in it".to_owned())?;
    let mut elements = [
        sys::gss_key_value_element_desc { key: c"keytab".as_ptr(), value: file.as_ptr() },
        sys::gss_key_value_element_desc { key: c"rcache".as_ptr(), value: c"none:".as_ptr() },
    ];
    let store = sys::gss_key_value_set_desc { count: 2, elements: elements.as_mut_ptr() };
    let mut mechanisms = [oid(KRB5), oid(SPNEGO)];
    let mut set = sys::gss_OID_set_desc { count: 2, elements: mechanisms.as_mut_ptr() };
    let (mut minor, mut credential) = (0, ptr::null_mut());
    // SAFETY: every pointer is to a local that outlives the call; null stands for "any name" and "not
    // asked for" (RFC 5588). The library copies what it keeps.
    let major = unsafe {
        sys::gss_acquire_cred_from(
            &raw mut minor,
            ptr::null_mut(),
            sys::_GSS_C_INDEFINITE,
            &raw mut set,
            sys::GSS_C_ACCEPT.cast_signed(),
            &raw const store,
            &raw mut credential,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    check(major, minor)?;
    // SAFETY: the call succeeded, so this is a credential, and it is owned here alone.
    let owned = unsafe { Cred::from_c(credential) };

    // Without this, SPNEGO would hand what it carries to every mechanism that is installed.
    let mut only = [oid(KRB5)];
    let mut set = sys::gss_OID_set_desc { count: 1, elements: only.as_mut_ptr() };
    // SAFETY: the credential is alive in `owned`, and the set outlives the call.
    let major = unsafe { sys::gss_set_neg_mechs(&raw mut minor, credential, &raw mut set) };
    check(major, minor)?;
    Ok(owned)
}

fn oid(bytes: &'static [u8]) -> sys::gss_OID_desc {
    // The library only reads it; C has no way to say so.
    let length = u32::try_from(bytes.len()).unwrap_or_default();
    sys::gss_OID_desc { length, elements: bytes.as_ptr().cast_mut().cast() }
}

/// The text of an error is kept per thread, so it is fetched at once.
fn check(major: u32, minor: u32) -> Result<(), String> {
    if major == 0 {
        return Ok(());
    }
    Err(Error { major: MajorFlags::from_bits_retain(major), minor }.to_string())
}
