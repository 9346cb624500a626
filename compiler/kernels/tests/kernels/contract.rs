//! Contractions: plain, transposed and batched matrices, groups of several axes, vectors, and each way to cut the work.

use crate::{Values, everywhere, scratch};
use pfm_kernels::{ContractSpec, contract};
use std::collections::BTreeMap;

fn strides(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|i| shape[i + 1..].iter().product()).collect()
}

/// The sum over all labels, in f64, by counting through them.
pub fn einsum(x: (&[usize], &[i64], &[f32]), y: (&[usize], &[i64], &[f32]), out: &[i64]) -> Vec<f64> {
    let mut sizes = BTreeMap::new();
    for (label, size) in x.1.iter().zip(x.0).chain(y.1.iter().zip(y.0)) {
        sizes.insert(*label, *size);
    }
    let labels: Vec<i64> = sizes.keys().copied().collect();
    let out_shape: Vec<usize> = out.iter().map(|l| sizes[l]).collect();
    let step = |own: &[i64], shape: &[usize]| -> Vec<usize> {
        let strides = strides(shape);
        let at = |l: &i64| own.iter().position(|o| o == l).map_or(0, |i| strides[i]);
        labels.iter().map(at).collect()
    };
    let steps = [step(x.1, x.0), step(y.1, y.0), step(out, &out_shape)];
    let mut result = vec![0.0; out_shape.iter().product()];
    let total: usize = sizes.values().product();
    let mut index = vec![0; labels.len()];
    let mut at = [0usize; 3];
    for _ in 0..total {
        result[at[2]] += f64::from(x.2[at[0]]) * f64::from(y.2[at[1]]);
        for a in (0..labels.len()).rev() {
            index[a] += 1;
            for t in 0..3 {
                at[t] += steps[t][a];
            }
            if index[a] < sizes[&labels[a]] {
                break;
            }
            for t in 0..3 {
                at[t] -= steps[t][a] * index[a];
            }
            index[a] = 0;
        }
    }
    result
}

/// Labels as letters: `case("bmk,bkn->bmn", …)`.
fn case(text: &str, x_shape: &[usize], y_shape: &[usize]) {
    let letters = |s: &str| -> Vec<i64> { s.bytes().map(i64::from).collect() };
    let (operands, out) = text.split_once("->").unwrap();
    let (x, y) = operands.split_once(',').unwrap();
    let (x, y, out) = (letters(x), letters(y), letters(out));
    let mut values = Values(7);
    let x_data = values.vec(x_shape.iter().product());
    let y_data = values.vec(y_shape.iter().product());
    let expected = einsum((x_shape, &x, &x_data), (y_shape, &y, &y_data), &out);
    let spec = ContractSpec::new(x_shape, &x, y_shape, &y, &out);
    let terms = spec.operations() / 2 / expected.len().max(1);
    everywhere(text, &expected, terms, |pool, isa| {
        let mut found = vec![f32::NAN; expected.len()];
        let mut space = scratch(spec.scratch());
        contract(pool, isa, &spec, &x_data, &y_data, &mut found, &mut space);
        found
    });
}

#[test]
fn matrices_in_every_orientation() {
    for (m, k, n) in [(1, 1, 1), (7, 5, 3), (37, 41, 67), (97, 130, 70), (200, 18, 64), (13, 300, 129)] {
        case("mk,kn->mn", &[m, k], &[k, n]);
        case("km,kn->mn", &[k, m], &[k, n]);
        case("mk,nk->mn", &[m, k], &[n, k]);
        case("km,nk->mn", &[k, m], &[n, k]);
        case("mk,kn->nm", &[m, k], &[k, n]);
    }
}

#[test]
fn large_products_are_cut_into_blocks() {
    case("mk,kn->mn", &[200, 530], &[530, 600]);
    case("mk,nk->mn", &[110, 300], &[2100, 300]);
    case("bmk,kn->bmn", &[3, 90, 70], &[70, 90]);
}

#[test]
fn long_sums_are_cut_into_chunks() {
    case("km,kn->mn", &[3001, 18], &[3001, 33]);
    case("bkm,bkn->bmn", &[2, 2500, 9], &[2, 2500, 20]);
    case("k,k->", &[5000], &[5000]);
    case("mk,k->m", &[40, 4000], &[4000]);
    case("atk,btk->ab", &[5, 7, 300], &[9, 7, 300]);
}

#[test]
fn batches_and_groups() {
    case("bmk,bkn->bmn", &[5, 9, 20], &[5, 20, 31]);
    case("bmk,bnk->bmn", &[300, 3, 4], &[300, 5, 4]);
    case("bthd,bshd->bhts", &[2, 6, 3, 8], &[2, 5, 3, 8]);
    case("bhts,bshd->bthd", &[2, 3, 6, 5], &[2, 5, 3, 8]);
    case("btc,chd->bhtd", &[2, 50, 18], &[18, 3, 20]);
    case("bhtd,chd->btc", &[2, 3, 50, 20], &[18, 3, 20]);
    case("bhtd,btc->chd", &[2, 3, 50, 20], &[2, 50, 18]);
    case("mb,bn->mbn", &[6, 5], &[5, 7]);
    case("mb,nb->mnb", &[6, 5], &[7, 5]);
    case("ab,cd->acbd", &[3, 4], &[5, 6]);
    case("abc,dcb->ad", &[70, 12, 13], &[80, 13, 12]);
    case("abcd,becf->fdae", &[3, 4, 5, 6], &[4, 7, 5, 8]);
}

#[test]
fn vectors_and_single_rows() {
    case("mk,k->m", &[300, 70], &[70]);
    case("k,kn->n", &[70], &[70, 300]);
    case("k,nk->n", &[700], &[900, 700]);
    case("mk,kn->mn", &[2, 1000], &[1000, 700]);
    case("mk,kn->mn", &[700, 1000], &[1000, 1]);
    case("m,n->mn", &[300], &[400]);
    case("bk,bk->b", &[600, 40], &[600, 40]);
    case("b,b->b", &[77], &[77]);
    case("b,bn->bn", &[77], &[77, 5]);
    case(",->", &[], &[]);
    case("mk,kn->mn", &[5, 0], &[0, 4]);
    case("mk,kn->mn", &[0, 5], &[5, 4]);
}
