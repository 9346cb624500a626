//! Golden texts of a graph before and after each pass.

use pfm_ir::{Graph, parse_text, print, prune, verify};
use pfm_transform::{decompose, decompose_all, fold, merge, share, simplify};

fn check(pass: impl Fn(Graph) -> Graph, before: &str, after: &str) {
    let graph = parse_text(before, pfm_ops::lookup).unwrap_or_else(|e| panic!("{e}\n{before}"));
    let found = pass(graph);
    assert_eq!(verify(&found), vec![]);
    let text = print(&found);
    assert_eq!(text, after, "found\n{text}");
    assert_eq!(print(&pass(found)), after, "once more changes nothing");
}

const MEAN_SQUARE: &str = "\
graph composites
  data  %0 f32[2,3]  x
  %1 = square %0  f32[2,3]  ; core.norm
  %2 = mean %1 axes=(1)  f32[2]  ; core.norm
  out   y %2
end
";

#[test]
fn decompose_writes_composites_out_at_their_path() {
    check(
        |g| decompose(g, &|_| false),
        MEAN_SQUARE,
        "\
graph composites
  data  %0 f32[2,3]  x
  %1 = mul %0, %0  f32[2,3]  ; core.norm
  %2 = reduce_sum %1 axes=(1)  f32[2]  ; core.norm
  %3 = constant dtype=f32 shape=(2) value=0.3333333333333333  f32[2]  ; core.norm
  %4 = mul %2, %3  f32[2]  ; core.norm
  out   y %4
end
",
    );
}

#[test]
fn decompose_keeps_what_the_back_end_keeps() {
    check(
        |g| decompose(g, &|op| op.name == "mean"),
        MEAN_SQUARE,
        "\
graph composites
  data  %0 f32[2,3]  x
  %1 = mul %0, %0  f32[2,3]  ; core.norm
  %2 = mean %1 axes=(1)  f32[2]  ; core.norm
  out   y %2
end
",
    );
    check(|g| decompose(g, &|_| true), MEAN_SQUARE, MEAN_SQUARE);
}

const ATTENTION: &str = "\
graph attention
  data  %0 f32[1,1,2,3]  q
  data  %1 f32[1,1,4,3]  k
  data  %2 f32[1,1,4,2]  v
  %3, %4 = attend %0, %1, %2 bias=false causal=false mask=false scale=0.5  f32[1,1,2,2] f32[1,1,2]
  out   y %3
end
";

#[test]
fn decompose_all_takes_kernels_apart_too() {
    check(|g| decompose(g, &|_| false), ATTENTION, ATTENTION);
    check(
        decompose_all,
        ATTENTION,
        "\
graph attention
  data  %0 f32[1,1,2,3]  q
  data  %1 f32[1,1,4,3]  k
  data  %2 f32[1,1,4,2]  v
  %3 = contract %0, %1 out=(0,1,2,3) x=(0,1,2,4) y=(0,1,3,4)  f32[1,1,2,4]
  %4 = constant dtype=f32 shape=(1,1,2,4) value=0.5  f32[1,1,2,4]
  %5 = mul %3, %4  f32[1,1,2,4]
  %6 = reduce_max %5 axes=(3)  f32[1,1,2]
  %7 = broadcast %6 axes=(0,1,2) shape=(1,1,2,4)  f32[1,1,2,4]
  %8 = sub %5, %7  f32[1,1,2,4]
  %9 = exp %8  f32[1,1,2,4]
  %10 = reduce_sum %9 axes=(3)  f32[1,1,2]
  %11 = constant dtype=f32 shape=(1,1,2) value=1.0  f32[1,1,2]
  %12 = max %10, %11  f32[1,1,2]
  %13 = contract %9, %2 out=(0,1,2,4) x=(0,1,2,3) y=(0,1,3,4)  f32[1,1,2,2]
  %14 = broadcast %12 axes=(0,1,2) shape=(1,1,2,2)  f32[1,1,2,2]
  %15 = div %13, %14  f32[1,1,2,2]
  out   y %15
end
",
    );
}

