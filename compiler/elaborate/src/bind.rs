//! Settings of a definition as an experiment gives them: names, kinds and defaults. The result is an instance, closed and
//! complete, that code can be run with.

use crate::{
    Elaborator, Instance, Library, Options, Setting,
    fault::{Outcome, any_of, fault},
    frame::Frame,
    kind_word,
    library::closest,
    value::Value,
};
use pfm_diag::{Diagnostic, Span};
use pfm_ir::Builder;
use pfm_syntax::ast::{Axis, Body, Definition, DefinitionKind, Expr, ExprKind, Name, Parameter, Statement, TypeExpr};

/// The type of a parameter, resolved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Any,
    Tensor,
    Int,
    Number,
    Bool,
    Text,
    Range,
    Vocabulary,
    Name,
    Axes,
    Axis,
    List(Box<Type>),
    Tuple(Vec<Type>),
    /// Fields of a nested `data` definition, such as `level`.
    Record(String),
    Unknown(String),
}

impl Type {
    pub fn of(ty: &Option<TypeExpr>, members: &[&Definition]) -> Type {
        ty.as_ref().map_or(Type::Any, |t| Type::from(t, members))
    }

    fn from(ty: &TypeExpr, members: &[&Definition]) -> Type {
        match ty {
            TypeExpr::Named(name) => Type::word(&name.text, members),
            TypeExpr::List(inner, _) => Type::List(Box::new(Type::from(inner, members))),
            TypeExpr::Tuple(items, _) => Type::Tuple(items.iter().map(|t| Type::from(t, members)).collect()),
            // `[level]` reads like a tensor of one axis; a type word in it makes it a list.
            TypeExpr::Tensor(axes, _) => match axes.as_slice() {
                [Axis::Named(name)] => match Type::word(&name.text, members) {
                    Type::Unknown(_) => Type::Tensor,
                    item => Type::List(Box::new(item)),
                },
                _ => Type::Tensor,
            },
        }
    }

    fn word(word: &str, members: &[&Definition]) -> Type {
        match word {
            "int" => Type::Int,
            "number" | "choice" | "steps" | "epochs" | "batches" | "samples" | "frames" | "bytes" | "tokens" | "seconds" => Type::Number,
            "bool" => Type::Bool,
            "text" => Type::Text,
            "range" => Type::Range,
            "vocabulary" => Type::Vocabulary,
            "name" => Type::Name,
            "axes" => Type::Axes,
            "axis" => Type::Axis,
            _ if members.iter().any(|d| d.kind == DefinitionKind::Data && d.name.text == word) => Type::Record(word.to_string()),
            _ => Type::Unknown(word.to_string()),
        }
    }

    pub fn noun(&self) -> String {
        match self {
            Type::Any => "a value".to_string(),
            Type::Tensor => "a tensor".to_string(),
            Type::Int => "a whole number".to_string(),
            Type::Number => "a number".to_string(),
            Type::Bool => "true or false".to_string(),
            Type::Text => "a text".to_string(),
            Type::Range => "a range".to_string(),
            Type::Vocabulary => "a vocabulary".to_string(),
            Type::Name => "a name".to_string(),
            Type::Axes => "a list of axes".to_string(),
            Type::Axis => "an axis".to_string(),
            Type::List(_) => "a list".to_string(),
            Type::Tuple(items) => format!("a tuple of {}", items.len()),
            Type::Record(word) => format!("a `{word}`"),
            Type::Unknown(word) => format!("of the unknown type `{word}`"),
        }
    }
}

