; What JavaScript and TypeScript share. A declaration of a single name spans the whole statement, `export` included.
(function_declaration name: (identifier) @name body: (_) @body) @definition.function
(generator_function_declaration name: (identifier) @name body: (_) @body) @definition.function
(export_statement declaration: (function_declaration name: (identifier) @name)) @definition.function
(export_statement declaration: (generator_function_declaration name: (identifier) @name)) @definition.function
(method_definition name: (_) @name body: (_) @body) @definition.method

(lexical_declaration . (variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body)) .) @definition.function
(lexical_declaration . (variable_declarator name: (identifier) @name value: (function_expression body: (_) @body)) .) @definition.function
(variable_declaration . (variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body)) .) @definition.function
(variable_declaration . (variable_declarator name: (identifier) @name value: (function_expression body: (_) @body)) .) @definition.function
(variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body)) @definition.function
(variable_declarator name: (identifier) @name value: (function_expression body: (_) @body)) @definition.function
(expression_statement (assignment_expression left: (member_expression property: (property_identifier) @name) right: (function_expression body: (_) @body))) @definition.function
(expression_statement (assignment_expression left: (member_expression property: (property_identifier) @name) right: (arrow_function body: (_) @body))) @definition.function
(pair key: (property_identifier) @name value: (arrow_function body: (_) @body)) @definition.method
(pair key: (property_identifier) @name value: (function_expression body: (_) @body)) @definition.method

(program (lexical_declaration . (variable_declarator name: (identifier) @name) .) @definition.variable)
(program (variable_declaration . (variable_declarator name: (identifier) @name) .) @definition.variable)
(program (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(export_statement declaration: (lexical_declaration . (variable_declarator name: (identifier) @name) .)) @definition.variable
(export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable))

(call_expression function: (identifier) @call)
(call_expression function: (member_expression property: [(property_identifier) (private_property_identifier)] @call))
(new_expression constructor: (identifier) @call)
(new_expression constructor: (member_expression property: (property_identifier) @call))

(import_statement source: (string (string_fragment) @import))
(export_statement source: (string (string_fragment) @import))
(call_expression
  function: (identifier) @_require
  arguments: (arguments . (string (string_fragment) @import))
  (#eq? @_require "require"))
(call_expression function: (import) arguments: (arguments . (string (string_fragment) @import)))
