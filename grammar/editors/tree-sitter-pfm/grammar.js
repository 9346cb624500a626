// The .pfm language for tree-sitter: highlighting, folding and selection in editors. `grammar/pfm.pest` is the grammar that the
// compiler reads; this one takes a little more than it does. Words come from `words.json`, which a test of the project writes.
//
// A line end ends a statement, but not inside (…) and […], nor before `|>` and `else`: `src/scanner.c` says which are which.

const words = require('./words.json');

const PREC = { or: 1, and: 2, not: 3, compare: 4, range: 5, add: 6, multiply: 7, negative: 8, power: 9, call: 10 };

const commas = (rule) => seq(rule, repeat(seq(',', rule)), optional(','));
const separated = ($, rule) =>
  seq('{', repeat($._separator), optional(seq(rule, repeat(seq(repeat1($._separator), rule)), repeat($._separator))), '}');

module.exports = grammar({
  name: 'pfm',
  word: ($) => $.identifier,
  externals: ($) => [$._newline],
  extras: ($) => [/[\s\uFEFF]/, $.comment, $.doc_comment],
  supertypes: ($) => [$.expression],
  inline: ($) => [$._label],
  conflicts: ($) => [
    [$.globs],
    [$._type, $.axis, $.path],
    [$.axes_type, $.expression],
    [$._type, $.path],
    [$.axis, $.parenthesised],
    [$._type, $.axis],
    [$.axis, $.quantity],
    [$.axis, $.path],
    [$.quantity],
    [$.module],
  ],

  rules: {
    file: ($) => seq(repeat($._separator), optional(seq($._top, repeat(seq(repeat1($._separator), $._top)), repeat($._separator)))),
    _separator: ($) => choice($._newline, ','),
    _top: ($) => choice($.edition, $.use, $.block, $.code_definition, $.member_definition, $.data_definition, $.amendment, $.vocabulary),

    comment: () => token(prec(1, /#[^\n]*/)),
    doc_comment: () => token(prec(2, /##[^\n]*/)),
    identifier: () => /[A-Za-z_][A-Za-z0-9_]*'*/,
    numeral: () => /[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9]+)?/,
    text: () => /"[^"\n]*"/,
    boolean: () => choice('true', 'false'),

    edition: ($) => seq('pfm', $.numeral),
    use: ($) => seq('use', choice($.text, seq($.module, optional(seq('.', '{', commas($.identifier), '}')))), optional(seq('as', $.identifier))),
    module: ($) => seq($.identifier, repeat(seq('.', $.identifier))),

    // ---- experiments

    block: ($) =>
      choice(
        seq(field('kind', $.identifier), optional(seq(field('label', $._label), optional(field('modifier', $.identifier)))), optional($.over), $.items),
        prec.right(seq(field('kind', $.identifier), field('label', $._label), optional(field('modifier', $.identifier)), optional($.over), $.base, optional($.items))),
      ),
    _label: ($) => choice($.identifier, $.numeral),
    over: ($) => seq('over', $.path),
    base: ($) => seq('=', $.path, optional($.arguments)),
    items: ($) => separated($, $._item),
    _item: ($) => choice($.block, $.setting, $.freeze, $.train, $.skip, $.expect),
    setting: ($) => seq(field('name', $.glob), choice('=', ':'), field('value', $.expression)),
    freeze: ($) => seq('freeze', $.globs, optional(seq('except', $.globs))),
    train: ($) => seq('train', $.globs, optional(seq('except', $.globs))),
    globs: ($) => seq($.glob, repeat(seq(',', $.glob))),
    glob: ($) => seq($._glob_segment, repeat(seq('.', $._glob_segment))),
    _glob_segment: ($) => choice($.identifier, alias('train', $.identifier), $.wildcard, $.numeral),
    wildcard: () => choice('**', '*', /\{[0-9]+\.\.[0-9]+\}/),
    skip: ($) => seq('skip', $.list),
    expect: ($) => seq('expect', $.expression, optional(seq('within', $.expression)), optional($.on)),
    on: ($) => prec.right(seq('on', $.text, repeat(seq(',', $.text)))),

    // ---- definitions

    _definition: ($) => choice($.code_definition, $.member_definition, $.data_definition, $.amendment, $.vocabulary),
    code_definition: ($) =>
      seq(field('kind', choice(...words.code_kinds)), field('name', $.identifier), $.parameters, optional(seq('->', $._type)), choice(seq('=', $.expression), $.code)),
    member_definition: ($) => seq(field('kind', choice(...words.member_kinds)), field('name', $.identifier), optional($.parameters), $.members),
    data_definition: ($) => prec.right(seq(field('kind', 'data'), field('name', $.identifier), choice(seq($.parameters, optional($.items)), $.items))),
    amendment: ($) => prec.right(seq(field('kind', choice('data', ...words.code_kinds, ...words.member_kinds)), field('name', $.identifier), $.base, optional($.items))),
    vocabulary: ($) => seq(field('kind', 'vocabulary'), field('name', $.identifier), '=', $.list),

    parameters: ($) => seq('(', optional(commas($.parameter)), ')'),
    parameter: ($) => seq(field('name', $.identifier), optional(seq(':', $._type)), optional(seq('=', $.expression))),
    _type: ($) => choice($.axes_type, $.list_type, $.tuple_type, $.identifier),
    axes_type: ($) => seq(optional('f32'), $.axes),
    list_type: ($) => seq('[', $._type, ']'),
    tuple_type: ($) => seq('(', commas($._type), ')'),

    axes: ($) => seq('[', repeat1($.axis), ']'),
    axis: ($) => choice($.identifier, $.renamed_axis, $.rest, $.spread, $.numeral, seq('(', $.expression, ')')),
    renamed_axis: ($) => seq($.identifier, 'as', $.identifier),
    rest: () => '..',
    spread: () => /\*[A-Za-z_][A-Za-z0-9_]*'*/,

    members: ($) => separated($, choice($.slot, $._definition)),
    slot: ($) => seq('slot', field('name', $.identifier), optional(seq('[', $.identifier, ']')), '~', $.expression, optional(seq('if', $.expression))),

    // ---- code

    code: ($) => separated($, $._statement),
    _statement: ($) => choice($.for, $.require, $.param, $.let_statement, $.expression),
    for: ($) => seq('for', $.identifier, repeat(seq(',', $.identifier)), 'in', $.expression, $.code),
    require: ($) => seq('require', $.expression, ',', $.text),
    param: ($) => seq(field('name', $.identifier), ':', 'param', $.axes, '~', $.expression, optional(seq('if', $.expression))),
    let_statement: ($) => seq(field('name', $.identifier), repeat(seq(',', field('name', $.identifier))), '=', field('value', $.expression)),

    // ---- expressions

    expression: ($) =>
      choice($.quantity, $.text, $.boolean, $.if, $.choice, $.parenthesised, $.axes, $.list, $.path, $.call, $.index, $.field, $.named, $.pipe, $.unary, $.binary),
    quantity: ($) => prec.dynamic(1, seq($.numeral, optional(field('unit', choice($.identifier, '%'))))),
    choice: ($) => prec.right(seq('{', commas($.expression), '}', optional(seq('eval', $.expression)))),
    parenthesised: ($) => seq('(', commas($.expression), ')'),
    list: ($) => seq('[', optional(commas($.argument)), ']'),
    path: ($) => prec.right(seq($.identifier, repeat(seq('.', choice($.identifier, $.wildcard, $.numeral))))),
    call: ($) => prec(PREC.call, seq(field('name', $.path), $.arguments)),
    arguments: ($) => seq('(', optional(commas($.argument)), ')'),
    argument: ($) => seq(optional(seq(field('name', $.identifier), choice(':', '='))), $.expression),
    index: ($) => prec(PREC.call, seq($.expression, '[', commas($.argument), ']')),
    field: ($) => prec(PREC.call, seq($.expression, '.', $.identifier)),
    named: ($) => prec(PREC.call, seq($.expression, $.as_name)),
    as_name: ($) => prec.left(seq('as', $._as_segment, repeat(seq('.', $._as_segment)))),
    _as_segment: ($) => prec.right(seq(choice($.identifier, $.numeral), optional(seq('[', $.expression, ']')))),
    pipe: ($) => prec.left(0, seq($.expression, '|>', choice($.path, $.call), optional($.as_name))),
    if: ($) => seq('if', $.expression, $.code, 'else', choice($.code, $.if)),
    unary: ($) => choice(prec(PREC.negative, seq('-', $.expression)), prec(PREC.not, seq('not', $.expression))),
    binary: ($) => {
      const left = (level, ...operators) => prec.left(level, seq($.expression, choice(...operators), $.expression));
      return choice(
        left(PREC.or, 'or'),
        left(PREC.and, 'and'),
        left(PREC.compare, '==', '!=', '<=', '>=', '<', '>'),
        left(PREC.range, '..'),
        left(PREC.add, '+', '-'),
        left(PREC.multiply, '*', '/', '//', '%'),
        prec.right(PREC.power, seq($.expression, '^', $.expression)),
      );
    },
  },
});