/// The setting as the type wants it (a number as a range of one, missing fields of a record filled in), or what is wanted.
pub(crate) fn accept(ty: &Type, setting: &Setting, members: &[&Definition]) -> Result<Setting, String> {
    if let Setting::Choice { options, eval, picked } = setting {
        let options = options.iter().map(|o| accept(ty, o, members)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Setting::Choice { options, eval: *eval, picked: *picked });
    }
    let wanted = || Err(ty.noun());
    match (ty, setting) {
        (Type::Int, Setting::Number(v)) if v.fract() == 0.0 => Ok(setting.clone()),
        (Type::Number, Setting::Number(_)) | (Type::Bool, Setting::Bool(_)) | (Type::Text, Setting::Text(_)) => Ok(setting.clone()),
        (Type::Range, Setting::Range(..)) | (Type::Vocabulary, Setting::Vocabulary(_)) => Ok(setting.clone()),
        (Type::Range, Setting::Number(v)) => Ok(Setting::Range(*v, *v)),
        (Type::Name, Setting::Name(_) | Setting::None) => Ok(setting.clone()),
        (Type::Vocabulary, Setting::List(items)) => {
            let names = items.iter().map(|i| match i {
                Setting::Name(n) | Setting::Text(n) => Some(n.clone()),
                _ => None,
            });
            names.collect::<Option<Vec<_>>>().map(Setting::Vocabulary).ok_or_else(|| ty.noun())
        }
        (Type::List(item), Setting::List(items)) => {
            let items = items.iter().map(|i| accept(item, i, members)).collect::<Result<Vec<_>, _>>()?;
            Ok(Setting::List(items))
        }
        (Type::Tuple(types), Setting::Tuple(items)) if types.len() == items.len() => {
            let items = types.iter().zip(items).map(|(t, i)| accept(t, i, members)).collect::<Result<Vec<_>, _>>()?;
            Ok(Setting::Tuple(items))
        }
        (Type::Record(word), Setting::Record(fields)) => record(word, fields, members),
        (Type::Record(word), Setting::List(none)) if none.is_empty() => record(word, &[], members),
        (Type::Any, _) => Ok(setting.clone()),
        _ => wanted(),
    }
}

fn record(word: &str, fields: &[(String, Setting)], members: &[&Definition]) -> Result<Setting, String> {
    let definition = members.iter().find(|d| d.name.text == word).expect("a record type names a nested definition");
    let known: Vec<&str> = definition.params.iter().map(|p| p.name.text.as_str()).collect();
    for (name, _) in fields {
        if !known.contains(&name.as_str()) {
            return Err(format!("a `{word}` (with {}, not `{name}`)", any_of(&known)));
        }
    }
    let mut out = vec![];
    for p in &definition.params {
        let name = &p.name.text;
        let given = fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let default = p.default.as_ref().and_then(literal);
        let value = given.or(default).ok_or_else(|| format!("a `{word}` with `{name}`"))?;
        let ty = Type::of(&p.ty, members);
        let value = accept(&ty, &value, members).map_err(|wanted| format!("a `{word}` whose `{name}` is {wanted}"))?;
        out.push((name.clone(), value));
    }
    Ok(Setting::Record(out))
}

/// Defaults of record fields are plain: numbers, names, true or false.
fn literal(e: &Expr) -> Option<Setting> {
    match &e.kind {
        ExprKind::Number { value, .. } => Some(Setting::Number(*value)),
        ExprKind::Bool(b) => Some(Setting::Bool(*b)),
        ExprKind::Text(t) => Some(Setting::Text(t.clone())),
        ExprKind::Path(p) => Some(Setting::Name(p.text())),
        _ => None,
    }
}

/// Evaluates a closed expression of an experiment: numbers, lists, ranges, choices, arithmetic. A bare name stands for itself.
pub fn evaluate(library: &Library, e: &Expr) -> (Setting, Vec<Diagnostic>) {
    let mut elaborator = Elaborator::new(library, Builder::new("settings"), Options::default());
    let mut frame = Frame::outermost("");
    frame.open_names = true;
    match elaborator.eval(&mut frame, e) {
        Ok(Value::Setting(setting)) => (setting, vec![]),
        Ok(other) => {
            let d = Diagnostic::new("E1006", format!("a setting can not be {}", other.kind())).at(e.span, other.kind());
            (Setting::None, vec![d])
        }
        Err(d) => (Setting::None, vec![*d]),
    }
}

