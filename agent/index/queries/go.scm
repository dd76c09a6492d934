(function_declaration name: (identifier) @name body: (_) @body) @definition.function
(method_declaration
  receiver: (parameter_list (parameter_declaration type: [
    (type_identifier) @receiver
    (generic_type type: (type_identifier) @receiver)
    (pointer_type (type_identifier) @receiver)
    (pointer_type (generic_type type: (type_identifier) @receiver))]))
  name: (field_identifier) @name
  body: (_) @body) @definition.method
(type_declaration . (type_spec name: (type_identifier) @name) .) @definition.type
(type_declaration . (type_spec name: (type_identifier) @name type: (struct_type (field_declaration_list) @body)) .) @definition.struct
(type_declaration . (type_spec name: (type_identifier) @name type: (interface_type)) .) @definition.interface
(type_spec name: (type_identifier) @name type: (struct_type (field_declaration_list) @body)) @definition.struct
(type_spec name: (type_identifier) @name type: (interface_type)) @definition.interface
(type_spec name: (type_identifier) @name) @definition.type
(type_declaration . (type_alias name: (type_identifier) @name) .) @definition.type
(type_alias name: (type_identifier) @name) @definition.type
(field_declaration name: (field_identifier) @name) @definition.field
(method_elem name: (field_identifier) @name) @definition.method
(source_file (const_declaration . (const_spec name: (identifier) @name) .) @definition.constant)
(source_file (const_declaration (const_spec name: (identifier) @name) @definition.constant))
(source_file (var_declaration . (var_spec name: (identifier) @name) .) @definition.variable)
(source_file (var_declaration (var_spec name: (identifier) @name) @definition.variable))
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name) @definition.variable)))

(call_expression function: (identifier) @call)
(call_expression function: (selector_expression field: (field_identifier) @call))
(type_conversion_expression type: (generic_type type: (type_identifier) @call))
(interface_type (type_elem . (type_identifier) @base .))
(interface_type (type_elem . (qualified_type name: (type_identifier) @base) .))
(field_declaration !name type: [
  (type_identifier) @base
  (qualified_type name: (type_identifier) @base)
  (generic_type type: (type_identifier) @base)
  (generic_type type: (qualified_type name: (type_identifier) @base))])
(parameter_declaration type: [(type_identifier) @reference (pointer_type (type_identifier) @reference)])
(field_declaration type: [(type_identifier) @reference (pointer_type (type_identifier) @reference)])
(slice_type element: [(type_identifier) @reference (pointer_type (type_identifier) @reference)])
(map_type value: [(type_identifier) @reference (pointer_type (type_identifier) @reference)])
(var_spec type: [(type_identifier) @reference (pointer_type (type_identifier) @reference)])
(function_declaration result: [(type_identifier) @reference (pointer_type (type_identifier) @reference)])
(method_declaration result: [(type_identifier) @reference (pointer_type (type_identifier) @reference)])
(composite_literal type: (type_identifier) @reference)
(qualified_type name: (type_identifier) @reference)

(import_spec path: [
  (interpreted_string_literal (interpreted_string_literal_content) @import)
  (raw_string_literal (raw_string_literal_content) @import)])
