//! Strided walks over row-major data: the one loop behind the references of views, reductions and contractions.

/// Row-major strides of a shape, in elements.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut s = vec![1; shape.len()];
    for a in (0..shape.len().saturating_sub(1)).rev() {
        s[a] = s[a + 1] * shape[a + 1];
    }
    s
}

/// Calls `row` with the offset of each line along the last axis, in row-major order. A scalar is one line.
fn rows(shape: &[usize], strides: &[isize], offset: isize, mut row: impl FnMut(isize)) {
    if shape.contains(&0) {
        return;
    }
    let outer = shape.len().saturating_sub(1);
    let mut index = vec![0; outer];
    let mut at = offset;
    loop {
        row(at);
        let mut a = outer;
        loop {
            if a == 0 {
                return;
            }
            a -= 1;
            index[a] += 1;
            at += strides[a];
            if index[a] < shape[a] {
                break;
            }
            at -= strides[a] * shape[a] as isize;
            index[a] = 0;
        }
    }
}

/// Reads the elements at `offset + sum(index * strides)` for every index of `shape`, in row-major order.
pub(crate) fn read(data: &[f64], shape: &[usize], strides: &[isize], offset: isize) -> Vec<f64> {
    let mut out = Vec::with_capacity(shape.iter().product());
    let (n, step) = last(shape, strides);
    rows(shape, strides, offset, |start| {
        let mut at = start;
        for _ in 0..n {
            out.push(data[at as usize]);
            at += step;
        }
    });
    out
}

/// Writes row-major `data` of `shape` to the elements of `into` that `read` would read.
pub(crate) fn write(into: &mut [f64], data: &[f64], shape: &[usize], strides: &[isize], offset: isize) {
    let (n, step) = last(shape, strides);
    let mut source = data.iter();
    rows(shape, strides, offset, |start| {
        let mut at = start;
        for v in source.by_ref().take(n) {
            into[at as usize] = *v;
            at += step;
        }
    });
}

fn last(shape: &[usize], strides: &[isize]) -> (usize, isize) {
    match (shape.last(), strides.last()) {
        (Some(&n), Some(&s)) => (n, s),
        _ => (1, 0),
    }
}

/// The data with its axes in another order: result axis i is axis `order[i]`.
pub(crate) fn permuted(data: &[f64], shape: &[usize], order: &[usize]) -> Vec<f64> {
    if order.iter().enumerate().all(|(i, &a)| i == a) {
        return data.to_vec();
    }
    let s = strides(shape);
    let to: Vec<usize> = order.iter().map(|&a| shape[a]).collect();
    let by: Vec<isize> = order.iter().map(|&a| s[a] as isize).collect();
    read(data, &to, &by, 0)
}

/// The kept axes of `rank`, then `axes`: the order that puts reduced axes last.
pub(crate) fn reduced_last(rank: usize, axes: &[usize]) -> Vec<usize> {
    (0..rank).filter(|a| !axes.contains(a)).chain((0..rank).filter(|a| axes.contains(a))).collect()
}
