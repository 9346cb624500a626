//! How long `check` takes for the largest files that people write. The bound is of a quiet machine, so the best of several tries
//! counts; `PFMC_HEAVY=1` asserts it, other runs only that the file is sound.

use pfm_compiler::{Alone, Request, check_all};
use pfm_tests::large;
use std::time::{Duration, Instant};

#[test]
fn five_thousand_lines_are_checked_at_once() {
    let text = large::file(5_000);
    assert!(text.lines().count() >= 5_000);
    let best = (0..5)
        .map(|_| {
            let started = Instant::now();
            let checked = check_all("large.pfm", &text, &Request::default(), &Alone);
            assert!(!pfm_diag::has_errors(&checked.diagnostics), "{:?}", checked.diagnostics.iter().find(|d| d.is_error()));
            started.elapsed()
        })
        .min()
        .expect("tries were made");
    println!("{} lines in {best:?}", text.lines().count());
    if std::env::var_os("PFMC_HEAVY").is_some() {
        assert!(best < Duration::from_millis(200), "{best:?}");
    }
}