/// Field names of `vocabulary(NAME)` or `vocabulary([a, b])`.
pub(crate) fn vocabulary<'a>(elaborator: &mut Elaborator<'a>, frame: &mut Frame<'a>, e: &Expr) -> Outcome<Value> {
    let library = elaborator.library;
    if let ExprKind::Path(path) = &e.kind {
        let name = path.text();
        let Some(definition) = library.definition(DefinitionKind::Vocabulary, &name) else {
            let d = fault("E1004", format!("no vocabulary is called `{name}`"), e.span, "not defined");
            return Err(Box::new(match library.similar(DefinitionKind::Vocabulary, &name).first() {
                Some(near) => d.fix(format!("did you mean `{near}`?"), e.span, near.clone(), false),
                None => d.help("define it: `vocabulary NAME = [energy, density]`"),
            }));
        };
        let Body::Expr(list) = &definition.body else {
            return Err(fault("E1006", "a vocabulary is a list of names", definition.span, "not a list"));
        };
        return vocabulary(elaborator, frame, list);
    }
    let value = elaborator.eval_name(frame, e)?;
    let setting = value.as_setting().unwrap_or(Setting::None);
    let accepted = accept(&Type::Vocabulary, &setting, &[]);
    let names = accepted.map_err(|_| fault("E1006", "a vocabulary is a list of names", e.span, value.kind()))?;
    if let Setting::Vocabulary(names) = &names {
        let twice = names.iter().enumerate().find(|(i, n)| names[..*i].contains(n));
        if let Some((_, name)) = twice {
            return Err(Box::new(
                fault("E1020", format!("`{name}` is in the vocabulary twice"), e.span, "names are unique").help("remove one of them"),
            ));
        }
    }
    Ok(Value::Setting(names))
}

/// Settings of a definition: those given, by name or in order, checked against its parameters, and the defaults of the others.
/// A parameter with errors is left out of the instance's checks but present, as `none`.
pub fn bind(
    library: &Library,
    kind: DefinitionKind,
    name: &str,
    given: Vec<(Option<Name>, Setting, Span)>,
    at: Span,
) -> (Instance, Vec<Diagnostic>) {
    let mut diagnostics = vec![];
    let mut instance = Instance { kind, definition: name.to_string(), settings: vec![] };
    let Some(definition) = library.definition(kind, name) else {
        let d = Diagnostic::new("E1004", format!("no {} is called `{name}`", kind_word(kind))).at(at, "not defined");
        diagnostics.push(match library.similar(kind, name).first() {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d.help(format!("there is {}", any_of(&library.names(kind)))),
        });
        return (instance, diagnostics);
    };
    let members = members(definition);
    let parameters = settings_of(definition);
    let mut slots: Vec<Option<(Setting, Span)>> = vec![None; parameters.len()];
    let mut next = 0;
    for (label, setting, span) in given {
        let found = match &label {
            Some(label) => parameters.iter().position(|p| p.name.text == label.text),
            None => {
                next += 1;
                (next <= parameters.len()).then_some(next - 1)
            }
        };
        match found {
            Some(at) if slots[at].is_some() => {
                diagnostics.push(Diagnostic::new("E1005", format!("`{}` is given twice", parameters[at].name.text)).at(span, "given again"))
            }
            Some(at) => slots[at] = Some((setting, span)),
            None => diagnostics.push(unknown_argument(name, &parameters, label.as_ref(), span)),
        }
    }
    let mut elaborator = Elaborator::new(library, Builder::new("defaults"), Options::default());
    let mut frame = Frame::outermost("");
    frame.open_names = true;
    for (parameter, slot) in parameters.iter().zip(slots) {
        let ty = Type::of(&parameter.ty, &members);
        let value = match slot {
            Some((setting, span)) => accept(&ty, &setting, &members).map_err(|wanted| {
                let found = match &setting {
                    Setting::Number(v) => format!("the number {v}"),
                    other => other.kind().to_string(),
                };
                let d = Diagnostic::new("E1006", format!("`{}` is {wanted}, found {found}", parameter.name.text));
                let d = d.at(span, found).also(parameter.span, format!("defined as {wanted} here"));
                d.help(format!("write {wanted}"))
            }),
            None => default(&mut elaborator, &mut frame, &ty, parameter, &members, name, at),
        };
        let value = value.unwrap_or_else(|d| {
            diagnostics.push(d);
            Setting::None
        });
        frame.bind(&parameter.name.text, Value::Setting(value.clone()));
        instance.settings.push((parameter.name.text.clone(), value));
    }
    (instance, diagnostics)
}

