//! The table of diagnostic codes. `pfmc explain CODE` prints a row.

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

/// Sorted by code. First letter E: error, W: warning, R: at run time, F: a claim of the file that failed.
/// Second and third digit: 00 syntax, 01 names, 02 units and values, 03 masks, 04 shapes, 05 data, 06 stages and weights, 07 grids, 08 device, 09 claims, 10 definitions.
pub const CODES: &[CodeInfo] = &[CodeInfo {
    code: "E0803",
    title: "the back end cannot run this element type",
    explanation: "The CPU back end computes in f32, i32 and bool. A stage whose precision is bf16 needs a back end that has it; there is no silent fallback to f32. Set `precision = f32` in the stage, or run on another device.",
}];
