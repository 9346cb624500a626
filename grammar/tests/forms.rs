//! Each form of the typed tree, shown as a short expression in prefix form.

use pfm_diag::FileId;
use pfm_syntax::{ast::*, parse, parse_expr};

fn args(args: &[Arg]) -> String {
    let one = |a: &Arg| match &a.name {
        Some(n) => format!("{}:{}", n.text, show(&a.value)),
        None => show(&a.value),
    };
    args.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn axes(axes: &[Axis]) -> String {
    let one = |a: &Axis| match a {
        Axis::Named(n) => n.text.clone(),
        Axis::Spread(n) => format!("*{}", n.text),
        Axis::Rest(_) => "..".into(),
        Axis::Renamed(a, b) => format!("{}>{}", a.text, b.text),
        Axis::Size(e) => show(e),
    };
    axes.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn name(name: &Option<AsName>) -> String {
    let Some(name) = name else { return String::new() };
    let one = |(n, i): &(Name, Option<Expr>)| n.text.clone() + &i.as_ref().map_or(String::new(), |i| format!("[{}]", show(i)));
    format!(" @{}", name.segments.iter().map(one).collect::<Vec<_>>().join("."))
}

fn code(code: &Code) -> String {
    let lines = code.statements.iter().map(line).chain(code.result.iter().map(show));
    format!("{{{}}}", lines.collect::<Vec<_>>().join("; "))
}

fn line(statement: &CodeStatement) -> String {
    match statement {
        CodeStatement::Let { names, value, .. } => {
            format!("{}={}", names.iter().map(|n| n.text.as_str()).collect::<Vec<_>>().join(","), show(value))
        }
        CodeStatement::Param { name, axes: a, init, condition, .. } => {
            format!(
                "{}:[{}]~{}{}",
                name.text,
                axes(a),
                show(init),
                condition.as_ref().map_or(String::new(), |c| format!(" if {}", show(c)))
            )
        }
        CodeStatement::For { variables, over, body, .. } => {
            let names: Vec<&str> = variables.iter().map(|v| v.text.as_str()).collect();
            format!("for {} {} {}", names.join(","), show(over), code(body))
        }
        CodeStatement::Require { condition, message, .. } => format!("require {} {message:?}", show(condition)),
    }
}

fn show(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Number { value, integer, unit } => {
            let unit = unit.as_ref().map_or(String::new(), |u| format!("_{}", u.text));
            if *integer { format!("{value}{unit}") } else { format!("{value:?}f{unit}") }
        }
        ExprKind::Text(t) => format!("{t:?}"),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::Path(p) => p.text(),
        ExprKind::List(a) => format!("[{}]", args(a)),
        ExprKind::Tuple(e) => format!("(tuple {})", e.iter().map(show).collect::<Vec<_>>().join(" ")),
        ExprKind::Choice { options, eval } => {
            let eval = eval.as_ref().map_or(String::new(), |e| format!(" eval {}", show(e)));
            format!("(choice {}{eval})", options.iter().map(show).collect::<Vec<_>>().join(" "))
        }
        ExprKind::Range(a, b) => format!("(.. {} {})", show(a), show(b)),
        ExprKind::Call(c) => format!("{}({}){}", c.callee.text(), args(&c.args), name(&c.name)),
        ExprKind::Index { base, args: a } => format!("(at {} {})", show(base), args(a)),
        ExprKind::Field(e, n) => format!("(. {} {})", show(e), n.text),
        ExprKind::Pipe { input, call } => format!("(|> {} {}({}){})", show(input), call.callee.text(), args(&call.args), name(&call.name)),
        ExprKind::Not(e) => format!("(not {})", show(e)),
        ExprKind::Negative(e) => format!("(- {})", show(e)),
        ExprKind::Binary { op, left, right } => format!("({op:?} {} {})", show(left), show(right)),
        ExprKind::If { condition, then, otherwise } => format!("(if {} {} {})", show(condition), code(then), code(otherwise)),
        ExprKind::Axes(a) => format!("<{}>", axes(a)),
    }
}

#[test]
fn values() {
    for (text, wanted) in [
        ("168_000 steps", "168000_steps"),
        ("5e-4", "0.0005f"),
        ("0.5", "0.5f"),
        ("5 %", "5_%"),
        ("5% ", "5_%"),
        ("20 GiB", "20_GiB"),
        ("-3 frames", "(- 3_frames)"),
        ("true", "true"),
        ("\"paper\"", "\"paper\""),
        ("pretrain.tok", "pretrain.tok"),
        ("tok.encoder.levels.1.down", "tok.encoder.levels.1.down"),
        ("tok.**", "tok.**"),
        ("[scratch: random, in_domain: pretrain.tok]", "[scratch:random in_domain:pretrain.tok]"),
        ("[1, 2, 3 .. 6, 7 .. 18,]", "[1 2 (.. 3 6) (.. 7 18)]"),
        ("[10_500 steps]", "[10500_steps]"),
        ("[]", "[]"),
        ("(0.9, 0.999)", "(tuple 0.9f 0.999f)"),
        ("(3,)", "(tuple 3)"),
        ("(3)", "3"),
        ("{2, 4} eval 2", "(choice 2 4 eval 2)"),
        ("{(1, 2), (2, 2)} eval (1, 2)", "(choice (tuple 1 2) (tuple 2 2) eval (tuple 1 2))"),
        ("{-1, 2} eval -1", "(choice (- 1) 2 eval (- 1))"),
        ("0 .. 0.05", "(.. 0 0.05f)"),
        ("rms(per: [sample, field], floor: 1e-7)", "rms(per:[sample field] floor:1e-7f)"),
        ("vrmse[weights: in_domain, mask: trainable]", "(at vrmse weights:in_domain mask:trainable)"),
        ("trainable(tok, in: rollout)", "trainable(tok in:rollout)"),
        ("0.5 * vrmse[a: b]", "(Mul 0.5f (at vrmse a:b))"),
    ] {
        check(text, wanted);
    }
}

fn check(text: &str, wanted: &str) {
    let (value, found) = parse_expr(FileId(0), text);
    assert!(found.is_empty(), "{text}: {found:?}");
    assert_eq!(value.as_ref().map(show).as_deref(), Some(wanted), "{text}");
}

#[test]
fn operators() {
    for (text, wanted) in [
        ("a + b * c ^ d ^ e", "(Add a (Mul b (Pow c (Pow d e))))"),
        ("a - b - c", "(Sub (Sub a b) c)"),
        ("-a ^ 2", "(- (Pow a 2))"),
        ("-a * b", "(Mul (- a) b)"),
        ("2 ^ -1", "(Pow 2 (- 1))"),
        ("a // b % c / d", "(Div (Rem (IntDiv a b) c) d)"),
        ("6 % c", "(Rem 6 c)"),
        ("0 .. n - 1", "(.. 0 (Sub n 1))"),
        ("not a == b and c or d", "(Or (And (not (Compare(Equal) a b)) c) d)"),
        ("a <= b and b != c", "(And (Compare(LessEqual) a b) (Compare(NotEqual) b c))"),
        ("a + b |> f |> g(2) as h", "(|> (|> (Add a b) f()) g(2) @h)"),
        ("(truth - pred)^2", "(Pow (Sub truth pred) 2)"),
        ("levels[d].channels * 2", "(Mul (. (at levels d) channels) 2)"),
        ("f(x) as levels[d + 1].down", "f(x) @levels[(Add d 1)].down"),
        ("f(x)[0]", "(at f(x) 0)"),
        ("1 / sqrt(c)", "(Div 1 sqrt(c))"),
        ("if a { b } else if c { d } else { e }", "(if a {b} {(if c {d} {e})})"),
        ("if a == 1 { x = b\n x } else { c }", "(if (Compare(Equal) a 1) {x=b; x} {c})"),
        ("(f |> swiglu |> linear(c) as ff_out)", "(|> (|> f swiglu()) linear(c) @ff_out)"),
        ("x\n  |> f\n  # between\n  |> g", "(|> (|> x f()) g())"),
        ("f(a,\n  b)", "f(a b)"),
    ] {
        check(text, wanted);
    }
}

#[test]
fn axis_lists() {
    for (text, wanted) in [
        ("[*s c]", "<*s c>"),
        ("[t *s]", "<t *s>"),
        ("[t * s]", "[(Mul t s)]"),
        ("[*s]", "<*s>"),
        ("[..]", "<..>"),
        ("[h']", "<h'>"),
        ("[h as h']", "<h>h'>"),
        ("[h as k w]", "<h>k w>"),
        ("[b (2 * c) 3]", "<b (Mul 2 c) 3>"),
        ("[h w]", "<h w>"),
        ("[c]", "[c]"),
        ("[a and b]", "[(And a b)]"),
        ("[not a]", "[(not a)]"),
        ("[f(x) as y]", "[f(x) @y]"),
        ("[4 * c, c]", "[(Mul 4 c) c]"),
        ("[(a, b)]", "[(tuple a b)]"),
    ] {
        check(text, wanted);
    }
}

#[test]
fn code_lines() {
    let text = "pfm 1\nblock f(x: [b *s c], levels: [level], r: (number, number), n: [int], w: [c], m: [c 3 (2 * c)], k) -> [..] {\n\
        a, b = split(x)\n w : param [out c 3] ~ uniform(1 / sqrt(c)) if bias and c > 2\n v : param [3] ~ 1 if bias\n\
        for d in 0 .. n - 1 { x = g(x) as l[d] }\n for a, m in zip(s, k) { x = h(x, a) }\n require c > 2, \"too few\"\n x\n}\n";
    let file = parse(FileId(0), text);
    assert!(file.diagnostics.is_empty(), "{:?}", file.diagnostics);
    let definition = &file.file.definitions[0];
    let Body::Code(body) = &definition.body else { panic!("a block has code") };
    assert_eq!(
        code(body),
        "{a,b=split(x); w:[out c 3]~uniform((Div 1 sqrt(c))) if (And bias (Compare(Greater) c 2)); v:[3]~1 if bias; \
         for d (.. 0 (Sub n 1)) {x=g(x) @l[d]}; for a,m zip(s k) {x=h(x a)}; require (Compare(Greater) c 2) \"too few\"; x}"
    );
    let types: Vec<String> = definition
        .params
        .iter()
        .map(|p| match &p.ty {
            Some(TypeExpr::Tensor(a, _)) => format!("tensor {}", axes(a)),
            Some(TypeExpr::List(of, _)) => format!("list {}", matches!(**of, TypeExpr::Named(_))),
            Some(TypeExpr::Tuple(of, _)) => format!("tuple {}", of.len()),
            Some(TypeExpr::Named(n)) => n.text.clone(),
            None => "none".into(),
        })
        .collect();
    assert_eq!(types, ["tensor b *s c", "list true", "tuple 2", "list true", "tensor c", "tensor c 3 (Mul 2 c)", "none"]);
}

#[test]
fn experiment_statements() {
    let text = "pfm 1\n\n## One.\n## Two.\nexperiment e = base.f {\n  freeze a.**, b except c, d.*, x = 3\n  \
        skip [w: a, m: b]\n  expect f(x) >= 3 params within 1 % on \"a\", \"b\"\n  train = net\n  train net\n  \
        a.{0..2}.* = 4\n  profile p default { }\n  grid g over s { }\n  data d = mix([a, b], weights: equal) { n = 1 }\n  level 1 { }\n  processor q = walrus\n}\n";
    let parsed = parse(FileId(0), text);
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    let experiment = &parsed.file.experiments[0];
    assert_eq!(experiment.doc, ["One.", "Two."]);
    let shown: Vec<String> = experiment.body.iter().map(statement).collect();
    assert_eq!(
        shown,
        [
            "freeze a.** b except c d.*",
            "x=3",
            "skip w:a m:b",
            "expect f(x) GreaterEqual 3_params within 1_% on a b",
            "train=net",
            "train net except ",
            "a.{0..2}.*=4",
            "profile p default  0",
            "grid g  over s 0",
            "data d  =mix([a b] weights:equal) 1",
            "level 1   0",
            "processor q  =walrus() 0",
        ]
    );
}

fn statement(statement: &Statement) -> String {
    let globs = |g: &[Path]| g.iter().map(Path::text).collect::<Vec<_>>().join(" ");
    let text = |n: &Option<Name>| n.as_ref().map_or(String::new(), |n| n.text.clone());
    match statement {
        Statement::Setting(s) => format!("{}={}", s.path.text(), show(&s.value)),
        Statement::Freeze(m) => format!("freeze {} except {}", globs(&m.globs), globs(&m.except)),
        Statement::Train(m) => format!("train {} except {}", globs(&m.globs), globs(&m.except)),
        Statement::Skip(a, _) => format!("skip {}", args(a)),
        Statement::Expect(e) => {
            let within = e.within.as_ref().map_or(String::new(), |w| format!(" within {}", show(w)));
            let on: Vec<&str> = e.on.iter().map(|o| o.0.as_str()).collect();
            format!("expect {} {:?} {}{within} on {}", show(&e.left), e.comparison, show(&e.right), on.join(" "))
        }
        Statement::Block(b) => {
            let base = b.base.as_ref().map_or(String::new(), |p| format!("={}({})", p.text(), args(&b.base_args)));
            let over = b.over.as_ref().map_or(String::new(), |p| format!("over {}", p.text()));
            format!("{} {} {} {base}{over} {}", b.kind.text, text(&b.label), text(&b.modifier), b.body.len())
        }
    }
}
