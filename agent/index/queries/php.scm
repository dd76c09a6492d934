(class_declaration name: (name) @name body: (_) @body) @definition.class
(interface_declaration name: (name) @name body: (_) @body) @definition.interface
(trait_declaration name: (name) @name body: (_) @body) @definition.trait
(enum_declaration name: (name) @name body: (_) @body) @definition.enum
(enum_case name: (name) @name) @definition.field
(function_definition name: (name) @name body: (_) @body) @definition.function
(method_declaration name: (name) @name body: (_) @body) @definition.method
(method_declaration name: (name) @name) @definition.method
(property_declaration (property_element name: (variable_name (name) @name))) @definition.field
(property_promotion_parameter name: (variable_name (name) @name)) @definition.field
(const_declaration (const_element (name) @name)) @definition.constant

(function_call_expression function: [(name) @call (qualified_name (name) @call)])
(member_call_expression name: (name) @call)
(nullsafe_member_call_expression name: (name) @call)
(scoped_call_expression name: (name) @call)
(scoped_call_expression scope: (name) @reference)
(class_constant_access_expression . (name) @reference)
(object_creation_expression [(name) @call (qualified_name (name) @call)])
(base_clause [(name) @base (qualified_name (name) @base)])
(class_interface_clause [(name) @base (qualified_name (name) @base)])
(use_declaration [(name) @base (qualified_name (name) @base)])
(named_type [(name) @reference (qualified_name (name) @reference)])
(attribute (name) @reference)

(namespace_definition name: (namespace_name) @package)
(namespace_use_declaration (namespace_use_clause . [(name) (qualified_name)] @import))
(namespace_use_declaration (namespace_name) @import.from body: (namespace_use_group (namespace_use_clause . [(name) (qualified_name)] @import.name)))
(require_expression [
  (string (string_content) @import)
  (encapsed_string . (string_content) @import .)
  (binary_expression right: (string (string_content) @import))
  (parenthesized_expression [(string (string_content) @import) (binary_expression right: (string (string_content) @import))])])
(require_once_expression [
  (string (string_content) @import)
  (encapsed_string . (string_content) @import .)
  (binary_expression right: (string (string_content) @import))
  (parenthesized_expression [(string (string_content) @import) (binary_expression right: (string (string_content) @import))])])
(include_expression [
  (string (string_content) @import)
  (encapsed_string . (string_content) @import .)
  (binary_expression right: (string (string_content) @import))
  (parenthesized_expression [(string (string_content) @import) (binary_expression right: (string (string_content) @import))])])
(include_once_expression [
  (string (string_content) @import)
  (encapsed_string . (string_content) @import .)
  (binary_expression right: (string (string_content) @import))
  (parenthesized_expression [(string (string_content) @import) (binary_expression right: (string (string_content) @import))])])