fn default<'a>(
    elaborator: &mut Elaborator<'a>,
    frame: &mut Frame<'a>,
    ty: &Type,
    parameter: &Parameter,
    members: &[&Definition],
    owner: &str,
    at: Span,
) -> Result<Setting, Diagnostic> {
    let name = &parameter.name.text;
    let Some(default) = &parameter.default else {
        let d = Diagnostic::new("E1005", format!("`{owner}` needs `{name}`")).at(at, format!("`{name}` is not given"));
        return Err(d.also(parameter.span, "it has no default").help(format!("write `{name} = …`, {}", ty.noun())));
    };
    let value = elaborator.eval(frame, default).map_err(|d| d.also(at, "needed here"))?;
    let setting = value.as_setting().unwrap_or(Setting::None);
    accept(ty, &setting, members).map_err(|wanted| {
        let d = Diagnostic::new("E1006", format!("the default of `{name}` is not {wanted}"));
        d.at(default.span, value.kind()).also(at, "needed here")
    })
}

/// What a definition is applied to: tensors, and the untyped truth and prediction of a metric or loss.
fn is_operand(kind: DefinitionKind, p: &Parameter, members: &[&Definition]) -> bool {
    let bare = p.ty.is_none() && p.default.is_none();
    Type::of(&p.ty, members) == Type::Tensor || bare && matches!(kind, DefinitionKind::Metric | DefinitionKind::Loss)
}

fn members(definition: &Definition) -> Vec<&Definition> {
    match &definition.body {
        Body::Members { definitions, .. } => definitions.iter().collect(),
        _ => vec![],
    }
}

/// What an experiment or an amendment may give: the parameters without what the definition is applied to.
pub fn settings_of(definition: &Definition) -> Vec<Parameter> {
    let members = members(definition);
    parameters(definition).into_iter().filter(|p| !is_operand(definition.kind, p, &members)).collect()
}

/// The parameters of a definition; the settings of a data definition count as parameters with defaults.
pub(crate) fn parameters(definition: &Definition) -> Vec<Parameter> {
    let mut out = definition.params.clone();
    if let Body::Settings(statements) = &definition.body {
        for statement in statements {
            if let Statement::Setting(s) = statement
                && let [name] = s.path.segments.as_slice()
            {
                out.push(Parameter { doc: vec![], name: name.clone(), ty: None, default: Some(s.value.clone()), span: s.span });
            }
        }
    }
    out
}

fn unknown_argument(owner: &str, parameters: &[Parameter], label: Option<&Name>, span: Span) -> Diagnostic {
    let known: Vec<&str> = parameters.iter().map(|p| p.name.text.as_str()).collect();
    let Some(label) = label else {
        return Diagnostic::new("E0102", format!("`{owner}` takes {} arguments", known.len())).at(span, "one too many");
    };
    let d = Diagnostic::new("E0102", format!("`{owner}` has no argument `{}`", label.text)).at(label.span, "not one of its arguments");
    let d = match closest(&label.text, &known) {
        Some(near) => d.fix(format!("did you mean `{near}`?"), label.span, near.clone(), true),
        None => d,
    };
    d.note(format!("`{owner}` takes {}", known.join(", ")))
}
