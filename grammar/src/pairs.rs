//! Walking a parsed construct in order: the builder takes the parts that may be there and needs those that the grammar promises.

use crate::rules::Rule;

pub type Pair<'a> = pest::iterators::Pair<'a, Rule>;

/// The parts of one pair, first to last.
pub struct Parts<'a> {
    whole: Rule,
    inner: std::iter::Peekable<pest::iterators::Pairs<'a, Rule>>,
}

impl<'a> Parts<'a> {
    pub fn of(pair: Pair<'a>) -> Self {
        Parts { whole: pair.as_rule(), inner: pair.into_inner().peekable() }
    }

    /// The next part if it is this rule.
    pub fn maybe(&mut self, rule: Rule) -> Option<Pair<'a>> {
        self.inner.next_if(|p| p.as_rule() == rule)
    }

    /// The next part, which the grammar says is this rule.
    pub fn need(&mut self, rule: Rule) -> Pair<'a> {
        let whole = self.whole;
        self.maybe(rule).unwrap_or_else(|| panic!("the grammar promises {rule:?} here in {whole:?}"))
    }

    /// The next part, whatever it is.
    pub fn part(&mut self) -> Pair<'a> {
        let whole = self.whole;
        self.inner.next().unwrap_or_else(|| panic!("the grammar promises one more part in {whole:?}"))
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        self.inner.next()
    }
}
