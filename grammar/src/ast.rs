//! The typed tree of a `.pfm` file: both tiers, experiments (data) and definitions (tensor code).
//! Every node has a span. Nothing is resolved here: names are names, numbers keep their units.

use pfm_diag::{FileId, Span};

#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    pub text: String,
    pub span: Span,
}

/// Dotted path or glob: `tok.encoder.head`, `tok.**`, `*.batch`, `tok.levels.{0..2}.res`.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Segments as written; globs keep `*`, `**` and `{a..b}`.
    pub segments: Vec<Name>,
    pub span: Span,
}

impl Path {
    pub fn text(&self) -> String {
        self.segments.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join(".")
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct File {
    pub id: FileId,
    /// `pfm 1`.
    pub edition: Option<(u32, Span)>,
    pub uses: Vec<Use>,
    pub experiments: Vec<Block>,
    pub definitions: Vec<Definition>,
    pub span: Span,
}

/// `use std.metrics.{vrmse, neps}`, `use std.processors.walrus`, `use "../other.pfm" as base`.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    pub target: UseTarget,
    /// Names in braces; empty when the path itself ends with the name.
    pub names: Vec<Name>,
    pub alias: Option<Name>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum UseTarget {
    Path(Path),
    File(String, Span),
}

/// The words of `TypeExpr::Named`: `[level]` is a list because `level` is one of them, `[c]` is a tensor.
pub const TYPE_WORDS: &[&str] = &[
    "int",
    "number",
    "bool",
    "text",
    "range",
    "vocabulary",
    "choice",
    "name",
    "level",
    "path",
    "loss",
    "metric",
    "schedule",
    "steps",
    "epochs",
    "frames",
    "samples",
    "batches",
];

/// The words that open a block of an experiment.
pub const BLOCK_WORDS: &[&str] =
    &["experiment", "data", "tokeniser", "processor", "model", "level", "mask", "stage", "grid", "report", "profile"];

// ---- experiment tier

/// `kind label MODIFIER over PATH = BASE { body }`: `stage rollout { … }`, `data euler = euler_multi_quadrants { … }`,
/// `grid table5 over rollout { … }`, `profile laptop default { … }`, `level 1 { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Lines of the `##` comment above, without the marks.
    pub doc: Vec<String>,
    pub kind: Name,
    pub label: Option<Name>,
    /// `default` after a profile's label.
    pub modifier: Option<Name>,
    pub over: Option<Path>,
    /// What is amended.
    pub base: Option<Path>,
    /// Arguments of what is amended: `data systems = mix([a, b], weights: by_size) { … }`.
    pub base_args: Vec<Arg>,
    pub body: Vec<Statement>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    Block(Block),
    Setting(Setting),
    /// `freeze GLOBS except GLOBS`.
    Freeze(MaskTerm),
    /// `train GLOBS except GLOBS`.
    Train(MaskTerm),
    /// `skip [axis: label, …]`.
    Skip(Vec<Arg>, Span),
    Expect(Expect),
}

/// `path = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub path: Path,
    pub value: Expr,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MaskTerm {
    pub globs: Vec<Path>,
    pub except: Vec<Path>,
    pub span: Span,
}

/// `expect LEFT < RIGHT within 10 % on "paper"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    pub left: Expr,
    pub comparison: Comparison,
    pub comparison_span: Span,
    pub right: Expr,
    pub within: Option<Expr>,
    /// Profile names; empty means always.
    pub on: Vec<(String, Span)>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

// ---- values and code, shared by both tiers

#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `168_000 steps`, `5e-4`, `5 %`. `integer` when written without point and exponent.
    Number {
        value: f64,
        integer: bool,
        unit: Option<Name>,
    },
    Text(String),
    Bool(bool),
    /// A name or dotted path: `mostly_frozen`, `pretrain.tok`, `none`.
    Path(Path),
    /// `[a, b]`, `[scratch: random, in_domain: pretrain.tok]`.
    List(Vec<Arg>),
    /// `(a, b)`.
    Tuple(Vec<Expr>),
    /// `{2, 4} eval 2`.
    Choice {
        options: Vec<Expr>,
        eval: Option<Box<Expr>>,
    },
    /// `a .. b`.
    Range(Box<Expr>, Box<Expr>),
    /// `f(x, key: value) as name`.
    Call(Call),
    /// `base[i]`, `vrmse[weights: in_domain]`, `levels[d].channels` (then `field`).
    Index {
        base: Box<Expr>,
        args: Vec<Arg>,
    },
    /// `expr.name` where expr is not a plain path.
    Field(Box<Expr>, Name),
    /// `input |> f(…) as name`: the input is the first argument. `call.args` does not include it.
    Pipe {
        input: Box<Expr>,
        call: Call,
    },
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    If {
        condition: Box<Expr>,
        then: Box<Code>,
        otherwise: Box<Code>,
    },
    /// An axis list as an argument: `over: [*s c]` (spaces, no commas, or a spread, a rename or a prime).
    Axes(Vec<Axis>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub callee: Path,
    pub args: Vec<Arg>,
    pub name: Option<AsName>,
    pub span: Span,
}

/// `as conv1`, `as levels[d].down`: path segments, each with an optional index expression.
#[derive(Clone, Debug, PartialEq)]
pub struct AsName {
    pub segments: Vec<(Name, Option<Expr>)>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    pub name: Option<Name>,
    pub value: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    /// `//`, whole-number division.
    IntDiv,
    /// `%` between expressions.
    Rem,
    Pow,
    And,
    Or,
    Compare(Comparison),
}

// ---- definition tier

#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub doc: Vec<String>,
    pub kind: DefinitionKind,
    pub name: Name,
    pub params: Vec<Parameter>,
    pub returns: Option<TypeExpr>,
    /// What is amended: `metric wide = neps { bands = 5 }` at file level, of any kind but a vocabulary. The body is then `Settings`.
    pub base: Option<Path>,
    pub base_args: Vec<Arg>,
    pub body: Body,
    pub span: Span,
}

