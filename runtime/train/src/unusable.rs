//! What is said of data that can't be opened: the first file that fails, why, how many of how many, and what to do.

use crate::RunError;
use pfm_data::{DataError, is_generated};
use pfm_diag::Diagnostic;
use std::path::Path;

/// E0510 for data that was to be opened.
pub fn unusable(error: &DataError) -> Diagnostic {
    let (first, count) = match error {
        DataError::Files { first, failing, files } => (&**first, format!(" ({failing} of {files} files)")),
        other => (other, String::new()),
    };
    let message = match first {
        DataError::Path { path, cause } => format!("cannot open `{}`{count}: {cause}", path.display()),
        DataError::Object { file, object, cause } => format!("cannot use `{}`{count}: {object}: {cause}", file.display()),
        other => format!("cannot use the data: {other}"),
    };
    Diagnostic::new("E0510", message).help(remedy(first))
}

fn remedy(error: &DataError) -> &'static str {
    let damaged = |file: &Path| match is_generated(file) {
        true => "remove it and run `pfmc data generate FILE`, which makes what is missing",
        false => "fetch it again; `pfmc data verify DIR` reads every value of all files and names those that are damaged",
    };
    match error {
        DataError::Path { path, .. } if !path.is_file() => {
            "`--data DIR` says where data sets lie; `pfmc data generate FILE` makes those whose `source` is `generate(…)`"
        }
        DataError::Path { path, .. } => damaged(path),
        DataError::Object { object, .. } if object == "fields" || object == "dimensions" => {
            "the data block and all files must agree; `pfmc data inspect DIR` shows what the files have"
        }
        DataError::Object { file, .. } => damaged(file),
        _ => "`pfmc data inspect DIR` shows what is there",
    }
}

pub(crate) fn refused(error: DataError) -> RunError {
    unusable(&error).into()
}
