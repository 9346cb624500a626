//! The parser that pest derives from `pfm.pest`. Every rule of the grammar is a variant of `Rule`.

use pest_derive::Parser;

#[derive(Parser)]
#[grammar = "../pfm.pest"]
pub struct PfmParser;
