//! What a row of the table of codes says, and finding one.

use crate::CODES;

#[derive(Clone, Copy)]
pub struct CodeInfo {
    pub code: &'static str,
    /// What is wrong, in one line, without the particulars.
    pub title: &'static str,
    /// Why it matters and how to mend it, with an example.
    pub explanation: &'static str,
}

pub fn code_info(code: &str) -> Option<&'static CodeInfo> {
    CODES.iter().find(|c| c.code == code)
}
