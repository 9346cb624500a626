//! The order that sorts a vector. Equal values keep their order in both directions; NaN comes last.

use std::cmp::Ordering;

/// index = positions of x in ascending or descending order, stable. Does not allocate.
pub fn argsort(x: &[f32], descending: bool, index: &mut [i32]) {
    assert_eq!(x.len(), index.len(), "the index has the size of x");
    for (i, place) in index.iter_mut().enumerate() {
        *place = i as i32;
    }
    index.sort_unstable_by(|&i, &j| {
        let (a, b) = (x[i as usize], x[j as usize]);
        let order = match (a.is_nan(), b.is_nan()) {
            (false, false) if descending => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
            (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (a, b) => a.cmp(&b),
        };
        order.then(i.cmp(&j))
    });
}