#[test]
fn simplify_applies_rules_until_none_fits() {
    let before = "\
graph chain
  data  %0 f32[2,3]  x
  data  %13 f32[2,3]  z
  %1 = constant dtype=f32 shape=(2,3) value=2.0  f32[2,3]
  %2 = constant dtype=f32 shape=(2,3) value=0.5  f32[2,3]
  %3 = constant dtype=f32 shape=(2,3) value=0.0  f32[2,3]
  %4 = mul %1, %0  f32[2,3]  ; a
  %5 = mul %4, %2  f32[2,3]  ; a
  %6 = add %3, %5  f32[2,3]  ; b
  %7 = permute %6 axes=(1,0)  f32[3,2]  ; b
  %8 = permute %7 axes=(1,0)  f32[2,3]  ; b
  %9 = neg %13  f32[2,3]  ; c
  %10 = add %8, %9  f32[2,3]  ; c
  %11 = reshape %10 shape=(6)  f32[6]  ; c
  %12 = reshape %11 shape=(3,2)  f32[3,2]  ; d
  out   y %12
end
";
    check(
        simplify,
        before,
        "\
graph chain
  data  %0 f32[2,3]  x
  data  %1 f32[2,3]  z
  %2 = sub %0, %1  f32[2,3]  ; c
  %3 = reshape %2 shape=(3,2)  f32[3,2]  ; d
  out   y %3
end
",
    );
}

#[test]
fn share_keeps_the_first_of_equals() {
    let before = "\
graph twins
  data  %0 f32[2,3]  x
  data  %1 i32[4]  key
  %2 = exp %0  f32[2,3]  ; a
  %3 = exp %0  f32[2,3]  ; b
  %4 = add %2, %3  f32[2,3]  ; b
  %5 = add %3, %2  f32[2,3]  ; c
  %6 = reduce_sum %4 axes=(0)  f32[3]
  %7 = reduce_sum %5 axes=(1)  f32[2]
  %8 = random %1 kind=uniform rate=0.0 shape=(2) stream=1  f32[2]
  %9 = random %1 kind=uniform rate=0.0 shape=(2) stream=2  f32[2]
  %10 = random %1 kind=uniform rate=0.0 shape=(2) stream=1  f32[2]
  %11 = add %8, %9  f32[2]
  %12 = add %11, %10  f32[2]
  %13 = add %12, %7  f32[2]
  out   y %6
  out   z %13
end
";
    check(
        share,
        before,
        "\
graph twins
  data  %0 f32[2,3]  x
  data  %1 i32[4]  key
  %2 = exp %0  f32[2,3]  ; a
  %3 = add %2, %2  f32[2,3]  ; b
  %4 = reduce_sum %3 axes=(0)  f32[3]
  %5 = reduce_sum %3 axes=(1)  f32[2]
  %6 = random %1 kind=uniform rate=0.0 shape=(2) stream=1  f32[2]
  %7 = random %1 kind=uniform rate=0.0 shape=(2) stream=2  f32[2]
  %8 = add %6, %7  f32[2]
  %9 = add %8, %6  f32[2]
  %10 = add %9, %5  f32[2]
  out   y %4
  out   z %10
end
",
    );
}

