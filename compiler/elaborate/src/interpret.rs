//! Statements and expressions of definition code. Everything but tensors is computed here and now; tensor arithmetic adds nodes.

use crate::{
    Elaborator, Setting,
    call::Given,
    fault::{Outcome, any_of, fault},
    frame::Frame,
    library::closest,
    value::Value,
};
use pfm_diag::Span;
use pfm_syntax::ast::{Arg, Code, CodeStatement, Expr, ExprKind, Name, Path};

/// Constants that are always in scope.
fn constant(name: &str) -> Option<Value> {
    Some(match name {
        "none" => Value::Setting(Setting::None),
        "pi" => Value::number(std::f64::consts::PI),
        "infinity" => Value::number(f64::INFINITY),
        "nan" => Value::number(f64::NAN),
        _ => return None,
    })
}

/// Expressions that may be evaluated while one graph is made: a limit that real models stay far below.
const MOST_WORK: usize = 200_000;
/// Items of a list, those of lists in it included.
const MOST_ITEMS: usize = 100_000;

/// Code that would not end, or fill the memory, while it compiles.
pub(crate) fn too_much(message: String, span: Span, label: impl Into<String>) -> crate::fault::Fault {
    let d = fault("E1024", message, span, label);
    Box::new(d.help("loops are unrolled while compiling: make them shorter, or let one operation do the work"))
}

/// The list, unless it has too many items.
pub(crate) fn small(list: Value, span: Span) -> Outcome<Value> {
    let mut left = MOST_ITEMS;
    if fits(&list, &mut left) { Ok(list) } else { Err(too_much(format!("a list has more than {MOST_ITEMS} items"), span, "grows here")) }
}

fn fits(value: &Value, left: &mut usize) -> bool {
    match value {
        Value::Group(items) => items.iter().all(|i| fits(i, left)),
        Value::Setting(setting) => setting_fits(setting, left),
        _ => take_one(left),
    }
}

fn setting_fits(setting: &Setting, left: &mut usize) -> bool {
    match setting {
        Setting::List(items) | Setting::Tuple(items) => take_one(left) && items.iter().all(|i| setting_fits(i, left)),
        Setting::Record(fields) => take_one(left) && fields.iter().all(|(_, i)| setting_fits(i, left)),
        _ => take_one(left),
    }
}

fn take_one(left: &mut usize) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}

/// Factor of a unit word. Counting words are their own base unit.
fn unit_factor(word: &str) -> f64 {
    match word {
        "%" => 0.01,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        _ => 1.0,
    }
}

impl<'a> Elaborator<'a> {
    /// Runs statements in a scope of their own. None: the code has no last expression.
    pub(crate) fn code(&mut self, frame: &mut Frame<'a>, code: &Code) -> Outcome<Option<Value>> {
        frame.push();
        let result = self.statements(frame, code);
        frame.pop();
        result
    }

    fn statements(&mut self, frame: &mut Frame<'a>, code: &Code) -> Outcome<Option<Value>> {
        for statement in &code.statements {
            self.statement(frame, statement)?;
        }
        code.result.as_ref().map(|e| self.eval(frame, e)).transpose()
    }

    fn statement(&mut self, frame: &mut Frame<'a>, statement: &CodeStatement) -> Outcome<()> {
        match statement {
            CodeStatement::Let { names, value, span } => {
                let value = self.eval(frame, value)?;
                self.assign(frame, names, value, *span)
            }
            CodeStatement::Param { name, axes, init, condition, span } => self.declare(frame, name, axes, init, condition.as_ref(), *span),
            CodeStatement::For { variables, over, body, .. } => {
                let items = self.eval(frame, over)?;
                for item in self.loop_items(&items, over.span)? {
                    frame.push();
                    let bound = bind_each(frame, variables, item, over.span);
                    let ran = bound.and_then(|()| self.statements(frame, body));
                    frame.pop();
                    ran?;
                }
                Ok(())
            }
            CodeStatement::Require { condition, message, span } => {
                if self.truth(frame, condition)? {
                    Ok(())
                } else {
                    Err(self.unmet(frame, message, *span))
                }
            }
        }
    }

