//! Where a space stands between two pieces of a statement. It depends on the two and on the constructs they belong to.

use crate::rules::Rule;

/// A token, or a construct that has no blanks inside.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    pub text: &'a str,
    /// The construct that the token belongs to.
    pub parent: Rule,
}

/// Written as they stand: paths, globs and `*s`.
pub fn is_atom(rule: Rule) -> bool {
    matches!(rule, Rule::glob | Rule::path | Rule::use_path | Rule::axis_spread)
}

impl Piece<'_> {
    pub fn opens(self) -> bool {
        !is_atom(self.parent) && matches!(self.text, "(" | "[" | "{")
    }

    pub fn closes(self) -> bool {
        !is_atom(self.parent) && matches!(self.text, ")" | "]" | "}")
    }
}

pub fn space_between(left: Piece, right: Piece) -> bool {
    // `0 .5` is item 5 of 0, whatever that means; `0.5` is a number.
    if right.text == "." && left.text.starts_with(|c: char| c.is_ascii_digit()) {
        return true;
    }
    let tight_left = match left.text {
        "(" | "[" | "." => !is_atom(left.parent),
        "{" => matches!(left.parent, Rule::choice | Rule::use_names),
        "-" => left.parent == Rule::op_negative,
        "^" => true,
        _ => false,
    };
    let tight_right = match right.text {
        "," | ")" | "]" | "." | "^" => !is_atom(right.parent),
        ":" => right.parent != Rule::param,
        "(" => matches!(right.parent, Rule::arguments | Rule::parameters),
        "[" => matches!(right.parent, Rule::index | Rule::slot_index | Rule::as_segment),
        "}" => matches!(right.parent, Rule::choice | Rule::use_names),
        _ => false,
    };
    !(tight_left || tight_right)
}
