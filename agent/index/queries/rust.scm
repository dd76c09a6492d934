(function_item name: (identifier) @name body: (_) @body) @definition.function
(function_signature_item name: (identifier) @name) @definition.function
(struct_item name: (type_identifier) @name) @definition.struct
(struct_item name: (type_identifier) @name body: (field_declaration_list) @body) @definition.struct
(union_item name: (type_identifier) @name body: (_) @body) @definition.struct
(enum_item name: (type_identifier) @name body: (_) @body) @definition.enum
(trait_item name: (type_identifier) @name body: (_) @body) @definition.trait
(mod_item name: (identifier) @name body: (_) @body) @definition.module
(macro_definition name: (identifier) @name) @definition.macro
(type_item name: (type_identifier) @name) @definition.type
(associated_type name: (type_identifier) @name) @definition.type
(const_item name: (identifier) @name) @definition.constant
(static_item name: (identifier) @name) @definition.variable
(field_declaration name: (field_identifier) @name) @definition.field
(enum_variant name: (identifier) @name) @definition.field

(impl_item type: [
  (type_identifier) @scope
  (generic_type type: (type_identifier) @scope)
  (scoped_type_identifier name: (type_identifier) @scope)]) @container
(attribute_item) @attribute

(call_expression function: (identifier) @call)
(call_expression function: (scoped_identifier name: (identifier) @call))
(call_expression function: (scoped_identifier path: (identifier) @reference))
(call_expression function: (generic_function function: [(identifier) @call (scoped_identifier name: (identifier) @call) (field_expression field: (field_identifier) @call)]))
(call_expression function: (field_expression field: (field_identifier) @call))
(macro_invocation macro: (identifier) @call)
(macro_invocation macro: (scoped_identifier name: (identifier) @call))
(impl_item trait: [
  (type_identifier) @base
  (generic_type type: (type_identifier) @base)
  (scoped_type_identifier name: (type_identifier) @base)
  (generic_type type: (scoped_type_identifier name: (type_identifier) @base))])
(trait_item bounds: (trait_bounds (type_identifier) @base))
(parameter type: [(type_identifier) @reference (reference_type type: (type_identifier) @reference) (generic_type type: (type_identifier) @reference)])
(function_item return_type: [(type_identifier) @reference (generic_type type: (type_identifier) @reference)])
(field_declaration type: [(type_identifier) @reference (generic_type type: (type_identifier) @reference)])
(struct_expression name: (type_identifier) @reference)

(source_file (use_declaration argument: (_) @import.group))
(block (use_declaration argument: (_) @import.group))
(declaration_list (use_declaration argument: (_) @import.inner))
(source_file (mod_item name: (identifier) @import.near !body))
(mod_item name: (identifier) @import.within body: (declaration_list (mod_item name: (identifier) @import.near !body)))