    fn assign(&mut self, frame: &mut Frame<'a>, names: &[Name], value: Value, span: Span) -> Outcome<()> {
        if let [name] = names {
            frame.assign(&name.text, value);
            return Ok(());
        }
        let found = value.kind();
        let items = value.items().filter(|items| items.len() == names.len()).ok_or_else(|| {
            fault("E1006", format!("{} names take a list of as many values", names.len()), span, format!("{found} on the right"))
        })?;
        for (name, item) in names.iter().zip(items) {
            frame.assign(&name.text, item);
        }
        Ok(())
    }

    fn loop_items(&self, over: &Value, span: Span) -> Outcome<Vec<Value>> {
        if let Value::Setting(s) = over
            && let Setting::Range(from, to) = s.closed()
        {
            if to - from > 1e6 {
                return Err(too_much(format!("a loop over {} numbers", to - from), span, "too many to run while compiling"));
            }
            return Ok((*from as i64..*to as i64).map(|i| Value::number(i as f64)).collect());
        }
        over.items().ok_or_else(|| {
            let d = fault("E1006", format!("`for` needs a range, a list or axes, found {}", over.kind()), span, over.kind());
            Box::new(d.help("such as `0 .. n`, whose end is not included"))
        })
    }

    pub(crate) fn truth(&mut self, frame: &mut Frame<'a>, condition: &Expr) -> Outcome<bool> {
        let value = self.eval(frame, condition)?;
        match &value {
            Value::Setting(s) if matches!(s.closed(), Setting::Bool(_)) => Ok(s.closed() == &Setting::Bool(true)),
            other => {
                let d = fault("E1006", format!("a condition is true or false, found {}", other.kind()), condition.span, other.kind());
                Err(Box::new(d.help("conditions are decided while compiling; between tensors use `where(condition, a, b)`")))
            }
        }
    }

    pub(crate) fn number(&mut self, frame: &mut Frame<'a>, e: &Expr) -> Outcome<f64> {
        let value = self.eval(frame, e)?;
        value.as_number().ok_or_else(|| fault("E1006", format!("expected a number, found {}", value.kind()), e.span, value.kind()))
    }

    /// The value of an expression.
    pub(crate) fn eval(&mut self, frame: &mut Frame<'a>, e: &Expr) -> Outcome<Value> {
        self.work += 1;
        if self.work > MOST_WORK {
            return Err(too_much(
                format!("more than {MOST_WORK} expressions are evaluated for one model"),
                e.span,
                "the limit is reached here",
            ));
        }
        match &e.kind {
            ExprKind::Number { value, unit, .. } => Ok(Value::number(value * unit.as_ref().map_or(1.0, |u| unit_factor(&u.text)))),
            ExprKind::Text(t) => Ok(Value::Setting(Setting::Text(t.clone()))),
            ExprKind::Bool(b) => Ok(Value::boolean(*b)),
            ExprKind::Path(path) => self.path(frame, path),
            ExprKind::List(args) => self.list(frame, args),
            ExprKind::Tuple(items) => self.tuple(frame, items),
            ExprKind::Choice { options, eval } => self.choice(frame, options, eval.as_deref()),
            ExprKind::Range(from, to) => {
                let (from, to) = (self.number(frame, from)?, self.number(frame, to)?);
                Ok(Value::Setting(Setting::Range(from, to)))
            }
            ExprKind::Call(call) => self.call_expr(frame, call, None, e.span),
            ExprKind::Pipe { input, call } => {
                let value = self.eval(frame, input)?;
                let given = Given::ready(None, value, input.span);
                self.call_expr(frame, call, Some(given), e.span)
            }
            ExprKind::Index { base, args } => self.index(frame, base, args, e.span),
            ExprKind::Field(base, name) => {
                let base = self.eval(frame, base)?;
                self.field(&base, name)
            }
            ExprKind::Not(inner) => self.not(frame, inner),
            ExprKind::Negative(inner) => {
                let value = self.eval(frame, inner)?;
                self.negative(&value, inner.span)
            }
            ExprKind::Binary { op, left, right } => self.binary(frame, *op, left, right, e.span),
            ExprKind::If { condition, then, otherwise } => {
                let branch = if self.truth(frame, condition)? { then } else { otherwise };
                self.code(frame, branch)?
                    .ok_or_else(|| fault("E1006", "a branch of `if` needs a value", branch.span, "ends without an expression"))
            }
            ExprKind::Axes(axes) => Ok(Value::Axes(self.axis_list(frame, axes)?)),
        }
    }

