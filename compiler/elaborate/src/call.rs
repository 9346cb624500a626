//! Calls: which definition or built-in a name means, how arguments meet parameters, and the path under which the parameters
//! of the callee stand. `as NAME` gives the path; a block called without it stands under its own name, a function under none.

use crate::{
    Elaborator, Setting,
    axes::AxisMap,
    bind::{self, Type},
    builtins,
    fault::{Fault, Outcome, fault},
    frame::Frame,
    kind_word,
    library::closest,
    value::Value,
};
use pfm_diag::Span;
use pfm_syntax::ast::{Arg, AsName, Axis, Body, Call, Definition, DefinitionKind, Expr, Parameter, TypeExpr};

/// Calls inside calls.
pub(crate) const DEEPEST: usize = 64;

/// An argument of a call: its name if written, and its expression, or its value where that is known already.
pub(crate) struct Given<'e> {
    pub name: Option<String>,
    pub value: GivenValue<'e>,
    pub span: Span,
}

pub(crate) enum GivenValue<'e> {
    Expr(&'e Expr),
    Ready(Value),
}

impl<'e> Given<'e> {
    pub fn ready(name: Option<&str>, value: Value, span: Span) -> Self {
        Given { name: name.map(str::to_string), value: GivenValue::Ready(value), span }
    }

    fn written(arg: &'e Arg) -> Self {
        Given { name: arg.name.as_ref().map(|n| n.text.clone()), value: GivenValue::Expr(&arg.value), span: arg.value.span }
    }
}

/// The axes of a tensor type, with `[level]` and the like told apart from a tensor of one axis.
pub(crate) fn tensor_axes(ty: &Option<TypeExpr>) -> Option<&[Axis]> {
    match ty {
        Some(TypeExpr::Tensor(axes, _)) => Some(axes),
        _ => None,
    }
}

impl<'a> Elaborator<'a> {
    pub(crate) fn call_expr(&mut self, frame: &mut Frame<'a>, call: &Call, input: Option<Given>, span: Span) -> Outcome<Value> {
        let name = call.callee.text();
        let mut given: Vec<Given> = input.into_iter().collect();
        given.extend(call.args.iter().map(Given::written));
        let segments = call.name.as_ref().map(|n| self.as_path(frame, n)).transpose()?;
        if let Some((definition, member)) = self.callee(frame, &name) {
            // The arguments belong to the call: their parameters stand under its path too.
            let implicit = segments.is_none() && definition.kind == DefinitionKind::Block;
            let path = match segments {
                Some(segments) => frame.join(&segments),
                None if implicit => frame.join(&definition.name.text),
                None => frame.path.clone(),
            };
            let outer = (std::mem::replace(&mut frame.path, path), frame.implicit, self.builder.path());
            frame.implicit |= implicit;
            self.builder.set_path(&frame.path);
            let result = self.call_definition(frame, definition, member, given, span);
            self.builder.set_path(&outer.2);
            (frame.path, frame.implicit) = (outer.0, outer.1);
            return result;
        }
        if let Some(value) = self.open_call(frame, &name, &call.args)? {
            return Ok(value);
        }
        let Some(builtin) = builtins::lookup(&name) else {
            return Err(self.unknown_callee(frame, call));
        };
        let outer = self.builder.path();
        if let Some(segments) = segments {
            self.builder.set_path(&frame.join(&segments));
        }
        let result = builtins::call(self, frame, builtin, given, span);
        self.builder.set_path(&outer);
        result
    }

    /// Members of the same instance first, then the library; true for a member.
    fn callee(&self, frame: &Frame<'a>, name: &str) -> Option<(&'a Definition, bool)> {
        let callable = |d: &Definition| d.kind != DefinitionKind::Data && d.kind != DefinitionKind::Vocabulary;
        if let Some(found) = frame.surrounding.members.iter().find(|d| d.name.text == name && callable(d)) {
            return Some((found, true));
        }
        use DefinitionKind::{Block, Fn, Loss, Metric, Schedule};
        let library = self.library;
        [Fn, Block, Loss, Metric, Schedule].into_iter().find_map(|kind| library.definition(kind, name)).map(|d| (d, false))
    }