#[test]
fn fold_computes_what_depends_on_no_input() {
    let before = "\
graph constants
  data  %0 f32[2,2]  x
  %1 = constant dtype=f32 shape=(2,2) value=4.0  f32[2,2]
  %2 = sqrt %1  f32[2,2]  ; uniform
  %3 = mul %0, %2  f32[2,2]
  %4 = iota axis=0 dtype=f32 shape=(2,2)  f32[2,2]
  %5 = iota axis=1 dtype=f32 shape=(2,2)  f32[2,2]
  %6 = add %4, %5  f32[2,2]  ; dense
  %7 = mul %3, %6  f32[2,2]
  %8 = iota axis=0 dtype=f32 shape=(2)  f32[2]
  %9 = broadcast %8 axes=(1) shape=(2,2)  f32[2,2]  ; recipe
  %10 = add %7, %9  f32[2,2]
  %11 = constant dtype=f32 shape=(1000000,1000000) value=1.0  f32[1000000,1000000]
  %12 = reduce_sum %11 axes=(0,1)  f32[]  ; uniform
  %13 = broadcast %12 axes=() shape=(2,2)  f32[2,2]  ; uniform
  %14 = add %10, %13  f32[2,2]
  out   y %14
end
";
    check(
        fold,
        before,
        "\
graph constants
  data  %0 f32[2,2]  x
  %1 = constant dtype=f32 shape=(2,2) value=2.0  f32[2,2]  ; uniform
  %2 = mul %0, %1  f32[2,2]
  %3 = literal data=(0.0,1.0,1.0,2.0) dtype=f32 shape=(2,2)  f32[2,2]  ; dense
  %4 = mul %2, %3  f32[2,2]
  %5 = iota axis=0 dtype=f32 shape=(2)  f32[2]
  %6 = broadcast %5 axes=(1) shape=(2,2)  f32[2,2]  ; recipe
  %7 = add %4, %6  f32[2,2]
  %8 = constant dtype=f32 shape=(2,2) value=1000000000000.0  f32[2,2]  ; uniform
  %9 = add %7, %8  f32[2,2]
  out   y %9
end
",
    );
}

#[test]
fn prune_drops_what_no_output_needs() {
    let before = "\
graph dead
  data  %0 f32[2]  x
  param %1 f32[2]  unused  frozen
  param %2 f32[2]  w  train
  %3 = exp %0  f32[2]
  %4 = log %3  f32[2]
  %5 = sin %0  f32[2]  ; kept
  %6 = add %5, %2  f32[2]
  %7 = mul %4, %6  f32[2]
  out   y %5
  store w %6 -> w
end
";
    check(
        prune,
        before,
        "\
graph dead
  data  %0 f32[2]  x
  param %1 f32[2]  unused  frozen
  param %2 f32[2]  w  train
  %3 = sin %0  f32[2]  ; kept
  %4 = add %3, %2  f32[2]
  out   y %3
  store w %4 -> w
end
",
    );
}

/// A group norm without its scale: means over pixels and pairs of channels.
const GROUPS: &str = "\
graph groups
  data  %0 f32[2,64,6]  x
  %1 = reshape %0 shape=(2,64,3,2)  f32[2,64,3,2]
  %2 = reduce_sum %1 axes=(1,3)  f32[2,3]
  %3 = broadcast %2 axes=(0,2) shape=(2,64,3,2)  f32[2,64,3,2]
  %4 = sub %1, %3  f32[2,64,3,2]
  %5 = reshape %4 shape=(2,64,6)  f32[2,64,6]
  out   y %5
end
";

#[test]
fn merge_splits_statistics_only() {
    check(
        merge,
        GROUPS,
        "\
graph groups
  data  %0 f32[2,64,6]  x
  %1 = reduce_sum %0 axes=(1)  f32[2,6]
  %2 = reshape %1 shape=(2,3,2)  f32[2,3,2]
  %3 = reduce_sum %2 axes=(2)  f32[2,3]
  %4 = broadcast %3 axes=(0,1) shape=(2,3,2)  f32[2,3,2]
  %5 = reshape %4 shape=(2,6)  f32[2,6]
  %6 = broadcast %5 axes=(0,2) shape=(2,64,6)  f32[2,64,6]
  %7 = sub %0, %6  f32[2,64,6]
  out   y %7
end
",
    );
}

/// Heads of attention have a statistic for every token: repeating it would be as large as what is normed.
#[test]
fn merge_leaves_large_statistics_alone() {
    let heads = GROUPS.replace("axes=(1,3)  f32[2,3]", "axes=(3)  f32[2,64,3]").replace("axes=(0,2) shape", "axes=(0,1,2) shape");
    check(merge, &heads, &heads);
}
