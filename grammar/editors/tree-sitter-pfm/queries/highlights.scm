; Written by the tests of the project from the compiler's tables: run them with PFMC_BLESS=1.

(comment) @comment
(doc_comment) @comment.documentation
(text) @string
(numeral) @number
(boolean) @boolean
(wildcard) @operator

["and" "as" "else" "eval" "except" "expect" "for" "freeze" "if" "in" "not" "on" "or" "over" "param" "pfm" "require" "skip" "slot" "use" "within"] @keyword
(train "train" @keyword)
["|>" "->" "==" "!=" "<=" ">=" ".." "//" "+" "-" "*" "/" "%" "^" "<" ">" "~" "="] @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket

(block kind: (identifier) @type.builtin (#any-of? @type.builtin "experiment" "level" "data" "tokeniser" "processor" "model" "mask" "stage" "grid" "report" "profile"))
(block label: (_) @type)
(code_definition kind: _ @keyword name: (identifier) @function)
(member_definition kind: _ @keyword name: (identifier) @type)
(data_definition kind: _ @keyword name: (identifier) @type)
(amendment kind: _ @keyword name: (identifier) @type)
(vocabulary kind: _ @keyword name: (identifier) @type)
(setting name: (glob) @property)
(parameter name: (identifier) @variable.parameter)
(argument name: (identifier) @property)
(call name: (path) @function.call)
((call name: (path) @function.builtin) (#any-of? @function.builtin "abs" "sign" "exp" "log" "sqrt" "rsqrt" "sin" "cos" "tanh" "erf" "sigmoid" "floor" "where" "sum" "mean" "std" "max" "min" "normalise" "softmax" "contract" "map_axis" "convolve" "split" "unstack" "concat" "stack" "split_axis" "merge_axes" "rename" "order" "take" "drop_first" "last" "every" "gather" "pad" "attend" "rotate_pairs" "power_spectrum" "fourier" "inverse_fourier" "eigh" "qr" "argsort" "pick" "linspace" "iota" "frequency" "resize_matrix" "lags" "size" "sizes" "rank" "is_space" "axes_of" "each" "count" "zip" "product" "largest" "smallest" "options" "between" "round" "drop_path"))
(quantity unit: _ @type)
((path) @constant.builtin (#any-of? @constant.builtin "none" "random" "pi" "infinity" "nan"))
