//! The table of diagnostic codes. `pfmc explain CODE` prints a row.

pub struct CodeInfo {
    pub code: &'static str,
    /// What is wrong, in one line, without the particulars.
    pub title: &'static str,
    /// Why it matters and how to mend it, with an example.
    pub explanation: &'static str,
}

pub fn code_info(code: &str) -> Option<&'static CodeInfo> {
    CODES.iter().find(|c| c.code == code)
}

/// Sorted by code. First letter E: error, W: warning, R: at run time, F: a claim of the file that failed.
/// Second and third digit: 00 syntax, 01 names, 02 units and values, 03 masks, 04 shapes, 05 data, 06 stages and weights, 07 grids, 08 device, 09 claims, 10 definitions.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: "E0001",
        title: "the file does not begin with `pfm 1`",
        explanation: "The first line names the edition of the language, so that a file keeps its meaning when the language grows. Write `pfm 1` as the first line; `pfmc check --fix` does it.",
    },
    CodeInfo {
        code: "E0002",
        title: "`:` is written where `=` belongs",
        explanation: "A setting is `name = value`, in every block. A colon names an argument inside a call or a list: `adamw(lr: 5e-5)`, `[scratch: random]`. `batch: 16 samples` becomes `batch = 16 samples`.",
    },
    CodeInfo {
        code: "E0003",
        title: "a truth value is written in another language's words",
        explanation: "The truth values are `true` and `false`, in small letters. `True`, `yes` and `no` are read as what they mean and reported, because a file has one way to say a thing.",
    },
    CodeInfo {
        code: "E0004",
        title: "a statement cannot be read",
        explanation: "Reading got as far as the labelled place. Often two statements stand on one line without a comma between them, or a value has a character too many. Other statements of the file were read, so what is reported beside this is real.",
    },
    CodeInfo {
        code: "E0005",
        title: "`=` is written where `:` belongs",
        explanation: "Inside a call, a list or an index a name is followed by `:`, as in `soap(lr: 5e-4)` and `vrmse[mask: frozen]`. `=` belongs to settings, one per statement.",
    },
    CodeInfo {
        code: "E0006",
        title: "a bracket is never closed",
        explanation: "Each `{`, `[` and `(` needs its partner. The labels show the bracket and the line where it was noticed: a statement that can only begin outside, or one that stands too far left. If the file's indentation is right, so is the place.",
    },
    CodeInfo {
        code: "E0007",
        title: "a closing bracket closes nothing",
        explanation: "No bracket of its kind is open here. Either it is one too many, or the block around it was closed earlier by mistake. It is left out when the rest of the file is read.",
    },
    CodeInfo {
        code: "E0008",
        title: "a character is not used in the language",
        explanation: "The language uses letters, digits, `_`, double quotes and the marks of arithmetic and brackets. A line end or a comma ends a statement, so there is no `;`; text stands in double quotes.",
    },
    CodeInfo {
        code: "E0009",
        title: "a text does not end on its line",
        explanation: "A text begins and ends with a double quote on one line: `on \"paper\"`.",
    },
    CodeInfo {
        code: "E0010",
        title: "brackets or operators are nested too deeply",
        explanation: "Brackets may stand 48 deep and an expression may have 512 parts, so that reading a file never runs out of stack. Give an inner part a name of its own and use the name.",
    },
    CodeInfo {
        code: "E0011",
        title: "the edition is not known",
        explanation: "This compiler reads edition 1. A file of a later edition needs a later compiler; nothing is guessed about it.",
    },
    CodeInfo {
        code: "E0012",
        title: "a block stands in the wrong place",
        explanation: "Experiments and definitions (`block`, `fn`, `loss`, `metric`, `schedule`, `vocabulary`) stand at file level; stages, models, masks, grids, reports and profiles stand inside an experiment.",
    },
    CodeInfo {
        code: "E0013",
        title: "a word opens neither a block nor a definition",
        explanation: "At file level stand `use`, `experiment` and the definitions: `block`, `fn`, `loss`, `metric`, `schedule`, `optimiser`, `tokeniser`, `processor`, `data`, `vocabulary`.",
    },
    CodeInfo {
        code: "E0014",
        title: "a value stands alone before the last line",
        explanation: "The value of code in braces is its last line. A value on an earlier line would be computed and dropped, which is never meant: give it a name or remove it.",
    },
    CodeInfo {
        code: "E0015",
        title: "`as` names something that is not a call",
        explanation: "`as NAME` names the parameters that a call owns, and masks and checkpoints find them under that name: `x |> linear(c) as out`. A plain value has no parameters; it gets a name with `name = value`.",
    },
    CodeInfo {
        code: "E0016",
        title: "a number is too large",
        explanation: "Numbers are read as 64-bit floating point, whose largest is about 1.8e308.",
    },
    CodeInfo {
        code: "E0017",
        title: "a value is missing",
        explanation: "After `=`, an operator or an opening bracket a value must follow on the same line. Write the value, or remove the setting: what a file does not set has a default, which `pfmc explain FILE --resolved` shows.",
    },
    CodeInfo {
        code: "E0018",
        title: "an `if` has no `else`",
        explanation: "`if` is a value, so both branches must give one: `x = if c { a } else { b }`.",
    },
    CodeInfo {
        code: "E0019",
        title: "two statements stand on one line without a comma",
        explanation: "A line end or a comma ends a statement. Write `a = 1, b = 2`, or one statement per line.",
    },
    CodeInfo {
        code: "E0020",
        title: "axes are separated by commas",
        explanation: "A tensor's axes are separated by spaces: `[b t *s c]`. Commas separate the entries of a list.",
    },
    CodeInfo {
        code: "E0803",
        title: "the back end cannot run this element type",
        explanation: "The CPU back end computes in f32, i32 and bool. A stage whose precision is bf16 needs a back end that has it; there is no silent fallback to f32. Set `precision = f32` in the stage, or run on another device.",
    },
];
