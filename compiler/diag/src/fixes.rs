//! Applying the edits that diagnostics propose. Edits that overlap an earlier one are left for the next round.

use crate::{Diagnostic, Fix};

/// The text with the edits made. All of them are edits of this one text; the spans are those before any edit.
pub fn apply_fixes(text: &str, fixes: &[Fix]) -> String {
    let mut fixes: Vec<&Fix> = fixes.iter().collect();
    fixes.sort_by_key(|f| (f.span.start, f.span.end));
    fixes.dedup();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for fix in fixes {
        let (start, end) = (fix.span.start as usize, fix.span.end as usize);
        if start < done {
            continue;
        }
        out.push_str(&text[done..start]);
        out.push_str(&fix.replacement);
        done = end;
    }
    out.push_str(&text[done..]);
    out
}

/// The edits that may be made without asking.
pub fn safe_fixes(diagnostics: &[Diagnostic]) -> Vec<Fix> {
    diagnostics.iter().filter_map(|d| d.help.as_ref()?.fix.clone()).filter(|f| f.safe).collect()
}