    /// What calls mean outside of definitions: `vocabulary(well_61)`, and forms that are kept as they are written.
    fn open_call(&mut self, frame: &mut Frame<'a>, name: &str, args: &[Arg]) -> Outcome<Option<Value>> {
        if name == "vocabulary"
            && let [Arg { name: None, value }] = args
        {
            return bind::vocabulary(self, frame, value).map(Some);
        }
        if !frame.open_names || builtins::lookup(name).is_some() {
            return Ok(None);
        }
        let mut fields = vec![("call".to_string(), Setting::Name(name.to_string()))];
        for (i, arg) in args.iter().enumerate() {
            let value = self.eval(frame, &arg.value)?;
            let label = arg.name.as_ref().map_or_else(|| i.to_string(), |n| n.text.clone());
            let setting = value.as_setting();
            fields.push((label, setting.ok_or_else(|| fault("E1006", "expected a setting", arg.value.span, value.kind()))?));
        }
        Ok(Some(Value::Setting(Setting::Record(fields))))
    }

    fn unknown_callee(&self, frame: &Frame<'a>, call: &Call) -> Fault {
        let name = call.callee.text();
        let mut known: Vec<&str> = builtins::TABLE.iter().flat_map(|t| t.iter()).map(|b| b.name).collect();
        known.extend(frame.surrounding.members.iter().map(|d| d.name.text.as_str()));
        for kind in [DefinitionKind::Fn, DefinitionKind::Block] {
            known.extend(self.library.names(kind));
        }
        let d = fault("E1004", format!("no block or function is called `{name}`"), call.callee.span, "not defined");
        Box::new(match closest(&name, &known) {
            Some(near) => d.fix(format!("did you mean `{near}`?"), call.callee.span, near.clone(), false),
            None => d.help("define it with `block` or `fn`"),
        })
    }

    /// `levels[d].down` with the indices filled in: `levels.0.down`.
    fn as_path(&mut self, frame: &mut Frame<'a>, name: &AsName) -> Outcome<String> {
        let mut words = vec![];
        for (segment, index) in &name.segments {
            words.push(segment.text.clone());
            if let Some(index) = index {
                let number = self.number(frame, index)?;
                if number.fract() != 0.0 || number < 0.0 {
                    return Err(fault(
                        "E1015",
                        format!("a path counts from 0, `{number}` is no index"),
                        index.span,
                        format!("is {number} here"),
                    ));
                }
                words.push(format!("{number}"));
            }
        }
        Ok(words.join("."))
    }

    /// Runs a definition: binds its parameters, runs its code in a frame of its own, and names the axes of what it gives.
    pub(crate) fn call_definition(
        &mut self,
        caller: &mut Frame<'a>,
        definition: &'a Definition,
        member: bool,
        given: Vec<Given>,
        span: Span,
    ) -> Outcome<Value> {
        let what = format!("{} `{}`", kind_word(definition.kind), definition.name.text);
        if caller.depth >= DEEPEST {
            let d = fault("E1012", format!("calls are nested more than {DEEPEST} deep"), span, format!("{what} is called again here"));
            return Err(Box::new(d.help("a definition is unrolled while compiling: write `for i in 0 .. n { … }` instead")));
        }
        if self.builder.path().is_empty() {
            self.builder.set_path(&caller.path);
        }
        let declares = member || definition.kind == DefinitionKind::Block;
        let mut frame = caller.callee(what.clone(), declares, member);
        self.deepest = self.deepest.max(frame.depth);
        let mut map = AxisMap::default();
        let mut slots = self.slots_for(definition, &what, given, span)?;
        for (parameter, slot) in definition.params.iter().zip(&mut slots) {
            match slot.take() {
                Some(given) => self.bind_given(caller, &mut frame, &mut map, parameter, given, &what)?,
                None => self.bind_default(&mut frame, parameter, &what, span)?,
            }
        }
        let asked = self.asked(&frame, &map, definition);
        if let Some(asked) = &asked
            && let Some(value) = self.recall(asked, &frame)?
        {
            return Ok(value);
        }
        let mark = asked.is_some().then(|| self.mark(&frame));
        let value = self.body(&mut frame, definition, &what, span).and_then(|value| self.returned(&mut frame, &map, definition, value));
        let value = value.map_err(|d| called_here(d, caller, &what, span))?;
        if let (Some(asked), Some(mark)) = (asked, mark) {
            self.remember(asked, mark, &frame, &value);
        }
        Ok(value)
    }