impl Definition {
    /// A member of a tokeniser, processor or optimiser by name.
    pub fn member(&self, name: &str) -> Option<&Definition> {
        match &self.body {
            Body::Members { definitions, .. } => definitions.iter().find(|d| d.name.text == name),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DefinitionKind {
    /// Tensor code with parameters of its own.
    Block,
    /// Tensor code without.
    Fn,
    Loss,
    Metric,
    Schedule,
    Optimiser,
    Tokeniser,
    Processor,
    Data,
    /// `vocabulary well_61 = [energy, …]`.
    Vocabulary,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Lines of the `##` comment above, without the marks.
    pub doc: Vec<String>,
    pub name: Name,
    pub ty: Option<TypeExpr>,
    pub default: Option<Expr>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TypeExpr {
    /// `[b t *s c]`, optionally `f32 [b t *s c]`, which says the same. `[x]` is a tensor unless `x` is one of `TYPE_WORDS`.
    Tensor(Vec<Axis>, Span),
    /// `int`, `number`, `bool`, `text`, `range`, `vocabulary`, `choice`, `name`, a unit word such as `steps`.
    Named(Name),
    /// `[level]`: a list of them.
    List(Box<TypeExpr>, Span),
    /// `(number, number)`.
    Tuple(Vec<TypeExpr>, Span),
}

/// One entry of an axis list.
#[derive(Clone, Debug, PartialEq)]
pub enum Axis {
    /// `c`, `h'`.
    Named(Name),
    /// `*s`: the spatial axes, two or three of them.
    Spread(Name),
    /// `..`: any axes.
    Rest(Span),
    /// `h as h'`.
    Renamed(Name, Name),
    /// A size: `[3 3]`, `[4 * c]` in parentheses.
    Size(Box<Expr>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `= expr`.
    Expr(Expr),
    /// `{ statements; result }` of a block, fn, loss, metric or schedule.
    Code(Code),
    /// `{ members }` of a tokeniser, processor or optimiser: nested definitions and slots.
    Members { slots: Vec<Slot>, definitions: Vec<Definition> },
    /// `{ name = value … }` of data.
    Settings(Vec<Statement>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    pub statements: Vec<CodeStatement>,
    /// The value of the code: its last expression.
    pub result: Option<Expr>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CodeStatement {
    /// `a = expr`, `f, q, k = expr`. A later one may rebind a name (in a loop, that is how a value is carried on).
    Let { names: Vec<Name>, value: Expr, span: Span },
    /// `weight : param [out c] ~ uniform(1 / sqrt(c)) if bias`.
    Param { name: Name, axes: Vec<Axis>, init: Expr, condition: Option<Expr>, span: Span },
    /// `for d in 0 .. n { … }`: runs while compiling; the end is not included. `for a, b in zip(x, y) { … }` takes each item apart.
    For { variables: Vec<Name>, over: Expr, body: Code, span: Span },
    /// `require CONDITION, "message"`: a check of the definition's own arguments.
    Require { condition: Expr, message: String, span: Span },
}

/// `slot m ~ zeros` in an optimiser: one tensor per parameter, of its shape. `slot q[n] ~ zeros if n < 100`: a square matrix for each
/// axis of a parameter, `n` its entries, where the condition holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    pub name: Name,
    /// `n` in `slot q[n] ~ …`.
    pub index: Option<Name>,
    pub init: Expr,
    pub condition: Option<Expr>,
    pub span: Span,
}
