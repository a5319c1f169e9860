//! Keeps xmlsec from writing about every refused signature to standard error, where the log is: its
//! lines are not in the log's format, and repeat what a stranger has sent.

#![expect(unsafe_code, reason = "no safe crate wraps this switch of xmlsec")]

use std::{ffi::c_int, sync::Once};

#[link(name = "xmlsec1")]
unsafe extern "C" {
    /// `void xmlSecErrorsDefaultCallbackEnableOutput(int enabled)` of `xmlsec/errors.h`: sets a variable.
    fn xmlSecErrorsDefaultCallbackEnableOutput(enabled: c_int);
}

static ONCE: Once = Once::new();

/// Makes xmlsec quiet, from now on and for all threads.
pub(super) fn be_quiet() {
    // SAFETY: the function takes a number, writes it to a static variable and does nothing else.
    ONCE.call_once(|| unsafe { xmlSecErrorsDefaultCallbackEnableOutput(0) });
}