    fn list(&mut self, frame: &mut Frame<'a>, args: &[Arg]) -> Outcome<Value> {
        if !args.is_empty() && args.iter().all(|a| a.name.is_some()) {
            let mut fields = vec![];
            for arg in args {
                let name = arg.name.as_ref().expect("checked above").text.clone();
                let value = self.eval(frame, &arg.value)?;
                let setting =
                    value.as_setting().ok_or_else(|| fault("E1006", "a list with labels holds settings", arg.value.span, value.kind()))?;
                fields.push((name, setting));
            }
            return Ok(Value::Setting(Setting::Record(fields)));
        }
        let items = args.iter().map(|a| self.eval(frame, &a.value)).collect::<Outcome<Vec<_>>>()?;
        match (args.first(), args.last()) {
            (Some(first), Some(last)) => small(Value::list(items), first.value.span.to(last.value.span)),
            _ => Ok(Value::list(items)),
        }
    }

    fn tuple(&mut self, frame: &mut Frame<'a>, items: &[Expr]) -> Outcome<Value> {
        let items = items.iter().map(|i| self.eval(frame, i)).collect::<Outcome<Vec<_>>>()?;
        Ok(match Value::list(items) {
            Value::Setting(Setting::List(items)) => Value::Setting(Setting::Tuple(items)),
            other => other,
        })
    }

    fn choice(&mut self, frame: &mut Frame<'a>, options: &[Expr], eval: Option<&Expr>) -> Outcome<Value> {
        let mut settings = vec![];
        for option in options {
            let value = self.eval(frame, option)?;
            let setting = value.as_setting();
            settings.push(setting.ok_or_else(|| fault("E1006", "options are settings", option.span, value.kind()))?);
        }
        let index = match eval {
            None => 0,
            Some(e) => {
                let wanted = self.eval(frame, e)?.as_setting();
                let found = settings.iter().position(|s| Some(s) == wanted.as_ref());
                found.ok_or_else(|| {
                    let known: Vec<String> = settings.iter().map(Setting::to_string).collect();
                    let d = fault("E0407", "what `eval` names is not one of the options", e.span, "not in the choice");
                    Box::new(d.help(format!("write {}", any_of(&known))))
                })?
            }
        };
        Ok(Value::Setting(Setting::Choice { options: settings, eval: index, picked: None }))
    }

    /// A name or dotted path: a variable, then fields of it.
    pub(crate) fn path(&mut self, frame: &Frame<'a>, path: &Path) -> Outcome<Value> {
        let (first, rest) = path.segments.split_first().expect("a path has a segment");
        let (value, rest) = match frame.lookup(&first.text) {
            // Only the field itself is copied out of a record.
            Some(Value::Setting(setting)) => {
                let (field, rest) = innermost(setting, rest);
                (Some(Value::Setting(field.clone())), rest)
            }
            Some(value) => (Some(value.clone()), rest),
            None => (constant(&first.text), rest),
        };
        let Some(mut value) = value else {
            if frame.open_names {
                return Ok(Value::Setting(Setting::Name(path.text())));
            }
            return Err(self.unknown_name(frame, first));
        };
        for name in rest {
            value = self.field(&value, name)?;
        }
        Ok(value)
    }

    fn unknown_name(&self, frame: &Frame<'a>, name: &Name) -> crate::fault::Fault {
        let d = fault("E1003", format!("nothing is called `{}` in {}", name.text, frame.what), name.span, "not bound here");
        let known = frame.names();
        Box::new(match closest(&name.text, &known) {
            Some(near) => d.fix(format!("did you mean `{near}`?"), name.span, near.clone(), false),
            None => d.help("bind it first (`name = …`), or take it as an argument"),
        })
    }

    fn field(&self, base: &Value, name: &Name) -> Outcome<Value> {
        if let Value::Setting(s) = base {
            match (s.closed(), name.text.as_str()) {
                (Setting::Range(from, _), "from") => return Ok(Value::number(*from)),
                (Setting::Range(_, to), "to") => return Ok(Value::number(*to)),
                (record @ Setting::Record(fields), field) => {
                    return record.field(field).cloned().map(Value::Setting).ok_or_else(|| {
                        let known: Vec<&str> = fields.iter().map(|(n, _)| n.as_str()).collect();
                        let d = fault("E1003", format!("no field `{field}`"), name.span, "not one of its fields");
                        Box::new(d.help(format!("it has {}", any_of(&known))))
                    });
                }
                _ => {}
            }
        }
        if let (Ok(index), Some(items)) = (name.text.parse::<usize>(), base.items()) {
            return self.item(&items, index as f64, name.span);
        }
        Err(fault("E1006", format!("{} has no field `{}`", base.kind(), name.text), name.span, "no such field"))
    }