    fn slots_for<'e>(&self, definition: &Definition, what: &str, given: Vec<Given<'e>>, span: Span) -> Outcome<Vec<Option<Given<'e>>>> {
        let mut slots: Vec<Option<Given>> = definition.params.iter().map(|_| None).collect();
        let mut next = 0;
        for g in given {
            let at = match &g.name {
                Some(name) => definition.params.iter().position(|p| p.name.text == *name).ok_or_else(|| {
                    let known: Vec<&str> = definition.params.iter().map(|p| p.name.text.as_str()).collect();
                    let d = fault("E1005", format!("{what} has no argument `{name}`"), g.span, "not one of its arguments");
                    let d = d.also(definition.name.span, format!("it takes {}", known.join(", ")));
                    Box::new(match closest(name, &known) {
                        Some(near) => d.help(format!("did you mean `{near}`?")),
                        None => d,
                    })
                })?,
                None => {
                    while next < slots.len() && slots[next].is_some() {
                        next += 1;
                    }
                    next
                }
            };
            let Some(slot) = slots.get_mut(at) else {
                let d = fault("E1005", format!("{what} takes {} arguments", definition.params.len()), g.span, "one too many");
                return Err(Box::new(d.also(definition.name.span, "defined here")));
            };
            if slot.is_some() {
                return Err(fault("E1005", format!("`{}` is given twice", definition.params[at].name.text), span, "in this call"));
            }
            *slot = Some(g);
        }
        Ok(slots)
    }

    fn bind_given(
        &mut self,
        caller: &mut Frame<'a>,
        frame: &mut Frame<'a>,
        map: &mut AxisMap,
        parameter: &Parameter,
        given: Given,
        what: &str,
    ) -> Outcome<()> {
        let name = &parameter.name.text;
        let ty = Type::of(&parameter.ty, &frame.surrounding.members);
        let value = match given.value {
            GivenValue::Ready(value) => value,
            GivenValue::Expr(e) => match ty {
                Type::Axes => Value::Axes(self.axes(caller, e)?),
                Type::Axis => Value::Axes(vec![self.one_axis(caller, e)?]),
                Type::Name => self.eval_name(caller, e)?,
                _ => self.eval(caller, e)?,
            },
        };
        let value = match (tensor_axes(&parameter.ty), value) {
            (Some(signature), value @ (Value::Tensor(_) | Value::Table(_))) if ty == Type::Tensor => {
                let tensor = self.tensor(&value, given.span)?;
                Value::Tensor(self.enter(frame, map, signature, &tensor, &format!("`{name}` of {what}"), given.span)?)
            }
            (Some([]), value) if value.as_number().is_some() && ty == Type::Tensor => Value::Tensor(self.tensor(&value, given.span)?),
            (_, Value::Axes(axes)) => Value::Axes(axes.iter().map(|a| map.inside(a)).collect()),
            (_, Value::Setting(setting)) if ty != Type::Any && ty != Type::Tensor => {
                let accepted = bind::accept(&ty, &setting, &frame.surrounding.members);
                Value::Setting(accepted.map_err(|wanted| wrong_kind(name, what, &wanted, setting.kind(), given.span, parameter))?)
            }
            (_, value) if matches!(ty, Type::Any) => value,
            (_, value @ Value::Group(_)) if matches!(ty, Type::List(_)) => value,
            (_, value) => return Err(wrong_kind(name, what, &ty.noun(), &value.kind(), given.span, parameter)),
        };
        if let Value::Tensor(t) = &value
            && frame.lookup("s").is_none()
            && ty == Type::Any
        {
            frame.bind("s", Value::Axes(crate::axes::spatial(t)));
        }
        frame.bind(name, value);
        Ok(())
    }

    fn bind_default(&mut self, frame: &mut Frame<'a>, parameter: &Parameter, what: &str, span: Span) -> Outcome<()> {
        let name = &parameter.name.text;
        let Some(default) = &parameter.default else {
            let d = fault("E1005", format!("{what} needs `{name}`"), span, format!("`{name}` is not given"));
            return Err(Box::new(d.also(parameter.span, "it has no default").help(format!("write `{name}: …`"))));
        };
        let value = match Type::of(&parameter.ty, &frame.surrounding.members) {
            Type::Axes => Value::Axes(self.axes(frame, default)?),
            Type::Axis => Value::Axes(vec![self.one_axis(frame, default)?]),
            Type::Name => self.eval_name(frame, default)?,
            _ => self.eval(frame, default)?,
        };
        let value = match (Type::of(&parameter.ty, &frame.surrounding.members), value) {
            // Nothing is the default of what may be left out, whatever its type.
            (ty, Value::Setting(setting)) if !matches!(ty, Type::Any | Type::Tensor) && setting != Setting::None => {
                let accepted = bind::accept(&ty, &setting, &frame.surrounding.members);
                Value::Setting(accepted.map_err(|wanted| {
                    let message = format!("the default of `{name}` is not {wanted}");
                    Box::new(fault("E1006", message, default.span, setting.kind()).also(span, "needed here"))
                })?)
            }
            (_, value) => value,
        };
        frame.bind(name, value);
        Ok(())
    }

    /// An expression where a name that is not bound stands for itself.
    pub(crate) fn eval_name(&mut self, frame: &mut Frame<'a>, e: &Expr) -> Outcome<Value> {
        let open = std::mem::replace(&mut frame.open_names, true);
        let value = self.eval(frame, e);
        frame.open_names = open;
        value
    }

    fn body(&mut self, frame: &mut Frame<'a>, definition: &'a Definition, what: &str, span: Span) -> Outcome<Value> {
        match &definition.body {
            Body::Expr(e) => self.eval(frame, e),
            Body::Code(code) => self
                .code(frame, code)?
                .ok_or_else(|| fault("E1006", format!("{what} gives no value"), code.span, "ends without an expression")),
            Body::Members { .. } | Body::Settings(_) => {
                Err(fault("E1004", format!("{what} can not be called"), span, "not a block or function"))
            }
        }
    }

    fn returned(&mut self, frame: &mut Frame<'a>, map: &AxisMap, definition: &Definition, value: Value) -> Outcome<Value> {
        let entered = definition.params.iter().find_map(|p| tensor_axes(&p.ty)).unwrap_or(&[]);
        let span = match &definition.body {
            Body::Expr(e) => e.span,
            Body::Code(c) => c.result.as_ref().map_or(c.span, |e| e.span),
            _ => definition.span,
        };
        let declared = definition.returns.as_ref();
        match (value, declared) {
            (Value::Group(items), Some(TypeExpr::Tuple(types, at))) => {
                if items.len() != types.len() {
                    return Err(fault(
                        "E1009",
                        format!("{} promises {} values, its code gives {}", frame.what, types.len(), items.len()),
                        *at,
                        "promised here",
                    ));
                }
                let mut out = vec![];
                for (item, ty) in items.into_iter().zip(types) {
                    out.push(self.returned_one(frame, map, entered, Some(ty), item, span)?);
                }
                Ok(Value::Group(out))
            }
            (Value::Group(items), _) => {
                let items = items.into_iter().map(|v| self.returned_one(frame, map, entered, None, v, span));
                Ok(Value::Group(items.collect::<Outcome<Vec<_>>>()?))
            }
            (value, declared) => self.returned_one(frame, map, entered, declared, value, span),
        }
    }

    fn returned_one(
        &mut self,
        frame: &mut Frame<'a>,
        map: &AxisMap,
        entered: &[Axis],
        declared: Option<&TypeExpr>,
        value: Value,
        span: Span,
    ) -> Outcome<Value> {
        let declared = match declared {
            Some(TypeExpr::Tensor(axes, _)) => Some(axes.as_slice()),
            _ => None,
        };
        match value {
            Value::Tensor(t) => Ok(Value::Tensor(self.leave(frame, map, entered, declared, &t, span)?)),
            Value::Table(t) if declared.is_some() => {
                let t = self.literal(&t);
                Ok(Value::Tensor(self.leave(frame, map, entered, declared, &t, span)?))
            }
            Value::Axes(axes) => Ok(Value::Axes(axes.iter().map(|a| map.outside(a)).collect())),
            value if declared.is_some_and(|d| !d.is_empty()) => {
                Err(fault("E1009", format!("{} promises a tensor, its code gives {}", frame.what, value.kind()), span, value.kind()))
            }
            value => Ok(value),
        }
    }
}

/// One link of the chain from the experiment to an error: the call that led into the code that has it. The outermost call is
/// labelled at the experiment's line.
fn called_here(d: Fault, caller: &Frame, what: &str, span: Span) -> Fault {
    let labelled = d.primary.iter().chain(&d.secondary).any(|label| label.span == span);
    if caller.depth == 0 || labelled {
        return d;
    }
    let path = if caller.path.is_empty() { String::new() } else { format!(", as `{}`", caller.path) };
    Box::new(d.also(span, format!("{what} is called here{path}")))
}

fn wrong_kind(name: &str, what: &str, wanted: &str, found: &str, span: Span, parameter: &Parameter) -> Fault {
    let d = fault("E1006", format!("`{name}` of {what} is {wanted}, found {found}"), span, found.to_string());
    Box::new(d.also(parameter.span, format!("{wanted} is asked for here")))
}
