//! How long `check` takes for the largest files that people write: the best of several tries, with the allocator that the program
//! has. `cargo test --release --locked --workspace --test speed -- --nocapture` prints it; what is asserted is that the file is sound.

use pfm_compiler::{Alone, Request, check_all};
use pfm_tests::large;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
}