    fn index(&mut self, frame: &mut Frame<'a>, base: &Expr, args: &[Arg], span: Span) -> Outcome<Value> {
        // One item of a list that has a name is copied, not the list.
        if let (ExprKind::Path(path), [Arg { name: None, value: at }]) = (&base.kind, args)
            && let [name] = path.segments.as_slice()
            && let Some(Value::Setting(Setting::List(_))) = frame.lookup(&name.text)
        {
            let index = self.number(frame, at)?;
            if let Some(Value::Setting(Setting::List(items))) = frame.lookup(&name.text)
                && index.fract() == 0.0
                && index >= 0.0
                && let Some(item) = items.get(index as usize)
            {
                return Ok(Value::Setting(item.clone()));
            }
        }
        let value = self.eval(frame, base)?;
        let items = value.items().ok_or_else(|| fault("E1006", format!("{} has no items", value.kind()), base.span, value.kind()))?;
        let [Arg { name: None, value: at }] = args else {
            return Err(fault("E1005", "one index is taken", span, format!("{} given", args.len())));
        };
        let index = self.number(frame, at)?;
        self.item(&items, index, at.span)
    }

    fn item(&self, items: &[Value], index: f64, span: Span) -> Outcome<Value> {
        if index.fract() == 0.0 && index >= 0.0 && (index as usize) < items.len() {
            return Ok(items[index as usize].clone());
        }
        let d = fault("E1015", format!("no item {index}: the list has {}", items.len()), span, format!("is {index} here"));
        Err(Box::new(d.help("items count from 0")))
    }

    /// The diagnostic of a `require` that does not hold. A message may begin with its code, as in `E0401: …`; `{name}` is replaced
    /// by the value of a variable.
    fn unmet(&mut self, frame: &Frame<'a>, message: &str, span: Span) -> crate::fault::Fault {
        let (code, text) = match message.split_once(": ").map(|(head, tail)| (pfm_diag::code_info(head), tail)) {
            Some((Some(info), tail)) => (info.code, tail),
            _ => ("E1014", message),
        };
        let (text, help) = text.split_once("; ").map_or((text, None), |(t, h)| (t, Some(h)));
        let d = match self.site {
            Some(site) => fault(code, filled(frame, text), site, "used here").also(span, "required by the definition here"),
            None => *fault(code, filled(frame, text), span, "required here"),
        };
        Box::new(match help {
            Some(help) => d.help(filled(frame, help)),
            None => d,
        })
    }
}

/// Binds the variables of a loop: one to the item, several to its parts.
fn bind_each(frame: &mut Frame, variables: &[Name], item: Value, span: Span) -> Outcome<()> {
    if let [variable] = variables {
        frame.bind(&variable.text, item);
        return Ok(());
    }
    let found = item.kind();
    let parts = item.items().filter(|parts| parts.len() == variables.len());
    let parts = parts.ok_or_else(|| {
        let d = fault("E1006", format!("{} names take items of as many values, found {found}", variables.len()), span, "of these items");
        Box::new(d.help("go over several lists at once with `zip(a, b)`"))
    })?;
    variables.iter().zip(parts).for_each(|(v, part)| frame.bind(&v.text, part));
    Ok(())
}

/// The field that leading names reach through records, and the names that are left.
fn innermost<'s, 'n>(mut setting: &'s Setting, mut names: &'n [Name]) -> (&'s Setting, &'n [Name]) {
    while let [name, rest @ ..] = names
        && let Some(field) = setting.closed().field(&name.text)
    {
        (setting, names) = (field, rest);
    }
    (setting, names)
}

/// Text with `{name}` replaced by what a variable holds.
fn filled(frame: &Frame, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else { break };
        match frame.lookup(name) {
            Some(Value::Setting(s)) => out.push_str(&s.closed().to_string()),
            Some(other) => out.push_str(&other.kind()),
            None => out.push_str(&format!("{{{name}}}")),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}
