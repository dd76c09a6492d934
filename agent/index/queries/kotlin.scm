(class_declaration "interface" name: (identifier) @name) @definition.interface
(class_declaration "interface" name: (identifier) @name (class_body) @body) @definition.interface
(class_declaration name: (identifier) @name) @definition.class
(class_declaration name: (identifier) @name (class_body) @body) @definition.class
(class_declaration (modifiers (class_modifier "enum")) name: (identifier) @name (enum_class_body) @body) @definition.enum
(object_declaration name: (identifier) @name) @definition.class
(object_declaration name: (identifier) @name (class_body) @body) @definition.class
(enum_entry (identifier) @name) @definition.field
(function_declaration name: (identifier) @name) @definition.function
(function_declaration name: (identifier) @name (function_body) @body) @definition.function
(source_file (property_declaration (variable_declaration (identifier) @name)) @definition.variable)
(class_body (property_declaration (variable_declaration (identifier) @name)) @definition.field)
(class_parameter ["val" "var"] . (identifier) @name) @definition.field
(type_alias type: (identifier) @name) @definition.type

(call_expression (identifier) @call)
(call_expression (navigation_expression (identifier) @call .))
(delegation_specifier [(user_type (identifier) @base) (constructor_invocation (user_type (identifier) @base))])
(user_type (identifier) @reference)

(package_header (qualified_identifier) @package)
(import (qualified_identifier) @import)
