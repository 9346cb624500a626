//! The order that sorts a vector. Equal values keep their order in both directions; NaN counts as larger than
//! every number.

/// index = positions of x in ascending or descending order, stable. Does not allocate.
pub fn argsort(x: &[f32], descending: bool, index: &mut [i32]) {
    assert_eq!(x.len(), index.len(), "the index has the size of x");
    for (i, place) in index.iter_mut().enumerate() {
        *place = i as i32;
    }
    index.sort_unstable_by(|&i, &j| {
        let (a, b) = (x[i as usize], x[j as usize]);
        let order = a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
        let order = if descending { order.reverse() } else { order };
        order.then(i.cmp(&j))
    });
}
