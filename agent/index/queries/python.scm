; Definitions. Two matches with one @name are one symbol: the widest gives the span, the one with @body the signature.
(class_definition name: (identifier) @name body: (_) @body) @definition.class
(decorated_definition definition: (class_definition name: (identifier) @name)) @definition.class
(function_definition name: (identifier) @name body: (_) @body) @definition.function
(decorated_definition definition: (function_definition name: (identifier) @name)) @definition.function
(module (expression_statement (assignment left: (identifier) @name)) @definition.variable)
(class_definition body: (block (expression_statement (assignment left: (identifier) @name)) @definition.field))
(type_alias_statement left: (type (identifier) @name)) @definition.type
(type_alias_statement left: (type (generic_type (identifier) @name))) @definition.type

(class_definition name: (identifier) @documented body: (block . (expression_statement (string) @doc)))
(function_definition name: (identifier) @documented body: (block . (expression_statement (string) @doc)))

; References.
(call function: (identifier) @call)
(call function: (attribute attribute: (identifier) @call))
(class_definition superclasses: (argument_list (identifier) @base))
(class_definition superclasses: (argument_list (subscript value: (identifier) @base)))
(class_definition superclasses: (argument_list (subscript value: (attribute attribute: (identifier) @base))))
(class_definition superclasses: (argument_list (attribute attribute: (identifier) @base)))
(decorator (identifier) @reference)
(decorator (attribute attribute: (identifier) @reference))
(type (identifier) @reference)

; Imports.
(import_statement name: (dotted_name) @import)
(import_statement name: (aliased_import name: (dotted_name) @import))
(import_from_statement module_name: (_) @import.from name: (dotted_name) @import.name)
(import_from_statement module_name: (_) @import.from name: (aliased_import name: (dotted_name) @import.name))
(import_from_statement module_name: (_) @import (wildcard_import))
